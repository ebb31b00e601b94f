package hubspot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
)

// testAccount is a simulated account and a client of it.
type testAccount struct {
	*Client
	t    *testing.T
	sim  *hubspotsim.Server
	seen *callCount
}

// callCount counts calls before they are answered, so that the call behind an
// answer is already counted.
type callCount struct {
	http.Handler
	mu sync.Mutex
	n  map[string]int
}

func (c *callCount) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path[strings.LastIndex(r.URL.Path[:strings.LastIndex(r.URL.Path, "/")], "/")+1:]
	c.mu.Lock()
	c.n[path]++
	c.mu.Unlock()
	c.Handler.ServeHTTP(w, r)
}

func (c *callCount) takeCounts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = map[string]int{}
	return n
}

func newAccount(t *testing.T, cfg hubspotsim.Config) testAccount {
	t.Helper()
	sim := hubspotsim.New(cfg)
	seen := &callCount{Handler: sim, n: map[string]int{}}
	server := httptest.NewServer(seen)
	t.Cleanup(func() { server.Close(); sim.Close() })
	client := testConfig(server.URL, server.Client())
	client.Token = hubspotsim.DefaultAccessToken
	client.Fields[crm.Contact] = []string{"lastname", "email", "phone", "lifecyclestage"}
	c, err := New(client)
	if err != nil {
		t.Fatal(err)
	}
	return testAccount{c, t, sim, seen}
}

// createRecord creates a record as a person does and returns its id.
func (a testAccount) createRecord(plural string, properties map[string]any) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"properties": properties})
	if err != nil {
		a.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(a.t.Context(), http.MethodPost, "/_sim/"+plural, bytes.NewReader(body))
	w := httptest.NewRecorder()
	a.sim.ServeHTTP(w, r)
	var made struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated {
		a.t.Fatalf("type in: %d %s", w.Code, w.Body)
	}
	return made.ID
}

// takeCalls returns how often each path was called since the last takeCalls.
func (a testAccount) takeCalls() map[string]int { return a.seen.takeCounts() }

func update(id string, fields map[string]string) crm.Update {
	w := crm.Write{Fields: map[string]crm.Value{}}
	for name, text := range fields {
		w.Fields[name] = crm.Value{Type: crm.Text, Text: text}
	}
	return crm.Update{Record: crm.Record{Ref: contactRef(id)}, Write: w}
}

func TestABadRowIsRefusedAndItsNeighboursAreWritten(t *testing.T) {
	a := newAccount(t, hubspotsim.Config{})
	taken := a.createRecord("contacts", map[string]any{"email": "taken@x.com"})
	var updates []crm.Update
	for i := range 20 {
		id := a.createRecord("contacts", map[string]any{"lastname": fmt.Sprint("L", i), "email": fmt.Sprintf("p%d@x.com", i)})
		updates = append(updates, update(id, map[string]string{"lastname": fmt.Sprint("N", i)}))
	}
	updates[3].Write.Fields["lifecyclestage"] = crm.Value{Text: "no such stage"}
	updates[7].Write.Fields["email"] = crm.Value{Text: "taken@x.com"}
	updates[11].Record.Ref.RecordID = "999"
	updates[13].Record.Ref.System = crm.Zoho
	answers := a.UpdateMany(t.Context(), crm.Contact, updates)
	want := map[int]crm.ErrorKind{3: crm.Invalid, 7: crm.Duplicate, 11: crm.NotFound, 13: crm.Refused}
	for i, answer := range answers {
		kind := crm.ErrorKind("")
		if e := crm.AsError(answer.Err); e != nil {
			kind = e.Kind
		}
		if kind != want[i] {
			t.Errorf("row %d: error %v, want kind %q", i, answer.Err, want[i])
		}
		if kind == "" && answer.Value.Ref != updates[i].Record.Ref {
			t.Errorf("row %d: written %v", i, answer.Value.Ref)
		}
	}
	if n := a.takeCalls()["batch/update"]; n > 12 {
		t.Errorf("%d calls for 20 rows, 2 of them bad", n)
	}
	for i, answer := range a.ReadMany(t.Context(), crm.Contact, []string{updates[0].Record.Ref.RecordID, updates[3].Record.Ref.RecordID, taken}) {
		name := answer.Value.Fields["lastname"]
		if i == updates[0].Record.Ref.RecordID && name != "N0" || i == updates[3].Record.Ref.RecordID && name != "L3" {
			t.Errorf("%s is named %q", i, name)
		}
	}
}

