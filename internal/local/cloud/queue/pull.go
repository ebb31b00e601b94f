package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// quiet is how long nothing may arrive before Pull counts as idle: the far end
// does not say that it has nothing more.
const quiet = 500 * time.Millisecond

// PullOptions configure the gateway over pull subscriptions.
type PullOptions struct {
	Subscriptions []Subscription // created with their topics when they are not there
	Client        *http.Client   // posts messages; by default one of its own
	Logger        *slog.Logger   // slog.Default by default
}

// Pull pushes what it pulls from ordered pull subscriptions of a Pub/Sub
// endpoint. Order under failure, the retry policy and dead letters are its own
// work, so the endpoint needs to support none of them. Every message that waits
// is held in memory, and a count of failed deliveries ends with the process.
type Pull struct {
	*Gateway
	cancel  context.CancelFunc
	pulling sync.WaitGroup
	sources []*pulled
}

// OpenPull creates what is missing and starts pulling and pushing. ctx is for
// the creation alone; Close ends the rest. The client stays the caller's.
func OpenPull(ctx context.Context, client *pubsub.Client, opts PullOptions) (*Pull, error) {
	subs, err := prepare(opts.Subscriptions)
	if err != nil {
		return nil, err
	}
	log := opts.Logger
	if log == nil {
		log = slog.Default()
	}
	if err := createAll(ctx, client, subs); err != nil {
		return nil, err
	}
	p := &Pull{}
	p.Gateway = newGateway(subs, settings{
		client: opts.Client, now: time.Now, log: log, project: client.Project(),
	}, func(s Subscription) source {
		src := newPulled(client, s, log)
		p.sources = append(p.sources, src)
		return src
	})
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	for i, src := range p.sources {
		src.engine = p.engines[i]
		p.pulling.Go(func() { src.pull(base) })
		p.pulling.Go(func() { src.keep(base) })
	}
	return p, nil
}

// createAll creates topics and subscriptions. One that exists stays as it is.
func createAll(ctx context.Context, client *pubsub.Client, subs []Subscription) error {
	for _, id := range topicsOf(subs) {
		name := topicName(client.Project(), id)
		_, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: name})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	for _, s := range subs {
		name := subscriptionName(client.Project(), s.Name)
		_, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
			Name:                     name,
			Topic:                    topicName(client.Project(), s.Topic),
			AckDeadlineSeconds:       leaseSeconds,
			EnableMessageOrdering:    s.Ordered,
			MessageRetentionDuration: durationpb.New(max(s.Retention, 10*time.Minute)), // the least allowed
		})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("create subscription %s: %w", name, err)
		}
	}
	return nil
}

// Idle reports whether no message is held and none has arrived for half a
// second. The endpoint may still have some that it is slow to send.
func (p *Pull) Idle() bool {
	if !p.Gateway.Idle() {
		return false
	}
	for _, s := range p.sources {
		if time.Since(s.lastArrival()) < quiet {
			return false
		}
	}
	return true
}

// Wait returns when the gateway is idle, or with the error of ctx.
func (p *Pull) Wait(ctx context.Context) error {
	for {
		if err := p.Gateway.Wait(ctx); err != nil {
			return err
		}
		if p.Idle() {
			return nil
		}
		if err := sleep(ctx, quiet/4); err != nil {
			return err
		}
	}
}

// Close starts no more deliveries, waits for those under way, stops pulling and
// hands back what is held, in order. When ctx ends first, deliveries are cut
// short and leases that were not given back run out.
func (p *Pull) Close(ctx context.Context) error {
	errs := []error{p.Gateway.Close(ctx)}
	p.cancel()
	p.pulling.Wait()
	for _, s := range p.sources {
		errs = append(errs, s.release(ctx))
	}
	return errors.Join(errs...)
}
