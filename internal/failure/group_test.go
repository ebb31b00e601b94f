package failure_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
)

func TestFailuresOfOneCauseAreOneGroupTheLargestFirst(t *testing.T) {
	all := someFailures(t) // a and c have one cause
	all[2].FirstSeen, all[2].Count = start.Add(-time.Hour), 4
	groups := failure.GroupByCause(all)
	if len(groups) != 4 {
		t.Fatalf("%d groups, want 4", len(groups))
	}
	got := groups[0]
	want := failure.Group{
		Cause: all[0].Cause.ID(), Task: got.Task, Message: all[0].Cause.Message(), Remedy: all[0].Cause.Remedy(),
		Failures: 2, Count: all[0].Count + 4, First: start.Add(-time.Hour), Last: start.Add(2 * time.Minute),
		Rows: []failure.Row{
			{ID: all[2].ID, Ref: all[2].Ref.String(), Target: all[2].Record.String(), Count: 4, Last: all[2].LastSeen},
			{ID: all[0].ID, Ref: all[0].Ref.String(), Target: all[0].Record.String(), Count: all[0].Count, Last: all[0].LastSeen},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("first group (-want +got):\n%s", diff)
	}
	if got.Task == "" || got.Remedy == "" {
		t.Errorf("task %q, remedy %q", got.Task, got.Remedy)
	}
}

func TestAFilterByKindSelectsWhatIsAboutSuchRecords(t *testing.T) {
	for _, r := range someFailures(t) {
		for _, kind := range crm.Kinds {
			want := r.Ref.Kind == kind || r.Record.Kind == kind
			if got := (failure.Filter{Kind: kind}).Matches(r); got != want {
				t.Errorf("%s among those of kind %s: %t", r.Ref, kind, got)
			}
		}
	}
}
