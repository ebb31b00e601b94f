package failure

import (
	"cmp"
	"slices"
	"time"
)

// Group holds the failures of one cause, which a person can fix at once.
type Group struct {
	Cause    string    `json:"cause"`
	Task     string    `json:"task"` // "update company in Zoho CRM"
	Message  string    `json:"message"`
	Remedy   string    `json:"remedy"`
	Failures int       `json:"failures"`
	Count    int       `json:"operations"` // that failed
	First    time.Time `json:"first_seen"`
	Last     time.Time `json:"last_seen"`
	Rows     []Row     `json:"rows"`
}

// Row is one failure of a group.
type Row struct {
	ID       string    `json:"id"`
	Ref      string    `json:"record,omitempty"`
	Target   string    `json:"written_to,omitempty"`
	Count    int       `json:"operations"`
	Last     time.Time `json:"last_seen"`
	Resolved time.Time `json:"resolved_at,omitzero"`
}

// GroupByCause groups failures by cause, the largest group first, the latest
// failure of each first.
func GroupByCause(failures []Record) []Group {
	byCause := map[string]*Group{}
	var order []string
	for _, r := range failures {
		id := r.Cause.ID()
		g := byCause[id]
		if g == nil {
			g = &Group{Cause: id, Task: r.DescribeTask(), Message: r.Cause.Message(), Remedy: r.Cause.Remedy(), First: r.FirstSeen}
			byCause[id] = g
			order = append(order, id)
		}
		g.addRecord(r)
	}
	groups := make([]Group, 0, len(order))
	for _, id := range order {
		g := byCause[id]
		slices.SortFunc(g.Rows, func(a, b Row) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) })
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Failures, a.Failures), b.Last.Compare(a.Last), cmp.Compare(a.Cause, b.Cause))
	})
	return groups
}

func (g *Group) addRecord(r Record) {
	row := Row{ID: r.ID, Count: r.Count, Last: r.LastSeen, Resolved: r.ResolvedAt}
	if r.Ref.RecordID != "" {
		row.Ref = r.Ref.String()
	}
	if r.Record.RecordID != "" {
		row.Target = r.Record.String()
	}
	g.Rows = append(g.Rows, row)
	g.Failures++
	g.Count += r.Count
	if r.FirstSeen.Before(g.First) {
		g.First = r.FirstSeen
	}
	if r.LastSeen.After(g.Last) {
		g.Last = r.LastSeen
	}
}
