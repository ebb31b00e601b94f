package docstore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// load reads the newest snapshot and the logs after it, folds them into a new
// snapshot when there is anything to fold, and opens the log for appending.
func (d *disk) load(st *store) error {
	snapshots, logs, err := d.generations()
	if err != nil {
		return err
	}
	first := 1
	if n := len(snapshots); n > 0 {
		first = snapshots[n-1]
		if d.dataSize, err = loadSnapshot(d.path("snapshot", first), st); err != nil {
			return err
		}
	}
	d.gen = first
	stale := false // something to fold
	for i, gen := range slices.DeleteFunc(logs, func(gen int) bool { return gen < first }) {
		if gen != first+i {
			return fmt.Errorf("%w: log %d is missing", ErrCorrupt, first+i)
		}
		d.gen = gen
		grew, err := loadLog(d.path("log", gen), st)
		last := gen == logs[len(logs)-1]
		if err != nil && (!last || !errors.Is(err, errTorn)) {
			return fmt.Errorf("read log %d: %w", gen, err)
		}
		stale = grew || err != nil || i > 0
	}
	st.history.begin = st.clock.last.Load()
	return d.start(st, stale)
}

// start folds if asked to, and opens the log.
func (d *disk) start(st *store, fold bool) (err error) {
	if fold {
		d.gen++
		if d.dataSize, err = d.writeSnapshot(d.gen, st.clock.last.Load(), st.snapshot()); err != nil {
			return err
		}
	}
	if d.log, err = createLog(d.path("log", d.gen)); err != nil {
		return err
	}
	d.size = int64(len(fileMagic))
	return d.removeBefore(d.gen)
}

// generations lists the snapshots and logs, in order, and removes what an
// interrupted snapshot left.
func (d *disk) generations() (snapshots, logs []int, err error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		kind, number, _ := strings.Cut(e.Name(), "-")
		gen, err := strconv.Atoi(number)
		switch {
		case strings.HasSuffix(e.Name(), ".tmp"):
			if err := os.Remove(filepath.Join(d.dir, e.Name())); err != nil {
				return nil, nil, err
			}
		case err != nil:
		case kind == "snapshot":
			snapshots = append(snapshots, gen)
		case kind == "log":
			logs = append(logs, gen)
		}
	}
	slices.Sort(snapshots)
	slices.Sort(logs)
	return snapshots, logs, nil
}

// loadLog replays a log; grew tells whether it had records. It returns errTorn,
// with all whole records replayed, when the last one is incomplete.
func loadLog(path string, st *store) (grew bool, err error) {
	err = eachRecord(path, func(payload []byte) error {
		grew = true
		return st.replay(payload)
	})
	return grew, err
}

// loadSnapshot reads a snapshot, which must be complete: its last record is empty.
func loadSnapshot(path string, st *store) (size int64, err error) {
	complete := false
	err = eachRecord(path, func(payload []byte) error {
		complete = len(payload) == 0
		size += headerSize + int64(len(payload))
		return st.replay(payload)
	})
	if err == nil && !complete {
		err = errTorn
	}
	if errors.Is(err, errTorn) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return 0, fmt.Errorf("read snapshot: %w", err)
	}
	return size, nil
}

func eachRecord(path string, f func(payload []byte) error) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r, err := newRecordReader(file)
	for err == nil {
		var payload []byte
		if payload, err = r.next(); err == nil {
			err = f(payload)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// writeSnapshot writes a generation's snapshot; it appears under its name only
// when it is complete and on the disk. Every record carries the time of the last
// commit, which no document needs to have.
func (d *disk) writeSnapshot(gen int, at int64, docs []change) (size int64, err error) {
	name := d.path("snapshot", gen)
	f, err := os.Create(name + ".tmp")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write snapshot: %w", err), f.Close())
		}
	}()
	if size, err = writeDocuments(f, at, docs); err != nil {
		return 0, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return 0, err
	}
	return size, syncDir(d.dir)
}

func writeDocuments(f io.Writer, at int64, docs []change) (size int64, err error) {
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString(fileMagic); err != nil {
		return 0, err
	}
	var buf bytes.Buffer
	for i := range len(docs) + 1 { // the last is empty: the mark of the end
		buf.Reset()
		if err := appendRecord(&buf, at, docs[i:min(i+1, len(docs))]); err != nil {
			return 0, err
		}
		if _, err := w.Write(buf.Bytes()); err != nil {
			return 0, err
		}
		size += int64(buf.Len())
	}
	return size, w.Flush()
}

// removeBefore removes the generations before one.
func (d *disk) removeBefore(gen int) error {
	snapshots, logs, err := d.generations()
	if err != nil {
		return err
	}
	remove := func(kind string, gens []int) {
		for _, g := range gens {
			if g < gen {
				err = errors.Join(err, os.Remove(d.path(kind, g)))
			}
		}
	}
	remove("snapshot", snapshots)
	remove("log", logs)
	return err
}
