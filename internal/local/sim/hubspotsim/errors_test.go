package hubspotsim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// inputs writes n rows, each with its number for %d.
func inputs(n int, row string) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = strings.ReplaceAll(row, "%d", fmt.Sprint(i+1))
	}
	return strings.Join(rows, ",")
}

// refusal is a request and how it is refused.
type refusal struct {
	name, method, path, body string
	status                   int
	category, message        string // message is a part of it, $ its end
}

const contactsPath = "/crm/objects/2026-09/contacts"

// refuse plays the requests, and checks that none of them wrote anything.
func (w *world) refuse(tests []refusal) {
	t := w.t
	before := w.must(200, "GET", "/_sim/contacts", "").raw
	w.Recorder.Reset()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.call(tt.method, tt.path, tt.body)
			if got.status != tt.status || got.str("category") != tt.category {
				t.Errorf("answered %d %q, want %d %q", got.status, got.str("category"), tt.status, tt.category)
			}
			if text := got.str("message") + "$"; !strings.Contains(text, tt.message) {
				t.Errorf("message %q lacks %q", text, tt.message)
			}
			if id := got.str("correlationId"); id == "" || id != got.header.Get("X-HubSpot-Correlation-Id") {
				t.Errorf("correlation id %q, header %q", id, got.header.Get("X-HubSpot-Correlation-Id"))
			}
			if kind := got.header.Get("Content-Type"); kind != "application/json;charset=utf-8" {
				t.Errorf("content type %q", kind)
			}
		})
	}
	if n := len(w.Recorder.Calls()); n != len(tests) {
		t.Errorf("%d calls were recorded, want %d", n, len(tests))
	}
	if diff := cmp.Diff(before, w.must(200, "GET", "/_sim/contacts", "").raw); diff != "" {
		t.Errorf("a refused request wrote something (-before +after):\n%s", diff)
	}
}

// people makes two contacts.
func people(t *testing.T) (w *world, ada, bob string) {
	t.Helper()
	w = start(t, Config{})
	return w, w.create("contacts", `{"email":"ada@example.com","zoho_id":"1"}`), w.create("contacts", `{"email":"bob@example.com"}`)
}

func TestRefusedValues(t *testing.T) {
	w, ada, bob := people(t)
	w.refuse([]refusal{
		{"an unknown property is refused", "POST", contactsPath, `{"properties":{"email":"x@example.com","nope":"1"}}`,
			400, validation, `"message":"Property \"nope\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"nope"`},
		{"a read-only property is refused", "PATCH", contactsPath + "/" + ada, `{"properties":{"createdate":"2020-01-01"}}`,
			400, validation, "READ_ONLY_VALUE"},
		{"a calculated property is refused in its own words", "PATCH", contactsPath + "/" + ada, `{"properties":{"hs_email_domain":"x"}}`,
			400, validation, `\"hs_email_domain\" is a calculated property; its value cannot be set.`},
		{"an address without a domain is refused", "POST", contactsPath, `{"properties":{"email":"nobody"}}`,
			400, validation, "Email address nobody is invalid"},
		{"an option is matched exactly", "PATCH", contactsPath + "/" + ada, `{"properties":{"hs_lead_status":"new"}}`,
			400, validation, "new was not one of the allowed options: [NEW, OPEN"},
		{"a number with separators is refused", "PATCH", contactsPath + "/" + ada, `{"properties":{"annualrevenue":"1,000"}}`,
			400, validation, "INVALID_LONG"},
		{"epoch seconds are refused", "PATCH", contactsPath + "/" + ada, `{"properties":{"closedate":"1752559200"}}`,
			400, validation, "INVALID_DATE"},
		{"an unknown owner is refused", "PATCH", contactsPath + "/" + ada, `{"properties":{"hubspot_owner_id":"47812075"}}`,
			400, validation, "INVALID_OWNER_ID"},
		{"null is refused", "PATCH", contactsPath + "/" + ada, `{"properties":{"fax":null}}`,
			400, validation, "INVALID_JSON"},
		{"a contact needs a name or an address", "POST", contactsPath, `{"properties":{"phone":"1"}}`,
			400, validation, "required properties were not set"},
		{"a company needs a name or a domain", "POST", "/crm/objects/2026-09/companies", `{"properties":{"phone":"1"}}`,
			400, validation, "required properties were not set"},
		{"an address that exists names its holder", "POST", contactsPath, `{"properties":{"email":"ADA@example.com"}}`,
			409, conflict, "Contact already exists. Existing ID: " + ada},
		{"an update cannot take another's address", "PATCH", contactsPath + "/" + bob, `{"properties":{"email":"ada@example.com"}}`,
			409, conflict, "Contact already exists. Existing ID: " + ada},
		{"a unique property is unique", "PATCH", contactsPath + "/" + bob, `{"properties":{"zoho_id":"1"}}`,
			400, validation, "CONFLICTING_UNIQUE_VALUE"},
	})
}

