package zoho

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestAGrantCodeBecomesARefreshToken(t *testing.T) {
	tests := map[string]struct {
		answer  string
		want    string // in the error; "" for none
		missing []string
	}{
		"all scopes":                  {`{"access_token":"a","refresh_token":"planted","scope":"` + strings.Join(Scopes, " ") + `","api_domain":"https://www.zohoapis.eu"}`, "", nil},
		"the whole of a part":         {`{"access_token":"a","refresh_token":"planted","scope":"ZohoCRM.modules.ALL ZohoCRM.settings.ALL,ZohoCRM.notifications.ALL ZohoCRM.coql.READ ZohoCRM.users.ALL ZohoCRM.org.READ","api_domain":"https://www.zohoapis.eu"}`, "", nil},
		"no word of scopes":           {`{"access_token":"a","refresh_token":"planted","api_domain":"https://www.zohoapis.eu"}`, "", nil},
		"one that is missing":         {`{"access_token":"a","refresh_token":"planted","scope":"` + strings.Join(Scopes[1:], ",") + `","api_domain":"https://www.zohoapis.eu"}`, "", Scopes[:1]},
		"a code that is spent":        {`{"error":"invalid_code"}`, "invalid_code", nil},
		"no offline access":           {`{"access_token":"a","api_domain":"https://www.zohoapis.eu"}`, "no refresh token", nil},
		"a host of another's":         {`{"access_token":"a","refresh_token":"planted","api_domain":"https://planted.example.com"}`, "not a host of Zoho", nil},
		"an answer that is no answer": {`<html>planted</html>`, "unreadable", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ParseForm() != nil || r.Form.Get("grant_type") != "authorization_code" || r.Form.Get("code") != "code" {
					w.WriteHeader(http.StatusBadRequest)
				}
				writeAll(t, w, tt.answer)
			}))
			defer server.Close()
			got, err := ExchangeCode(t.Context(), server.Client(), server.URL, "id", "secret", "code")
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "planted") {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil || string(got.RefreshToken) != "planted" || !slices.Equal(got.Missing, tt.missing) {
				t.Errorf("missing %v, %v, want %v", got.Missing, err, tt.missing)
			}
		})
	}
}
