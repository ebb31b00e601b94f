package zoho

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

// testOrganisation is a simulated organisation and a client of it.
type testOrganisation struct {
	*Client
	t     *testing.T
	sim   *zohosim.Server
	clock *sim.Clock
	url   string
	seen  *callCount
}

// callCount counts calls before they are answered, so that the call behind an
// answer is already counted.
type callCount struct {
	http.Handler
	mu sync.Mutex
	n  map[string]int
}

func (c *callCount) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path, api := strings.CutPrefix(r.URL.Path, apiVersion); api {
		c.mu.Lock()
		c.n[r.Method+" "+path]++
		c.mu.Unlock()
	}
	c.Handler.ServeHTTP(w, r)
}

func (c *callCount) takeCounts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = map[string]int{}
	return n
}

func newOrganisation(t *testing.T) testOrganisation {
	t.Helper()
	o := testOrganisation{t: t, clock: sim.NewManualClock(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
	o.sim = zohosim.New(zohosim.Config{Clock: o.clock, Quotas: true})
	o.seen = &callCount{Handler: o.sim, n: map[string]int{}}
	server := httptest.NewServer(o.seen)
	o.url = server.URL
	o.sim.SetAPIDomain(server.URL)
	t.Cleanup(func() {
		server.Close()
		if err := o.sim.Close(); err != nil {
			t.Error(err)
		}
	})
	var token struct {
		AccessToken string `json:"access_token"`
	}
	o.post("/oauth/v2/token?"+url.Values{
		"refresh_token": {zohosim.DefaultRefreshToken}, "client_id": {zohosim.DefaultClientID},
		"client_secret": {zohosim.DefaultClientSecret}, "grant_type": {"refresh_token"},
	}.Encode(), "", &token)
	c, err := New(Config{
		Tokens: &tokenList{domain: server.URL, names: []string{token.AccessToken}}, HTTP: server.Client(),
		AccountsURL: server.URL, Now: o.clock.Now,
		Fields: map[crm.Kind][]string{crm.Contact: {"Last_Name", "Email", "Phone"}, crm.Company: {"Account_Name"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Client = c
	if _, err := c.readOwnUser(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.takeCalls()
	return o
}

func (o testOrganisation) post(path, body string, into any) {
	o.send(http.MethodPost, path, body, into)
}

func (o testOrganisation) send(method, path, body string, into any) {
	o.t.Helper()
	hr, err := http.NewRequestWithContext(o.t.Context(), method, o.url+path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	hr.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(hr)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 || json.Unmarshal(data, into) != nil {
		o.t.Fatalf("%s: %d %s", path, resp.StatusCode, data)
	}
}

// editPhone changes a phone number as a person does.
func (o testOrganisation) editPhone(id, phone string) {
	o.t.Helper()
	o.send(http.MethodPatch, "/_sim/Contacts/"+id, `{"fields":{"Phone":"`+phone+`"}}`, new(any))
}

// createContacts creates contacts through the client and returns them as they
// are read.
func (o testOrganisation) createContacts(n int) []crm.Record {
	o.t.Helper()
	var writes []crm.Write
	for i := range n {
		writes = append(writes, crm.Write{CounterpartID: fmt.Sprint(1000 + i), Fields: map[string]crm.Value{
			"Last_Name": {Text: fmt.Sprint("L", i)}, "Email": {Text: fmt.Sprintf("p%d@x.com", i)}}})
	}
	var ids []string
	for _, answer := range o.CreateMany(o.t.Context(), crm.Contact, writes) {
		if answer.Err != nil {
			o.t.Fatal(answer.Err)
		}
		ids = append(ids, answer.Value.Ref.RecordID)
	}
	records := make([]crm.Record, n)
	answers := o.ReadMany(o.t.Context(), crm.Contact, ids)
	for i, id := range ids {
		if answers[id].Err != nil {
			o.t.Fatal(answers[id].Err)
		}
		records[i] = answers[id].Value
	}
	return records
}

// takeCalls returns how often each method and path was called since the last
// takeCalls.
func (o testOrganisation) takeCalls() map[string]int { return o.seen.takeCounts() }

func phoneUpdate(rec crm.Record, text string) crm.Update {
	return crm.Update{Record: rec, Write: crm.Write{Fields: map[string]crm.Value{"Phone": {Text: text}}}}
}

func errorKindsOf[T any](answers []crm.Answer[T]) map[int]crm.ErrorKind {
	wrong := map[int]crm.ErrorKind{}
	for i, answer := range answers {
		if e := crm.AsError(answer.Err); e != nil {
			wrong[i] = e.Kind
		} else if answer.Err != nil {
			wrong[i] = "other"
		}
	}
	return wrong
}

func TestCreateManyMakesOneCallAndReportsRefusedRows(t *testing.T) {
	o := newOrganisation(t)
	there := o.createContacts(1)[0]
	o.takeCalls()
	writes := []crm.Write{
		{CounterpartID: "1", Fields: map[string]crm.Value{"Last_Name": {Text: "A"}}},
		{CounterpartID: "2"},
		{CounterpartID: "1000", Fields: map[string]crm.Value{"Last_Name": {Text: "B"}}},
		{Fields: map[string]crm.Value{"Last_Name": {Type: crm.Number, Text: "no number"}}},
		{CounterpartID: "4", Fields: map[string]crm.Value{"Last_Name": {Text: "C"}}},
	}
	answers := o.CreateMany(t.Context(), crm.Contact, writes)
	if diff := cmp.Diff(map[int]crm.ErrorKind{1: crm.Missing, 2: crm.Duplicate, 3: crm.Invalid}, errorKindsOf(answers)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if e := crm.AsError(answers[2].Err); e == nil || e.ExistingID != there.Ref.RecordID {
		t.Errorf("the counterpart that exists: %v", answers[2].Err)
	}
	if diff := cmp.Diff(map[string]int{"POST /Contacts": 1}, o.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	for i, name := range map[int]string{0: "A", 4: "C"} {
		if rec, err := o.Read(t.Context(), answers[i].Value.Ref); err != nil || rec.Fields["Last_Name"] != name {
			t.Errorf("row %d is %q: %v", i, rec.Fields["Last_Name"], err)
		}
	}
}

func TestUnmodifiedRecordsShareAGuardedCall(t *testing.T) {
	o := newOrganisation(t)
	records := o.createContacts(5)
	o.clock.Advance(time.Minute)
	o.editPhone(records[1].Ref.RecordID, "1")
	records[1].Modified = o.clock.Now()
	o.clock.Advance(30 * time.Minute)
	o.editPhone(records[3].Ref.RecordID, "2") // after it was read
	o.takeCalls()
	var updates []crm.Update
	for _, rec := range records {
		updates = append(updates, phoneUpdate(rec, "9"))
	}
	answers := o.UpdateMany(t.Context(), crm.Contact, updates)
	if diff := cmp.Diff(map[int]crm.ErrorKind{3: crm.Conflict}, errorKindsOf(answers)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"PUT /Contacts": 1}, o.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := answers[0].Value.Guard; !got.Equal(records[1].Modified) {
		t.Errorf("the guard is %v, want that of the latest, %v", got, records[1].Modified)
	}
	if rec, err := o.Read(t.Context(), records[3].Ref); err != nil || rec.Fields["Phone"] != "2" {
		t.Errorf("the person's edit is %q: %v", rec.Fields["Phone"], err)
	}
}

func TestRecentlyModifiedRecordsAreGuardedByTheirOwnTime(t *testing.T) {
	o := newOrganisation(t)
	records := o.createContacts(4) // all in one second
	o.clock.Advance(10 * time.Second)
	o.editPhone(records[2].Ref.RecordID, "1")
	records[2].Modified = o.clock.Now()
	o.clock.Advance(10 * time.Second)
	o.editPhone(records[0].Ref.RecordID, "2") // after it was read
	o.takeCalls()
	var updates []crm.Update
	for _, rec := range records {
		updates = append(updates, phoneUpdate(rec, "9"))
	}
	answers := o.UpdateMany(t.Context(), crm.Contact, updates)
	if diff := cmp.Diff(map[int]crm.ErrorKind{0: crm.Conflict}, errorKindsOf(answers)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	want := map[string]int{"PUT /Contacts": 1, "PUT /Contacts/" + records[2].Ref.RecordID: 1}
	if diff := cmp.Diff(want, o.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestACallThatIsRefusedAsAWholeIsDivided(t *testing.T) {
	f := newFakeAPI(t, func(_ int, r sentRequest) (int, string) {
		rows, _ := r.Body["data"].([]any)
		var items []string
		for _, row := range rows {
			if row.(map[string]any)["Last_Name"] == "odd" {
				return 400, `{"code":"UNABLE_TO_PARSE_DATA_TYPE","details":{},"message":"odd","status":"error"}`
			}
			items = append(items, `{"code":"SUCCESS","details":{"id":"7"},"status":"success"}`)
		}
		return 201, `{"data":[` + strings.Join(items, ",") + `]}`
	})
	var writes []crm.Write
	for i := range 8 {
		writes = append(writes, crm.Write{Fields: map[string]crm.Value{"Last_Name": {Text: fmt.Sprint(i)}}})
	}
	writes[5].Fields["Last_Name"] = crm.Value{Text: "odd"}
	answers := newTestClient(t, f).CreateMany(t.Context(), crm.Contact, writes)
	if diff := cmp.Diff(map[int]crm.ErrorKind{5: crm.Refused}, errorKindsOf(answers)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestFindManyMakesOneQuery(t *testing.T) {
	o := newOrganisation(t)
	records := o.createContacts(120)
	o.takeCalls()
	var lists [][]crm.Key
	for i := range 200 {
		lists = append(lists, []crm.Key{{Value: fmt.Sprint(9000 + i)}, {Field: "Email", Value: fmt.Sprintf("P%d@x.com", i)}})
	}
	lists[150] = []crm.Key{{Value: "1003"}}
	lists[160] = []crm.Key{{Field: "no field", Value: "x"}}
	lists[170] = nil
	for i, answer := range o.FindMany(t.Context(), crm.Contact, lists) {
		want := ""
		switch {
		case i < 120:
			want = records[i].Ref.RecordID
		case i == 150:
			want = records[3].Ref.RecordID
		case i == 160:
			if !crm.IsKind(answer.Err, crm.Refused) {
				t.Errorf("a field that is none: %v", answer.Err)
			}
			continue
		}
		got := ""
		if len(answer.Value) > 0 {
			got = answer.Value[0].Ref.RecordID
		}
		if got != want || answer.Err != nil {
			t.Errorf("list %d found %q, want %q: %v", i, got, want, answer.Err)
		}
	}
	if diff := cmp.Diff(map[string]int{"POST /coql": 1}, o.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAQueryWithMoreRowsThanAPageIsDivided(t *testing.T) {
	o := newOrganisation(t)
	var writes []crm.Write
	for range 220 {
		writes = append(writes, crm.Write{Fields: map[string]crm.Value{"Last_Name": {Text: "Crowd"}, "Phone": {Text: "1"}}})
	}
	for _, answer := range o.CreateMany(t.Context(), crm.Contact, writes) {
		if answer.Err != nil {
			t.Fatal(answer.Err)
		}
	}
	rare := o.createContacts(1)[0]
	answers := o.FindMany(t.Context(), crm.Contact, [][]crm.Key{
		{{Field: "Phone", Value: "1"}}, {{Field: "Email", Value: "p0@x.com"}}})
	if answers[1].Err != nil || len(answers[1].Value) != 1 || answers[1].Value[0].Ref != rare.Ref {
		t.Errorf("the rare one: %v, %v", answers[1].Value, answers[1].Err)
	}
	if answers[0].Err != nil || len(answers[0].Value) == 0 {
		t.Errorf("the crowd: %d, %v", len(answers[0].Value), answers[0].Err)
	}
}

func TestReadManyDistinguishesAbsentRecords(t *testing.T) {
	o := newOrganisation(t)
	records := o.createContacts(3)
	o.takeCalls()
	ids := []string{records[0].Ref.RecordID, "5725767000009999999", "no id", records[2].Ref.RecordID, records[0].Ref.RecordID}
	got := map[string]crm.ErrorKind{}
	for id, answer := range o.ReadMany(t.Context(), crm.Contact, ids) {
		if e := crm.AsError(answer.Err); e != nil {
			got[id] = e.Kind
		} else if answer.Value.Ref.RecordID != id {
			t.Errorf("%s is %v", id, answer.Value.Ref)
		}
	}
	if diff := cmp.Diff(map[string]crm.ErrorKind{"5725767000009999999": crm.NotFound, "no id": crm.Refused}, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"GET /Contacts": 1}, o.takeCalls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
