package hubspotsim

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// TestManyWritersAtOnce lets creates, edits, searches and merges collide, with
// faults, and then checks what must always hold.
func TestManyWritersAtOnce(t *testing.T) {
	hook := listen(t)
	w := start(t, Config{WebhookURL: hook.url, Seed: 5})
	w.Faults.Add(sim.Fault{Status: 502, After: true, Rate: 0.1})
	w.Events.SetChaos(sim.Chaos{Duplicate: 0.2, Reorder: 0.5, Delay: sim.Duration(time.Millisecond)})
	direct := func(method, path, body string) {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+DefaultAccessToken)
		r.Header.Set("Content-Type", "application/json")
		w.ServeHTTP(httptest.NewRecorder(), r)
	}
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 12 {
				email := fmt.Sprintf("%d@example.com", i) // all workers want the same addresses
				direct("POST", contactsBatch+"create", `{"inputs":[{"objectWriteTraceId":"x","properties":{"email":"`+email+`","lastname":"A"}}]}`)
				direct("PATCH", "/crm/objects/2026-09/contacts/"+email+"?idProperty=email", fmt.Sprintf(`{"properties":{"lastname":"%d-%d"}}`, worker, i))
				direct("POST", "/crm/objects/2026-09/contacts/search", `{"query":"example"}`)
			}
		})
	}
	all.Wait()
	w.Faults.Clear()
	w.settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.kinds[0]
	if len(k.records) != 12 || len(k.unique["email"]) != 12 {
		t.Errorf("%d contacts with %d addresses, want 12", len(k.records), len(k.unique["email"]))
	}
	for _, r := range k.records {
		if k.unique["email"][r.get("email")] != r.id {
			t.Errorf("the index does not lead to %d", r.id)
		}
		for name, h := range r.history {
			ordered := slices.IsSortedFunc(h, func(a, b version) int { return a.at.Compare(b.at) })
			twice := slices.ContainsFunc(h[1:], func(v version) bool { return v.at.Equal(h[0].at) })
			if !ordered || twice {
				t.Errorf("the history of %s is not in order", name)
			}
		}
	}
	if got := brief(hook.sofar()); slices.Index(got, "contact.creation") < 0 {
		t.Errorf("no creation among %d events", len(got))
	}
}
