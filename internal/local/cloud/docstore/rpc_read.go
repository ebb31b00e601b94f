package docstore

import (
	"context"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var errTooOld = status.Error(codes.FailedPrecondition, "read_time is too far in the past")

// when is the consistency selector that the read requests have in common.
type when interface {
	GetTransaction() []byte
	GetReadTime() *timestamppb.Timestamp
}

// reading is one read call: the view it reads, and the transaction that has to
// remember it, if any.
type reading struct {
	view
	at   int64
	tx   *transaction
	txID []byte // of a transaction that this call opened
}

// read calls f with the view that the selector names, under the store's lock.
// Nothing slow belongs into f.
func (s *store) read(w when, opens *pb.TransactionOptions, f func(*reading) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return err
	}
	r := &reading{view: view{store: s}, at: s.clock.forRead()}
	var err error
	switch {
	case opens != nil:
		if r.tx, err = s.begin(opens); err == nil {
			r.txID = []byte(r.tx.id)
		}
	case len(w.GetTransaction()) > 0:
		r.tx, err = s.txs.use(w.GetTransaction())
	case w.GetReadTime() != nil:
		if r.at, err = s.checkReadTime(w.GetReadTime()); err == nil {
			err = r.goBack()
		}
	}
	if err != nil {
		return err
	}
	if r.tx == nil {
		return f(r)
	}
	return r.inTransaction(f)
}

// goBack moves the view to the time of the reading.
func (r *reading) goBack() error {
	v, ok := r.viewAt(r.at)
	if !ok {
		return errTooOld
	}
	r.view = v
	return nil
}

func (r *reading) inTransaction(f func(*reading) error) error {
	r.tx.mu.Lock()
	defer r.tx.mu.Unlock()
	if r.tx.readOnly {
		r.at = r.tx.at
		if err := r.goBack(); err != nil {
			return err
		}
		return f(r)
	}
	if err := r.validate(r.tx); err != nil {
		return err
	}
	return f(r)
}

// doc reads one document.
func (r *reading) doc(k docKey) *pb.Document {
	doc := r.get(k)
	if r.tx != nil && !r.tx.readOnly {
		r.tx.docs[k] = doc
	}
	return doc
}

// query runs one query.
func (r *reading) query(q *query) (docs []*pb.Document, skipped int) {
	if r.tx != nil && !r.tx.readOnly {
		r.tx.queries = append(r.tx.queries, queryRead{query: q, at: r.at})
	}
	return r.run(q)
}

// count returns how many documents a query finds. Those that have one text or
// truth in one field are counted by the index, without a look at any.
func (r *reading) count(q *query) int {
	c, alone := q.where.(condition)
	if alone && c.op == opEqual && len(q.equal) == 1 && q.whole() && r.tx == nil && len(r.past) == 0 {
		if k := rank(c.value); k == rankString || k == rankBool {
			return r.countEqual(q)
		}
	}
	docs, _ := r.query(q)
	return len(docs)
}

func (r *reading) countEqual(q *query) int {
	coll := r.collections[q.root+"/"+q.coll]
	if coll == nil {
		return 0
	}
	ix := coll.index(q.equal[0].path)
	if ix == nil {
		docs, _ := r.query(q)
		return len(docs)
	}
	if ids := ix.ids[q.equal[0].key]; ids != nil {
		return ids.size
	}
	return 0
}

