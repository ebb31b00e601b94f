package syncer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// comparison is a pair that agrees in the field "city", to be spoiled.
type comparison struct {
	link Link
	base merge.Base // of the city
	city map[crm.System]string
}

func TestADifferenceIsExplainedByTheLink(t *testing.T) {
	m, err := mapping.Parse([]byte(`version: 1
contacts:
  match: [email]
  fields:
    email: {hubspot: email, zoho: Email, type: email}
    last_name: {hubspot: lastname, zoho: Last_Name, required: [zoho]}
    city: {hubspot: city, zoho: Mailing_City}
    job: {hubspot: jobtitle, zoho: Title, direction: to_zoho}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := &Syncer{Config: Config{Mapping: m}, hash: hasher{[]byte("a key of sixteen")}}
	hash := func(text string) merge.Hash { return s.hash.hashValue(crm.Contact, "city", text).Hash }
	tests := map[string]struct {
		spoil func(*comparison)
		want  []Difference
	}{
		"nothing differs":                        {func(*comparison) {}, nil},
		"a difference in spelling alone is none": {func(c *comparison) { c.city[crm.Zoho] = " Paris " }, nil},
		"HubSpot was edited":                     {func(c *comparison) { c.city[crm.HubSpot] = "Rome" }, []Difference{{"city", Unseen, crm.HubSpot, ""}}},
		"Zoho was cleared":                       {func(c *comparison) { c.city[crm.Zoho] = "" }, []Difference{{"city", Unseen, crm.Zoho, ""}}},
		"both were edited": {func(c *comparison) { c.city[crm.HubSpot], c.city[crm.Zoho] = "Rome", "Oslo" },
			[]Difference{{"city", UnseenBoth, "", ""}}},
		"Zoho refused it": {func(c *comparison) {
			c.city[crm.Zoho], c.base.Zoho.Shown = "Oslo", hash("Oslo")
			c.base.Zoho.Refused = merge.Refusal{Hash: hash("Paris"), Code: "INVALID_DATA"}
		}, []Difference{{"city", RefusedValue, crm.Zoho, "INVALID_DATA"}}},
		"it was not confirmed": {func(c *comparison) { c.city[crm.Zoho], c.base.Zoho.Shown, c.base.Zoho.Pending = "", "", true },
			[]Difference{{"city", Unverified, crm.Zoho, ""}}},
		"clearing was not passed on": {func(c *comparison) { c.city[crm.HubSpot], c.base.HubSpot.Shown, c.base.HubSpot.Blank = "", "", true },
			[]Difference{{"city", KeptClear, crm.HubSpot, ""}}},
		"Zoho stores another form": {func(c *comparison) {
			c.city[crm.Zoho], c.base.Zoho.Shown = "PARIS", hash("PARIS")
			c.base.Zoho.StoredForm = merge.StoredForm{Sent: hash("Paris"), Stored: hash("PARIS"), Count: 2}
		}, []Difference{{"city", KeptOtherForm, crm.Zoho, ""}}},
		"no cause is known": {func(c *comparison) { c.city[crm.Zoho], c.base.Zoho.Shown = "Oslo", hash("Oslo") }, []Difference{{"city", Unexplained, crm.Zoho, ""}}},
		"Zoho filled it in": {func(c *comparison) {
			c.base = merge.Base{Zoho: merge.SideBase{Shown: hash("Oslo"), Seen: 1}}
			c.city[crm.HubSpot], c.city[crm.Zoho] = "", "Oslo"
		}, []Difference{{"city", FilledIn, crm.Zoho, ""}}},
		"what was decided is lost": {func(c *comparison) {
			c.city[crm.HubSpot], c.base.HubSpot.Shown = "Rome", hash("Rome")
			c.city[crm.Zoho], c.base.Zoho.Shown = "Oslo", hash("Oslo")
		}, []Difference{{"city", Lost, "", ""}}},
		"the key of hashes is another": {func(c *comparison) { c.city[crm.Zoho], c.link.HashID = "Oslo", "another" }, []Difference{{"city", Unknown, "", ""}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := &comparison{
				link: Link{Kind: crm.Contact, HashID: s.hash.keyID()},
				base: merge.Base{Cell: merge.Cell{Hash: hash("Paris"), Stamp: merge.Stamp{Side: crm.HubSpot}}},
				city: map[crm.System]string{crm.HubSpot: "Paris", crm.Zoho: "Paris"},
			}
			c.base.HubSpot.Shown, c.base.Zoho.Shown = hash("Paris"), hash("Paris")
			tt.spoil(c)
			c.link.Fields = map[string]merge.Base{"city": c.base}
			got, err := s.Compare(t.Context(), c.link, map[crm.System]crm.Record{
				crm.HubSpot: {Fields: map[string]string{"city": c.city[crm.HubSpot]}},
				crm.Zoho:    {Fields: map[string]string{"Mailing_City": c.city[crm.Zoho]}},
			})
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v, differences (-want +got):\n%s", err, diff)
			}
		})
	}
	job := s.hash.hashValue(crm.Contact, "job", "Poet").Hash
	link := Link{Kind: crm.Contact, HashID: s.hash.keyID(), Fields: map[string]merge.Base{
		"job": {Cell: merge.Cell{Hash: s.hash.hashValue(crm.Contact, "job", "Novelist").Hash, Stamp: merge.Stamp{Side: crm.Zoho}}, HubSpot: merge.SideBase{Shown: job},
			Zoho: merge.SideBase{Shown: s.hash.hashValue(crm.Contact, "job", "Novelist").Hash}}}}
	got, err := s.Compare(t.Context(), link, map[crm.System]crm.Record{
		crm.HubSpot: {Fields: map[string]string{"jobtitle": "Poet"}}, crm.Zoho: {Fields: map[string]string{"Title": "Novelist"}},
	})
	if diff := cmp.Diff([]Difference{{"job", KeptOneWay, crm.HubSpot, ""}}, got); err != nil || diff != "" {
		t.Errorf("a side that is not written: %v (-want +got):\n%s", err, diff)
	}
}
