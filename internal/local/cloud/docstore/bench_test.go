package docstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
)

// benchClients run the operation that each makes, under 16 goroutines a core, in
// memory and on disk, and report operations a second.
func benchClients(b *testing.B, op func(ctx context.Context, c *firestore.Client, worker int64) func() error) {
	for _, where := range []string{"memory", "disk"} {
		b.Run(where, func(b *testing.B) {
			var o docstore.Options
			if where == "disk" {
				o.Dir = b.TempDir()
			}
			c := newClient(b, serve(b, o))
			var workers atomic.Int64
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				do := op(b.Context(), c, workers.Add(1))
				for p.Next() {
					if err := do(); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

func BenchmarkTransaction(b *testing.B) {
	benchClients(b, func(ctx context.Context, c *firestore.Client, worker int64) func() error {
		doc, n := c.Doc(fmt.Sprintf("c/%d", worker)), 0
		return func() error {
			n++
			return c.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
				if _, err := tx.GetAll([]*firestore.DocumentRef{doc}); err != nil {
					return err
				}
				return tx.Set(doc, map[string]any{"n": n})
			})
		}
	})
}

func BenchmarkCompareAndSet(b *testing.B) {
	benchClients(b, func(ctx context.Context, c *firestore.Client, worker int64) func() error {
		doc, n := c.Doc(fmt.Sprintf("c/%d", worker)), 0
		last, setErr := doc.Set(ctx, map[string]any{"n": 0})
		return func() (err error) {
			if setErr != nil {
				return setErr
			}
			n++
			last, err = doc.Update(ctx, []firestore.Update{{Path: "n", Value: n}}, firestore.LastUpdateTime(last.UpdateTime))
			return err
		}
	})
}

func BenchmarkEqualityAmong100kDocuments(b *testing.B) {
	const docs = 100_000
	ctx := b.Context()
	c := newClient(b, serve(b, docstore.Options{}))
	for at := 0; at < docs; {
		if err := c.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
			for range 5000 {
				err := tx.Set(c.Doc(fmt.Sprintf("links/%07d", at)), map[string]any{"hubspot": fmt.Sprint(at), "zoho": fmt.Sprint(-at)})
				if err != nil {
					return err
				}
				at++
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		key := fmt.Sprint(i * 7919 % docs)
		found, err := c.Collection("links").Where("hubspot", "==", key).Limit(2).Documents(ctx).GetAll()
		if err != nil || len(found) != 1 {
			b.Fatalf("%d documents, %v", len(found), err)
		}
	}
}