// TestOneBadRowOfAHundredTakesAHandfulOfCalls: at any place, and although every
// row sets the property that is blamed.
func TestOneBadRowOfAHundredTakesAHandfulOfCalls(t *testing.T) {
	var everyone []int
	for i := range 60 {
		everyone = append(everyone, i)
	}
	tests := map[string]struct {
		rows  int
		bad   []int
		calls int
	}{
		"none":         {100, nil, 1},
		"the first":    {100, []int{0}, 10},
		"one within":   {100, []int{56}, 10},
		"the last":     {100, []int{99}, 10},
		"two":          {100, []int{20, 70}, 25},
		"two together": {100, []int{49, 50}, 25},
		"every one":    {60, everyone, 2*60 + 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, hubspotsim.Config{MaxLength: map[string]map[string]int{"contacts": {"phone": 20}}})
			var updates []crm.Update
			for i := range tt.rows {
				id := a.createRecord("contacts", map[string]any{"lastname": fmt.Sprint("L", i)})
				updates = append(updates, update(id, map[string]string{"phone": fmt.Sprintf("+1415555%04d", i)}))
			}
			for _, i := range tt.bad {
				updates[i].Write.Fields["phone"] = crm.Value{Text: "+14155550177, or ask at the desk"}
			}
			for i, answer := range a.UpdateMany(t.Context(), crm.Contact, updates) {
				e := crm.AsError(answer.Err)
				switch bad := slices.Contains(tt.bad, i); {
				case !bad && (e != nil || answer.Value.Ref != updates[i].Record.Ref):
					t.Errorf("row %d: %v, %v", i, answer.Value.Ref, e)
				case bad && (e == nil || e.Kind != crm.Invalid || len(e.Fields) != 1 || e.Fields[0].Field != "phone"):
					t.Errorf("row %d: %v, want phone refused", i, e)
				}
			}
			n := a.takeCalls()["batch/update"]
			t.Logf("%d calls", n)
			if n > tt.calls {
				t.Errorf("%d calls, want at most %d", n, tt.calls)
			}
		})
	}
}

