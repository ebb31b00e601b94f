package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
	"github.com/hubspot-zoho/connector/internal/store"
)

// withMapping gives the functions a mapping of their own.
func withMapping(text string) func(*localStackOptions) {
	return func(o *localStackOptions) {
		o.Getenv = func(name string) string {
			if name == "MAPPING_YAML" {
				return text
			}
			return ""
		}
	}
}

// everyType maps a field of every type that a mapping knows.
const everyType = `
zone: America/New_York
contacts:
  fields:
    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}
    email:     {hubspot: email, zoho: Email, type: email}
    phone:     {hubspot: phone, zoho: Phone, type: phone}
    site:      {hubspot: website, zoho: Site, type: url}
    domain:    {hubspot: org_domain, zoho: Domain, type: domain}
    country:   {hubspot: country, zoho: Mailing_Country, type: country}
    score:     {hubspot: score, zoho: Score, type: number}
    heads:     {hubspot: numberofemployees, zoho: Heads, type: integer}
    amount:    {hubspot: annualrevenue, zoho: Amount, type: currency}
    born:      {hubspot: born, zoho: Date_of_Birth, type: date}
    seen:      {hubspot: seen_at, zoho: Seen, type: date, datetime: hubspot}
    renewed:   {hubspot: renewed_at, zoho: Renewed, type: datetime}
    vip:       {hubspot: vip, zoho: VIP, type: bool}
    stage:     {hubspot: hs_lead_status, zoho: Stage, type: picklist, values: {NEW: Fresh, OPEN: [Open, Reopened]}}
    interests: {hubspot: interests, zoho: Interests, type: multipicklist, values: {golf: Golf, chess: Chess, sail: Sailing}}
    owner:     {hubspot: hubspot_owner_id, zoho: Owner, type: owner}
    bio:       {hubspot: message, zoho: Bio, shorten: {zoho: 20}}
`

// alexInZoho has the address of HubSpot's owner 41629779.
const alexInZoho = "5725767000000225003"

func withEveryType(o *localStackOptions) {
	withMapping(everyType)(o)
	o.Zoho.TimeOffset = 5*time.Hour + 30*time.Minute
	o.Zoho.Users = []zohosim.User{
		{ID: zohosim.DefaultPersonID, Name: "Patricia Boyle", Email: "Kim@example.com"},
		{ID: alexInZoho, Name: "Alex Owner", Email: "alex@example.com"},
	}
	o.Zoho.ExtraFields = map[string][]zohosim.Field{zohosim.Contacts: {
		{APIName: "Site", Type: zohosim.TypeWebsite}, {APIName: "Domain", Type: zohosim.TypeWebsite},
		{APIName: "Score", Type: zohosim.TypeDouble}, {APIName: "Heads", Type: zohosim.TypeInteger}, {APIName: "Amount", Type: zohosim.TypeCurrency},
		{APIName: "Seen", Type: zohosim.TypeDate}, {APIName: "Renewed", Type: zohosim.TypeDateTime}, {APIName: "VIP", Type: zohosim.TypeBoolean},
		{APIName: "Stage", Type: zohosim.TypePicklist, Options: []string{"-None-", "Fresh", "Open", "Reopened"}},
		{APIName: "Interests", Type: zohosim.TypeMultiSelect, Options: []string{"Golf", "Chess", "Sailing"}},
		{APIName: "Bio", Length: 20},
	}}
}

// defineProperties adds properties to HubSpot's contacts, through its API.
func (s *scenario) defineProperties(properties ...string) {
	s.Helper()
	for _, p := range properties {
		req, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.HubSpotURL+"/crm/properties/2026-09/contacts", strings.NewReader(p))
		s.must(err)
		req.Header.Set("Authorization", "Bearer "+hubspotsim.DefaultAccessToken)
		req.Header.Set("Content-Type", "application/json")
		res, err := newLocalClient().Do(req)
		s.must(err)
		s.must(res.Body.Close())
		if res.StatusCode != http.StatusCreated {
			s.Fatalf("%s: %s", p, res.Status)
		}
	}
}

func newProperty(name, kind, field string, options ...string) string {
	type option struct {
		Value string `json:"value"`
		Label string `json:"label"`
	}
	list := []option{}
	for _, o := range options {
		list = append(list, option{o, o})
	}
	text, err := json.Marshal(map[string]any{"name": name, "label": name, "type": kind, "fieldType": field, "groupName": "contactinformation", "options": list})
	if err != nil {
		panic(err) // of texts alone
	}
	return string(text)
}

// typeValues edits fields with values of their JSON types, as a person does.
func (s *scenario) typeValues(ref crm.Ref, fields map[string]any) {
	s.Helper()
	key := map[crm.System]string{crm.HubSpot: "properties", crm.Zoho: "fields"}[ref.System]
	s.must(s.callControl(s.ctx, http.MethodPatch, s.controlURL(ref), map[string]any{key: fields}, nil))
}