func TestRefusedRequests(t *testing.T) {
	w, ada, _ := people(t)
	w.refuse([]refusal{
		{"a numeric id that is unknown has no category", "GET", contactsPath + "/999", "",
			404, "", "resource not found"},
		{"another id that is unknown says so with two spaces", "GET", contactsPath + "/x", "",
			404, notFound, "Object not found.  objectId are usually numeric."},
		{"an unknown address is not found", "GET", contactsPath + "/no@example.com?idProperty=email", "",
			404, notFound, "Object not found."},
		{"idProperty must be unique", "GET", contactsPath + "/x?idProperty=firstname", "",
			400, validation, "not a unique identifier"},
		{"an unknown object type is refused", "GET", "/crm/objects/2026-09/butterflies/1", "",
			400, validation, "Unable to infer object type from: butterflies"},
		{"the singular is no object type", "GET", "/crm/objects/2026-09/contact/1", "",
			400, validation, "Unable to infer object type from: contact"},
		{"a version that never was is not found", "GET", "/crm/objects/2024-09/contacts/1", "",
			404, "", "resource not found"},
		{"v2 is gone", "GET", "/crm/v2/objects/contacts/1", "", 404, "", "resource not found"},
		{"a list page has 100 records at most", "GET", contactsPath + "?limit=101", "", 400, validation, "limit"},
		{"an update without properties is refused", "PATCH", contactsPath + "/" + ada, `{}`, 400, validation, "No properties"},
		{"a body that is no JSON is refused", "POST", contactsPath, `{"properties":`, 400, validation, "Invalid input JSON"},
		{"a method that is unknown is refused", "PUT", contactsPath + "/" + ada, `{}`, 405, wrongMethod, "405"},
	})
}

func TestRefusedBatches(t *testing.T) {
	w, ada, bob := people(t)
	w.refuse([]refusal{
		{"duplicate ids are refused", "POST", contactsPath + "/batch/update",
			`{"inputs":[{"id":"` + ada + `","properties":{"fax":"1"}},{"id":"` + ada + `","properties":{"fax":"2"}}]}`,
			400, validation, "Duplicate IDs found in batch input: [" + ada + "]. IDs must be unique"},
		{"51 reads with history are refused", "POST", contactsPath + "/batch/read",
			`{"propertiesWithHistory":["email"],"inputs":[` + inputs(51, `{"id":"%d"}`) + `]}`,
			400, validation, "The maximum number of inputs supported in a batch request for property histories is 50."},
		{"101 inputs are refused", "POST", contactsPath + "/batch/read", `{"inputs":[` + inputs(101, `{"id":"%d"}`) + `]}`,
			400, validation, "is 100"},
		{"no input is refused", "POST", contactsPath + "/batch/read", `{"inputs":[]}`, 400, validation, "must not be empty"},
		{"an untraced conflict fails the batch and names no id", "POST", contactsPath + "/batch/create",
			`{"inputs":[{"properties":{"email":"new@example.com"}},{"properties":{"email":"ada@example.com"}}]}`,
			409, conflict, "Contact already exists$"},
		{"one bad row fails the whole update", "POST", contactsPath + "/batch/update",
			`{"inputs":[{"id":"` + ada + `","properties":{"fax":"1"}},{"id":"` + bob + `","properties":{"nope":"2"}}]}`,
			400, validation, "PROPERTY_DOESNT_EXIST"},
		{"two rows of an update cannot take one unique value", "POST", contactsPath + "/batch/update",
			`{"inputs":[{"id":"` + ada + `","properties":{"zoho_id":"7"}},{"id":"` + bob + `","properties":{"zoho_id":"7"}}]}`,
			400, validation, "CONFLICTING_UNIQUE_VALUE"},
		{"an update takes record ids only", "POST", contactsPath + "/batch/update",
			`{"inputs":[{"id":"ada@example.com","idProperty":"email","properties":{"fax":"1"}}]}`,
			400, validation, "use record ids"},
		{"there is no partial upsert by address", "POST", contactsPath + "/batch/upsert",
			`{"inputs":[{"idProperty":"email","id":"ada@example.com","properties":{"fax":"1"}}]}`,
			400, validation, "Partial upserts"},
		{"an upsert needs a unique property", "POST", contactsPath + "/batch/upsert",
			`{"inputs":[{"idProperty":"firstname","id":"Ada","properties":{"fax":"1"}}]}`,
			400, validation, "unique identifier property"},
	})
}

