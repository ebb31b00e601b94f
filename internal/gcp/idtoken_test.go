package gcp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// credentials installs a service account whose token endpoint answers an
// identity token that names the audience it was asked for.
func credentials(t *testing.T) {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims := struct {
			Audience string `json:"target_audience"`
		}{}
		decodeSegment(t, r.FormValue("assertion"), &claims)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"id_token": identity(t, claims.Audience)}) // the test fails without it
	}))
	t.Cleanup(tokens.Close)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	data := toJSON(t, map[string]string{
		"type": "service_account", "client_email": "consumer@example.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"token_uri":   tokens.URL,
	})
	if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
}

func identity(t *testing.T, audience string) string {
	t.Helper()
	claims := toJSON(t, map[string]any{"aud": audience, "exp": time.Now().Add(time.Hour).Unix()})
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

// decodeSegment reads the claims of a token without checking it.
func decodeSegment(t *testing.T, token string, into any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Errorf("%d parts of a token, want 3", len(parts))
		return
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, client *http.Client, target string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // nothing is read from it
	return res.StatusCode
}

func TestAuthenticatedClientSendsATokenMadeForTheService(t *testing.T) {
	credentials(t)
	var authorization string
	function := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		authorization = r.Header.Get("Authorization")
	}))
	defer function.Close()

	client, err := gcp.AuthenticatedClient(t.Context(), function.URL+"/GetZohoToken", function.Client())
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, client, function.URL+"/GetZohoToken"); got != http.StatusOK {
		t.Fatalf("status %d, want 200", got)
	}
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		t.Fatalf("no bearer token was sent")
	}
	var claims struct {
		Audience string `json:"aud"`
	}
	decodeSegment(t, token, &claims)
	if claims.Audience != function.URL {
		t.Errorf("audience %q, want %q", claims.Audience, function.URL)
	}
}

func TestAuthenticatedClientDoesNotCarryItsTokenAlongARedirect(t *testing.T) {
	credentials(t)
	reached := false
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	function := httptest.NewTLSServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer function.Close()
	client, err := gcp.AuthenticatedClient(t.Context(), function.URL, function.Client())
	if err != nil {
		t.Fatal(err)
	}
	if got := get(t, client, function.URL); got != http.StatusFound || reached {
		t.Errorf("status %d, other server reached: %t; want 302, false", got, reached)
	}
}

func TestAuthenticatedClientIsThePlainOneOnThisMachine(t *testing.T) {
	base := &http.Client{Timeout: time.Second}
	for _, target := range []string{"http://127.0.0.1:8080/GetZohoToken", "http://localhost:8080", "http://[::1]:8080/x"} {
		got, err := gcp.AuthenticatedClient(t.Context(), target, base)
		if err != nil || got != base {
			t.Errorf("%s: got %v, %v; want the client that was given", target, got, err)
		}
	}
}

func TestAuthenticatedClientRefusesWhereATokenWouldBeReadable(t *testing.T) {
	for _, target := range []string{"http://example.com/GetZohoToken", "http://10.0.0.1", "ftp://example.com", "/GetZohoToken", "", "https://", "http://localhost.example.com"} {
		if client, err := gcp.AuthenticatedClient(t.Context(), target, http.DefaultClient); err == nil {
			t.Errorf("%q: got %v, want an error", target, client)
		}
	}
}

func TestAuthenticatedClientNeedsCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "missing.json"))
	if _, err := gcp.AuthenticatedClient(t.Context(), "https://token.example.run.app", http.DefaultClient); err == nil {
		t.Error("no error without credentials")
	}
}

func TestAudienceIsWhatCloudRunExpects(t *testing.T) {
	tests := map[string]string{
		"https://get-zoho-token-abc-ew.a.run.app":                      "https://get-zoho-token-abc-ew.a.run.app",
		"https://get-zoho-token-abc-ew.a.run.app/?refused=1":           "https://get-zoho-token-abc-ew.a.run.app",
		"https://europe-west1-p.cloudfunctions.net/get-zoho-token":     "https://europe-west1-p.cloudfunctions.net/get-zoho-token",
		"https://europe-west1-p.cloudfunctions.net/get-zoho-token/x?y": "https://europe-west1-p.cloudfunctions.net/get-zoho-token",
	}
	for target, want := range tests {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := gcp.Audience(u); got != want {
			t.Errorf("%s: audience %q, want %q", target, got, want)
		}
	}
}
