package docstore

import (
	"crypto/rand"
	"math"
	"sync"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	transactionIdle = 60 * time.Second
	transactionLife = 270 * time.Second
	// sweepEvery is how many begins pass between two looks for forgotten ones.
	sweepEvery = 256
)

// transaction is what an open transaction has read.
type transaction struct {
	id       string
	readOnly bool
	at       int64 // the snapshot of a read-only one; else when it began

	mu      sync.Mutex
	began   time.Time
	used    time.Time
	docs    map[docKey]*pb.Document // the version read, nil: no document
	queries []queryRead
}

// queryRead is a query that ran, and the time up to which nothing that touches
// it was written.
type queryRead struct {
	query *query
	at    int64
}

// transactions are the open ones.
type transactions struct {
	now func() time.Time

	mu     sync.Mutex
	open   map[string]*transaction
	begins int
}

func (t *transactions) begin(at int64, readOnly bool) *transaction {
	now := t.now()
	tx := &transaction{
		id: rand.Text(), readOnly: readOnly, at: at,
		began: now, used: now, docs: map[docKey]*pb.Document{},
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.begins++; t.begins%sweepEvery == 0 {
		t.sweep(now)
	}
	t.open[tx.id] = tx
	return tx
}

// sweep forgets transactions that were abandoned. The caller holds mu.
func (t *transactions) sweep(now time.Time) {
	for id, tx := range t.open {
		if tx.expired(now) {
			delete(t.open, id)
		}
	}
}

func (tx *transaction) expired(now time.Time) bool {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return now.Sub(tx.used) > transactionIdle || now.Sub(tx.began) > transactionLife
}

// use returns an open transaction and counts as a sign of life.
func (t *transactions) use(id []byte) (*transaction, error) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	tx := t.open[string(id)]
	if tx == nil {
		return nil, invalid("Transaction is invalid or closed.")
	}
	if tx.expired(now) {
		delete(t.open, tx.id)
		return nil, invalid("The referenced transaction has expired or is no longer valid.")
	}
	tx.mu.Lock()
	tx.used = now
	tx.mu.Unlock()
	return tx, nil
}

// end closes a transaction; one that is not open stays so.
func (t *transactions) end(id []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, string(id))
}

// oldest is the earliest time that an open transaction may look back to.
func (t *transactions) oldest() int64 {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	oldest := int64(math.MaxInt64)
	for _, tx := range t.open {
		oldest = min(oldest, tx.at)
	}
	return oldest
}

var errConflict = status.Error(codes.Aborted, "a document or query that the transaction read has changed: run it again")

// validate checks that everything the transaction read is still so. The caller
// holds s.mu and tx.mu.
func (s *store) validate(tx *transaction) error {
	for k, doc := range tx.docs {
		if s.get(k) != doc {
			return errConflict
		}
	}
	for i := range tx.queries {
		r := &tx.queries[i]
		changes, ok := s.history.since(r.at)
		if !ok {
			return errConflict
		}
		for _, ch := range changes {
			if r.query.touchedBy(ch) {
				return errConflict
			}
			r.at = ch.at
		}
	}
	return nil
}
