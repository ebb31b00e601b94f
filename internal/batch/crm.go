package batch

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// Reader reads and finds several records with one call.
type Reader interface {
	// ReadMany has an answer for every id.
	ReadMany(ctx context.Context, kind crm.Kind, ids []string) map[string]crm.Answer[crm.Record]
	// FindMany answers each list of keys on its own, in order.
	FindMany(ctx context.Context, kind crm.Kind, lists [][]crm.Key) []crm.Answer[[]crm.Record]
}

// Writer writes several records with one call. The answers are in order.
type Writer interface {
	CreateMany(ctx context.Context, kind crm.Kind, writes []crm.Write) []crm.Answer[crm.Written]
	// UpdateMany is given every record once at most.
	UpdateMany(ctx context.Context, kind crm.Kind, updates []crm.Update) []crm.Answer[crm.Written]
}

// Historian adds the history of a record, which takes a call for each.
type Historian interface {
	WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error)
}

// Client is what a CRM's client can do.
type Client interface {
	Reader
	Writer
	Historian
}

// Sizes are the most records that the calls of a client take, and the number
// by which its writes are billed, 0 if by the call.
type Sizes struct {
	Read, Find, Write, WriteStep int
}

// maxWait is how long a request waits for a call that hangs. Calls that do
// not hang return sooner.
const maxWait = 2 * time.Second

// Calls in flight for each kind of call and of record. What is not full leaves
// alone, so more than one is in flight only under load.
const (
	readsAtOnce  = 4
	findsAtOnce  = 2
	writesAtOnce = 3
)

// CRM is one side as a handler sees it, record by record, over calls that are
// shared by everything that is in flight. It is safe for concurrent use.
type CRM struct {
	system crm.System
	client Client
	queues map[crm.Kind]*queues
	serial atomic.Uint64
}

// queues are those of one kind of record. Requests that may stand beside any
// other in a call have a serial number for a key.
type queues struct {
	reads   *Queue[string, string, crm.Record]
	finds   *Queue[uint64, []crm.Key, []crm.Record]
	creates *Queue[string, crm.Write, crm.Written]
	updates *Queue[string, crm.Update, crm.Written]
}

// NewCRM returns the side that a client leads to.
//
// The sides of one process share the counter of the load.
func NewCRM(s crm.System, client Client, sizes Sizes, load *LoadCounter) *CRM {
	c := &CRM{system: s, client: client, queues: map[crm.Kind]*queues{}}
	for _, kind := range crm.Kinds {
		c.queues[kind] = newQueues(kind, client, sizes, load)
	}
	return c
}

func newQueues(kind crm.Kind, client Client, sizes Sizes, load *LoadCounter) *queues {
	limits := func(size, atOnce, step int, shared bool) Limits {
		return Limits{Size: size, MaxInFlight: atOnce, Step: step, MaxWait: maxWait, Shared: shared, Load: load}
	}
	return &queues{
		reads: New[string](limits(sizes.Read, readsAtOnce, 0, true), func(ctx context.Context, ids []string) []crm.Answer[crm.Record] {
			left := time.Now()
			found := client.ReadMany(ctx, kind, ids)
			answers := make([]crm.Answer[crm.Record], len(ids))
			for i, id := range ids {
				var answered bool
				if answers[i], answered = found[id]; !answered {
					answers[i].Err = ErrUnanswered
				}
				answers[i].Value.AsOf = left
			}
			return answers
		}),
		finds: New[uint64](limits(sizes.Find, findsAtOnce, 0, false), func(ctx context.Context, lists [][]crm.Key) []crm.Answer[[]crm.Record] {
			return client.FindMany(ctx, kind, lists)
		}),
		creates: New[string](limits(sizes.Write, writesAtOnce, sizes.WriteStep, false), func(ctx context.Context, ws []crm.Write) []crm.Answer[crm.Written] {
			return client.CreateMany(ctx, kind, ws)
		}),
		updates: New[string](limits(sizes.Write, writesAtOnce, sizes.WriteStep, false), func(ctx context.Context, us []crm.Update) []crm.Answer[crm.Written] {
			return client.UpdateMany(ctx, kind, us)
		}),
	}
}

// Read shares its call, and its result with every request for the same record
// before the call leaves. A call that has left is never joined: what it sees
// may be older than this request.
func (c *CRM) Read(ctx context.Context, ref crm.Ref) (crm.Record, error) {
	q, err := c.queuesOf(ref.Kind, "read")
	if err != nil {
		return crm.Record{}, err
	}
	if ref.System != c.system {
		return crm.Record{}, c.newRefusal("read")
	}
	rec, shared, err := q.reads.Do(ctx, ref.RecordID, ref.RecordID)
	if shared { // each caller may change its own
		rec.Fields, rec.History = maps.Clone(rec.Fields), maps.Clone(rec.History)
	}
	return rec, c.translateError("read", err)
}

// WithHistory takes a call of its own, where the history was left out.
func (c *CRM) WithHistory(ctx context.Context, rec crm.Record) (crm.Record, error) {
	return c.client.WithHistory(ctx, rec)
}

// Find shares its call.
func (c *CRM) Find(ctx context.Context, kind crm.Kind, keys []crm.Key) ([]crm.Record, error) {
	q, err := c.queuesOf(kind, "find")
	if err != nil {
		return nil, err
	}
	found, _, err := q.finds.Do(ctx, c.serial.Add(1), keys)
	return found, c.translateError("find", err)
}

// Create shares its call, and never with another create for the same counterpart.
func (c *CRM) Create(ctx context.Context, kind crm.Kind, w crm.Write) (crm.Written, error) {
	q, err := c.queuesOf(kind, "create")
	if err != nil {
		return crm.Written{}, err
	}
	key := w.CounterpartID
	if key == "" {
		key = "#" + strconv.FormatUint(c.serial.Add(1), 10)
	}
	made, _, err := q.creates.Do(ctx, key, w)
	return made, c.translateError("create", err)
}

// Update shares its call, and never with another update of the same record.
func (c *CRM) Update(ctx context.Context, rec crm.Record, w crm.Write) (crm.Written, error) {
	q, err := c.queuesOf(rec.Ref.Kind, "update")
	if err != nil {
		return crm.Written{}, err
	}
	if rec.Ref.System != c.system {
		return crm.Written{}, c.newRefusal("update")
	}
	done, _, err := q.updates.Do(ctx, rec.Ref.RecordID, crm.Update{Record: rec, Write: w})
	return done, c.translateError("update", err)
}

func (c *CRM) queuesOf(kind crm.Kind, action string) (*queues, error) {
	q := c.queues[kind]
	if q == nil {
		return nil, c.newRefusal(action)
	}
	return q, nil
}

func (c *CRM) newRefusal(action string) error {
	return &crm.Error{System: c.system, Action: action, Kind: crm.Refused,
		Err: errors.New("the reference does not name a record of this system")}
}

// translateError turns a caller's own end into an error of the vocabulary.
func (c *CRM) translateError(action string, err error) error {
	var gone *Abandoned
	if !errors.As(err, &gone) {
		return err
	}
	writes := action == "create" || action == "update"
	return &crm.Error{System: c.system, Action: action, Kind: crm.Unavailable, Ambiguous: writes && gone.Sent, Err: gone}
}
