package zohosim

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTokenIsGivenHoweverTheParametersArrive(t *testing.T) {
	b := start(t, Config{})
	tests := map[string]func() *http.Request{
		"urlencoded body": func() *http.Request { return b.tokenRequest(tokenForm()) },
		"urlencoded body without Content-Type": func() *http.Request {
			r := b.tokenRequest(tokenForm())
			r.Header.Del("Content-Type")
			return r
		},
		"query": func() *http.Request {
			r := b.tokenRequest(nil)
			r.URL.RawQuery = tokenForm().Encode()
			return r
		},
		"multipart body": func() *http.Request { return b.multipartToken(tokenForm()) },
	}
	for name, request := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.send(request())
			if out.status != http.StatusOK || out.header.Get("Content-Type") != "application/json;charset=UTF-8" {
				t.Fatalf("got %d %s %s", out.status, out.header.Get("Content-Type"), out.text)
			}
			token, _ := out.body["access_token"].(string)
			if !strings.HasPrefix(token, "1000.") {
				t.Errorf("access token %q does not look like one of Zoho's", token)
			}
			delete(out.body, "access_token")
			want := map[string]any{
				"scope": strings.Join(DefaultScopes, " "), "token_type": "Bearer", "expires_in": 3600.0, "api_domain": b.url,
			}
			if diff := cmp.Diff(want, out.body); diff != "" {
				t.Errorf("token answer (-want +got):\n%s", diff)
			}
		})
	}
}

func (b *bench) multipartToken(form url.Values) *http.Request {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range form {
		if err := w.WriteField(name, values[0]); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+"/oauth/v2/token", &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestTokenErrorsComeWithStatus200(t *testing.T) {
	b := start(t, Config{})
	tests := map[string]struct{ field, value, want string }{
		"unknown client":         {"client_id", "1000.OTHER", "invalid_client"},
		"secret of another DC":   {"client_secret", "other", "invalid_client_secret"},
		"unknown refresh token":  {"refresh_token", "1000.a.b", "invalid_code"},
		"unknown grant type":     {"grant_type", "password", "unsupported_grant_type"},
		"unknown grant code":     {"grant_type", "authorization_code", "invalid_code"},
		"refresh token is empty": {"refresh_token", "", "invalid_code"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form := tokenForm()
			form.Set(tt.field, tt.value)
			out := b.send(b.tokenRequest(form))
			want := map[string]any{"error": tt.want}
			if diff := cmp.Diff(want, out.body); out.status != http.StatusOK || diff != "" {
				t.Errorf("status %d (-want +got):\n%s", out.status, diff)
			}
		})
	}
}

func TestEleventhTokenInTenMinutesIsDenied(t *testing.T) {
	b := start(t, Config{}) // the first token
	for i := 2; i <= 10; i++ {
		if b.refresh()["access_token"] == nil {
			t.Fatalf("token %d was refused", i)
		}
	}
	want := map[string]any{
		"error": "Access Denied", "status": "failure",
		"error_description": "You have made too many requests continuously. Please try again after some time.",
	}
	if diff := cmp.Diff(want, b.refresh()); diff != "" {
		t.Errorf("the 11th token (-want +got):\n%s", diff)
	}
	b.sim.Clock().Advance(9 * time.Minute)
	if b.refresh()["error"] != "Access Denied" {
		t.Error("the window ended early")
	}
	b.sim.Clock().Advance(time.Minute)
	if b.refresh()["access_token"] == nil {
		t.Error("the window did not end")
	}
}

func TestSixteenthActiveTokenKillsTheOldest(t *testing.T) {
	b := start(t, Config{})
	first := b.token
	for range 14 {
		b.sim.Clock().Advance(2 * time.Minute)
		b.refresh()
	}
	b.must(http.StatusOK, "GET", "/crm/v8/org", "")
	b.sim.Clock().Advance(2 * time.Minute)
	second := b.refresh()["access_token"].(string)
	out := b.do("GET", "/crm/v8/org", "")
	if out.status != http.StatusUnauthorized || out.body["code"] != "INVALID_TOKEN" {
		t.Errorf("the oldest of 16 tokens got %d %s", out.status, out.text)
	}
	b.token = second
	b.must(http.StatusOK, "GET", "/crm/v8/org", "")
	if first == second {
		t.Error("tokens repeat")
	}
}

func TestRequestsWithoutAGoodTokenStop(t *testing.T) {
	b := start(t, Config{})
	body := func(code, message string) map[string]any {
		return map[string]any{"code": code, "details": map[string]any{}, "message": message, "status": "error"}
	}
	unknown := body("INVALID_TOKEN", "invalid oauth token")
	none := body("AUTHENTICATION_FAILURE", "Authentication failed")
	tests := map[string]struct {
		header string
		want   map[string]any
	}{
		"no header":     {"", none},
		"Bearer":        {"Bearer " + b.token, none},
		"no token":      {"Zoho-oauthtoken ", none},
		"unknown token": {"Zoho-oauthtoken 1000.x.y", unknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.do("POST", "/crm/v8/Contacts", `{"data":[{"Last_Name":"Doe"}]}`, "Authorization", tt.header)
			if diff := cmp.Diff(tt.want, out.body); out.status != http.StatusUnauthorized || diff != "" {
				t.Errorf("status %d (-want +got):\n%s", out.status, diff)
			}
		})
	}
	if got := b.do("GET", "/crm/v8/Contacts?fields=id", "").status; got != http.StatusNoContent {
		t.Errorf("a refused insert left something behind: status %d", got)
	}
}

