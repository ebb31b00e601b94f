package gcp_test

import (
	"context"
	"errors"
	"hash/crc32"
	"net"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

const secretA, secretB = "projects/p/secrets/a/versions/latest", "projects/p/secrets/b/versions/3"

// vault answers Access from a map and counts.
type vault struct {
	mu      sync.Mutex
	secrets map[string]string
	calls   map[string]int
}

func (v *vault) access(_ context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.calls == nil {
		v.calls = map[string]int{}
	}
	v.calls[name]++
	s, ok := v.secrets[name]
	if !ok {
		return nil, errors.New("not found")
	}
	return []byte(s), nil
}

func TestResolveReplacesNamesOfSecretsAndNothingElse(t *testing.T) {
	v := &vault{secrets: map[string]string{secretA: "alpha\n", secretB: "beta"}}
	values := map[string]string{
		"A": secretA, "AGAIN": secretA, "B": secretB, "PLAIN": "value", "EMPTY": "",
		"NEARLY": "projects/p/secrets/a", "INSIDE": "see " + secretA, "TWO": secretA + "," + secretB,
	}
	before := map[string]string{}
	for k, val := range values {
		before[k] = val
	}
	got, err := gcp.ResolveSecrets(t.Context(), values, v.access)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"A": "alpha", "AGAIN": "alpha", "B": "beta", "PLAIN": "value", "EMPTY": "",
		"NEARLY": "projects/p/secrets/a", "INSIDE": "see " + secretA, "TWO": secretA + "," + secretB,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, values); diff != "" {
		t.Errorf("the argument changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{secretA: 1, secretB: 1}, v.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestResolveReportsAllProblemsAndNoValue(t *testing.T) {
	v := &vault{secrets: map[string]string{secretB: "\n"}}
	_, err := gcp.ResolveSecrets(t.Context(), map[string]string{"A": secretA, "B": secretB, "KEY": "hunter2"}, v.access)
	want := "A: secret " + secretA + ": not found\nB: secret " + secretB + ": is empty"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// secretManager is the service, reduced to the one call that is made.
type secretManager struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	payloads map[string]*secretmanagerpb.SecretPayload
}

func (s *secretManager) AccessSecretVersion(_ context.Context, req *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	p, ok := s.payloads[req.GetName()]
	if !ok {
		return nil, status.Error(codes.NotFound, "no such secret")
	}
	return &secretmanagerpb.AccessSecretVersionResponse{Name: req.GetName(), Payload: p}, nil
}

func TestSecretsReadsAndChecksPayloads(t *testing.T) {
	good := int64(crc32.Checksum([]byte("alpha"), crc32.MakeTable(crc32.Castagnoli)))
	bad := good + 1
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, &secretManager{payloads: map[string]*secretmanagerpb.SecretPayload{
		secretA: {Data: []byte("alpha"), DataCrc32C: &good},
		secretB: {Data: []byte("alpha"), DataCrc32C: &bad},
	}})
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s := &gcp.Secrets{Options: []option.ClientOption{option.WithGRPCConn(conn)}}

	got, err := s.AccessSecret(t.Context(), secretA)
	if err != nil || string(got) != "alpha" {
		t.Errorf("got %q, %v; want alpha", got, err)
	}
	if _, err := s.AccessSecret(t.Context(), secretB); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("damaged payload: error %v", err)
	}
	if _, err := s.AccessSecret(t.Context(), "projects/p/secrets/c/versions/1"); status.Code(errors.Unwrap(err)) != codes.NotFound {
		t.Errorf("missing secret: error %v, want NotFound", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSecretsThatWereNeverReadCloseWithoutAClient(t *testing.T) {
	if err := new(gcp.Secrets).Close(); err != nil {
		t.Error(err)
	}
}

func TestSecretsTriesAgainAfterAClientCouldNotBeMade(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", t.TempDir()+"/missing.json")
	s := &gcp.Secrets{}
	for range 2 {
		if _, err := s.AccessSecret(t.Context(), secretA); err == nil || !strings.HasPrefix(err.Error(), "connect to secret manager: ") {
			t.Errorf("error %v", err)
		}
	}
	s.Options = []option.ClientOption{option.WithoutAuthentication(), option.WithEndpoint("127.0.0.1:1")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.AccessSecret(ctx, secretA); err == nil || strings.HasPrefix(err.Error(), "connect") {
		t.Errorf("error %v, want one of the call", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
