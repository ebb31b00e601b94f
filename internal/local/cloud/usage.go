package cloud

import (
	"cmp"
	"context"
	"strings"
	"sync/atomic"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
)

// Usage counts what the embedded servers are asked for, in the units in which
// Google bills it.
type Usage struct {
	// Reads are documents that were read, a query that finds none being one;
	// Writes are documents that were written or deleted.
	Reads, Writes atomic.Int64
	// Aside, unless empty, is a collection whose writes count here and not there.
	Aside       string
	WritesAside atomic.Int64
	// Messages were published.
	Messages atomic.Int64
}

// serverOptions count, or do nothing for nil.
func (u *Usage) serverOptions() []grpc.ServerOption {
	if u == nil {
		return nil
	}
	return []grpc.ServerOption{grpc.UnaryInterceptor(u.unary), grpc.StreamInterceptor(u.stream)}
}

func (u *Usage) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	switch req := req.(type) {
	case *firestorepb.CommitRequest:
		u.wrote(req.GetWrites())
	case *firestorepb.BatchWriteRequest:
		u.wrote(req.GetWrites())
	case *pubsubpb.PublishRequest:
		u.Messages.Add(int64(len(req.GetMessages())))
	}
	return next(ctx, req)
}

func (u *Usage) wrote(writes []*firestorepb.Write) {
	for _, w := range writes {
		_, path, _ := strings.Cut(cmp.Or(w.GetUpdate().GetName(), w.GetDelete()), "/documents/")
		if collection, _, _ := strings.Cut(path, "/"); u.Aside != "" && collection == u.Aside {
			u.WritesAside.Add(1)
		} else {
			u.Writes.Add(1)
		}
	}
}

func (u *Usage) stream(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	counted := &countedStream{ServerStream: s}
	err := next(srv, counted)
	if counted.asked {
		u.Reads.Add(max(counted.documents, 1))
	}
	return err
}

// countedStream counts the documents that are sent on it.
type countedStream struct {
	grpc.ServerStream
	asked     bool
	documents int64
}

func (s *countedStream) SendMsg(m any) error {
	switch m := m.(type) {
	case *firestorepb.RunQueryResponse:
		s.asked = true
		if m.GetDocument() != nil {
			s.documents++
		}
	case *firestorepb.BatchGetDocumentsResponse:
		s.asked = true
		if m.GetResult() != nil {
			s.documents++
		}
	}
	return s.ServerStream.SendMsg(m)
}
