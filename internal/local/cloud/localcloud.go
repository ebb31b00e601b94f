// Package cloud is the part of Google Cloud that the connector needs, in
// one process: a Firestore, a Pub/Sub that pushes, and a scheduler. The
// functions reach it through Google's unchanged clients, so what runs here is
// what is deployed. In place of its own Firestore and Pub/Sub it can start
// Google's emulators.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
)

// Options say what to start.
type Options struct {
	Project       string
	Subscriptions []queue.Subscription
	// Dir keeps documents and messages over a restart; "" keeps them in memory.
	Dir string
	// Emulators starts Google's own in place of the embedded servers. They keep
	// nothing over a restart.
	Emulators bool
	Logger    *slog.Logger
	// Usage, unless nil, counts what the embedded servers are asked for.
	Usage *Usage
}

// Cloud is a running cloud.
type Cloud struct {
	// FirestoreHost and PubSubHost are for the variables FIRESTORE_EMULATOR_HOST
	// and PUBSUB_EMULATOR_HOST.
	FirestoreHost, PubSubHost string

	gateway gateway
	closers []func(context.Context) error // in the order of starting
	once    sync.Once
	err     error
}

type gateway interface {
	Idle() bool
	Close(ctx context.Context) error
}

// Start returns when the cloud answers.
func Start(ctx context.Context, o Options) (*Cloud, error) {
	if o.Emulators && o.Dir != "" {
		return nil, errors.New("start local cloud: the emulators keep nothing, so a directory is of no use to them")
	}
	c := &Cloud{}
	start := c.embedded
	if o.Emulators {
		start = c.emulators
	}
	if err := start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start local cloud: %w", err), c.Close(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// Idle reports whether nothing is waiting to be delivered.
func (c *Cloud) Idle() bool { return c.gateway.Idle() }

// Close stops delivering, lets what is in flight finish and ends the rest.
func (c *Cloud) Close(ctx context.Context) error {
	c.once.Do(func() {
		var errs []error
		for i := len(c.closers) - 1; i >= 0; i-- {
			errs = append(errs, c.closers[i](ctx))
		}
		c.err = errors.Join(errs...)
	})
	return c.err
}

func (c *Cloud) onClose(f func(context.Context) error) { c.closers = append(c.closers, f) }

// embedded serves documents and topics on one listener.
func (c *Cloud) embedded(_ context.Context, o Options) error {
	var docsDir, queueDir string
	if o.Dir != "" {
		docsDir, queueDir = filepath.Join(o.Dir, "firestore"), filepath.Join(o.Dir, "pubsub")
	}
	docs, err := docstore.New(docstore.Options{Dir: docsDir})
	if err != nil {
		return err
	}
	c.onClose(func(context.Context) error { return docs.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.FirestoreHost = listener.Addr().String()
	c.PubSubHost = c.FirestoreHost
	q, err := queue.New(queue.Options{
		Project: o.Project, Subscriptions: o.Subscriptions, Dir: queueDir, Logger: o.Logger,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	c.gateway = q
	server := grpc.NewServer(slices.Concat(docstore.ServerOptions(), queue.ServerOptions(), o.Usage.serverOptions())...)
	docs.Register(server)
	q.Register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	c.onClose(func(context.Context) error {
		server.Stop()
		return <-served
	})
	c.onClose(q.Close) // first: handlers in flight still need the documents
	return nil
}

// emulators starts Google's, and our gateway over ordered pull subscriptions.
func (c *Cloud) emulators(ctx context.Context, o Options) error {
	for _, e := range []struct {
		start func(context.Context) (*emulator.Emulator, error)
		host  *string
	}{{emulator.StartFirestore, &c.FirestoreHost}, {emulator.StartPubSub, &c.PubSubHost}} {
		started, err := e.start(ctx)
		if err != nil {
			return err
		}
		*e.host = started.Addr
		c.onClose(func(context.Context) error { return started.Stop() })
	}
	client, err := pubsub.NewClient(context.WithoutCancel(ctx), o.Project,
		option.WithEndpoint(c.PubSubHost), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		return err
	}
	c.onClose(func(context.Context) error { return client.Close() })
	pull, err := queue.OpenPull(ctx, client, queue.PullOptions{Subscriptions: o.Subscriptions, Logger: o.Logger})
	if err != nil {
		return err
	}
	c.gateway = pull
	c.onClose(pull.Close)
	return nil
}
