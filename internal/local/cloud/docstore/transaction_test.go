package docstore

import (
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	testDB   = "projects/p/databases/(default)"
	testRoot = testDB + "/documents"
)

// bench is a store in memory whose clock stands still until it is moved.
type bench struct {
	*Server
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.Server = &Server{store: newStore(func() time.Time { return b.now })}
	return b
}

func text(s string) *pb.Value {
	return &pb.Value{ValueType: &pb.Value_StringValue{StringValue: s}}
}

func setTo(path, key string) *pb.Write {
	doc := &pb.Document{Name: testRoot + "/" + path, Fields: fields{"k": text(key)}}
	return &pb.Write{Operation: &pb.Write_Update{Update: doc}}
}

func (b *bench) commit(tx []byte, ws ...*pb.Write) (*pb.CommitResponse, error) {
	return b.Commit(b.t.Context(), &pb.CommitRequest{Database: testDB, Transaction: tx, Writes: ws})
}

func (b *bench) set(path, key string) *timestamppb.Timestamp {
	b.t.Helper()
	resp, err := b.commit(nil, setTo(path, key))
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.CommitTime
}

func (b *bench) begin(o *pb.TransactionOptions) []byte {
	b.t.Helper()
	resp, err := b.BeginTransaction(b.t.Context(), &pb.BeginTransactionRequest{Database: testDB, Options: o})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.Transaction
}

func (b *bench) get(tx []byte, path string) error {
	_, err := b.GetDocument(b.t.Context(), &pb.GetDocumentRequest{
		Name:                testRoot + "/" + path,
		ConsistencySelector: &pb.GetDocumentRequest_Transaction{Transaction: tx},
	})
	return err
}

// find runs the query k == key on collection c in a transaction.
func (b *bench) find(tx []byte, key string) (names []string, err error) {
	q, err := compileQuery(testRoot, whereK(key))
	if err != nil {
		return nil, err
	}
	sel := &pb.GetDocumentRequest{ConsistencySelector: &pb.GetDocumentRequest_Transaction{Transaction: tx}}
	err = b.store.read(sel, nil, func(r *reading) error {
		docs, _ := r.query(q)
		for _, d := range docs {
			names = append(names, d.Name)
		}
		return nil
	})
	return names, err
}

func whereK(key string) *pb.StructuredQuery {
	return &pb.StructuredQuery{
		From: []*pb.StructuredQuery_CollectionSelector{{CollectionId: "c"}},
		Where: &pb.StructuredQuery_Filter{FilterType: &pb.StructuredQuery_Filter_FieldFilter{
			FieldFilter: &pb.StructuredQuery_FieldFilter{
				Field: &pb.StructuredQuery_FieldReference{FieldPath: "k"}, Op: opEqual, Value: text(key),
			},
		}},
	}
}

func (b *bench) wantCode(what string, err error, want codes.Code) {
	b.t.Helper()
	if got := status.Code(err); got != want {
		b.t.Errorf("%s: code %v (%v), want %v", what, got, err, want)
	}
}

func TestTransactionAbortsWhenWhatItReadHasChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		read  func(b *bench, tx []byte) error
		write func(b *bench)
		want  codes.Code
	}{
		"a document it read": {
			func(b *bench, tx []byte) error { return b.get(tx, "c/a") },
			func(b *bench) { b.set("c/a", "y") }, codes.Aborted,
		},
		"a document it read, written without change": {
			func(b *bench, tx []byte) error { return b.get(tx, "c/a") },
			func(b *bench) { b.set("c/a", "x") }, codes.OK,
		},
		"another document": {
			func(b *bench, tx []byte) error { return b.get(tx, "c/a") },
			func(b *bench) { b.set("c/b", "x") }, codes.OK,
		},
		"a document that enters a query": {
			func(b *bench, tx []byte) error { _, err := b.find(tx, "x"); return err },
			func(b *bench) { b.set("c/new", "x") }, codes.Aborted,
		},
		"a document that leaves a query": {
			func(b *bench, tx []byte) error { _, err := b.find(tx, "x"); return err },
			func(b *bench) { b.set("c/a", "y") }, codes.Aborted,
		},
		"a document that came and went in a query": {
			func(b *bench, tx []byte) error { _, err := b.find(tx, "x"); return err },
			func(b *bench) { b.set("c/new", "x"); b.set("c/new", "y") }, codes.Aborted,
		},
		"a document that a query does not match": {
			func(b *bench, tx []byte) error { _, err := b.find(tx, "x"); return err },
			func(b *bench) { b.set("c/new", "y"); b.set("d/new", "x") }, codes.OK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.set("c/a", "x")
			tx := b.begin(nil)
			b.wantCode("read", tt.read(b, tx), codes.OK)
			tt.write(b)
			_, err := b.commit(tx, setTo("c/mine", "x"))
			b.wantCode("commit", err, tt.want)
			written := codes.OK
			if tt.want == codes.Aborted {
				written = codes.NotFound
			}
			b.wantCode("own document", b.get(nil, "c/mine"), written)
			_, err = b.commit(tx)
			b.wantCode("commit again", err, codes.InvalidArgument)
		})
	}
}

