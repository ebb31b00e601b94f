package reconcile

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/wording"
)

// SystemNames are what people call the two systems.
var SystemNames = map[crm.System]string{crm.HubSpot: "HubSpot", crm.Zoho: "Zoho"}

// causes name the cause of a difference, with %s for the side, and the remedy.
var causes = map[syncer.Cause]struct{ text, remedy string }{
	syncer.Unseen:        {"edited in %s, not synchronised yet", "connector reconcile"},
	syncer.UnseenBoth:    {"edited on both sides, not synchronised yet", "connector reconcile"},
	syncer.Unverified:    {"a write to %s was not confirmed", "connector reconcile"},
	syncer.Unknown:       {"never compared under this HASH_KEY", "connector backfill"},
	syncer.Unexplained:   {"no known cause", "connector explain one of them"},
	syncer.Lost:          {"neither side holds the value that was decided", "connector failures"},
	syncer.RefusedValue:  {"%s refused the value", "connector failures"},
	syncer.KeptOtherForm: {"%s stores the value in its own form", "nothing"},
	syncer.KeptClear:     {"cleared in %s; the mapping does not carry clears over", "nothing"},
	syncer.FilledIn:      {"%s filled it in; no person has edited it", "nothing"},
	syncer.NoCounterpart: {"%s does not have the company; the mapping creates none", "nothing"},
	syncer.CompanyLinked: {"the company was linked after the contact was synchronised", "Synchronise now, on its page of the console"},
	syncer.KeptOneWay:    {"the mapping does not write %s", "nothing"},
}

// WriteText writes the report for people. With examples it names some records of
// each difference.
func (r DriftReport) WriteText(w io.Writer, examples bool) error {
	if r.IsClean() {
		fmt.Fprintf(w, "%s compared: all mapped fields are in sync.\n", wording.Count(r.Pairs, "pair"))
	} else {
		fmt.Fprintf(w, "%s compared, %d out of sync.\n", wording.Count(r.Pairs, "pair"), r.Differing)
	}
	for _, s := range crm.Systems {
		if n := r.Deleted[s]; n > 0 {
			fmt.Fprintf(w, "%s: the record in %s was deleted, and the webhook was missed. Run connector reconcile.\n", wording.Count(n, "pair"), SystemNames[s])
		}
		if n := r.MergedAway[s]; n > 0 {
			fmt.Fprintf(w, "%s: the record in %s was merged into another, and the webhook was missed. Run connector reconcile.\n", wording.Count(n, "pair"), SystemNames[s])
		}
	}
	if r.Unread > 0 {
		fmt.Fprintf(w, "%s could not be read. The last error is: %s\n", wording.Count(r.Unread, "pair"), r.Err)
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