// checkShown compares the values that a side stores with those wanted.
func (s *scenario) checkShown(ref crm.Ref, want map[string]any) {
	s.Helper()
	var r storedRecord
	s.must(s.callControl(s.ctx, http.MethodGet, s.controlURL(ref), nil, &r))
	got := map[string]any{}
	for _, fields := range []map[string]json.RawMessage{r.Properties, r.Fields} {
		for name, raw := range fields {
			if _, asked := want[name]; asked {
				var v any
				s.must(json.Unmarshal(raw, &v))
				got[name] = v
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s (-want +got):\n%s", ref, diff)
	}
}

// TestARoundTripOfEveryTypeChangesNothingTheSecondTime: values of every type go
// from HubSpot to Zoho and others back, and after any webhook of the two
// records the connector writes only the field that a person edits.
func TestARoundTripOfEveryTypeChangesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	s := newScenario(t, withEveryType)
	s.defineProperties(newProperty("org_domain", "string", "text"), newProperty("score", "number", "number"), newProperty("born", "date", "date"),
		newProperty("seen_at", "datetime", "date"), newProperty("renewed_at", "datetime", "date"), newProperty("vip", "bool", "booleancheckbox"),
		newProperty("interests", "enumeration", "checkbox", "golf", "chess", "sail"))
	inHubSpot := map[string]any{
		"lastname": "Doe", "email": "Jane@Example.com", "phone": "(415) 555-2671 x12", "website": "Example.com/about/", "org_domain": "www.example.com",
		"country": "Germany", "score": "12.50", "numberofemployees": "250", "annualrevenue": "1234567.89", "born": "1990-02-28",
		"seen_at": "2026-11-24T02:30:00.123Z", "renewed_at": "2026-11-23T09:00:00.987Z", "vip": "false", "hs_lead_status": "OPEN",
		"interests": "sail;golf", "hubspot_owner_id": "41629779", "message": "a text of more than twenty characters",
	}
	var made struct {
		ID string `json:"id"`
	}
	s.must(s.callControl(s.ctx, http.MethodPost, s.controlURL(crm.Ref{System: crm.HubSpot, Kind: crm.Contact}), map[string]any{"properties": inHubSpot}, &made))
	h := crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: made.ID}
	s.awaitIdle()
	z := s.findCounterpart(h)
	s.checkShown(z, map[string]any{
		"Last_Name": "Doe", "Email": "jane@example.com", "Phone": "+14155552671 ext 12", "Site": "https://example.com/about", "Domain": "example.com",
		"Mailing_Country": "Germany", "Score": 12.5, "Heads": 250.0, "Amount": 1234567.89, "Date_of_Birth": "1990-02-28", "Seen": "2026-11-23",
		"Renewed": "2026-11-23T14:30:00+05:30", "VIP": false, "Stage": "Open", "Interests": []any{"Golf", "Sailing"}, "Bio": "a text of more than",
		"Owner": map[string]any{"id": alexInZoho, "email": "alex@example.com", "name": "Alex Owner"},
	})
	s.checkNothingChanges(h, z, "hs_language", "Department")

	// Everything is typed again in Zoho, and goes back.
	s.typeValues(z, map[string]any{
		"Last_Name": "Roe", "Email": "JANE@example.org", "Phone": "+49 (30) 123456", "Site": "http://example.org:80/", "Domain": "https://www.example.org/contact",
		"Mailing_Country": "Deutschland", "Score": json.Number("0.000125"), "Heads": 7, "Amount": json.Number("99.90"), "Date_of_Birth": "2000-12-31",
		"Seen": "2026-07-01", "Renewed": "2026-07-01T00:00:00+05:30", "VIP": true, "Stage": "Reopened", "Interests": []string{"Sailing", "Chess"},
		"Owner": map[string]string{"id": zohosim.DefaultPersonID}, "Bio": "short",
	})
	s.awaitIdle()
	s.checkShown(h, map[string]any{
		"lastname": "Roe", "email": "jane@example.org", "phone": "+4930123456", "website": "http://example.org", "org_domain": "example.org",
		"country": "Germany", "score": "0.000125", "numberofemployees": "7", "annualrevenue": "99.9", "born": "2000-12-31",
		"seen_at": "2026-07-01T04:00:00Z", "renewed_at": "2026-06-30T18:30:00Z", "vip": "true", "hs_lead_status": "OPEN",
		"interests": "chess;sail", "hubspot_owner_id": "41629780", "message": "short",
	})
	s.checkNothingChanges(h, z, "hs_language", "Department")
	if open := s.listFailures(); len(open) > 0 {
		s.Errorf("%d fields are parked: %v", len(open), open)
	}
}

