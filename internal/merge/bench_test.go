package merge

import (
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// BenchmarkField decides a field that a person edited in Zoho, beside a history
// of twenty entries in HubSpot.
func BenchmarkField(b *testing.B) {
	old, edited := value("old"), value("edited")
	var history []Edit
	for i := range 20 {
		history = append(history, Edit{Value: old, At: int64(1_000_000 - i*1000), Own: i%2 == 0})
	}
	base := Base{Cell: Cell{Hash: old.Hash, Stamp: Stamp{At: 1_000_000, RawAt: 1_000_000, Side: crm.HubSpot}}}
	base.HubSpot = SideBase{Seen: 1_000_000, Shown: old.Hash}
	base.Zoho = SideBase{Seen: 1_000_000, Shown: old.Hash}
	hubspot := Side{Current: old, Edits: history}
	zoho := Side{Current: edited, Edits: []Edit{{Value: edited, At: 2_000_000, Bounded: true}}, ReadAt: 2_000_000}
	b.ReportAllocs()
	for b.Loop() {
		if r := Field(Policy{Preferred: crm.Zoho}, base, hubspot, zoho); !r.WriteHubSpot {
			b.Fatal("the edit is lost")
		}
	}
}
