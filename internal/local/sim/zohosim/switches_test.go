package zohosim

import (
	"net/http"
	"net/url"
	"testing"
)

func TestSwitches(t *testing.T) {
	fuzzy := "/crm/v8/Contacts/search?criteria=" + url.QueryEscape("(Last_Name:equals:oe)")
	tests := map[string]struct {
		on      Config
		path    string
		header  string // kind of Authorization; default Zoho-oauthtoken
		yes, no int    // status with the switch on and off
	}{
		"AcceptBearer":  {on: Config{AcceptBearer: true}, path: "/crm/v8/org", header: "Bearer", yes: 200, no: 401},
		"SearchScope":   {on: Config{SearchScope: true}, path: "/crm/v8/Contacts/search?word=Doe", yes: 401, no: 200},
		"FuzzyEquals":   {on: Config{FuzzyEquals: true}, path: fuzzy, yes: 200, no: 204},
		"UnknownFields": {on: Config{UnknownFields: UnknownRefuse}, path: "/crm/v8/Contacts?fields=id,Colour", yes: 400, no: 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, step := range []struct {
				cfg    Config
				status int
			}{{tt.on, tt.yes}, {Config{}, tt.no}} {
				b := start(t, step.cfg)
				b.create(Contacts, `{"Last_Name":"Doe"}`)
				kind := tt.header
				if kind == "" {
					kind = "Zoho-oauthtoken"
				}
				b.must(step.status, "GET", tt.path, "", "Authorization", kind+" "+b.token)
			}
		})
	}
}

func TestTheTokenAnswerNamesTheAPIDomain(t *testing.T) {
	b := start(t, Config{APIDomain: "https://crm.example.com/"})
	if got := b.refresh()["api_domain"]; got != "https://crm.example.com" {
		t.Errorf("configured: got %v", got)
	}
	b.sim.SetAPIDomain("http://127.0.0.1:1")
	if got := b.refresh()["api_domain"]; got != "http://127.0.0.1:1" {
		t.Errorf("set later: got %v", got)
	}
}

func TestServerInfoLeadsToThisServer(t *testing.T) {
	b := start(t, Config{})
	out := b.must(http.StatusOK, "GET", "/oauth/serverinfo", "")
	if got := at(out.body, "locations", "eu"); got != b.url {
		t.Errorf("eu is at %v", got)
	}
}

func TestASyntaxErrorSaysWhere(t *testing.T) {
	b := start(t, Config{})
	out := b.query("select id from Contacts where Phone is '1'")
	if at(out.body, "details", "near") != "1" || at(out.body, "details", "column") != 42.0 || at(out.body, "details", "line") != 1.0 {
		t.Errorf("got %s", out.text)
	}
}
