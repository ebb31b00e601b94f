package stats

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

var start = time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)

// store keeps the last state of each hour, as a database would.
type store struct {
	mu     sync.Mutex
	hours  map[time.Time]Hour
	writes int
	err    error
}

func (s *store) SaveHour(_ context.Context, h Hour) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.err != nil {
		return s.err
	}
	if s.hours == nil {
		s.hours = map[time.Time]Hour{}
	}
	s.hours[h.Start] = h
	return nil
}

func (s *store) stored() (n int) {
	for _, h := range s.hours {
		for _, c := range h.Cells {
			n += c.CountOperations()
		}
	}
	return n
}

// TestManyOperationsCostFewWrites measures what counting costs at several rates,
// for one instance over half an hour.
func TestManyOperationsCostFewWrites(t *testing.T) {
	tests := map[string]struct {
		pause     time.Duration
		perWrite  int // operations at least
		writesMin int // writes a minute at most
	}{
		"500 a second":  {2 * time.Millisecond, 900, 30},
		"50 a second":   {20 * time.Millisecond, 90, 30},
		"5 a second":    {200 * time.Millisecond, 45, 7},
		"1 a second":    {time.Second, 45, 2},
		"12 a minute":   {5 * time.Second, 11, 1},
		"one a minute":  {time.Minute, 1, 1},
		"one in 10 min": {10 * time.Minute, 1, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := &store{}
			r := NewRecorder(Config{Store: s, Instance: "i", Every: time.Minute})
			n := 0
			const span = 30 * time.Minute
			for at := start; at.Before(start.Add(span)); at = at.Add(tt.pause) {
				if err := r.RecordOperation(t.Context(), Operation{At: at, Outcome: "updated"}); err != nil {
					t.Fatal(err)
				}
				n++
			}
			t.Logf("%d operations, %d writes: one for %d", n, s.writes, n/s.writes)
			if n/s.writes < tt.perWrite || s.writes > tt.writesMin*int(span/time.Minute)+2 {
				t.Errorf("%d operations, %d writes", n, s.writes)
			}
			if missing := n - s.stored(); missing >= 2*n/s.writes+maxPending {
				t.Errorf("%d of %d operations are not stored", missing, n)
			}
		})
	}
}

func TestAnHourThatIsOverIsStoredWhole(t *testing.T) {
	s := &store{}
	r := NewRecorder(Config{Store: s, Instance: "i", Every: time.Minute})
	for _, at := range []time.Duration{58*time.Minute + 50*time.Second, 59 * time.Minute, 59*time.Minute + 10*time.Second, 60*time.Minute + time.Second} {
		if err := r.RecordOperation(t.Context(), Operation{At: start.Add(at), Outcome: "created", Calls: 3, Took: 100 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
	}
	first, second := s.hours[start].Cells[11], s.hours[start.Add(time.Hour)].Cells[0]
	if first.CountOperations() != 3 || second.CountOperations() != 1 || first.Calls != 9 || len(s.hours[start.Add(time.Hour)].Latest) != 4 {
		t.Errorf("got %+v and %+v", first, second)
	}
}

func TestWhatCannotBeStoredIsStoredWithTheNext(t *testing.T) {
	s := &store{err: errors.New("down")}
	r := NewRecorder(Config{Store: s, Instance: "i"})
	if err := r.RecordOperation(t.Context(), Operation{At: start, Outcome: "created"}); err == nil {
		t.Error("no error")
	}
	s.err = nil
	if err := r.RecordOperation(t.Context(), Operation{At: start.Add(time.Second), Outcome: Repeated}); err != nil {
		t.Error(err)
	}
	if got := s.hours[start].Cells[0]; got.CountOperations() != 2 || got.Delay.Count() != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestManyWhoCountAtOnceLoseNothing(t *testing.T) {
	s := &store{}
	r := NewRecorder(Config{Store: s, Instance: "i"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if err := r.RecordOperation(t.Context(), Operation{At: start, Outcome: "updated"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s.stored() != 800 {
		t.Errorf("stored %d", s.stored())
	}
}

func TestQuantilesAreWithinATenth(t *testing.T) {
	h := Histogram{}
	for i := 1; i <= 1000; i++ {
		h.addDuration(time.Duration(i) * time.Millisecond)
	}
	for q, want := range map[float64]float64{0.5: 500, 0.95: 950, 0.99: 990} {
		got := float64(h.Quantile(q)) / float64(time.Millisecond)
		if got < want*0.89 || got > want*1.11 {
			t.Errorf("%v: %.0f ms, want about %.0f", q, got, want)
		}
	}
	if got := (Histogram{}).Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %s", got)
	}
}

type fixed struct{}

func (fixed) Now() time.Time { return start }

func TestAGaugeReadsWhatIsLeftFromAnswersThatSaySo(t *testing.T) {
	said := "7"
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Left", said) }))
	defer endpoint.Close()
	g := &QuotaGauge{}
	read := func(h http.Header) (int, int, bool) { return len(h.Get("Left")), 10, h.Get("Left") != "" }
	client := http.Client{Transport: g.WatchQuota(crm.Zoho, fixed{}, read, http.DefaultTransport)}
	for _, said = range []string{"7", ""} {
		res, err := client.Get(endpoint.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	if diff := cmp.Diff(map[crm.System]Quota{crm.Zoho: {1, 10, start}}, g.Quotas()); diff != "" {
		t.Error(diff)
	}
}