func TestValidationListsEveryBadPropertyWithoutRowIDs(t *testing.T) {
	w := start(t, Config{})
	id := w.create("contacts", `{"lastname":"A"}`)
	got := w.must(400, "POST", "/crm/objects/2026-09/contacts/batch/update",
		`{"inputs":[{"id":"`+id+`","properties":{"nope":"1","email":"bad"}}]}`)
	var names []string
	for _, e := range got.at("errors").([]any) {
		names = append(names, answer{body: e.(map[string]any)}.str("context", "propertyName", 0))
	}
	if diff := cmp.Diff([]string{"email", "nope"}, names); diff != "" {
		t.Errorf("bad properties (-want +got):\n%s", diff)
	}
	if strings.Contains(got.raw, id) {
		t.Error("the error names a row")
	}
}

func TestAuthentication(t *testing.T) {
	w := start(t, Config{Scopes: []string{"oauth", "crm.objects.contacts.read"}})
	const path = "/crm/objects/2026-09/contacts"
	t.Run("a wrong token stops the request", func(t *testing.T) {
		got := w.send("POST", path, "wrong", "application/json", `{"properties":{"lastname":"A"}}`)
		if got.status != 401 || got.str("category") != badToken {
			t.Errorf("answered %d %s", got.status, got.raw)
		}
	})
	t.Run("a missing scope is named", func(t *testing.T) {
		got := w.must(403, "POST", path, `{"properties":{"lastname":"A"}}`)
		if s := got.str("errors", 0, "context", "requiredGranularScopes", 0); s != "crm.objects.contacts.write" {
			t.Errorf("required scope %q in %s", s, got.raw)
		}
	})
	t.Run("nothing was written", func(t *testing.T) {
		if ids := w.must(200, "GET", path, "").ids(); len(ids) != 0 {
			t.Errorf("contacts %v", ids)
		}
	})
	t.Run("properties can be read with the scope of the objects", func(t *testing.T) {
		w.must(200, "GET", "/crm/properties/2026-09/contacts", "")
		w.must(403, "GET", "/crm/properties/2026-09/companies", "")
		w.must(403, "GET", "/crm/owners/2026-09", "")
	})
}

func TestRefreshedTokenExpires(t *testing.T) {
	w := start(t, Config{})
	const form = "application/x-www-form-urlencoded"
	good := "grant_type=refresh_token&client_id=" + DefaultClientID + "&client_secret=" + DefaultSecret + "&refresh_token="
	for _, path := range []string{"/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token"} {
		a := w.send("POST", path, "", form, good+DefaultRefresh)
		if a.status != 200 || a.at("expires_in") != 1800.0 {
			t.Fatalf("%s answered %d %s", path, a.status, a.raw)
		}
	}
	token := w.send("POST", "/oauth/v3/token", "", form, good+DefaultRefresh).str("access_token")
	if got := w.send("GET", "/crm/objects/2026-09/contacts", token, "", ""); got.status != 200 ||
		got.header.Get("X-HubSpot-RateLimit-Daily") != "" || got.header.Get("X-HubSpot-RateLimit-Max") != "110" {
		t.Errorf("a fresh token answered %d with %v", got.status, got.header)
	}
	w.must(200, "POST", "/_sim/clock", `{"advance":"1801s"}`)
	if got := w.send("GET", "/crm/objects/2026-09/contacts", token, "", ""); got.status != 401 || got.str("category") != oldToken {
		t.Errorf("an old token answered %d %s", got.status, got.raw)
	}
	if got := w.send("POST", "/oauth/v3/token", "", form, good+"other"); got.status != 400 || got.str("status") != "BAD_REFRESH_TOKEN" {
		t.Errorf("a wrong refresh token answered %d %s", got.status, got.raw)
	}
	if got := w.send("POST", "/oauth/v3/token", "", "application/json", `{}`); got.status != http.StatusUnsupportedMediaType {
		t.Errorf("a body that is no form answered %d", got.status)
	}
}

