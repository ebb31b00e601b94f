// Package docstore is an embedded document store that speaks the part of
// Firestore's gRPC protocol that this module uses. The unchanged client of
// cloud.google.com/go/firestore reaches it through FIRESTORE_EMULATOR_HOST, so
// the code under test is the code that is deployed, and a laptop needs nothing
// but Go.
//
// Served: BatchGetDocuments, GetDocument, ListDocuments, ListCollectionIds,
// RunQuery, RunAggregationQuery (count), BeginTransaction, Commit, Rollback and
// BatchWrite. Everything else answers UNIMPLEMENTED. Error codes are those of
// Google's emulator; the suite in docstoretest runs against both.
//
// # Transactions
//
// They are optimistic. A read-write transaction remembers the documents it read
// and the queries it ran; if one of them has changed (for a query: if a document
// that matched or now matches its filters was written) the next read or the
// commit answers ABORTED, so a transaction never acts on a mixed view. Read-only
// transactions read one snapshot and never abort. A transaction idle for 60
// seconds or older than 270 is forgotten.
//
// # Durability
//
// With Options.Dir set, every commit is handed to the operating system, in one
// checksummed record, before it is acknowledged: a killed process loses nothing.
// The file is synced to the disk once a second and on Close, so a power failure
// may lose the last second. A record torn by a crash is cut off at the next
// start. The log is folded into a snapshot at start and when it outgrows it.
package docstore

import (
	"errors"
	"net"
	"sync"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// maxRequest is Firestore's limit of one request, in bytes.
	maxRequest = 10 << 20
	// maxMessage is what the transport accepts, in bytes. It is above maxRequest
	// because the client retries the transport's own refusal for a minute.
	maxMessage = 64 << 20
	// stopGrace bounds how long Close waits for calls in flight.
	stopGrace = 5 * time.Second
)

// ErrLocked says that another process, or another Server, uses the directory.
var ErrLocked = errors.New("directory is in use by another document store")

// ErrCorrupt says that a record before the end of a file does not match its
// checksum. Nothing is dropped silently: the files are left as they are.
var ErrCorrupt = errors.New("document store file is corrupt")

// Options says how to build a Server. The zero value keeps everything in memory.
type Options struct {
	// Dir holds the data; it is created when missing. Empty: memory only.
	Dir string
}

// Server serves the documents. Its methods may be called concurrently.
type Server struct {
	pb.UnimplementedFirestoreServer

	store *store

	mu     sync.Mutex
	closed bool
	grpc   []*grpc.Server
}

// New opens the store and, with Options.Dir, reads what an earlier one left
// there. It returns ErrLocked or ErrCorrupt, wrapped, when that cannot be done.
func New(o Options) (*Server, error) {
	st := newStore(time.Now)
	if o.Dir != "" {
		d, err := openDisk(o.Dir, st)
		if err != nil {
			return nil, err
		}
		st.disk = d
	}
	return &Server{store: st}, nil
}

// ServerOptions are what a gRPC server needs to carry Firestore's requests; pass
// them to grpc.NewServer when the server is shared with other services.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage)}
}

// Register adds the service to a gRPC server that the caller owns and stops.
func (s *Server) Register(g *grpc.Server) { pb.RegisterFirestoreServer(g, s) }

// Serve answers on l until Close, and then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	g := grpc.NewServer(ServerOptions()...)
	s.Register(g)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errors.Join(grpc.ErrServerStopped, l.Close())
	}
	s.grpc = append(s.grpc, g)
	s.mu.Unlock()
	return g.Serve(l)
}

// Close stops serving, lets calls in flight finish for a few seconds, syncs the
// log and releases the directory. Calls that arrive later, through a shared
// gRPC server, get UNAVAILABLE.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	servers := s.grpc
	s.mu.Unlock()
	for _, g := range servers {
		stop(g)
	}
	return s.store.close()
}

// stop lets calls in flight finish, for a while.
func stop(g *grpc.Server) {
	halt := time.AfterFunc(stopGrace, g.Stop)
	defer halt.Stop()
	g.GracefulStop()
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}