func TestAccessTokensEnd(t *testing.T) {
	tests := map[string]func(*bench){
		"after an hour":        func(b *bench) { b.sim.Clock().Advance(time.Hour) },
		"when all are expired": func(b *bench) { b.must(204, "POST", "/_sim/tokens/expire", "") },
		"with a revoked consent": func(b *bench) {
			b.must(204, "POST", "/_sim/tokens/revoke", "")
			if got := b.refresh(); got["error"] != "invalid_code" {
				b.t.Errorf("a revoked refresh token got %v", got)
			}
		},
		"with a revoked refresh token": func(b *bench) {
			b.must(200, "POST", "/oauth/v2/token/revoke?token="+DefaultRefreshToken, "")
			out := b.must(400, "POST", "/oauth/v2/token/revoke?token="+DefaultRefreshToken, "")
			if !strings.HasPrefix(out.text, "<!DOCTYPE html>") {
				b.t.Errorf("revoking twice got %q", out.text)
			}
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			b := start(t, Config{})
			b.must(http.StatusOK, "GET", "/crm/v8/org", "")
			end(b)
			if out := b.must(http.StatusUnauthorized, "GET", "/crm/v8/org", ""); out.body["code"] != "INVALID_TOKEN" {
				t.Errorf("got %s", out.text)
			}
		})
	}
}

func TestGrantCodeGivesARefreshTokenOnce(t *testing.T) {
	b := start(t, Config{})
	code := b.must(201, "POST", "/_sim/codes", "").body["code"].(string)
	form := tokenForm()
	form.Set("grant_type", "authorization_code")
	form.Set("code", code)
	first := b.send(b.tokenRequest(form)).body
	if first["refresh_token"] == nil || first["refresh_token"] == DefaultRefreshToken {
		t.Fatalf("got %v", first)
	}
	if again := b.send(b.tokenRequest(form)).body; again["error"] != "invalid_code" {
		t.Errorf("a used code got %v", again)
	}
	form.Set("code", b.must(201, "POST", "/_sim/codes", "").body["code"].(string))
	b.sim.Clock().Advance(3 * time.Minute)
	if late := b.send(b.tokenRequest(form)).body; late["error"] != "invalid_code" {
		t.Errorf("a code of 3 minutes got %v", late)
	}
}

func TestScopesAreChecked(t *testing.T) {
	b := start(t, Config{Scopes: []string{"ZohoCRM.modules.contacts.READ", "ZohoCRM.modules.accounts.ALL", "ZohoCRM.coql.READ", "ZohoCRM.settings.ALL"}})
	tests := map[string]struct {
		method, path, body string
		allowed            bool
	}{
		"read with READ":             {"GET", "/crm/v8/Contacts?fields=id", "", true},
		"insert with READ":           {"POST", "/crm/v8/Contacts", `{"data":[{"Last_Name":"Doe"}]}`, false},
		"insert with ALL":            {"POST", "/crm/v8/Accounts", `{"data":[{"Account_Name":"Zylker"}]}`, true},
		"watch without":              {"GET", "/crm/v8/actions/watch", "", false},
		"fields with settings.ALL":   {"GET", "/crm/v8/settings/fields?module=Contacts", "", true},
		"users without":              {"GET", "/crm/v8/users?type=CurrentUser", "", false},
		"query of a module it reads": {"POST", "/crm/v8/coql", `{"select_query":"select id from Contacts where id is not null"}`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out := b.do(tt.method, tt.path, tt.body)
			if refused := out.body["code"] == "OAUTH_SCOPE_MISMATCH" && out.status == 401; refused == tt.allowed {
				t.Errorf("got %d %s", out.status, out.text)
			}
		})
	}
}
