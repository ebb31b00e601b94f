package soak

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// shownFaults is how many differences are printed in full.
const shownFaults = 25

// clockTime is how times are printed.
const clockTime = "15:04:05.000"

// oracle compares both CRMs with what people did.
type oracle struct {
	*testing.T
	*people
	found int
	own   int // entries in histories that are the connector's
}

func (o *oracle) wrong(format string, args ...any) {
	o.Helper()
	if o.found++; o.found <= shownFaults {
		o.Errorf(format, args...)
	}
}

// judge looks at everything.
func (o *oracle) judge(ctx context.Context) {
	for _, kind := range crm.Kinds {
		if err := o.judgeKind(ctx, kind); err != nil {
			o.Fatalf("look at every %s: %v", kind, err)
		}
	}
	if o.found > shownFaults {
		o.Errorf("and %d more", o.found-shownFaults)
	}
}

func (o *oracle) judgeKind(ctx context.Context, kind crm.Kind) error {
	hubspot, err := o.list(ctx, crm.HubSpot, kind, "")
	if err != nil {
		return err
	}
	zoho, err := o.list(ctx, crm.Zoho, kind, "")
	if err != nil {
		return err
	}
	inHubSpot, counterparts, inZoho := map[string]record{}, map[string][]record{}, map[string]record{}
	for _, r := range hubspot {
		inHubSpot[r.ID] = r
	}
	for _, r := range zoho {
		inZoho[r.ID] = r
		if id := r.text(counterpartField[crm.Zoho]); id != "" {
			counterparts[id] = append(counterparts[id], r)
		}
	}
	known, there := 0, 0
	for _, e := range o.entities {
		if e.kind != kind {
			continue
		}
		there++
		if e.zohoOnly {
			o.alone(e, inZoho[e.ids[crm.Zoho]])
			continue
		}
		known++
		h, id := inHubSpot[e.ids[crm.HubSpot]], e.ids[crm.HubSpot]
		if h.ID == "" || len(counterparts[id]) != 1 {
			o.wrong("%s %s of HubSpot has %d records in Zoho (in HubSpot itself: %t)", kind, id, len(counterparts[id]), h.ID != "")
			continue
		}
		if err := o.pair(ctx, e, h, counterparts[id][0].ID); err != nil {
			return err
		}
	}
	if len(hubspot) != known {
		o.wrong("HubSpot holds %d of kind %s, people made %d", len(hubspot), kind, known)
	}
	if len(zoho) != there {
		o.wrong("Zoho holds %d of kind %s, there should be %d", len(zoho), kind, there)
	}
	return nil
}

// alone checks a record that only Zoho has.
func (o *oracle) alone(e *entity, z record) {
	o.Helper()
	if z.ID == "" || z.text(counterpartField[crm.Zoho]) != "" {
		o.wrong("%s %s, only in Zoho: there %t, counterpart %q", e.kind, e.ids[crm.Zoho], z.ID != "", z.text(counterpartField[crm.Zoho]))
	}
	for i, f := range fields[e.kind] {
		if got := z.text(f.names[crm.Zoho]); got != e.cells[i].value {
			o.wrong("%s %s, only in Zoho: %s is %q, want %q", e.kind, z.ID, f.names[crm.Zoho], got, e.cells[i].value)
		}
	}
}

// pair checks the two records of an entity, and their histories.
func (o *oracle) pair(ctx context.Context, e *entity, h record, zohoID string) error {
	o.Helper()
	z, err := o.read(ctx, crm.Zoho, e.kind, zohoID)
	if err != nil {
		return err
	}
	if first := e.ids[crm.Zoho]; first != "" && first != z.ID {
		o.wrong("%s %s of HubSpot: the counterpart is %s, and was %s", e.kind, h.ID, z.ID, first)
	}
	if got := h.text(counterpartField[crm.HubSpot]); got != z.ID {
		o.wrong("%s %s of HubSpot names %q as its counterpart, which is %s", e.kind, h.ID, got, z.ID)
	}
	for i, f := range fields[e.kind] {
		c := &e.cells[i]
		for s, r := range map[crm.System]record{crm.HubSpot: h, crm.Zoho: z} {
			if got := r.text(f.names[s]); got != c.value {
				o.wrong("%s %s/%s: %s holds %q in %s, want %q of %s at %s\n%s", e.kind, h.ID, z.ID, s, got, f.names[s],
					c.value, c.side, c.at.UTC().Format(clockTime), o.history(f, h, z))
			}
			for _, entry := range r.entries(f.names[s]) {
				if !entry.own {
					continue
				}
				o.own++
				if entry.value != "" && !c.said[entry.value] {
					o.wrong("%s %s/%s: the connector wrote %q to %s of %s, which no person had typed", e.kind, h.ID, z.ID,
						entry.value, f.names[s], s)
				}
			}
		}
	}
	return nil
}

// history tells both histories of a field.
func (o *oracle) history(f field, h, z record) string {
	var out strings.Builder
	for s, r := range map[crm.System]record{crm.HubSpot: h, crm.Zoho: z} {
		for _, e := range r.entries(f.names[s]) {
			who := "a person"
			if e.own {
				who = "connector"
			}
			fmt.Fprintf(&out, "\t%s %s %s: %q\n", e.at.UTC().Format(clockTime), s, who, e.value)
		}
	}
	return out.String()
}