// checkNothingChanges edits a field of either record that is not mapped, has all webhooks
// come again, and fails if anything is written.
func (s *scenario) checkNothingChanges(h, z crm.Ref, hubspot, zoho string) {
	s.Helper()
	before := map[crm.Ref]values{}
	for _, ref := range []crm.Ref{h, z} {
		v, err := s.readRecord(s.ctx, ref)
		s.must(err)
		before[ref] = v
	}
	s.resetCalls()
	s.typeValues(h, map[string]any{hubspot: "de"})
	s.typeValues(z, map[string]any{zoho: "Sales"})
	for _, system := range crm.Systems {
		s.must(s.redeliverWebhooks(s.ctx, system, 50))
	}
	s.awaitIdle()
	if a, b := s.countHubSpotCalls().writes, s.countZohoCalls().writes; a+b > 0 {
		s.Errorf("%d writes to HubSpot and %d to Zoho, though nothing mapped was edited", a, b)
	}
	for ref, old := range before {
		now, err := s.readRecord(s.ctx, ref)
		s.must(err)
		for _, name := range []string{hubspot, zoho, "lastmodifieddate", "Modified_Time", "Modified_By"} {
			delete(old, name)
			delete(now, name)
		}
		if diff := cmp.Diff(old, now); diff != "" {
			s.Errorf("%s changed (-before +after):\n%s", ref, diff)
		}
	}
	s.typeValues(h, map[string]any{hubspot: ""})
	s.typeValues(z, map[string]any{zoho: nil})
	s.awaitIdle()
}

// listFailures lists the open failures.
func (s *scenario) listFailures() []failure.Record {
	s.Helper()
	open, err := store.NewFailures(s.connectStore()).ListFailures(s.ctx, failure.Filter{}, 0)
	s.must(err)
	return open
}

// sortedMessages returns the messages of failures, sorted.
func sortedMessages(open []failure.Record) []string {
	var all []string
	for _, f := range open {
		all = append(all, f.Cause.Message())
	}
	slices.Sort(all)
	return all
}

// TestOwnersAreThePersonWithTheSameAddress: with a default for those who have no
// account on the other side, and without.
func TestOwnersAreThePersonWithTheSameAddress(t *testing.T) {
	t.Parallel()
	const alex, kim = "41629779", "41629780" // HubSpot's owners
	tests := map[string]struct {
		field string
		owner string
		want  string // Zoho's user
		open  []string
	}{
		"the same address":         {"type: owner", alex, alexInZoho, nil},
		"an inactive account":      {"type: owner, unknown: default, default: alex@example.com", kim, alexInZoho, nil},
		"no account and a default": {"type: owner, unknown: default, default: alex@example.com", "41629781", alexInZoho, nil},
		"an address that differs":  {"type: owner, values: {kim@example.com: alex@example.com}", kim, alexInZoho, nil},
		"no account, no default": {"type: owner", kim, zohosim.DefaultUserID,
			[]string{"An owner has no account on the other side: Owner (OWNER_UNKNOWN: owner)"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, withMapping("contacts:\n  fields:\n    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}\n"+
				"    email: {hubspot: email, zoho: Email, type: email}\n    city: {hubspot: city, zoho: Mailing_City}\n"+
				"    owner: {hubspot: hubspot_owner_id, zoho: Owner, "+tt.field+"}\n"), func(o *localStackOptions) {
				o.Zoho.Users = []zohosim.User{{ID: alexInZoho, Name: "Alex Owner", Email: "Alex@example.com"},
					{ID: zohosim.DefaultPersonID, Name: "Kim Keeper", Email: "kim@example.com", Inactive: true}}
			})
			h := s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "jane@example.com", "lastname": "Doe", "hubspot_owner_id": tt.owner}, time.Time{})
			s.awaitIdle()
			z := s.findCounterpart(h)
			owner := func() string {
				var r struct {
					Fields struct {
						Owner struct {
							ID string `json:"id"`
						}
					} `json:"fields"`
				}
				s.must(s.callControl(s.ctx, http.MethodGet, s.controlURL(z), nil, &r))
				return r.Fields.Owner.ID
			}
			if got := owner(); got != tt.want {
				s.Errorf("Zoho's owner is %q, want %q", got, tt.want)
			}
			if diff := cmp.Diff(tt.open, sortedMessages(s.listFailures())); diff != "" {
				s.Errorf("failures (-want +got):\n%s", diff)
			}
			// An edit of another field in Zoho does not change the owner in HubSpot.
			s.mustEdit(z, values{"Mailing_City": "Oslo"}, time.Time{})
			s.awaitIdle()
			s.checkValues(h, values{"city": "Oslo", "hubspot_owner_id": tt.owner})
			s.checkWrites(3, 4)
		})
	}
}
