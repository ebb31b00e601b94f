package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// leaseSeconds is the ack deadline of a pulled message. It is extended every
	// extendEvery for as long as the message is held.
	leaseSeconds = 60
	extendEvery  = 20 * time.Second

	// flushEvery is how long acknowledgements are gathered into one call. The
	// endpoint may send the next message of a key only after that.
	flushEvery = 5 * time.Millisecond

	// maxAckIDs bounds one call: a request holds at most 512 KiB, an ack id has
	// about 200 bytes.
	maxAckIDs = 1000

	callTimeout   = 10 * time.Second       // of one call, with the client's retries
	endTimeout    = 2 * time.Second        // for the endpoint to end a stream
	reconnectWait = 200 * time.Millisecond // before a stream is opened anew
)

// pulled is the source of one subscription of a Pull. It speaks to the endpoint
// without pubsub.Subscriber, which hands messages back in any order: an endpoint
// that sends them again in the order they came back would lose that of the key.
type pulled struct {
	client *pubsub.Client
	sub    Subscription
	name   string // full name of the subscription
	engine *engine
	log    *slog.Logger

	mu      sync.Mutex
	held    map[string]*holding // by message id
	order   uint64              // of the last arrival
	arrived time.Time
	acks    []string // ack ids to send
}

// holding is a message that the endpoint leases to us: more than once when a
// lease ran out and the message was sent again.
type holding struct {
	order  uint64 // of arrival
	ackIDs []string
}

func newPulled(client *pubsub.Client, sub Subscription, log *slog.Logger) *pulled {
	return &pulled{
		client: client, sub: sub, name: subscriptionName(client.Project(), sub.Name),
		log: log.With("subscription", sub.Name), held: map[string]*holding{},
	}
}

// pull receives until ctx ends. The service ends a stream from time to time.
func (s *pulled) pull(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.receive(ctx)
		if ctx.Err() != nil {
			return
		}
		if code := status.Code(err); code != codes.Unavailable && !errors.Is(err, io.EOF) {
			s.log.Warn("stream of messages broken", "error", err.Error())
		}
		if sleep(ctx, reconnectWait) != nil {
			return
		}
	}
}

// receive takes what one stream brings. It ends with an error.
//
// When ctx ends, the endpoint is asked to end the stream. Were it cut, the
// endpoint could send what is handed back into it, without a reader.
func (s *pulled) receive(ctx context.Context) error {
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(endTimeout, cut) })()
	stream, err := s.client.SubscriptionAdminClient.StreamingPull(base)
	if err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	// No limit is asked for: a key that is held back must not stop the others.
	err = stream.Send(&pubsubpb.StreamingPullRequest{Subscription: s.name, StreamAckDeadlineSeconds: leaseSeconds})
	if err != nil {
		return fmt.Errorf("start stream: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = stream.CloseSend() })() // Recv has its error too
	for {
		resp, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		s.take(resp.GetReceivedMessages()) // a delivery outlives the stream that brought its message
	}
}

// take hands messages to the engine, in order, unless the engine has them.
func (s *pulled) take(received []*pubsubpb.ReceivedMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = time.Now()
	items := make([]*item, 0, len(received))
	for _, r := range received {
		m := r.GetMessage()
		if h := s.held[m.GetMessageId()]; h != nil {
			h.ackIDs = append(h.ackIDs, r.GetAckId())
			continue
		}
		s.order++
		s.held[m.GetMessageId()] = &holding{order: s.order, ackIDs: []string{r.GetAckId()}}
		items = append(items, &item{msg: &Message{
			ID: m.GetMessageId(), Data: m.GetData(), Attributes: m.GetAttributes(),
			OrderingKey: m.GetOrderingKey(), PublishTime: m.GetPublishTime().AsTime(),
		}})
	}
	s.engine.add(items...)
}

// ack gives up every lease of the message, a moment later. An acknowledgement
// that gets lost means one more delivery.
func (s *pulled) ack(_ context.Context, it *item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.held[it.msg.ID]; h != nil {
		s.acks = append(s.acks, h.ackIDs...)
		delete(s.held, it.msg.ID)
	}
	return nil
}

// deadLetter acknowledges the message when the dead letter is published.
func (s *pulled) deadLetter(ctx context.Context, it *item) error {
	within, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	letter := deadLetter(it.msg, s.client.Project(), s.sub.Name, it.attempts)
	_, err := s.client.TopicAdminClient.Publish(within, &pubsubpb.PublishRequest{
		Topic: topicName(s.client.Project(), s.sub.DeadLetterTopic),
		Messages: []*pubsubpb.PubsubMessage{{
			Data: letter.Data, Attributes: letter.Attributes, OrderingKey: letter.OrderingKey,
		}},
	})
	if err != nil {
		return fmt.Errorf("publish dead letter: %w", err)
	}
	return s.ack(ctx, it)
}

// nacked keeps the lease: the engine retries, the endpoint need not know.
func (*pulled) nacked(*item) {}

// keep sends acknowledgements and extends leases until ctx ends.
func (s *pulled) keep(ctx context.Context) {
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	extend := time.NewTicker(extendEvery)
	defer extend.Stop()
	for {
		var err error
		select {
		case <-flush.C:
			err = s.flush(ctx)
		case <-extend.C:
			err = s.modify(ctx, s.leases(), leaseSeconds)
		case <-ctx.Done():
			return
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("leases not kept: messages may come twice", "error", err.Error())
		}
	}
}

// flush sends the acknowledgements gathered. Those that fail are kept.
func (s *pulled) flush(ctx context.Context) error {
	s.mu.Lock()
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	for len(acks) > 0 {
		n := min(len(acks), maxAckIDs)
		if err := s.acknowledge(ctx, acks[:n]); err != nil {
			s.mu.Lock()
			s.acks = append(acks, s.acks...)
			s.mu.Unlock()
			return err
		}
		acks = acks[n:]
	}
	return nil
}

func (s *pulled) acknowledge(ctx context.Context, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.client.SubscriptionAdminClient.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: s.name, AckIds: ids})
	switch status.Code(err) {
	case codes.OK:
	case codes.InvalidArgument, codes.FailedPrecondition, codes.NotFound:
		// Sending them again cannot help: their messages will come again.
		s.log.Warn("acknowledgements refused", "messages", len(ids), "error", err.Error())
	default:
		return fmt.Errorf("acknowledge %d messages: %w", len(ids), err)
	}
	return nil
}

// modify sets the deadline of leases, in the order given. 0 hands them back.
func (s *pulled) modify(ctx context.Context, leases []string, seconds int32) error {
	for ids := range slices.Chunk(leases, maxAckIDs) {
		within, cancel := context.WithTimeout(ctx, callTimeout)
		err := s.client.SubscriptionAdminClient.ModifyAckDeadline(within, &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: s.name, AckIds: ids, AckDeadlineSeconds: seconds,
		})
		cancel()
		if err != nil {
			return fmt.Errorf("set deadline of %d messages: %w", len(ids), err)
		}
	}
	return nil
}

// leases lists the ack ids of what is held in the order of arrival.
func (s *pulled) leases() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, h := range slices.SortedFunc(maps.Values(s.held), func(a, b *holding) int { return cmp.Compare(a.order, b.order) }) {
		ids = append(ids, h.ackIDs...)
	}
	return ids
}

// release sends the last acknowledgements and hands back what is held. Nothing
// is pulled any more.
func (s *pulled) release(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	return s.modify(ctx, s.leases(), 0)
}

func (s *pulled) lastArrival() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived
}

// sleep waits for d, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
