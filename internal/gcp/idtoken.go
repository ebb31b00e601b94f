package gcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
	"google.golang.org/api/idtoken"
)

// AuthenticatedClient returns a client for calling another function at target.
// For https it sends an identity token of this service account, made for that
// function, which is what IAM checks on Cloud Run. For http on this machine,
// where there is no IAM, it is base itself; http to elsewhere is an error. base
// gives the transport and the time limit.
//
// Redirects are not followed: the token would go with them.
func AuthenticatedClient(ctx context.Context, target string, base *http.Client) (*http.Client, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, errors.New("authenticated client: the target is not an absolute URL")
	}
	if u.Scheme == "http" && isLoopback(u.Hostname()) {
		return base, nil
	}
	if u.Scheme != "https" {
		return nil, fmt.Errorf("authenticated client for %s: want https, or http on a loopback address", u.Host)
	}
	// The source renews tokens long after the request that made it.
	source, err := idtoken.NewTokenSource(context.WithoutCancel(ctx), deriveAudience(u))
	if err != nil {
		return nil, fmt.Errorf("authenticated client for %s: %w", u.Host, err)
	}
	client := *base
	client.Transport = &oauth2.Transport{Source: source, Base: base.Transport}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client, nil
}

// deriveAudience returns what Cloud Run expects a token to be made for: the URL of
// the service without a path, or, under the older host name of functions, which
// all functions of a project share, the URL with the function's name.
// Source: https://cloud.google.com/functions/docs/securing/authenticating
func deriveAudience(u *url.URL) string {
	origin := "https://" + u.Host
	if strings.HasSuffix(u.Hostname(), ".cloudfunctions.net") {
		name, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
		return origin + "/" + name
	}
	return origin
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
