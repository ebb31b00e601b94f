// Package docstoretest holds a Firestore server to its contract, through the
// client that production code uses. The embedded store and Google's emulator
// must both pass, so that what is proven on one may be believed of the other.
package docstoretest

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// limit bounds one test; Google's emulator takes its time over contention.
const limit = 60 * time.Second

// Run runs the suite. client returns a client of an empty database, a new one at
// every call (another project id will do), and closes it when its test ends.
func Run(t *testing.T, client func(t *testing.T) *firestore.Client) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"write", writeTests},
		{"update", updateTests},
		{"refused", refusedTests},
		{"race", raceTests},
		{"transaction", transactionTests},
		{"query", queryTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					tt.run(t, env{ctx: ctx, Client: client(t)})
				})
			}
		})
	}
}

type test struct {
	name string
	run  func(*testing.T, env)
}

// env is what a test works with.
type env struct {
	*firestore.Client
	ctx context.Context
}

// data is short for a document's fields.
type data = map[string]any

func (e env) set(t *testing.T, path string, d data) time.Time {
	t.Helper()
	w, err := e.Doc(path).Set(e.ctx, d)
	if err != nil {
		t.Fatalf("set %s: %v", path, err)
	}
	return w.UpdateTime
}

func (e env) get(t *testing.T, path string) *firestore.DocumentSnapshot {
	t.Helper()
	snap, err := e.Doc(path).Get(e.ctx)
	if err != nil {
		t.Fatalf("get %s: %v", path, err)
	}
	return snap
}

func (e env) wantData(t *testing.T, path string, want data) {
	t.Helper()
	if diff := cmp.Diff(want, e.get(t, path).Data()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func (e env) wantMissing(t *testing.T, path string) {
	t.Helper()
	_, err := e.Doc(path).Get(e.ctx)
	wantCode(t, "get "+path, err, codes.NotFound)
}

func (e env) wantIDs(t *testing.T, q firestore.Query, want ...string) {
	t.Helper()
	got, err := ids(q.Documents(e.ctx))
	if err != nil {
		t.Fatalf("query: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func ids(it *firestore.DocumentIterator) ([]string, error) {
	snaps, err := it.GetAll()
	var out []string
	for _, s := range snaps {
		out = append(out, s.Ref.ID)
	}
	return out, err
}

func wantCode(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("%s: code %v (%v), want %v", what, got, err, want)
	}
}

// code finds the gRPC code in an error that may be wrapped.
func code(err error) codes.Code {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return s.GRPCStatus().Code()
	}
	return status.Code(err)
}

// together runs f n times at once, from a common start, and returns their errors.
func together(n int, f func(i int) error) []error {
	start, done := make(chan struct{}), make(chan struct{}, n)
	errs := make([]error, n)
	for i := range n {
		go func() {
			<-start
			errs[i] = f(i)
			done <- struct{}{}
		}()
	}
	close(start)
	for range n {
		<-done
	}
	return errs
}
