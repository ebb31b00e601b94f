package docstore

import (
	"maps"
	"time"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// mutation is a pb.Write, checked, and owned by the store: no part of it is
// shared with the caller.
type mutation struct {
	key        docKey
	delete     bool
	fields     fields     // of an update
	mask       [][]string // of an update; nil replaces the document
	transforms []transform
	require    *pb.Precondition
}

func compileWrites(database string, ws []*pb.Write) ([]mutation, error) {
	out := make([]mutation, len(ws))
	for i, w := range ws {
		m, err := compileWrite(database, proto.Clone(w).(*pb.Write))
		if err != nil {
			return nil, err
		}
		out[i] = m
	}
	return out, nil
}

func compileWrite(database string, w *pb.Write) (m mutation, err error) {
	m.require = w.CurrentDocument
	if err := checkPrecondition(w.CurrentDocument); err != nil {
		return m, err
	}
	var name string
	sent := w.UpdateTransforms
	switch op := w.Operation.(type) {
	case *pb.Write_Delete:
		name, m.delete = op.Delete, true
	case *pb.Write_Update:
		name, m.fields = op.Update.GetName(), op.Update.GetFields()
		if err := normalizeFields(m.fields, 1); err != nil {
			return m, err
		}
		if w.UpdateMask != nil {
			m.mask, err = parseMask(w.UpdateMask)
		}
	case *pb.Write_Transform:
		name, m.mask = op.Transform.GetDocument(), [][]string{}
		sent = append(op.Transform.GetFieldTransforms(), sent...)
	default:
		return m, invalid("a write needs an operation")
	}
	if err != nil {
		return m, err
	}
	if m.delete && (w.UpdateMask != nil || len(sent) > 0) {
		return m, invalid("a delete takes neither mask nor transforms")
	}
	if m.transforms, err = compileTransforms(sent); err != nil {
		return m, err
	}
	m.key, err = parseNameIn(database, name)
	return m, err
}

// parseNameIn parses a document's name that must be in the database.
func parseNameIn(database, name string) (docKey, error) {
	k, err := parseDocName(name)
	if err != nil {
		return k, err
	}
	prefix := database + "/" + documentsDir + "/"
	if len(name) < len(prefix) || name[:len(prefix)] != prefix {
		return k, invalid("document %q is not in database %q", name, database)
	}
	return k, nil
}

func checkPrecondition(p *pb.Precondition) error {
	t, ok := p.GetConditionType().(*pb.Precondition_UpdateTime)
	if ok && (!t.UpdateTime.IsValid() || t.UpdateTime.Nanos%int32(time.Microsecond) != 0) {
		return invalid("timestamp cannot have more than microseconds precision")
	}
	return nil
}

// check applies the precondition to the version at hand.
func (m *mutation) check(doc *pb.Document) error {
	switch c := m.require.GetConditionType().(type) {
	case *pb.Precondition_Exists:
		if c.Exists && doc == nil {
			return status.Errorf(codes.NotFound, "no entity to update: %s", m.key.name())
		}
		if !c.Exists && doc != nil {
			return status.Errorf(codes.AlreadyExists, "entity already exists: %s", m.key.name())
		}
	case *pb.Precondition_UpdateTime:
		if doc == nil {
			return status.Errorf(codes.FailedPrecondition, "no entity to update: %s", m.key.name())
		}
		if !doc.UpdateTime.AsTime().Equal(c.UpdateTime.AsTime()) {
			return status.Errorf(codes.FailedPrecondition,
				"the stored version does not match the required base version: %s", m.key.name())
		}
	}
	return nil
}

// next makes the version that the mutation leaves behind at a time, nil for none,
// from the one at hand. A write that changes nothing leaves the version itself,
// with its update time.
func (m *mutation) next(doc *pb.Document, at int64) (*pb.Document, []*pb.Value, error) {
	if err := m.check(doc); err != nil || m.delete {
		return nil, nil, err
	}
	fs := m.merged(doc)
	results := make([]*pb.Value, len(m.transforms))
	for i, t := range m.transforms {
		v, result := t.apply(lookup(fs, t.path), at)
		assign(fs, t.path, v)
		results[i] = result
	}
	after := &pb.Document{Name: m.key.name(), Fields: fs}
	if n := storageSize(after); n > maxDocument {
		return nil, nil, invalid("Document %q cannot be written because its size (%d bytes) exceeds the maximum allowed size of %d bytes.",
			after.Name, n, maxDocument)
	}
	if doc == nil {
		after.CreateTime = stamp(at)
	} else {
		after.CreateTime, after.UpdateTime = doc.CreateTime, doc.UpdateTime
		if proto.Equal(doc, after) {
			return doc, results, nil
		}
	}
	after.UpdateTime = stamp(at)
	return after, results, nil
}

// merged is the update without its transforms.
func (m *mutation) merged(doc *pb.Document) fields {
	if m.mask == nil {
		return orEmpty(maps.Clone(m.fields))
	}
	fs := orEmpty(maps.Clone(doc.GetFields()))
	for _, path := range m.mask {
		assign(fs, path, lookup(m.fields, path))
	}
	return fs
}

func orEmpty(fs fields) fields {
	if fs == nil {
		return fields{}
	}
	return fs
}

// stage works out what mutations would change, in order, each seeing those before
// it. The caller holds mu for writing and decides whether to apply it.
func (s *store) stage(ms []mutation, at int64) ([]change, []*pb.WriteResult, error) {
	staged := make(map[docKey]int, len(ms))
	changes := make([]change, 0, len(ms))
	results := make([]*pb.WriteResult, len(ms))
	for i := range ms {
		m := &ms[i]
		doc := s.get(m.key)
		prior, again := staged[m.key]
		if again {
			doc = changes[prior].after
		}
		after, values, err := m.next(doc, at)
		if err != nil {
			return nil, nil, err
		}
		results[i] = &pb.WriteResult{UpdateTime: updateTime(after), TransformResults: values}
		switch {
		case again:
			changes[prior].after = after
		case after != doc:
			staged[m.key] = len(changes)
			changes = append(changes, change{at: at, key: m.key, before: doc, after: after})
		}
	}
	return changes, results, nil
}

func updateTime(doc *pb.Document) *timestamppb.Timestamp {
	if doc == nil {
		return nil
	}
	return proto.Clone(doc.UpdateTime).(*timestamppb.Timestamp)
}
