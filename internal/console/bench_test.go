package console_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hubspot-zoho/connector/internal/console"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

const (
	manyLinks    = 100_000
	manyFailures = 10_000
)

// linked explains a record from its link alone: what the CRMs take is theirs.
type linked struct {
	*records
	links *store.Links
}

func (l linked) Explain(ctx context.Context, ref crm.Ref) (syncer.Explanation, error) {
	e := explained()
	var err error
	e.Link, e.Linked, err = l.links.FindLink(ctx, ref)
	return e, err
}

func fillLinks(b *testing.B, links *store.Links) {
	b.Helper()
	var g errgroup.Group
	g.SetLimit(64)
	for i := range manyLinks {
		link := syncer.Link{ID: uuid.NewString(), Kind: crm.Contact}
		link.HubSpot.RecordID, link.Zoho.RecordID = fmt.Sprint(i+1), fmt.Sprint(i+1)
		link.HubSpot.ReadAt, link.Zoho.ReadAt = start, start
		g.Go(func() error { _, err := links.SaveLink(b.Context(), link); return err })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPages reads each page with 100,000 links, 10,000 open failures of 20
// causes and three days of stats in the store. ms/median is the one to look at.
func BenchmarkPages(b *testing.B) {
	db := newDatabase(b)
	failures, links := store.NewFailures(db), store.NewLinks(db)
	fillLinks(b, links)
	var g errgroup.Group
	g.SetLimit(16)
	var one failure.Record
	for i := range manyFailures {
		r := failedRecord(fmt.Sprint(i+1), fmt.Sprintf("CODE_%d", i%20))
		r.LastSeen = start.Add(time.Duration(i) * time.Second)
		one = r.WithID()
		g.Go(func() error { return failures.Record(b.Context(), r) })
	}
	for i := range 3 * 24 * 4 {
		h := stats.Hour{Instance: fmt.Sprint(i % 4), Start: start.Add(-time.Duration(i/4) * time.Hour), Cells: map[int]stats.Cell{}}
		for n := range 12 {
			h.Cells[n] = cell("updated", 100, time.Second)
		}
		g.Go(func() error { return store.NewStats(db).SaveHour(b.Context(), h) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	c, err := console.New(console.Config{
		Gate: gate{}, Failures: failures, Records: linked{&records{}, links}, Clock: &clock{start}, NewID: uuid.NewString,
		Stats: store.NewStats(db), Token: store.NewTokens(db), Channels: store.NewChannels(db), Mapping: mapping.Default(),
		Schemas: map[crm.System]console.Schemer{crm.HubSpot: &schema{}, crm.Zoho: &schema{}},
		Topics:  map[crm.System]failure.Publisher{crm.HubSpot: &topic{}, crm.Zoho: &topic{}},
		Key:     []byte("a key of sixteen bytes"), Logger: slog.New(slog.NewJSONHandler(&bytes.Buffer{}, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, page := range []string{"?page=overview", "?page=overview&window=24h", "?page=failures", "?page=failures&cause=" + one.Cause.ID(),
		"?page=failure&id=" + one.ID, "?page=record&ref=zoho/contact/5000", "?page=mapping", "?page=activity"} {
		b.Run(page[6:min(len(page), 24)], func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/"+page, http.NoBody)
				r.Header.Set("Test-Who", "ada@example.com")
				w, begun := httptest.NewRecorder(), time.Now()
				c.ServeHTTP(w, r)
				times = append(times, time.Since(begun))
				if w.Code != http.StatusOK {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/median")
		})
	}
}
