package zohosim

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func (s *Server) accountsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/v2/token", s.token)
	mux.HandleFunc("/oauth/v2/token/revoke", s.revoke)
	mux.HandleFunc("/oauth/serverinfo", s.serverInfo)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { errorPage(w, http.StatusNotFound) })
	return mux
}

// errorPage is the kind of page that Zoho's accounts server shows a browser.
func errorPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!DOCTYPE html><html><head><title>Accounts</title></head><body>Error</body></html>")) // the client may have gone
}

// form reads parameters from the query, a urlencoded body and a multipart body,
// all three of which clients use. A missing Content-Type is urlencoded.
func form(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		err := r.ParseMultipartForm(1 << 20)
		return r.Form, err
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	err := r.ParseForm()
	return r.Form, err
}

// token answers POST /oauth/v2/token. Errors come with HTTP 200.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		errorPage(w, http.StatusMethodNotAllowed)
		return
	}
	in, err := form(w, r)
	if err != nil {
		errorPage(w, http.StatusBadRequest)
		return
	}
	now := s.clock.Now()
	s.auth.mu.Lock()
	out := s.auth.exchange(in, now)
	s.auth.mu.Unlock()
	if out["access_token"] != nil {
		out["api_domain"] = s.apiDomain(r)
	}
	ok(out).write(w)
}

func oauthError(code string) object { return object{"error": code} }

// exchange gives an access token for a refresh token or a grant code.
func (g *grants) exchange(in url.Values, now time.Time) object {
	if in.Get("client_id") != g.client {
		return oauthError("invalid_client")
	}
	if in.Get("client_secret") != g.secret {
		return oauthError("invalid_client_secret")
	}
	var c *consent
	switch in.Get("grant_type") {
	case "refresh_token":
		c = g.find(in.Get("refresh_token"))
	case "authorization_code":
		c = g.redeem(in.Get("code"), now)
	default:
		return oauthError("unsupported_grant_type")
	}
	if c == nil {
		return oauthError("invalid_code")
	}
	token, good := g.issue(c, now)
	if !good {
		return object{
			"error": "Access Denied", "status": "failure",
			"error_description": "You have made too many requests continuously. Please try again after some time.",
		}
	}
	out := object{
		"access_token": token, "scope": strings.Join(g.scopes, " "), "token_type": "Bearer",
		"expires_in": int(tokenLife / time.Second),
	}
	if in.Get("grant_type") == "authorization_code" {
		out["refresh_token"] = c.token
	}
	return out
}

// redeem turns a grant code into a refresh token. The 21st kills the first.
func (g *grants) redeem(code string, now time.Time) *consent {
	made, known := g.codes[code]
	delete(g.codes, code)
	if !known || now.Sub(made) >= codeLife {
		return nil
	}
	c := &consent{token: g.mint()}
	g.refresh = append(g.refresh, c)
	if len(g.refresh) > maxRefresh {
		g.drop(g.refresh[0])
	}
	return c
}

// revoke answers POST /oauth/v2/token/revoke. An unknown token gets an HTML page.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		errorPage(w, http.StatusMethodNotAllowed)
		return
	}
	in, err := form(w, r)
	if err != nil {
		errorPage(w, http.StatusBadRequest)
		return
	}
	s.auth.mu.Lock()
	c := s.auth.find(in.Get("token"))
	if c != nil {
		s.auth.drop(c)
	}
	s.auth.mu.Unlock()
	if c == nil {
		errorPage(w, http.StatusBadRequest)
		return
	}
	ok(object{"status": "success"}).write(w)
}

// serverInfo answers GET /oauth/serverinfo: the accounts servers of all data
// centres. Here every one is this server.
func (s *Server) serverInfo(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	here := scheme + "://" + r.Host
	locations := object{}
	for _, place := range []string{"us", "eu", "in", "au", "jp", "ca", "sa", "uk", "cn"} {
		locations[place] = here
	}
	ok(object{"result": "success", "locations": locations}).write(w)
}