func TestTokenEndpoints(t *testing.T) {
	w := start(t, Config{})
	const form = "application/x-www-form-urlencoded"
	const client = "client_id=" + DefaultClientID + "&client_secret=" + DefaultSecret
	ask := func(path, fields string) answer {
		t.Helper()
		return w.send("POST", "/oauth/2026-09/token"+path, "", form, client+"&"+fields)
	}
	token := ask("", "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fexample.com").str("access_token")
	if got := ask("/introspect", "token_type_hint=access_token&token="+token); got.at("active") != true || got.at("hub_id") != float64(DefaultPortalID) {
		t.Errorf("introspection of an access token: %s", got.raw)
	}
	if got := ask("/introspect", "token="+DefaultRefresh); got.str("token_use") != "refresh_token" {
		t.Errorf("introspection of the refresh token: %s", got.raw)
	}
	if got := ask("/revoke", "token="+token); got.status != 204 {
		t.Errorf("revoke answered %d", got.status)
	}
	if got := ask("/introspect", "token="+token); got.at("active") != false {
		t.Errorf("introspection of a revoked token: %s", got.raw)
	}
	if got := w.send("GET", contactsPath, token, "", ""); got.status != 401 || got.str("category") != badToken {
		t.Errorf("a revoked token answered %d %s", got.status, got.raw)
	}
	for name, fields := range map[string]string{
		"an unknown grant type": "grant_type=password", "a code without redirect": "grant_type=authorization_code&code=c",
	} {
		if got := ask("", fields); got.status != 400 || got.str("error") == "" {
			t.Errorf("%s: %d %s", name, got.status, got.raw)
		}
	}
	if got := w.send("POST", "/oauth/v3/token", "", form, "grant_type=refresh_token&client_id=x&refresh_token="+DefaultRefresh); got.str("error") != "invalid_client" {
		t.Errorf("a wrong client: %s", got.raw)
	}
}

func TestQuotas(t *testing.T) {
	w := start(t, Config{Quotas: true, DailyLimit: 200, Seed: 3, Clock: sim.NewManualClock(time.Unix(1_790_000_000, 0))})
	const path = "/crm/objects/2026-09/contacts"
	t.Run("the sixth search in a second is refused, without rate headers", func(t *testing.T) {
		for range 5 {
			if got := w.must(200, "POST", path+"/search", `{}`); got.header.Get("X-HubSpot-RateLimit-Max") != "" {
				t.Error("a search has rate headers")
			}
		}
		if got := w.must(429, "POST", path+"/search", `{}`); got.str("message") != "You have reached your secondly limit." {
			t.Error(got.raw)
		}
	})
	t.Run("the window allows 190 calls", func(t *testing.T) {
		for i := range 190 {
			got := w.must(200, "GET", path, "")
			if left := got.header.Get("X-HubSpot-RateLimit-Remaining"); left != fmt.Sprint(189-i) {
				t.Fatalf("after %d calls %s are left", i+1, left)
			}
		}
		got := w.must(429, "GET", path, "")
		if got.str("message") != "You have reached your ten_secondly_rolling limit." {
			t.Error(got.raw)
		}
	})
	t.Run("the window rolls on, the day goes on", func(t *testing.T) {
		w.must(200, "POST", "/_sim/clock", `{"advance":"10s"}`)
		for range 5 {
			w.must(200, "GET", path, "")
		}
		if got := w.must(429, "GET", path, ""); got.str("message") != "You have reached your daily limit." {
			t.Error(got.raw)
		}
		w.must(200, "POST", "/_sim/clock", `{"advance":"24h"}`)
		w.must(200, "GET", path, "")
	})
}
