package gcp

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/api/idtoken"
)

func token(claims string) string {
	return "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".SIGNATURE_REMOVED_BY_GOOGLE"
}

func TestAGateBelievesOneSourceAndNoOther(t *testing.T) {
	const audience = "/projects/1/locations/europe-west1/services/console"
	ada, eve := token(`{"email":"ada@example.com"}`), token(`{"email":"eve@example.com"}`)
	tests := map[string]struct {
		access, host string
		header       map[string]string
		want         string // "" is an error
	}{
		"IAM: the token that Cloud Run checked":            {"iam", "c.run.app", map[string]string{"Authorization": ada}, "ada@example.com"},
		"IAM: of two tokens the one that Cloud Run checks": {"iam", "c.run.app", map[string]string{"Authorization": eve, "X-Serverless-Authorization": ada}, "ada@example.com"},
		"IAM: no token":                                  {"iam", "c.run.app", nil, ""},
		"IAM: a token without an address":                {"iam", "c.run.app", map[string]string{"Authorization": token(`{"sub":"1"}`)}, ""},
		"IAM: an address with a line break":              {"iam", "c.run.app", map[string]string{"Authorization": token(`{"email":"a\nb"}`)}, ""},
		"IAM: not a token":                               {"iam", "c.run.app", map[string]string{"Authorization": "Bearer x"}, ""},
		"IAM: another scheme":                            {"iam", "c.run.app", map[string]string{"Authorization": "Basic " + ada[7:]}, ""},
		"IAM: the header of the proxy is not believed":   {"iam", "c.run.app", map[string]string{"X-Goog-Authenticated-User-Email": "accounts.google.com:eve@example.com"}, ""},
		"IAP: what the proxy signed":                     {audience, "c.run.app", map[string]string{"X-Goog-Iap-Jwt-Assertion": "signed"}, "bob@example.com"},
		"IAP: what it did not sign":                      {audience, "c.run.app", map[string]string{"X-Goog-Iap-Jwt-Assertion": "forged"}, ""},
		"IAP: the bare header is not believed":           {audience, "c.run.app", map[string]string{"X-Goog-Authenticated-User-Email": "accounts.google.com:eve@example.com"}, ""},
		"IAP: neither is a bearer token":                 {audience, "c.run.app", map[string]string{"Authorization": ada}, ""},
		"local: on a loopback address":                   {"local", "127.0.0.1:8080", nil, "local"},
		"local: on IPv6":                                 {"local", "[::1]:8080", nil, "local"},
		"local: under its name":                          {"local", "localhost", nil, "local"},
		"local: under a name that was made to lead here": {"local", "evil.example.com:8080", nil, ""},
		"local: on the network":                          {"local", "192.168.1.5:8080", nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := NewAuthenticator(tt.access)
			if err != nil {
				t.Fatal(err)
			}
			g.validate = func(_ context.Context, token, aud string) (*idtoken.Payload, error) {
				if token != "signed" || aud != audience {
					return nil, errors.New("bad signature of somebody@example.com")
				}
				return &idtoken.Payload{Claims: map[string]any{"email": "bob@example.com"}}, nil
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+tt.host+"/", http.NoBody)
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			who, err := g.IdentifyCaller(r)
			if tt.want == "" != (err != nil) || err == nil && who != tt.want {
				t.Errorf("got %q, %v, want %q", who, err, tt.want)
			}
		})
	}
}

func TestAGateIsOfAKnownKind(t *testing.T) {
	for _, access := range []string{"", "IAM", "none", "public", "projects/1"} {
		if _, err := NewAuthenticator(access); err == nil {
			t.Errorf("%q is taken", access)
		}
	}
}
