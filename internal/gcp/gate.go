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

// Ways to guard a page that people open.
const (
	// AccessIAM leaves it to Cloud Run, which lets in whom IAM names.
	AccessIAM = "iam"
	// AccessLocal is for a run on one machine: nobody is asked.
	AccessLocal = "local"
)

// Gate knows the person behind a request, in one of three ways, of which it
// never believes another.
type Gate struct {
	access   string
	validate func(ctx context.Context, token, audience string) (*idtoken.Payload, error)
}

// NewGate returns a gate for AccessIAM, AccessLocal or the audience of
// Identity-Aware Proxy, such as
// "/projects/123/locations/europe-west1/services/console".
func NewGate(access string) (*Gate, error) {
	if access != AccessIAM && access != AccessLocal && !strings.HasPrefix(access, "/projects/") {
		return nil, errors.New("access is none of iam, local and an audience that begins with /projects/")
	}
	return &Gate{access, idtoken.Validate}, nil
}

// Who returns the e-mail address of the person, or "local". Its errors hold
// nothing of the request.
func (g *Gate) Who(r *http.Request) (string, error) {
	switch g.access {
	case AccessLocal:
		return "local", onLoopback(r)
	case AccessIAM:
		return bearer(r.Header)
	}
	// The header that carries the bare address can be set by anyone who gets
	// around the proxy; the signed one cannot.
	payload, err := g.validate(r.Context(), r.Header.Get("X-Goog-Iap-Jwt-Assertion"), g.access)
	if err != nil {
		return "", errors.New("this page is behind Identity-Aware Proxy, which did not sign this request")
	}
	return emailOf(payload.Claims)
}

// onLoopback refuses a page of another site that has its name resolve to this
// machine.
func onLoopback(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if !isLoopback(strings.Trim(host, "[]")) {
		return errors.New("this console answers on a loopback address only")
	}
	return nil
}

// bearer reads the identity token that Cloud Run has checked before the request
// came here. Its signature was taken off on the way. Where both headers are
// given, Cloud Run checks the first and ignores the second.
// Source: https://cloud.google.com/run/docs/authenticating/service-to-service
func bearer(h http.Header) (string, error) {
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
	return emailOf(claims)
}

func emailOf(claims map[string]any) (string, error) {
	email, _ := claims["email"].(string)
	if email == "" || len(email) > 320 || strings.ContainsFunc(email, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", errors.New("the identity token names no e-mail address")
	}
	return email, nil
}
