package docstore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
)

// openBench is a bench on a directory; the caller closes it.
func openBench(t *testing.T, dir string, now time.Time) *bench {
	t.Helper()
	b := newBench(t)
	b.now = now
	d, err := openDisk(dir, b.store)
	if err != nil {
		t.Fatal(err)
	}
	b.store.disk = d
	return b
}

func (b *bench) closed() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func TestCommitTimesRiseAcrossARestartThoughTheClockWentBack(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := openBench(t, dir, now)
	b.set("c/a", "x")
	last := b.set("c/a", "y").AsTime()
	b.closed()
	for _, key := range []string{"from the log", "from the snapshot"} {
		b = openBench(t, dir, now.Add(-time.Hour))
		at := b.set("c/a", key).AsTime()
		if !at.After(last) {
			t.Errorf("%s: commit at %v is not after %v", key, at, last)
		}
		last = at
		b.closed()
	}
}

// TestInterruptedCompactionLosesNothing begins where a crash may leave the files:
// a new log without its snapshot, or a snapshot beside what it replaces.
func TestInterruptedCompactionLosesNothing(t *testing.T) {
	for name, leave := range map[string]func(dir string) error{
		"a new log is empty": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "log-00000002"), []byte(fileMagic), 0o600)
		},
		"a new log is not even begun": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "log-00000002"), nil, 0o600)
		},
		"a snapshot is half written": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "snapshot-00000002.tmp"), []byte(fileMagic), 0o600)
		},
		"a snapshot is written and nothing removed": func(dir string) error {
			d := &disk{dir: dir}
			st := newStore(time.Now)
			if _, err := loadLog(d.path("log", 1), st); err != nil {
				return err
			}
			_, err := d.writeSnapshot(2, st.clock.last.Load(), st.snapshot())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := openBench(t, dir, time.Now())
			b.set("c/a", "x")
			b.closed()
			if err := leave(dir); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				b = openBench(t, dir, time.Now())
				doc, err := b.GetDocument(t.Context(), &pb.GetDocumentRequest{Name: testRoot + "/c/a"})
				if err != nil || doc.Fields["k"].GetStringValue() != "x" {
					t.Errorf("document = %v, %v", doc, err)
				}
				b.closed()
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
				t.Errorf("the directory holds %v (%v), want lock, log and snapshot", files, err)
			}
		})
	}
}

func TestFailedAppendChangesNothing(t *testing.T) {
	dir := t.TempDir()
	b := openBench(t, dir, time.Now())
	b.set("c/a", "x")
	if err := b.store.disk.log.Close(); err != nil { // every write fails from here
		t.Fatal(err)
	}
	if _, err := b.commit(nil, setTo("c/a", "y")); err == nil {
		t.Error("a commit that is on no disk was acknowledged")
	}
	doc, err := b.GetDocument(t.Context(), &pb.GetDocumentRequest{Name: testRoot + "/c/a"})
	if err != nil || doc.Fields["k"].GetStringValue() != "x" {
		t.Errorf("document after the refused commit = %v, %v", doc, err)
	}
	if err := b.Close(); err == nil {
		t.Error("Close does not tell that the log failed")
	}
	b = openBench(t, dir, time.Now())
	if doc := b.store.get(docKey{testRoot + "/c", "a"}); doc.GetFields()["k"].GetStringValue() != "x" {
		t.Errorf("document after the restart = %v", doc)
	}
	b.closed()
}