func TestACreateOfManyIsolatesTheRowsThatAreRefused(t *testing.T) {
	a := newAccount(t, hubspotsim.Config{})
	taken := a.createRecord("contacts", map[string]any{"email": "taken@x.com"})
	writes := []crm.Write{
		{Fields: map[string]crm.Value{"email": {Text: "a@x.com"}, "lastname": {Text: "A"}}},
		{Fields: map[string]crm.Value{"email": {Text: "taken@x.com"}}},
		{},
		{Fields: map[string]crm.Value{"lastname": {Text: "C"}}},
	}
	answers := a.CreateMany(t.Context(), crm.Contact, writes)
	if e := crm.AsError(answers[1].Err); e == nil || e.Kind != crm.Duplicate || e.ExistingID != taken {
		t.Errorf("taken address: %v", answers[1].Err)
	}
	if !crm.IsKind(answers[2].Err, crm.Refused) {
		t.Errorf("nothing to create: %v", answers[2].Err)
	}
	for i, name := range map[int]string{0: "A", 3: "C"} {
		rec, err := a.Read(t.Context(), answers[i].Value.Ref)
		if err != nil || rec.Fields["lastname"] != name {
			t.Errorf("row %d is %q: %v, %v", i, rec.Fields["lastname"], err, answers[i].Err)
		}
	}
	if diff := cmp.Diff(1, a.takeCalls()["batch/create"]); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestFindManyTakesACallForEachKey(t *testing.T) {
	a := newAccount(t, hubspotsim.Config{})
	var lists [][]crm.Key
	want := map[int]string{}
	for i := range 90 {
		email := fmt.Sprintf("p%d@x.com", i)
		lists = append(lists, []crm.Key{{Value: fmt.Sprint(5000 + i)}, {Field: "email", Value: strings.ToUpper(email)}})
		if i%2 == 0 {
			want[i] = a.createRecord("contacts", map[string]any{"email": email})
		}
	}
	byCounterpart := a.createRecord("contacts", map[string]any{"lastname": "Counterpart", "zoho_id": "5001"})
	want[1] = byCounterpart
	lists = append(lists, lists[0], nil) // the same address twice, and nothing at all
	want[90] = want[0]
	for i, answer := range a.FindMany(t.Context(), crm.Contact, lists) {
		got := ""
		if len(answer.Value) > 0 {
			got = answer.Value[0].Ref.RecordID
		}
		if answer.Err != nil || got != want[i] || len(answer.Value) > 1 {
			t.Errorf("list %d found %q, want %q: %v", i, got, want[i], answer.Err)
		}
	}
	// One by the Zoho ids and one for the record found, two by the addresses.
	if diff := cmp.Diff(map[string]int{"batch/read": 4}, a.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestCompaniesAreSearchedTogether(t *testing.T) {
	a := newAccount(t, hubspotsim.Config{})
	var lists [][]crm.Key
	want := map[int][]string{}
	for i := range 30 {
		domain := fmt.Sprintf("Company-%d.com", i)
		lists = append(lists, []crm.Key{{Field: "domain", Value: domain}})
		for range i % 3 {
			want[i] = append(want[i], a.createRecord("companies", map[string]any{"name": fmt.Sprint(i), "domain": domain}))
		}
	}
	for i, answer := range a.FindMany(t.Context(), crm.Company, lists) {
		if diff := cmp.Diff(want[i], recordIDs(answer.Value)); diff != "" || answer.Err != nil {
			t.Errorf("list %d: %v (-want +got):\n%s", i, answer.Err, diff)
		}
	}
	if diff := cmp.Diff(map[string]int{"companies/search": 1, "batch/read": 1}, a.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestASearchThatFindsMoreThanAPageIsDivided(t *testing.T) {
	a := newAccount(t, hubspotsim.Config{})
	for range 2 {
		for i := range 101 {
			a.createRecord("companies", map[string]any{"name": fmt.Sprint(i), "domain": "crowd.com"})
		}
	}
	rare := a.createRecord("companies", map[string]any{"name": "rare", "domain": "rare.com"})
	answers := a.FindMany(t.Context(), crm.Company, [][]crm.Key{
		{{Field: "domain", Value: "crowd.com"}}, {{Field: "domain", Value: "rare.com"}}})
	if answers[1].Err != nil || len(answers[1].Value) != 1 || answers[1].Value[0].Ref.RecordID != rare {
		t.Errorf("the rare one: %v, %v", recordIDs(answers[1].Value), answers[1].Err)
	}
	if answers[0].Err != nil || len(answers[0].Value) != searchLimit {
		t.Errorf("the frequent one: %d, %v", len(answers[0].Value), answers[0].Err)
	}
}

func TestAContactIsFoundByAnAddressThatItDoesNotShow(t *testing.T) {
	// The account finds contact 8 by b@x.com without showing that address.
	c, s := newScriptedClient(t,
		exchange{request: contactRead, answer: batchOf(contact("7", `"email":"a@x.com"`), contact("8", `"email":"main@x.com"`))},
		exchange{request: contactRead, answer: batchOf(contact("8", `"email":"main@x.com"`))})
	answers := c.FindMany(t.Context(), crm.Contact, [][]crm.Key{
		{{Field: "email", Value: "a@x.com"}}, {{Field: "email", Value: "b@x.com"}}})
	for i, want := range []string{"7", "8"} {
		if diff := cmp.Diff([]string{want}, recordIDs(answers[i].Value)); diff != "" || answers[i].Err != nil {
			t.Errorf("list %d: %v (-want +got):\n%s", i, answers[i].Err, diff)
		}
	}
	if len(s.sent) != 2 {
		t.Errorf("%d calls", len(s.sent))
	}
}

func TestReadAccountReturnsTheAccountOfTheToken(t *testing.T) {
	a := newAccount(t, hubspotsim.Config{PortalID: 4711})
	got, err := a.ReadAccount(t.Context())
	if diff := cmp.Diff(Account{PortalID: 4711, AppURL: "https://app.hubspot.com"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
