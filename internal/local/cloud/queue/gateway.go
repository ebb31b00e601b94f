package queue

import (
	"context"
	"net/http"
	"sync"
)

// Gateway pushes the messages of its subscriptions. Queue and Pull embed one.
type Gateway struct {
	engines []*engine
	held    *counter
	client  *http.Client
}

// newGateway returns a gateway with one engine per subscription.
func newGateway(subs []Subscription, s settings, from func(Subscription) source) *Gateway {
	g := &Gateway{held: &counter{}}
	inFlight := 0
	for _, sub := range subs {
		inFlight += sub.MaxInFlight
	}
	g.client = pushClient(s.client, inFlight)
	s.held, s.client = g.held, g.client
	for _, sub := range subs {
		g.engines = append(g.engines, newEngine(sub, from(sub), s))
	}
	return g
}

// engine returns the engine of a subscription, nil if there is none.
func (g *Gateway) engine(subscription string) *engine {
	for _, e := range g.engines {
		if e.sub.Name == subscription {
			return e
		}
	}
	return nil
}

// Idle reports whether no message is held: none waits, is delivered or is held
// back after a failure.
func (g *Gateway) Idle() bool { return g.held.zero() }

// Wait returns when the gateway is idle, or with the error of ctx.
func (g *Gateway) Wait(ctx context.Context) error { return g.held.wait(ctx) }

// Close starts no more deliveries and waits for those under way. When ctx ends
// first they are cut short, and its error is returned.
func (g *Gateway) Close(ctx context.Context) error {
	errs := make([]error, len(g.engines))
	var wg sync.WaitGroup
	for i, e := range g.engines {
		wg.Go(func() { errs[i] = e.close(ctx) })
	}
	wg.Wait()
	g.client.CloseIdleConnections()
	for _, err := range errs {
		if err != nil {
			return err // all of them are ctx's
		}
	}
	return nil
}

// Stats is the state of one subscription at one moment. A key, or a message
// without one, counts once, however many messages of the key wait.
type Stats struct {
	Subscription string
	Ready        int // could be delivered if there were room
	HeldBack     int // wait for a retry
	InFlight     int // are being delivered
}

// Stats returns the state of every subscription, in the order configured.
func (g *Gateway) Stats() []Stats {
	all := make([]Stats, len(g.engines))
	for i, e := range g.engines {
		all[i] = e.stats()
	}
	return all
}
