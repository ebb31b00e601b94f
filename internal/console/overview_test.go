package console_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// cell counts n operations of an outcome that took 100 ms and were as far behind.
func cell(outcome string, n int, behind time.Duration) stats.Cell {
	var c stats.Cell
	c.Merge(stats.Cell{Outcomes: map[string]int{outcome: n}, Calls: 3 * n,
		Took: stats.Histogram{stats.BucketOf(100 * time.Millisecond): n}, Delay: stats.Histogram{stats.BucketOf(behind): n}})
	return c
}

func (b *scenario) save(hours ...stats.Hour) {
	b.Helper()
	for _, h := range hours {
		if err := b.stats.SaveHour(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *scenario) setToken(t zoho.TokenState) {
	b.Helper()
	if _, err := b.tokens.ChangeToken(b.Context(), func(s *zoho.TokenState) error { *s = t; return nil }); err != nil {
		b.Fatal(err)
	}
}

// holds looks for texts in a page.
func (b *scenario) holds(query string, want ...string) {
	b.Helper()
	w := b.get(query)
	page := strings.Join(strings.Fields(w.Body.String()), " ")
	for _, text := range want {
		if w.Code != http.StatusOK || !strings.Contains(page, text) {
			b.Errorf("%s lacks %q: status %d", query, text, w.Code)
		}
	}
}

func TestTheOverviewAddsUpWhatAllInstancesCounted(t *testing.T) {
	b := newScenario(t)
	b.clock.now = start.Add(50 * time.Minute)
	b.setToken(zoho.TokenState{Token: zoho.Token{AccessToken: "x", Expiry: b.clock.now.Add(40 * time.Minute)}, RefreshedAt: start})
	b.save(
		stats.Hour{Instance: "a", Start: start, Cells: map[int]stats.Cell{8: cell("updated", 700, 200*time.Millisecond)},
			Quotas: map[crm.System]stats.Quota{crm.HubSpot: {Left: 600_000, Limit: 625_000, At: start}}},
		stats.Hour{Instance: "b", Start: start, Cells: map[int]stats.Cell{8: cell("created", 300, 200*time.Millisecond)},
			Quotas: map[crm.System]stats.Quota{crm.HubSpot: {Left: 599_000, Limit: 625_000, At: start.Add(time.Minute)}}},
		stats.Hour{Instance: "a", Start: start.Add(-4 * time.Hour), Cells: map[int]stats.Cell{0: cell("parked", 5, time.Second)}},
	)
	b.holds("", "Healthy", "<dd>1,000</dd>", "updated <strong>700</strong>", "created <strong>300</strong>",
		"<dd>3.0</dd>", "599,000 of 625,000 today", "valid for 40 min", "no channel is open", "<code>abc</code>")
	if page := b.get("").Body.String(); strings.Contains(page, "refused, on record") {
		t.Error("what happened four hours ago is counted among three hours")
	}
	b.holds("?page=overview&window=24h", "<dd>1,005</dd>", "refused, on record <strong>5</strong>")
}

func TestTheOverviewSaysWhatToLookAt(t *testing.T) {
	b := newScenario(t)
	b.clock.now = start.Add(10 * time.Minute)
	b.record(failedRecord("1", "A"), failedRecord("2", "A"))
	b.setToken(zoho.TokenState{RefreshedAt: start.Add(-2 * time.Hour), FailedAt: start, Failure: "invalid_code",
		Token: zoho.Token{AccessToken: "x", Expiry: start}})
	b.save(stats.Hour{Instance: "a", Start: start, Cells: map[int]stats.Cell{1: cell("updated", 9, 5*time.Minute)},
		Quotas: map[crm.System]stats.Quota{crm.HubSpot: {Left: 100, Limit: 625_000, At: start}}})
	b.holds("", "Needs attention", "2 failures are open", "invalid_code", "Operations wait longer than a minute", "HubSpot has 100 calls left today")
}

func TestActivityShowsTheLatestOperationsOfAllInstancesOnce(t *testing.T) {
	b := newScenario(t)
	b.clock.now = start.Add(time.Minute)
	one := stats.Operation{At: start, ID: "one", Ref: contact(crm.HubSpot, "1"), Change: "created", Outcome: "created",
		Written: []string{"zoho:email", "zoho:phone"}, Calls: 4, Took: 120 * time.Millisecond, Delay: 300 * time.Millisecond}
	two := stats.Operation{At: start.Add(time.Second), ID: "two", Ref: contact(crm.Zoho, "2"), Change: "updated", Outcome: stats.Repeated, Reason: "RATE"}
	b.save(stats.Hour{Instance: "a", Start: start.Add(-time.Hour), Latest: []stats.Operation{one}},
		stats.Hour{Instance: "a", Start: start, Latest: []stats.Operation{one}}, stats.Hour{Instance: "b", Start: start, Latest: []stats.Operation{two}})
	b.holds("?page=activity", "HubSpot contact 1", "Zoho CRM: email, phone", "waiting for another attempt", "RATE", "120 ms", "300 ms")
	if page := b.get("?page=activity").Body.String(); strings.Count(page, "<tr>") != 3 || strings.Index(page, "Zoho CRM contact 2") > strings.Index(page, "HubSpot contact 1") {
		t.Errorf("want a heading and two rows, the newest first:\n%s", page)
	}
}

func TestTheMappingIsShownWithWhatDoesNotFit(t *testing.T) {
	b := newScenario(t)
	b.holds("?page=mapping", "last_name", "Last_Name", "required by Zoho CRM", "Findings", "shows no fields of contacts")
	b.schemas[crm.Zoho].(*schema).err = &crm.Error{System: crm.Zoho, Action: "schema", Kind: crm.Unavailable, Err: errors.New("x")}
	b.holds("?page=mapping", "last_name", "The mapping could not be compared")
}
