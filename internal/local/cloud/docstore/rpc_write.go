package docstore

import (
	"context"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// BeginTransaction opens a transaction.
func (s *Server) BeginTransaction(_ context.Context, req *pb.BeginTransactionRequest) (*pb.BeginTransactionResponse, error) {
	if err := parseDatabase(req.Database); err != nil {
		return nil, err
	}
	s.store.mu.RLock()
	defer s.store.mu.RUnlock()
	if err := s.store.usable(); err != nil {
		return nil, err
	}
	tx, err := s.store.begin(req.Options)
	if err != nil {
		return nil, err
	}
	return &pb.BeginTransactionResponse{Transaction: []byte(tx.id)}, nil
}

// begin opens a transaction. The caller holds mu, so that its snapshot is in the
// history.
func (s *store) begin(o *pb.TransactionOptions) (*transaction, error) {
	at := s.clock.forRead()
	ro := o.GetReadOnly()
	if t := ro.GetReadTime(); t != nil {
		asked, err := s.checkReadTime(t)
		if err != nil {
			return nil, err
		}
		at = asked
	}
	if retried := o.GetReadWrite().GetRetryTransaction(); retried != nil {
		s.txs.end(retried)
	}
	return s.txs.begin(at, ro != nil), nil
}

// checkReadTime accepts a past time that the history still knows.
func (s *store) checkReadTime(t *timestamppb.Timestamp) (int64, error) {
	if !t.IsValid() {
		return 0, invalid("read_time is out of range")
	}
	at := t.AsTime().UnixMicro()
	if at > s.clock.forRead() {
		return 0, invalid("read_time cannot be in the future")
	}
	if _, ok := s.history.since(at); !ok {
		return 0, errTooOld
	}
	return at, nil
}

// Rollback forgets a transaction. It may be repeated.
func (s *Server) Rollback(_ context.Context, req *pb.RollbackRequest) (*emptypb.Empty, error) {
	if err := parseDatabase(req.Database); err != nil {
		return nil, err
	}
	s.store.txs.end(req.Transaction)
	return &emptypb.Empty{}, nil
}

// Commit applies all writes, or none.
func (s *Server) Commit(_ context.Context, req *pb.CommitRequest) (*pb.CommitResponse, error) {
	ms, err := compileRequest(req, req.Database, req.Writes)
	if err != nil {
		return nil, err
	}
	return s.store.commit(req.Transaction, ms)
}

func compileRequest(req proto.Message, database string, ws []*pb.Write) ([]mutation, error) {
	if n := proto.Size(req); n > maxRequest {
		return nil, invalid("Request payload size exceeds the limit: %d bytes.", maxRequest)
	}
	if err := parseDatabase(database); err != nil {
		return nil, err
	}
	return compileWrites(database, ws)
}

// commit applies mutations in a transaction, or outside when txID is empty. The
// transaction is over, whatever comes of it.
func (s *store) commit(txID []byte, ms []mutation) (*pb.CommitResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, err
	}
	if len(txID) > 0 {
		if err := s.finish(txID, len(ms) > 0); err != nil {
			return nil, err
		}
	}
	at := s.clock.forCommit()
	changes, results, err := s.stage(ms, at)
	if err != nil {
		return nil, err
	}
	if err := s.apply(at, changes); err != nil {
		return nil, err
	}
	return &pb.CommitResponse{WriteResults: results, CommitTime: stamp(at)}, nil
}

// finish closes a transaction and tells whether it may commit.
func (s *store) finish(id []byte, writes bool) error {
	tx, err := s.txs.use(id)
	if err != nil {
		return err
	}
	s.txs.end(id)
	if tx.readOnly {
		if writes {
			return invalid("Cannot modify entities in a read-only transaction.")
		}
		return nil
	}
	tx.mu.Lock()
	defer tx.mu.Unlock()
	return s.validate(tx)
}

// BatchWrite applies each write by itself and reports each by itself.
func (s *Server) BatchWrite(_ context.Context, req *pb.BatchWriteRequest) (*pb.BatchWriteResponse, error) {
	ms, err := compileRequest(req, req.Database, req.Writes)
	if err != nil {
		return nil, err
	}
	seen := make(map[docKey]bool, len(ms))
	for _, m := range ms {
		if seen[m.key] {
			return nil, invalid("the same document cannot be written more than once in a single request")
		}
		seen[m.key] = true
	}
	resp := &pb.BatchWriteResponse{}
	for i := range ms {
		result, code := &pb.WriteResult{}, &rpcstatus.Status{}
		one, err := s.store.commit(nil, ms[i:i+1])
		if err != nil {
			code = status.Convert(err).Proto()
		} else {
			result = one.WriteResults[0]
		}
		resp.WriteResults = append(resp.WriteResults, result)
		resp.Status = append(resp.Status, code)
	}
	return resp, nil
}