// BatchGetDocuments reads documents of one view, in the order asked for.
func (s *Server) BatchGetDocuments(req *pb.BatchGetDocumentsRequest, stream pb.Firestore_BatchGetDocumentsServer) error {
	keys, mask, err := compileBatchGet(req)
	if err != nil {
		return err
	}
	docs := make([]*pb.Document, len(keys))
	var at *timestamppb.Timestamp
	var opened []byte
	err = s.store.read(req, req.GetNewTransaction(), func(r *reading) error {
		for i, k := range keys {
			docs[i] = r.doc(k)
		}
		at, opened = stamp(r.at), r.txID
		return nil
	})
	if err != nil {
		return err
	}
	if opened != nil {
		if err := stream.Send(&pb.BatchGetDocumentsResponse{Transaction: opened}); err != nil {
			return err
		}
	}
	for i, doc := range docs {
		resp := &pb.BatchGetDocumentsResponse{ReadTime: at}
		if doc == nil {
			resp.Result = &pb.BatchGetDocumentsResponse_Missing{Missing: req.Documents[i]}
		} else {
			resp.Result = &pb.BatchGetDocumentsResponse_Found{Found: project(doc, mask)}
		}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
	return nil
}

func compileBatchGet(req *pb.BatchGetDocumentsRequest) (keys []docKey, mask [][]string, err error) {
	if err := parseDatabase(req.Database); err != nil {
		return nil, nil, err
	}
	for _, name := range req.Documents {
		k, err := parseNameIn(req.Database, name)
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, k)
	}
	mask, err = optionalMask(req.Mask)
	return keys, mask, err
}

func optionalMask(m *pb.DocumentMask) ([][]string, error) {
	if m == nil {
		return nil, nil
	}
	return parseMask(m)
}

// GetDocument reads one document.
func (s *Server) GetDocument(_ context.Context, req *pb.GetDocumentRequest) (*pb.Document, error) {
	k, err := parseDocName(req.Name)
	if err != nil {
		return nil, err
	}
	mask, err := optionalMask(req.Mask)
	if err != nil {
		return nil, err
	}
	var doc *pb.Document
	err = s.store.read(req, nil, func(r *reading) error {
		doc = r.doc(k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if doc == nil {
		return nil, status.Errorf(codes.NotFound, "Document (%s) not found.", req.Name)
	}
	return project(doc, mask), nil
}

// RunQuery streams the documents that a query asks for.
func (s *Server) RunQuery(req *pb.RunQueryRequest, stream pb.Firestore_RunQueryServer) error {
	q, err := compileQuery(req.Parent, req.GetStructuredQuery())
	if err != nil {
		return err
	}
	var docs []*pb.Document
	last := &pb.RunQueryResponse{}
	err = s.store.read(req, req.GetNewTransaction(), func(r *reading) error {
		var skipped int
		docs, skipped = r.query(q)
		last.ReadTime, last.Transaction, last.SkippedResults = stamp(r.at), r.txID, int32(skipped)
		return nil
	})
	if err != nil {
		return err
	}
	if len(docs) == 0 || last.Transaction != nil || last.SkippedResults > 0 {
		if err := stream.Send(last); err != nil {
			return err
		}
	}
	for _, doc := range docs {
		resp := &pb.RunQueryResponse{Document: project(doc, q.selection), ReadTime: last.ReadTime}
		if err := stream.Send(resp); err != nil {
			return err
		}
	}
	return nil
}

// RunAggregationQuery counts the documents that a query asks for.
func (s *Server) RunAggregationQuery(req *pb.RunAggregationQueryRequest, stream pb.Firestore_RunAggregationQueryServer) error {
	agg := req.GetStructuredAggregationQuery()
	q, err := compileQuery(req.Parent, agg.GetStructuredQuery())
	if err != nil {
		return err
	}
	for _, a := range agg.Aggregations {
		if a.GetCount() == nil {
			return unimplemented("an aggregation other than count")
		}
	}
	resp := &pb.RunAggregationQueryResponse{Result: &pb.AggregationResult{AggregateFields: fields{}}}
	err = s.store.read(req, req.GetNewTransaction(), func(r *reading) error {
		found := r.count(q)
		for _, a := range agg.Aggregations {
			n := int64(found)
			if most := a.GetCount().GetUpTo(); most != nil {
				n = min(n, most.Value)
			}
			resp.Result.AggregateFields[a.Alias] = &pb.Value{ValueType: &pb.Value_IntegerValue{IntegerValue: n}}
		}
		resp.ReadTime, resp.Transaction = stamp(r.at), r.txID
		return nil
	})
	if err != nil {
		return err
	}
	return stream.Send(resp)
}
