package mapping

import (
	"errors"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// contactField parses one field of a mapping, with a zone that is not UTC.
func contactField(t *testing.T, line string) *Field {
	t.Helper()
	m, err := Parse([]byte("zone: America/New_York\ncontacts:\n  create: none\n  match: key\n  fields:\n    key: {hubspot: key, zoho: Key}\n    f: " + line + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Object(crm.Contact).Field("f")
}

// TestWhatASideCannotHoldFollowsTheMapping: from is the raw value on the other
// side, want what is written, "" when the field is parked.
func TestWhatASideCannotHoldFollowsTheMapping(t *testing.T) {
	const table = ", values: {hot: Hot, cold: Cold}"
	tests := map[string]struct {
		field    string
		from     crm.System
		raw      string
		want     string
		wantBack string // how the written value reads, in canonical form
	}{
		"an unpaired option is parked":             {"{hubspot: r, zoho: R, type: picklist" + table + "}", crm.HubSpot, "mild", "", ""},
		"an unpaired option is parked when told":   {"{hubspot: r, zoho: R, type: picklist, unknown: park" + table + "}", crm.Zoho, "Mild", "", ""},
		"it passes when told":                      {"{hubspot: r, zoho: R, type: picklist, unknown: pass" + table + "}", crm.HubSpot, "mild", "mild", "mild"},
		"it passes back when told":                 {"{hubspot: r, zoho: R, type: picklist, unknown: pass" + table + "}", crm.Zoho, "Mild", "Mild", "Mild"},
		"it does not pass for a paired one":        {"{hubspot: r, zoho: R, type: picklist, unknown: pass" + table + "}", crm.HubSpot, "Hot", "", ""},
		"nor back":                                 {"{hubspot: r, zoho: R, type: picklist, unknown: pass" + table + "}", crm.Zoho, "hot", "", ""},
		"the default stands in":                    {"{hubspot: r, zoho: R, type: picklist, unknown: default, default: cold" + table + "}", crm.HubSpot, "mild", "Cold", "cold"},
		"the default may be named as Zoho does":    {"{hubspot: r, zoho: R, type: picklist, unknown: default, default: Cold" + table + "}", crm.Zoho, "Mild", "cold", "cold"},
		"a paired option needs none":               {"{hubspot: r, zoho: R, type: picklist, unknown: default, default: cold" + table + "}", crm.HubSpot, "hot", "Hot", "hot"},
		"a set with an unknown item is parked":     {"{hubspot: r, zoho: R, type: multipicklist" + table + "}", crm.HubSpot, "hot;mild", "", ""},
		"its unknown item passes when told":        {"{hubspot: r, zoho: R, type: multipicklist, unknown: pass" + table + "}", crm.HubSpot, "hot;mild", "Hot;mild", "hot;mild"},
		"the default stands in for its item":       {"{hubspot: r, zoho: R, type: multipicklist, unknown: default, default: cold" + table + "}", crm.HubSpot, "hot;mild;warm", "Cold;Hot", "cold;hot"},
		"a text is never cut off by itself":        {"{hubspot: t, zoho: T}", crm.HubSpot, "abcdef", "abcdef", "abcdef"},
		"a text is cut off where the mapping says": {"{hubspot: t, zoho: T, shorten: {zoho: 4}}", crm.HubSpot, "abc def", "abc", "abc"},
		"and nowhere else":                         {"{hubspot: t, zoho: T, shorten: {zoho: 4}}", crm.Zoho, "abcdef", "abcdef", "abcdef"},
		"characters are counted, not bytes":        {"{hubspot: t, zoho: T, shorten: {zoho: 4}}", crm.HubSpot, "äöüß€", "äöüß", "äöüß"},
		"a text that fits stays whole":             {"{hubspot: t, zoho: T, shorten: {zoho: 4}}", crm.HubSpot, "äöüß", "äöüß", "äöüß"},
		"an owner is an address":                   {"{hubspot: hubspot_owner_id, zoho: Owner, type: owner}", crm.HubSpot, "Jane@Example.com", "jane@example.com", "jane@example.com"},
		"an owner's address may differ":            {"{hubspot: hubspot_owner_id, zoho: Owner, type: owner, values: {jane@a.com: j.doe@b.com}}", crm.HubSpot, "Jane@a.com", "j.doe@b.com", "jane@a.com"},
		"and comes back as the other":              {"{hubspot: hubspot_owner_id, zoho: Owner, type: owner, values: {jane@a.com: J.Doe@b.com}}", crm.Zoho, "j.doe@b.com", "jane@a.com", "jane@a.com"},
		"an owner that is gone is parked":          {"{hubspot: hubspot_owner_id, zoho: Owner, type: owner}", crm.HubSpot, "41629779", "", ""},
		"or left to the side that has a default":   {"{hubspot: hubspot_owner_id, zoho: Owner, type: owner, unknown: default, default: pat@b.com}", crm.HubSpot, "41629779", "hubspot:41629779", "hubspot:41629779"},
		"a date-time has its day where it is read": {"{hubspot: d, zoho: D, type: date, datetime: hubspot}", crm.HubSpot, "2026-11-24T02:30:00Z", "2026-11-23", "2026-11-23"},
		"a date in milliseconds stays that day":    {"{hubspot: d, zoho: D, type: date, datetime: zoho}", crm.HubSpot, "1767225600000", "2026-01-01T05:00:00+00:00", "2026-01-01"},
		"a day begins at midnight of the zone":     {"{hubspot: d, zoho: D, type: date, datetime: hubspot}", crm.Zoho, "2026-07-01", "2026-07-01T04:00:00Z", "2026-07-01"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, to := contactField(t, tt.field), tt.from.Other()
			canon := f.Canon(tt.from, tt.raw)
			v, err := f.Render(to, canon)
			if v.Text != tt.want || errors.Is(err, ErrUnmappable) != (tt.want == "") {
				t.Fatalf("written as %q, %v, want %q", v.Text, err, tt.want)
			}
			if err != nil {
				return
			}
			if back := f.Canon(to, v.Text); back != tt.wantBack || f.Stored(to, canon) != tt.wantBack {
				t.Errorf("reads back as %q, announced as %q, want %q", back, f.Stored(to, canon), tt.wantBack)
			}
		})
	}
}

func TestAnOwnerWithADefaultIsWrittenWithIt(t *testing.T) {
	f := contactField(t, "{hubspot: hubspot_owner_id, zoho: Owner, type: owner, unknown: default, default: pat@b.com}")
	v, err := f.Render(crm.Zoho, "jane@a.com")
	if want := (crm.Value{Type: crm.OwnedBy, Text: "jane@a.com", Otherwise: "pat@b.com"}); err != nil || v != want {
		t.Errorf("got %+v, %v, want %+v", v, err, want)
	}
	if f.Clear != Keep {
		t.Error("a record without owner would be cleared on the other side, where each has one")
	}
}
