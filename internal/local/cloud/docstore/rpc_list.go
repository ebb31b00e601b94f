package docstore

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	pb "cloud.google.com/go/firestore/apiv1/firestorepb"
)

// Page sizes of the two list calls.
const (
	defaultPage = 100
	maxPage     = 1000
)

// ListDocuments lists one collection in the order of names, with the documents
// that exist only as parents of others when show_missing is set.
func (s *Server) ListDocuments(_ context.Context, req *pb.ListDocumentsRequest) (*pb.ListDocumentsResponse, error) {
	if _, err := parseParent(req.Parent); err != nil {
		return nil, err
	}
	if req.OrderBy != "" && req.OrderBy != nameField {
		return nil, unimplemented("listing in another order than that of names")
	}
	if req.CollectionId == "" {
		return nil, unimplemented("listing several collections")
	}
	mask, err := optionalMask(req.Mask)
	if err != nil {
		return nil, err
	}
	after, err := decodeToken(req.PageToken)
	if err != nil {
		return nil, err
	}
	coll := req.Parent + "/" + req.CollectionId
	var docs []*pb.Document
	if err := s.store.read(req, nil, func(r *reading) error {
		docs = r.list(coll, req.ShowMissing)
		return nil
	}); err != nil {
		return nil, err
	}
	resp := &pb.ListDocumentsResponse{}
	page, next := cutPage(docs, req.PageSize, after, func(d *pb.Document) string { return d.Name[len(coll)+1:] })
	resp.NextPageToken = next
	for _, doc := range page {
		resp.Documents = append(resp.Documents, project(doc, mask))
	}
	return resp, nil
}

// list reads a whole collection; a document that is missing has a name alone.
func (r *reading) list(coll string, missing bool) []*pb.Document {
	cut := strings.LastIndexByte(coll, '/')
	q := &query{root: coll[:cut], coll: coll[cut+1:], limit: -1, orders: []order{{path: []string{nameField}}}}
	docs, _ := r.query(q)
	if !missing {
		return docs
	}
	have := make(map[string]bool, len(docs))
	for _, d := range docs {
		have[d.Name] = true
	}
	for path := range r.collections {
		below, ok := strings.CutPrefix(path, coll+"/")
		if !ok {
			continue
		}
		id, _, _ := strings.Cut(below, "/")
		if name := coll + "/" + id; !have[name] {
			have[name] = true
			docs = append(docs, &pb.Document{Name: name})
		}
	}
	slices.SortFunc(docs, q.compare)
	return docs
}

// ListCollectionIds lists the collections right below a document or the root.
func (s *Server) ListCollectionIds(_ context.Context, req *pb.ListCollectionIdsRequest) (*pb.ListCollectionIdsResponse, error) {
	if _, err := parseParent(req.Parent); err != nil {
		return nil, err
	}
	after, err := decodeToken(req.PageToken)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	if err := s.store.read(&pb.GetDocumentRequest{}, nil, func(r *reading) error {
		for path := range r.collections {
			if below, ok := strings.CutPrefix(path, req.Parent+"/"); ok {
				id, _, _ := strings.Cut(below, "/")
				found[id] = true
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(found))
	resp := &pb.ListCollectionIdsResponse{}
	resp.CollectionIds, resp.NextPageToken = cutPage(ids, req.PageSize, after, func(id string) string { return id })
	return resp, nil
}

// cutPage returns the items after a key, as many as a page has, and the token of
// the next page, empty when there is none.
func cutPage[T any](items []T, size int32, after string, key func(T) string) (page []T, next string) {
	first, found := slices.BinarySearchFunc(items, after, func(item T, k string) int { return strings.Compare(key(item), k) })
	if found {
		first++
	}
	n := int(size)
	if n <= 0 {
		n = defaultPage
	}
	n = min(n, maxPage)
	items = items[first:]
	if len(items) <= n {
		return items, ""
	}
	return items[:n], base64.RawURLEncoding.EncodeToString([]byte(key(items[n-1])))
}

func decodeToken(token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", invalid("invalid page token")
	}
	return string(b), nil
}
