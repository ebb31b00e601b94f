package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Options configure the embedded queue.
type Options struct {
	Project       string         // of topics and subscriptions, "local" by default
	Subscriptions []Subscription // with their topics, which are created

	// Dir is where the log is kept. Empty: messages end with the process. One
	// process at a time may use a directory.
	Dir string

	// Sync flushes every record to the disk. Without it a message that Publish
	// answered for survives the end of the process, not that of the machine.
	Sync bool

	Client *http.Client     // posts messages; by default one of its own
	Now    func() time.Time // publish times and retention; timers use package time
	Logger *slog.Logger     // slog.Default by default
	Faults Faults
}

func (o Options) withDefaults() Options {
	if o.Project == "" {
		o.Project = "local"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// errClosed is what Publish returns after Close.
var errClosed = errors.New("queue is closed")

// errNoTopic is returned for a topic that was not created.
var errNoTopic = errors.New("no such topic")

// idleLog is the size in bytes from which a log without messages is started
// afresh.
const idleLog = 16 << 20

// Queue is the embedded Pub/Sub. It is safe for concurrent use.
type Queue struct {
	*Gateway
	opts Options

	mu      sync.Mutex
	next    uint64 // id of the next message
	topics  map[string]bool
	log     *journal
	owed    int // pairs of message and subscription whose fate is open
	foreign int // of those, the ones in the log for subscriptions not configured
	closed  bool
	longLog int64 // size in bytes from which shortenLog acts
}

// New opens an embedded queue and starts delivering what its log still holds.
// Close it to end.
func New(opts Options) (*Queue, error) {
	opts = opts.withDefaults()
	subs, err := prepare(opts.Subscriptions)
	if err != nil {
		return nil, err
	}
	st, log, err := load(opts, subs, opts.Logger)
	if err != nil {
		return nil, err
	}
	q := &Queue{opts: opts, next: st.next, topics: st.topics, log: log, longLog: idleLog}
	for _, id := range topicsOf(subs) {
		if err := q.createTopic(topicName(opts.Project, id)); err != nil && !errors.Is(err, errTopicExists) {
			return nil, errors.Join(err, log.close())
		}
	}
	for _, id := range unread(subs) {
		opts.Logger.Warn("dead letters are dropped: their topic has no subscription", "topic", id)
	}
	q.Gateway = newGateway(subs, settings{
		client: opts.Client, faults: opts.Faults, now: opts.Now, log: opts.Logger, project: opts.Project,
	}, func(s Subscription) source { return &embedded{queue: q, sub: s} })
	q.resume(st)
	return q, nil
}

// resume hands to the engines what the log still owes.
func (q *Queue) resume(st *state) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batches := map[*engine][]*item{}
	for _, r := range st.messages() {
		m := r.message()
		for name, attempts := range r.Owed {
			e := q.engine(name)
			if e == nil {
				q.foreign++
				continue
			}
			q.owed++
			batches[e] = append(batches[e], &item{msg: m, attempts: attempts, owed: true})
		}
	}
	for e, items := range batches {
		e.add(items...)
	}
}

// publish stores messages and hands them to the subscriptions of the topic, in
// the order given. The messages get their ids and time. A message on a topic
// without subscriptions is dropped.
func (q *Queue) publish(topic string, msgs ...*Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.publishLocked(topic, nil, msgs)
}

// publishLocked writes the messages and the records in also in one go.
func (q *Queue) publishLocked(topic string, also []record, msgs []*Message) error {
	if q.closed {
		return errClosed
	}
	if !q.topics[topic] {
		return fmt.Errorf("%w: %s", errNoTopic, topic)
	}
	engines := q.subscribed(topic)
	now := q.opts.Now().UTC().Truncate(time.Millisecond)
	records := make([]record, 0, len(msgs)+len(also))
	for i, m := range msgs {
		id := q.next + uint64(i)
		m.ID, m.PublishTime = strconv.FormatUint(id, 10), now
		owed := make(map[string]int, len(engines))
		for _, e := range engines {
			owed[e.sub.Name] = 0
		}
		records = append(records, record{
			Kind: recordMessage, ID: id, Topic: topic, At: now.UnixMilli(),
			Data: m.Data, Attributes: m.Attributes, Key: m.OrderingKey, Owed: owed,
		})
	}
	if err := q.log.append(append(records, also...)...); err != nil {
		return err
	}
	q.next += uint64(len(msgs))
	for _, e := range engines {
		items := make([]*item, len(msgs))
		for i, m := range msgs {
			items[i] = &item{msg: m, owed: true}
		}
		q.owed += len(items)
		e.add(items...)
	}
	return nil
}

// subscribed returns the engines of the subscriptions of a topic.
func (q *Queue) subscribed(topic string) []*engine {
	var engines []*engine
	for _, e := range q.engines {
		if topicName(q.opts.Project, e.sub.Topic) == topic {
			engines = append(engines, e)
		}
	}
	return engines
}

// Close ends the queue: no delivery starts any more, those under way may finish
// and publish until ctx ends, then they are cut short. What is not acknowledged
// stays in the log for the next New. The error is ctx's if a delivery was cut
// short, or the log's.
func (q *Queue) Close(ctx context.Context) error {
	err := q.Gateway.Close(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return err
	}
	q.closed = true
	return errors.Join(err, q.log.close())
}

// embedded is the source of one subscription of a Queue.
type embedded struct {
	queue *Queue
	sub   Subscription
}

func (s *embedded) ack(_ context.Context, it *item) error {
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !it.owed { // repeated by Faults: it was acknowledged before
		return nil
	}
	if err := q.log.append(s.ackRecord(it)); err != nil {
		return err
	}
	s.settled(it)
	q.shortenLog()
	return nil
}

// deadLetter publishes the dead letter and acknowledges its message in one write.
func (s *embedded) deadLetter(_ context.Context, it *item) error {
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	letter := deadLetter(it.msg, q.opts.Project, s.sub.Name, it.attempts)
	var also []record
	if it.owed {
		also = []record{s.ackRecord(it)}
	}
	err := q.publishLocked(topicName(q.opts.Project, s.sub.DeadLetterTopic), also, []*Message{letter})
	if err != nil {
		return err
	}
	if it.owed {
		s.settled(it)
	}
	return nil
}

// nacked counts a failed delivery in the log, so that a restart does not start
// counting afresh. A count that is lost costs one more try, nothing else.
func (s *embedded) nacked(it *item) {
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if !it.owed || s.sub.DeadLetterTopic == "" {
		return
	}
	if err := q.log.append(record{Kind: recordNack, ID: it.number(), Sub: s.sub.Name}); err != nil {
		q.opts.Logger.Error("failed delivery not counted", "message_id", it.msg.ID, "error", err.Error())
	}
}

func (s *embedded) ackRecord(it *item) record {
	return record{Kind: recordAck, ID: it.number(), Sub: s.sub.Name}
}

// settled notes that the log knows the fate of an item. The lock is held.
func (s *embedded) settled(it *item) {
	it.owed = false
	s.queue.owed--
}

// number returns the id that the embedded queue gave.
func (it *item) number() uint64 {
	n, err := strconv.ParseUint(it.msg.ID, 10, 64)
	if err != nil {
		panic("queue: id of an embedded message: " + err.Error()) // publish gave it
	}
	return n
}

// shortenLog starts a long log afresh when it holds no message that is owed, so
// that a process that runs for weeks does not fill the disk. A failure leaves
// the old log in use. The lock is held.
func (q *Queue) shortenLog() {
	if q.log == nil || q.log.size < q.longLog || q.owed > 0 || q.foreign > 0 {
		return
	}
	st := &state{next: q.next, topics: q.topics}
	fresh, err := rewrite(q.opts.Dir, q.opts.Sync, st.records())
	if err != nil {
		q.opts.Logger.Error("log not shortened", "error", err.Error())
		return
	}
	_ = q.log.close() // nothing in it is needed any longer
	q.log = fresh
}
