package docstore_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/firestore"
	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore/docstoretest"
	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

func TestEmbeddedStoreConforms(t *testing.T) {
	addr := serve(t, docstore.Options{})
	docstoretest.Run(t, func(t *testing.T) *firestore.Client { return newClient(t, addr) })
}

func TestGoogleEmulatorConforms(t *testing.T) {
	tier.Long(t, "that the embedded Firestore's suite holds on Google's emulator")
	em, err := emulator.StartFirestore(t.Context())
	if emulator.MaySkip(err) {
		t.Skipf("SKIPPED, THE SUITE IS NOT HELD AGAINST GOOGLE'S EMULATOR: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := em.Stop(); err != nil {
			t.Errorf("stop emulator: %v", err)
		}
	})
	docstoretest.Run(t, func(t *testing.T) *firestore.Client { return newClient(t, em.Addr) })
}

func TestClientFindsTheStoreThroughItsVariable(t *testing.T) {
	t.Setenv("FIRESTORE_EMULATOR_HOST", serve(t, docstore.Options{}))
	c, err := firestore.NewClient(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Doc("c/a").Create(t.Context(), map[string]any{}); err != nil {
		t.Errorf("create: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestRegisteredStoreIsUnavailableAfterClose(t *testing.T) {
	store, err := docstore.New(docstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shared := grpc.NewServer(docstore.ServerOptions()...)
	store.Register(shared)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- shared.Serve(l) }()
	client := firestorepb.NewFirestoreClient(dial(t, l.Addr().String()))
	req := &firestorepb.CommitRequest{Database: "projects/p/databases/(default)"}
	if _, err := client.Commit(t.Context(), req); err != nil {
		t.Errorf("commit: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if _, err := client.Commit(t.Context(), req); status.Code(err) != codes.Unavailable {
		t.Errorf("commit after Close: %v, want it unavailable", err)
	}
	shared.Stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// serve starts a store on a free port and returns its address.
func serve(tb testing.TB, o docstore.Options) string {
	tb.Helper()
	addr, stop := start(tb, o)
	tb.Cleanup(stop)
	return addr
}

// start is serve for tests that close the store themselves.
func start(tb testing.TB, o docstore.Options) (addr string, stop func()) {
	tb.Helper()
	srv, err := docstore.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	return l.Addr().String(), func() {
		tb.Helper()
		if err := errors.Join(srv.Close(), <-served); err != nil {
			tb.Errorf("close store: %v", err)
		}
	}
}

var projects atomic.Int64

// newClient returns a client of a project that no other client has. The options
// are what FIRESTORE_EMULATOR_HOST does, without a process-wide variable.
func newClient(tb testing.TB, addr string) *firestore.Client {
	tb.Helper()
	return clientOf(tb, addr, fmt.Sprintf("project-%d", projects.Add(1)))
}

func clientOf(tb testing.TB, addr, project string) *firestore.Client {
	tb.Helper()
	conn := dial(tb, addr)
	c, err := firestore.NewClient(tb.Context(), project, option.WithGRPCConn(conn))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// dial connects as the emulator's owner.
func dial(tb testing.TB, addr string) *grpc.ClientConn {
	tb.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(owner{}),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(math.MaxInt32), grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := conn.Close(); err != nil {
			tb.Errorf("close connection: %v", err)
		}
	})
	return conn
}

type owner struct{}

func (owner) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer owner"}, nil
}

func (owner) RequireTransportSecurity() bool { return false }