func TestTransactionDoesNotReadOnAfterAConflict(t *testing.T) {
	b := newBench(t)
	b.set("c/a", "x")
	tx := b.begin(nil)
	b.wantCode("first read", b.get(tx, "c/a"), codes.OK)
	b.set("c/a", "y")
	b.wantCode("second read", b.get(tx, "c/b"), codes.Aborted)
}

func TestReadOnlyTransactionKeepsItsSnapshotAndWritesNothing(t *testing.T) {
	b := newBench(t)
	b.set("c/a", "x")
	b.set("c/b", "y")
	tx := b.begin(&pb.TransactionOptions{Mode: &pb.TransactionOptions_ReadOnly_{ReadOnly: &pb.TransactionOptions_ReadOnly{}}})
	for range 3 * historyKept { // more than is kept without need
		b.set("c/a", "y")
		b.set("c/a", "z")
	}
	b.set("c/b", "x")
	names, err := b.find(tx, "x")
	if err != nil || len(names) != 1 || !strings.HasSuffix(names[0], "/c/a") {
		t.Errorf("query in the snapshot = %v, %v, want c/a", names, err)
	}
	_, err = b.commit(tx, setTo("c/c", "x"))
	b.wantCode("write", err, codes.InvalidArgument)
}

func TestAbandonedTransactionIsForgotten(t *testing.T) {
	b := newBench(t)
	idle, busy := b.begin(nil), b.begin(nil)
	b.now = b.now.Add(transactionIdle)
	b.wantCode("busy read", b.get(busy, "c/a"), codes.NotFound)
	b.now = b.now.Add(time.Second)
	_, err := b.commit(idle)
	b.wantCode("idle commit", err, codes.InvalidArgument)
	_, err = b.commit(busy)
	b.wantCode("busy commit", err, codes.OK)
}

func TestHistoryIsTrimmedAndOldReadTimesAreRefused(t *testing.T) {
	b := newBench(t)
	first := b.set("c/a", "x")
	for range 4 * historyKept {
		b.set("c/a", "y")
		b.set("c/a", "z")
	}
	if n := len(b.store.history.changes); n > 3*historyKept {
		t.Errorf("history holds %d changes that nobody needs", n)
	}
	_, err := b.GetDocument(b.t.Context(), &pb.GetDocumentRequest{
		Name: testRoot + "/c/a", ConsistencySelector: &pb.GetDocumentRequest_ReadTime{ReadTime: first},
	})
	b.wantCode("read at a trimmed time", err, codes.FailedPrecondition)
}

func TestCommitTimesRiseThoughTheClockStands(t *testing.T) {
	b := newBench(t)
	last := b.set("c/a", "0").AsTime()
	for i := range 10 {
		if i == 5 {
			b.now = b.now.Add(-time.Hour)
		}
		at := b.set("c/a", strings.Repeat("x", i+1)).AsTime()
		if !at.After(last) {
			t.Fatalf("commit at %v is not after %v", at, last)
		}
		last = at
	}
}

func TestCallersShareNothingWithTheStore(t *testing.T) {
	b := newBench(t)
	w := setTo("c/a", "x")
	if _, err := b.commit(nil, w); err != nil {
		t.Fatal(err)
	}
	w.GetUpdate().Fields["k"].ValueType = text("changed by the writer").ValueType
	read := func() *pb.Document {
		doc, err := b.GetDocument(b.t.Context(), &pb.GetDocumentRequest{Name: testRoot + "/c/a"})
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	doc := read()
	want := proto.Clone(doc)
	if got := doc.Fields["k"].GetStringValue(); got != "x" {
		t.Errorf("k = %q, want x", got)
	}
	doc.Fields["k"].ValueType = text("changed by the reader").ValueType
	doc.UpdateTime.Seconds = 0
	if got := read(); !proto.Equal(got, want) {
		t.Errorf("document = %v, want %v", got, want)
	}
}

func TestRequestAboveTenMegabytesIsRefused(t *testing.T) {
	b := newBench(t)
	big := strings.Repeat("x", 1<<20-1000)
	var ws []*pb.Write
	for _, id := range "abcdefghijk" {
		ws = append(ws, setTo("c/"+string(id), big))
	}
	_, err := b.commit(nil, ws...)
	b.wantCode("eleven megabytes", err, codes.InvalidArgument)
	_, err = b.commit(nil, ws[:10]...)
	b.wantCode("ten documents", err, codes.OK)
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	b := newBench(t)
	_, err := b.commit(nil, &pb.Write{Operation: &pb.Write_Delete{Delete: testRoot + "/c"}})
	b.wantCode("a collection's name", err, codes.InvalidArgument)
	_, err = b.commit(nil, &pb.Write{Operation: &pb.Write_Delete{Delete: "projects/other/databases/(default)/documents/c/a"}})
	b.wantCode("another database", err, codes.InvalidArgument)
	_, err = b.commit([]byte("nonsense"))
	b.wantCode("an unknown transaction", err, codes.InvalidArgument)
	w := setTo("c/a", "x")
	for _, path := range []string{"", "a..b", "`a", "a-b", "a.`b`c", "1a", "``"} {
		w.UpdateMask = &pb.DocumentMask{FieldPaths: []string{path}}
		_, err = b.commit(nil, w)
		b.wantCode("path "+path, err, codes.InvalidArgument)
	}
}
