package reconcile

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// SystemNames are what people call the two systems.
var SystemNames = map[crm.System]string{crm.HubSpot: "HubSpot", crm.Zoho: "Zoho"}

// causes say what a difference comes from, with %s for the side, and what to
// do about it.
var causes = map[syncer.Cause]struct{ text, remedy string }{
	syncer.Unseen:        {"edited in %s, and not heard of", "connector reconcile"},
	syncer.UnseenBoth:    {"edited on both sides, and not heard of", "connector reconcile"},
	syncer.Unverified:    {"a write to %s was not confirmed", "connector reconcile"},
	syncer.Unknown:       {"never compared under this HASH_KEY", "connector backfill"},
	syncer.Unexplained:   {"nothing explains it", "connector explain one of them"},
	syncer.Lost:          {"the value that was decided is nowhere to be found", "connector failures"},
	syncer.RefusedValue:  {"%s refused the value", "connector failures"},
	syncer.KeptOtherForm: {"%s stores it in a form of its own", "nothing"},
	syncer.KeptClear:     {"cleared in %s, which the mapping does not pass on", "nothing"},
	syncer.FilledIn:      {"%s filled it in, and no person has edited it", "nothing"},
	syncer.NoCounterpart: {"%s does not have the company, and the mapping creates none", "nothing"},
	syncer.CompanyLinked: {"the company was linked after the contact was synchronised", "Synchronise now, on its page of the console"},
	syncer.KeptOneWay:    {"the mapping does not write %s", "nothing"},
}

// Text writes the report for people. With examples it names some records of
// each difference.
func (r DriftReport) Text(w io.Writer, examples bool) error {
	if r.Clean() {
		fmt.Fprintf(w, "%d pairs compared: nothing differs that should be equal.\n", r.Pairs)
	} else {
		fmt.Fprintf(w, "%d pairs compared: %d differ.\n", r.Pairs, r.Differing)
	}
	for _, s := range crm.Systems {
		if n := r.Gone[s]; n > 0 {
			fmt.Fprintf(w, "%d pairs have lost their record in %s, and nothing told of it: connector reconcile\n", n, SystemNames[s])
		}
		if n := r.Moved[s]; n > 0 {
			fmt.Fprintf(w, "%d pairs have a record in %s that was merged into another, and nothing told of it: connector reconcile\n", n, SystemNames[s])
		}
	}
	if r.Unread > 0 {
		fmt.Fprintf(w, "%d pairs could not be read, the last one because of: %s\n", r.Unread, r.Err)
	}
	if len(r.Fields) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nFIELD\tPAIRS\tLIKELY CAUSE\tWHAT TO DO")
	for _, f := range r.Fields {
		cause := causes[f.Cause]
		text := cause.text
		if strings.Contains(text, "%s") {
			text = fmt.Sprintf(text, SystemNames[f.Side])
		}
		if f.Code != "" {
			text += " (" + f.Code + ")"
		}
		fmt.Fprintf(t, "%s %s\t%d\t%s\t%s\n", f.Kind, f.Field, f.Records, text, cause.remedy)
		if examples {
			for _, e := range f.Examples {
				fmt.Fprintf(t, "  %s\t\t\t\n", e)
			}
		}
	}
	return t.Flush()
}
