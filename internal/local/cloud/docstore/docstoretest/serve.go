package docstoretest

import (
	"errors"
	"net"
	"testing"

	"github.com/hubspot-zoho/connector/internal/local/cloud/docstore"
)

// Serve serves an empty store for one test and returns its address.
func Serve(t testing.TB) string {
	t.Helper()
	server, err := docstore.New(docstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}
