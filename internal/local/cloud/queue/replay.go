package queue

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// longestRetention is the most the service allows. It bounds how long the log
// keeps messages for a subscription that is no longer configured.
const longestRetention = 31 * 24 * time.Hour

// state is what a log adds up to.
type state struct {
	next   uint64
	topics map[string]bool
	live   map[uint64]*record // messages that some subscription is owed
}

// apply takes over one record. Unknown kinds are left alone.
func (s *state) apply(r record) {
	switch r.Kind {
	case recordNext:
		s.next = max(s.next, r.ID)
	case recordTopic:
		s.topics[r.Topic] = true
	case recordNoTopic:
		delete(s.topics, r.Topic)
	case recordMessage:
		s.next = max(s.next, r.ID+1)
		if len(r.Owed) > 0 {
			s.live[r.ID] = &r
		}
	case recordNack:
		if m := s.live[r.ID]; m != nil {
			if n, owed := m.Owed[r.Sub]; owed {
				m.Owed[r.Sub] = n + 1
			}
		}
	case recordAck:
		if m := s.live[r.ID]; m != nil {
			delete(m.Owed, r.Sub)
			if len(m.Owed) == 0 {
				delete(s.live, r.ID)
			}
		}
	}
}

// messages returns what is owed in the order of publishing.
func (s *state) messages() []*record {
	all := make([]*record, 0, len(s.live))
	for _, r := range s.live {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *record) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// records returns the shortest log that adds up to s.
func (s *state) records() []record {
	all := []record{{Kind: recordNext, ID: s.next}}
	for t := range s.topics {
		all = append(all, record{Kind: recordTopic, Topic: t})
	}
	for _, m := range s.messages() {
		all = append(all, *m)
	}
	return all
}

// forget drops what cannot be delivered any more: messages for subscriptions
// that are not configured, once they are older than the service would keep
// them. It returns how many messages wait for such subscriptions.
func (s *state) forget(configured map[string]bool, now time.Time) (orphans int) {
	for id, m := range s.live {
		old := now.Sub(time.UnixMilli(m.At)) > longestRetention
		for sub := range m.Owed {
			switch {
			case configured[sub]:
			case old:
				delete(m.Owed, sub)
			default:
				orphans++
			}
		}
		if len(m.Owed) == 0 {
			delete(s.live, id)
		}
	}
	return orphans
}

// load reads the log in dir, compacts it and opens it for writing. Without dir
// everything is kept in memory alone.
func load(opts Options, subs []Subscription, log *slog.Logger) (*state, *journal, error) {
	s := &state{topics: map[string]bool{}, live: map[uint64]*record{}}
	// Ids of a queue that forgot its log must not meet those it gave before.
	s.next = uint64(max(1, opts.Now().UnixMicro()))
	if opts.Dir == "" {
		return s, nil, nil
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("create log directory: %w", err)
	}
	if err := s.read(filepath.Join(opts.Dir, journalName), log); err != nil {
		return nil, nil, err
	}
	configured := map[string]bool{}
	for _, sub := range subs {
		configured[sub.Name] = true
	}
	if n := s.forget(configured, opts.Now()); n > 0 {
		log.Warn("messages wait for subscriptions that are not configured", "messages", n)
	}
	j, err := rewrite(opts.Dir, opts.Sync, s.records())
	if err != nil {
		return nil, nil, err
	}
	return s, j, nil
}

// read adds up the log at path, if there is one.
func (s *state) read(path string, log *slog.Logger) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = file.Close() }() // only read from
	torn, err := readJournal(file, s.apply)
	if err != nil {
		return err
	}
	if torn > 0 {
		log.Warn("log ended in the middle of a record", "bytes", torn)
	}
	return nil
}
