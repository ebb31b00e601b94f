package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/stats"
)

const (
	// activityTime is how far back the list reaches, and activityRows how long
	// it is.
	activityTime = 2 * time.Hour
	activityRows = 100
)

// activityData is the latest operations.
type activityData struct{ Rows []operationData }

// operationData is one attempt at an operation.
type operationData struct {
	stats.Operation
	Record place
	Words  string
	Why    string // the reason in words, or the code of the failure
	Wrote  string
	Bad    bool
}

func (c *Console) activityPage(v request) (shownPage, error) {
	hours, err := c.Stats.LoadHours(v.Context(), v.now.Add(-activityTime), true)
	if err != nil {
		return shownPage{}, err
	}
	var d activityData
	for _, o := range latestOperations(hours) {
		d.Rows = append(d.Rows, c.newOperationData(o))
	}
	return shownPage{"activity", "Activity", d}, nil
}

// latestOperations merges what the instances did last, the newest first. An instance
// repeats its last operations in the next hour.
func latestOperations(hours []stats.Hour) []stats.Operation {
	var all []stats.Operation
	for _, h := range hours {
		all = append(all, h.Latest...)
	}
	slices.SortStableFunc(all, func(a, b stats.Operation) int {
		if byTime := b.At.Compare(a.At); byTime != 0 {
			return byTime
		}
		return strings.Compare(a.ID, b.ID)
	})
	all = slices.CompactFunc(all, func(a, b stats.Operation) bool { return a.ID == b.ID && a.At.Equal(b.At) })
	return all[:min(len(all), activityRows)]
}

func (c *Console) newOperationData(o stats.Operation) operationData {
	d := operationData{Operation: o, Record: c.newPlace(o.Ref), Words: outcomeText(o.Outcome), Why: cmp.Or(failurecode.Reason(o.Reason).Text(), o.Reason)}
	d.Bad = o.Outcome == "parked" || o.Outcome == stats.GivenUp || o.Outcome == stats.Repeated || len(o.Refused) > 0
	var wrote []string
	for _, s := range crm.Systems {
		var fields []string
		for _, w := range o.Written {
			if name, found := strings.CutPrefix(w, string(s)+":"); found {
				fields = append(fields, name)
			}
		}
		if len(fields) > 0 {
			wrote = append(wrote, systemName(s)+": "+strings.Join(fields, ", "))
		}
	}
	d.Wrote = strings.Join(wrote, "; ")
	return d
}
