package docstore

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// store holds the documents. A *pb.Document in it is one version of a document
// and never changes: writes put a new version in its place, readers clone. So a
// pointer is proof that nothing was written in between.
//
//	collections  "projects/p/databases/d/documents/links" -> collection
//	history      the last changes, oldest first: what snapshots and the
//	             conflict checks of queries look back into
//	txs          open transactions, by id
type store struct {
	clock clock
	disk  *disk // nil: memory only

	mu          sync.RWMutex // guards all below but txs
	closed      bool
	collections map[string]*collection
	history     history

	txs transactions
}

func newStore(now func() time.Time) *store {
	return &store{
		clock:       clock{now: now},
		collections: map[string]*collection{},
		txs:         transactions{now: now, open: map[string]*transaction{}},
	}
}

// clock gives times in microseconds. A commit's time is after every time given
// before it, so a read time names exactly the commits that the read saw.
type clock struct {
	now  func() time.Time
	last atomic.Int64
}

func (c *clock) forRead() int64   { return c.advance(0) }
func (c *clock) forCommit() int64 { return c.advance(1) }

func (c *clock) advance(step int64) int64 {
	for {
		last := c.last.Load()
		t := max(c.now().UnixMicro(), last+step)
		if c.last.CompareAndSwap(last, t) {
			return t
		}
	}
}

// atLeast makes later times come after t.
func (c *clock) atLeast(t int64) { c.last.Store(max(c.last.Load(), t)) }

func stamp(micros int64) *timestamppb.Timestamp { return timestamppb.New(time.UnixMicro(micros)) }

// change is one document's step in one commit. A nil version is no document.
type change struct {
	at            int64
	key           docKey
	before, after *pb.Document
}

// docKey names a document: its collection's full path, and its id there.
type docKey struct{ coll, id string }

func (k docKey) name() string { return k.coll + "/" + k.id }

// get returns the present version of a document, nil when there is none. The
// caller holds mu.
func (s *store) get(k docKey) *pb.Document {
	if c := s.collections[k.coll]; c != nil {
		return c.docs[k.id]
	}
	return nil
}

// put makes a change visible. The caller holds mu for writing.
func (s *store) put(ch change) {
	c := s.collections[ch.key.coll]
	if c == nil {
		if ch.after == nil {
			return
		}
		c = newCollection(ch.key.coll)
		s.collections[ch.key.coll] = c
	}
	c.put(ch)
	if len(c.docs) == 0 {
		delete(s.collections, ch.key.coll)
	}
}

// apply persists the changes of one commit and then makes them visible; when
// they cannot be persisted nothing has happened. The caller holds mu for writing.
func (s *store) apply(at int64, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	if s.disk != nil {
		if err := s.disk.append(at, changes); err != nil {
			return status.Errorf(codes.Internal, "append to log: %v", err)
		}
	}
	for _, ch := range changes {
		s.put(ch)
	}
	s.history.add(changes, s.txs.oldest)
	if s.disk != nil {
		s.disk.compactIfWorthIt(s)
	}
	return nil
}

// usable is checked under mu by every call.
func (s *store) usable() error {
	if s.closed {
		return status.Error(codes.Unavailable, "document store is closed")
	}
	return nil
}

func (s *store) close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.disk == nil {
		return nil
	}
	return s.disk.close()
}

func cloneDocument(d *pb.Document) *pb.Document { return proto.Clone(d).(*pb.Document) }

// collection is the documents under one full path, with the ids in order and an
// equality index for every field that was asked for by one.
type collection struct {
	path string
	docs map[string]*pb.Document
	ids  idSet

	indexMu sync.Mutex // guards the map; an index changes only under store.mu
	indexes map[string]*index
}

func newCollection(path string) *collection {
	return &collection{path: path, docs: map[string]*pb.Document{}, indexes: map[string]*index{}}
}

func (c *collection) put(ch change) {
	id := ch.key.id
	if ch.after == nil {
		delete(c.docs, id)
		c.ids.remove(id)
	} else {
		c.docs[id] = ch.after
		c.ids.insert(id)
	}
	for _, ix := range c.indexes {
		ix.update(id, ch.before, ch.after)
	}
}

// collectionID is the last segment of a collection's path.
func collectionID(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
