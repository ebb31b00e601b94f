package zohosim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	tokenLife      = time.Hour
	throttleWindow = 10 * time.Minute
	maxTokens      = 10 // access tokens per refresh token and window
	maxActive      = 15 // access tokens of one refresh token that live at once
	maxRefresh     = 20 // refresh tokens of one user and client
	maxCodes       = 10 // grant codes per window
	codeLife       = 3 * time.Minute
)

// grants is everything that the accounts server remembers.
type grants struct {
	mu      sync.Mutex
	seed    uint64
	made    int
	client  string
	secret  string
	scopes  []string
	refresh []*consent // oldest first
	access  map[string]*access
	codes   map[string]time.Time // grant codes by the time they were made
	given   []time.Time          // when grant codes were made
}

// consent is one refresh token.
type consent struct {
	token  string
	issued []time.Time // access tokens of the last window
	active []string    // access tokens, oldest first
}

// access is one access token.
type access struct {
	expires time.Time
	scopes  map[string]bool // in lower case
}

func (g *grants) setUp(cfg Config) {
	g.seed, g.client, g.secret, g.scopes = cfg.Seed, cfg.ClientID, cfg.ClientSecret, cfg.Scopes
	g.refresh = []*consent{{token: cfg.RefreshToken}}
	g.access = map[string]*access{}
	g.codes = map[string]time.Time{}
}

// mint makes a token that looks like Zoho's.
func (g *grants) mint() string {
	g.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", g.seed, g.secret, g.made))
	text := hex.EncodeToString(sum[:])
	return "1000." + text[:32] + "." + text[32:]
}

// issue makes an access token, or says that there were too many.
func (g *grants) issue(c *consent, now time.Time) (string, bool) {
	c.issued = slices.DeleteFunc(c.issued, func(t time.Time) bool { return now.Sub(t) >= throttleWindow })
	if len(c.issued) >= maxTokens {
		return "", false
	}
	c.issued = append(c.issued, now)
	c.active = slices.DeleteFunc(c.active, func(token string) bool {
		a := g.access[token]
		if a == nil || now.Before(a.expires) {
			return a == nil
		}
		delete(g.access, token)
		return true
	})
	scopes := map[string]bool{}
	for _, scope := range g.scopes {
		scopes[strings.ToLower(scope)] = true
	}
	token := g.mint()
	g.access[token] = &access{now.Add(tokenLife), scopes}
	c.active = append(c.active, token)
	for len(c.active) > maxActive {
		delete(g.access, c.active[0])
		c.active = c.active[1:]
	}
	return token, true
}

// drop revokes a refresh token and its access tokens.
func (g *grants) drop(c *consent) {
	for _, token := range c.active {
		delete(g.access, token)
	}
	g.refresh = slices.DeleteFunc(g.refresh, func(o *consent) bool { return o == c })
}

func (g *grants) find(token string) *consent {
	for _, c := range g.refresh {
		if c.token == token {
			return c
		}
	}
	return nil
}

// code makes a grant code as the API console does; "" when there were too many.
func (g *grants) code(now time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.given = slices.DeleteFunc(g.given, func(t time.Time) bool { return now.Sub(t) >= throttleWindow })
	if len(g.given) >= maxCodes {
		return ""
	}
	g.given = append(g.given, now)
	code := g.mint()
	g.codes[code] = now
	return code
}

// expireAll ends every access token at once.
func (g *grants) expireAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.access = map[string]*access{}
	for _, c := range g.refresh {
		c.active = nil
	}
}

// revokeAll ends every refresh token and with them every access token.
func (g *grants) revokeAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.refresh) > 0 {
		g.drop(g.refresh[0])
	}
}

// identify checks the Authorization header.
func (s *Server) identify(r *http.Request) (*access, *answer) {
	fail := func(p problem) (*access, *answer) {
		a := refuse(http.StatusUnauthorized, p)
		return nil, &a
	}
	kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token == "" || kind != "Zoho-oauthtoken" && (kind != "Bearer" || !s.cfg.AcceptBearer) {
		return fail(errNoToken)
	}
	s.auth.mu.Lock()
	defer s.auth.mu.Unlock()
	a := s.auth.access[token]
	if a == nil || !s.clock.Now().Before(a.expires) {
		return fail(errBadToken)
	}
	return a, nil
}

// allows tells whether a token covers a scope such as "modules.READ" on a
// module, "coql.READ" or a full name of another product.
func (a *access) allows(scope, mod string) bool {
	scope = strings.ToLower(scope)
	if strings.HasPrefix(scope, "zohosearch.") {
		return a.scopes[scope]
	}
	at := strings.LastIndex(scope, ".")
	area, verb := "zohocrm."+scope[:at], scope[at:]
	areas := []string{area}
	if head, _, nested := strings.Cut(scope[:at], "."); nested {
		areas = append(areas, "zohocrm."+head)
	}
	if mod != "" {
		areas = append(areas, area+"."+strings.ToLower(mod))
	}
	for _, area := range areas {
		if a.scopes[area+verb] || a.scopes[area+".all"] {
			return true
		}
		if a.scopes[area+".write"] && verb != ".read" {
			return true
		}
	}
	return false
}
