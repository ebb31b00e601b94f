package docstore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/firestore"
	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
)

// session opens the store in dir, lets f use it, and closes it.
func session(t *testing.T, dir string, f func(c *firestore.Client)) {
	t.Helper()
	addr, stop := start(t, docstore.Options{Dir: dir})
	defer stop()
	f(clientOf(t, addr, "kept"))
}

func put(t *testing.T, c *firestore.Client, id string, n int) time.Time {
	t.Helper()
	w, err := c.Collection("c").Doc(id).Set(t.Context(), map[string]any{"n": n})
	if err != nil {
		t.Fatal(err)
	}
	return w.UpdateTime
}

// wantKept reads all documents back, as id=n.
func wantKept(t *testing.T, c *firestore.Client, want ...string) {
	t.Helper()
	snaps, err := c.Collection("c").Documents(t.Context()).GetAll()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range snaps {
		got = append(got, fmt.Sprintf("%s=%v", s.Ref.ID, s.Data()["n"]))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

// newest returns the path of the newest file of a kind.
func newest(t *testing.T, dir, kind string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, kind+"-*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in %s: %v", kind, dir, err)
	}
	return slices.Max(files)
}

func TestRestartKeepsCommitsTimesAndDeletes(t *testing.T) {
	dir := t.TempDir()
	var updated time.Time
	session(t, dir, func(c *firestore.Client) {
		put(t, c, "a", 1)
		put(t, c, "gone", 1)
		updated = put(t, c, "a", 2)
		if _, err := c.Doc("c/gone").Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	for range 2 { // from the log, then from the snapshot
		session(t, dir, func(c *firestore.Client) {
			wantKept(t, c, "a=2")
			_, err := c.Doc("c/a").Update(t.Context(), []firestore.Update{{Path: "n", Value: 2}}, firestore.LastUpdateTime(updated))
			if err != nil {
				t.Errorf("compare-and-set across a restart: %v", err)
			}
		})
	}
}

func TestTornTailLosesOnlyTheUnfinishedCommit(t *testing.T) {
	for name, tear := range map[string]func([]byte) []byte{
		"cut within the payload":   func(b []byte) []byte { return b[:len(b)-3] },
		"last byte never written":  func(b []byte) []byte { return append(b[:len(b)-1], b[len(b)-1]^1) },
		"zeros after a power loss": func(b []byte) []byte { return append(b, make([]byte, 4096)...) },
		"half a header":            func(b []byte) []byte { return append(b, 9, 0, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			session(t, dir, func(c *firestore.Client) {
				put(t, c, "a", 1)
				put(t, c, "b", 1)
			})
			log := newest(t, dir, "log")
			whole, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			torn := tear(slices.Clone(whole))
			if err := os.WriteFile(log, torn, 0o600); err != nil {
				t.Fatal(err)
			}
			want := []string{"a=1", "b=1"}
			if len(torn) <= len(whole) {
				want = want[:1]
			}
			session(t, dir, func(c *firestore.Client) {
				wantKept(t, c, want...)
				put(t, c, "z", 1)
			})
			session(t, dir, func(c *firestore.Client) {
				wantKept(t, c, append(want, "z=1")...)
			})
		})
	}
}

func TestDamageBeforeTheEndIsReportedNotDropped(t *testing.T) {
	for name, at := range map[string]int{"in a payload": 40, "in a length": 8} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			session(t, dir, func(c *firestore.Client) {
				put(t, c, "a", 1)
				put(t, c, "b", 1)
			})
			damage(t, newest(t, dir, "log"), at)
			if _, err := docstore.New(docstore.Options{Dir: dir}); !errors.Is(err, docstore.ErrCorrupt) {
				t.Errorf("New = %v, want ErrCorrupt", err)
			}
			damage(t, newest(t, dir, "log"), at) // undone: the refusal changed nothing
			session(t, dir, func(c *firestore.Client) { wantKept(t, c, "a=1", "b=1") })
		})
	}
}

func TestDamagedOrCutSnapshotIsReported(t *testing.T) {
	dir := t.TempDir()
	session(t, dir, func(c *firestore.Client) { put(t, c, "a", 1) })
	session(t, dir, func(c *firestore.Client) { wantKept(t, c, "a=1") })
	snapshot := newest(t, dir, "snapshot")
	info, err := os.Stat(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	const endMark = 12
	if err := os.Truncate(snapshot, info.Size()-endMark); err != nil {
		t.Fatal(err)
	}
	if _, err := docstore.New(docstore.Options{Dir: dir}); !errors.Is(err, docstore.ErrCorrupt) {
		t.Errorf("New on a cut snapshot = %v, want ErrCorrupt", err)
	}
}

func damage(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 0x40
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryHasOneUser(t *testing.T) {
	dir := t.TempDir()
	first, err := docstore.New(docstore.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := docstore.New(docstore.Options{Dir: dir}); !errors.Is(err, docstore.ErrLocked) {
		t.Errorf("second New = %v, want ErrLocked", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := docstore.New(docstore.Options{Dir: dir})
	if err != nil {
		t.Fatalf("New after Close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
