package gcp

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"google.golang.org/api/idtoken"
)

// Ways to protect a page that people open.
const (
	// AccessIAM leaves it to Cloud Run, which lets in whom IAM names.
	AccessIAM = "iam"
	// AccessLocal is for a run on one machine, without authentication.
	AccessLocal = "local"
)

// Authenticator knows the person behind a request, in one of three ways, of which it
// never believes another.
type Authenticator struct {
	access   string
	validate func(ctx context.Context, token, audience string) (*idtoken.Payload, error)
}

// NewAuthenticator returns an authenticator for AccessIAM, AccessLocal or the audience of
// Identity-Aware Proxy, such as
// "/projects/123/locations/europe-west1/services/console".
func NewAuthenticator(access string) (*Authenticator, error) {
	if access != AccessIAM && access != AccessLocal && !strings.HasPrefix(access, "/projects/") {
		return nil, errors.New("access is none of iam, local and an audience that begins with /projects/")
	}
	return &Authenticator{access, idtoken.Validate}, nil
}

// IdentifyCaller returns the e-mail address of the person, or "local". Its errors hold
// nothing of the request.
func (a *Authenticator) IdentifyCaller(r *http.Request) (string, error) {
	switch a.access {
	case AccessLocal:
		return "local", checkLoopback(r)
	case AccessIAM:
		return readBearerEmail(r.Header)
	}
	// The header that carries the bare address can be set by anyone who gets
	// around the proxy; the signed one cannot.
	payload, err := a.validate(r.Context(), r.Header.Get("X-Goog-Iap-Jwt-Assertion"), a.access)
	if err != nil {
		return "", errors.New("this page is behind Identity-Aware Proxy, which did not sign this request")
	}
	return readEmail(payload.Claims)
}

// checkLoopback refuses a page of another site that has its name resolve to this
// machine.
func checkLoopback(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if !isLoopback(strings.Trim(host, "[]")) {
		return errors.New("this console answers on a loopback address only")
	}
	return nil
}

// readBearerEmail reads the identity token that Cloud Run has checked before the request
// came here. Its signature was taken off on the way. Where both headers are
// given, Cloud Run checks the first and ignores the second.
// Source: https://cloud.google.com/run/docs/authenticating/service-to-service
func readBearerEmail(h http.Header) (string, error) {
	token := cmp.Or(h.Get("X-Serverless-Authorization"), h.Get("Authorization"))
	scheme, token, _ := strings.Cut(token, " ")
	parts := strings.Split(token, ".")
	if !strings.EqualFold(scheme, "Bearer") || len(parts) != 3 {
		return "", fmt.Errorf("open the console with an identity token: gcloud run services proxy does that")
	}
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims map[string]any
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return "", errors.New("the identity token cannot be read")
	}
	return readEmail(claims)
}

func readEmail(claims map[string]any) (string, error) {
	email, _ := claims["email"].(string)
	if email == "" || len(email) > 320 || strings.ContainsFunc(email, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", errors.New("the identity token names no e-mail address")
	}
	return email, nil
}
