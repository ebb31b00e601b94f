package hubspotsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const tokenLife = 1800 * time.Second

// scopes are all that an app can be granted here.
var scopes = []string{
	"oauth",
	"crm.objects.contacts.read", "crm.objects.contacts.write",
	"crm.objects.companies.read", "crm.objects.companies.write",
	"crm.schemas.contacts.read", "crm.schemas.contacts.write",
	"crm.schemas.companies.read", "crm.schemas.companies.write",
	"crm.objects.owners.read",
}

func (s *Server) granted() []string {
	if s.cfg.Scopes == nil {
		return scopes
	}
	return s.cfg.Scopes
}

// need checks that one of the scopes was granted.
func (s *Server) need(anyOf ...string) error {
	for _, scope := range anyOf {
		if slices.Contains(s.granted(), scope) {
			return nil
		}
	}
	e := fail(http.StatusForbidden, noScopes, "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.")
	e.Errors = []errorDetail{{Message: "One or more of the following scopes are required.",
		Context: map[string][]string{"requiredGranularScopes": anyOf}}}
	e.Links = map[string]string{"scopes": "https://developers.hubspot.com/scopes"}
	return e
}

// authenticate checks the bearer token.
func (s *Server) authenticate(r *request) error {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if found && token == s.cfg.AccessToken {
		return nil
	}
	until, issued := s.tokens[token]
	if !found || !issued {
		return fail(http.StatusUnauthorized, badToken, "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview")
	}
	if now := s.cfg.Clock.Now(); !now.Before(until) {
		e := fail(http.StatusUnauthorized, oldToken, "The OAuth token used to make this call expired %d second(s) ago.", int(now.Sub(until).Seconds()))
		e.Context = map[string][]string{"expire time": {stamp(until)}}
		return e
	}
	r.oauth = true
	return nil
}

// serveOAuth answers /oauth/{version}/token[/introspect|/revoke].
func (s *Server) serveOAuth(r *request, p []string) (*reply, error) {
	if len(p) < 2 || p[1] != "token" || p[0] != "v1" && p[0] != "v3" && !dated(p[0]) {
		return nil, errNoResource()
	}
	if r.Method != http.MethodPost {
		return nil, fail(http.StatusMethodNotAllowed, wrongMethod, "HTTP 405 Method Not Allowed")
	}
	form, err := url.ParseQuery(string(r.body))
	if err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return nil, fail(http.StatusUnsupportedMediaType, "", "the token endpoints take a form")
	}
	if form.Get("client_id") != s.cfg.ClientID || form.Get("client_secret") != s.cfg.ClientSecret {
		return refused("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
	}
	switch strings.Join(p[2:], "/") {
	case "":
		return s.issue(form)
	case "introspect":
		return s.introspect(form)
	case "revoke":
		delete(s.tokens, form.Get("token"))
		return &reply{status: http.StatusNoContent}, nil
	}
	return nil, errNoResource()
}

// refused is the 400 of the token endpoints, whose body is unlike the others.
func refused(code, status, text string) (*reply, error) {
	return &reply{status: http.StatusBadRequest, body: map[string]string{
		"error": code, "error_description": text, "status": status, "message": text}}, nil
}

func (s *Server) issue(form url.Values) (*reply, error) {
	switch form.Get("grant_type") {
	case "refresh_token":
		if form.Get("refresh_token") != s.cfg.RefreshToken {
			return refused("invalid_grant", "BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked")
		}
	case "authorization_code":
		if form.Get("code") == "" || form.Get("redirect_uri") == "" {
			return refused("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
		}
	default:
		return refused("unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant type")
	}
	token := fmt.Sprintf("na1-sim-%016x", s.rng.Uint64())
	s.tokens[token] = s.cfg.Clock.Now().Add(tokenLife)
	return ok(map[string]any{
		"token_type": "bearer", "refresh_token": s.cfg.RefreshToken, "access_token": token,
		"hub_id": s.cfg.PortalID, "scopes": s.granted(), "expires_in": int(tokenLife.Seconds()),
	})
}

func (s *Server) introspect(form url.Values) (*reply, error) {
	token := form.Get("token")
	until, issued := s.tokens[token]
	if !issued && token != s.cfg.RefreshToken {
		return ok(map[string]any{"active": false})
	}
	out := map[string]any{"active": true, "hub_id": s.cfg.PortalID, "app_id": s.cfg.AppID,
		"user_id": defaultUser, "scopes": s.granted(), "client_id": s.cfg.ClientID, "token_use": "refresh_token"}
	if issued {
		left := until.Sub(s.cfg.Clock.Now())
		out["token_use"], out["active"], out["expires_in"] = "access_token", left > 0, int(left.Seconds())
	}
	return ok(out)
}
