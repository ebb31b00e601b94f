package docstore

import (
	"maps"
	"strings"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
)

// nameField is the pseudo field that stands for a document's own name.
const nameField = "__name__"

type fields = map[string]*pb.Value

// parsePath splits a field path as it is sent, `a.b.c` with segments that are
// not plain identifiers in back quotes, into its segments.
func parsePath(s string) ([]string, error) {
	var path []string
	for rest := s; ; {
		seg, tail, err := nextSegment(s, rest)
		if err != nil {
			return nil, err
		}
		path = append(path, seg)
		if tail == "" {
			return path, nil
		}
		if tail[0] != '.' {
			return nil, invalid("invalid property path %q", s)
		}
		rest = tail[1:]
	}
}

func nextSegment(whole, s string) (seg, rest string, err error) {
	if strings.HasPrefix(s, "`") {
		return quotedSegment(whole, s[1:])
	}
	n := 0
	for n < len(s) && isIdentByte(s[n], n) {
		n++
	}
	if n == 0 {
		return "", "", invalid("invalid property path %q", whole)
	}
	return s[:n], s[n:], nil
}

func quotedSegment(whole, s string) (seg, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '`':
			if b.Len() == 0 {
				return "", "", invalid("invalid property path %q", whole)
			}
			return b.String(), s[i+1:], nil
		case '\\':
			if i++; i == len(s) {
				return "", "", invalid("invalid property path %q", whole)
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", invalid("invalid property path %q", whole)
}

func isIdentByte(c byte, at int) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || at > 0 && c >= '0' && c <= '9'
}

// pathKey is a path in one string, the same for no two paths: a segment ends with
// two NULs, and a NUL inside one is escaped.
func pathKey(path []string) string {
	var b strings.Builder
	for _, seg := range path {
		b.WriteString(strings.ReplaceAll(seg, "\x00", "\x00\x01"))
		b.WriteString("\x00\x00")
	}
	return b.String()
}

// lookup returns the value at path, nil when there is none.
func lookup(fs fields, path []string) *pb.Value {
	v := fs[path[0]]
	for _, seg := range path[1:] {
		v = v.GetMapValue().GetFields()[seg]
	}
	return v
}

// assign puts v at path, creating the maps on the way; a nil v deletes. It
// changes fs itself but none of the values below: those are copied, because
// earlier versions of the document hold them too.
func assign(fs fields, path []string, v *pb.Value) {
	head := path[0]
	if len(path) == 1 {
		if v == nil {
			delete(fs, head)
		} else {
			fs[head] = v
		}
		return
	}
	inner := fs[head].GetMapValue()
	if inner == nil && v == nil {
		return
	}
	copied := maps.Clone(inner.GetFields())
	if copied == nil {
		copied = fields{}
	}
	assign(copied, path[1:], v)
	fs[head] = &pb.Value{ValueType: &pb.Value_MapValue{MapValue: &pb.MapValue{Fields: copied}}}
}

// parseMask parses every path of a mask.
func parseMask(m *pb.DocumentMask) ([][]string, error) {
	paths := make([][]string, len(m.GetFieldPaths()))
	for i, s := range m.GetFieldPaths() {
		p, err := parsePath(s)
		if err != nil {
			return nil, err
		}
		paths[i] = p
	}
	return paths, nil
}

// project keeps only the masked fields of doc. It returns a copy that shares
// nothing with the stored one; a nil mask keeps everything.
func project(doc *pb.Document, mask [][]string) *pb.Document {
	if mask == nil {
		return cloneDocument(doc)
	}
	out := &pb.Document{Name: doc.Name, CreateTime: doc.CreateTime, UpdateTime: doc.UpdateTime, Fields: fields{}}
	for _, p := range mask {
		if isName(p) {
			continue
		}
		if v := lookup(doc.Fields, p); v != nil {
			assign(out.Fields, p, v)
		}
	}
	return cloneDocument(out)
}
