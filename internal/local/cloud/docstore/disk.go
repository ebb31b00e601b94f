package docstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	syncEvery = time.Second
	// compactAt is the least size of a log, in bytes, that is worth compacting; it
	// must also be twice the size of the data.
	compactAt = 64 << 20
)

// disk keeps a store's data in a directory, in generations:
//
//	snapshot-00000007  everything as it was when log 7 began (none: nothing)
//	log-00000007       the commits since, and so on with log 8
//	lock               held while the directory is in use
//
// The newest snapshot and the logs from its generation on are the data; what is
// older is left from an interrupted compaction and is removed.
type disk struct {
	dir    string
	unlock func() error
	stop   context.CancelFunc
	tasks  sync.WaitGroup // the syncer, and a compaction

	mu         sync.Mutex
	log        *os.File
	gen        int
	size       int64 // of the log, as far as it is good
	dataSize   int64 // of the last snapshot
	dirty      bool  // written since the last sync
	compacting bool
	failed     error // the log cannot be trusted any more: no commit is taken
	compactErr error // the last compaction failed: only space is lost
	compactAt  int64
}

// openDisk locks the directory and loads what it holds into st.
func openDisk(dir string, st *store) (_ *disk, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	d := &disk{dir: dir, unlock: unlock, compactAt: compactAt}
	if err := d.load(st); err != nil {
		return nil, errors.Join(fmt.Errorf("open document store in %s: %w", dir, err), d.closeLog(), unlock())
	}
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	d.tasks.Go(func() { d.syncLoop(ctx) })
	return d, nil
}

func (d *disk) closeLog() error {
	if d.log == nil {
		return nil
	}
	return d.log.Close()
}

func (d *disk) path(kind string, gen int) string {
	return filepath.Join(d.dir, fmt.Sprintf("%s-%08d", kind, gen))
}

// append writes one commit to the log. When that fails nothing of it stays.
func (d *disk) append(at int64, changes []change) error {
	var buf bytes.Buffer
	if err := appendRecord(&buf, at, changes); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return d.failed
	}
	if _, err := d.log.WriteAt(buf.Bytes(), d.size); err != nil {
		if terr := d.log.Truncate(d.size); terr != nil {
			d.failed = errors.Join(err, terr)
		}
		return err
	}
	d.size += int64(buf.Len())
	d.dirty = true
	return nil
}

func (d *disk) syncLoop(ctx context.Context) {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.sync()
		}
	}
}

// sync brings the log to the disk. After a failed sync it is unknown what the disk
// holds, so the store stops taking commits.
func (d *disk) sync() {
	d.mu.Lock()
	f, dirty := d.log, d.dirty
	d.dirty = false
	d.mu.Unlock()
	if !dirty {
		return
	}
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) { // closed: rotated, synced there
		d.mu.Lock()
		d.failed = fmt.Errorf("sync log: %w", err)
		d.mu.Unlock()
	}
}

// compactIfWorthIt starts a compaction when the log has outgrown the data. The
// caller holds the store's mu for writing.
func (d *disk) compactIfWorthIt(s *store) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.compacting || d.failed != nil || d.size < max(d.compactAt, 2*d.dataSize) {
		return
	}
	if err := d.log.Sync(); err != nil { // a log is whole before the next one begins
		d.failed = fmt.Errorf("sync log: %w", err)
		return
	}
	next, err := createLog(d.path("log", d.gen+1))
	if err != nil {
		d.compactErr = err
		d.compactAt = 2 * d.size // not again at every commit
		return
	}
	old, docs, at := d.log, s.snapshot(), s.clock.last.Load()
	d.log, d.size, d.gen = next, int64(len(fileMagic)), d.gen+1
	d.compacting = true
	gen := d.gen
	d.tasks.Go(func() { d.compact(gen, old, at, docs) })
}

// compact writes the snapshot of a generation and drops what it replaces.
func (d *disk) compact(gen int, old *os.File, at int64, docs []change) {
	size, err := d.writeSnapshot(gen, at, docs)
	if err == nil {
		err = d.removeBefore(gen)
	}
	err = errors.Join(err, old.Close())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.compacting, d.compactErr = false, err
	if size > 0 {
		d.dataSize = size
	}
}

// snapshot lists every document. The caller holds mu.
func (s *store) snapshot() []change {
	var all []change
	for _, c := range s.collections {
		for id := range c.ids.from("") {
			all = append(all, change{key: docKey{c.path, id}, after: c.docs[id]})
		}
	}
	return all
}

// close waits for a compaction, syncs the log and frees the directory.
func (d *disk) close() error {
	d.stop()
	d.tasks.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return errors.Join(d.failed, d.compactErr, d.log.Sync(), d.log.Close(), d.unlock())
}

// createLog makes an empty log.
func createLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(f, fileMagic); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), syncDir(filepath.Dir(path))); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
