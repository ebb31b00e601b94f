package docstore

import pb "cloud.google.com/go/firestore/apiv1/firestorepb"

// maxIndexes bounds the indexes of one collection; a field beyond it is found by
// scanning. Callers that use data as field names would otherwise make one each.
const maxIndexes = 64

// index finds the documents whose field equals a scalar. The first equality
// query on a field builds it, every write keeps it up to date.
type index struct {
	path []string
	ids  map[string]*idSet // by scalarKey
}

// index returns the index of a field, nil when there are too many. The caller
// holds the store's mu, for reading at least.
func (c *collection) index(path []string) *index {
	key := pathKey(path)
	c.indexMu.Lock()
	defer c.indexMu.Unlock()
	if ix := c.indexes[key]; ix != nil || len(c.indexes) == maxIndexes {
		return ix
	}
	ix := &index{path: path, ids: map[string]*idSet{}}
	for id := range c.ids.from("") {
		ix.update(id, nil, c.docs[id])
	}
	c.indexes[key] = ix
	return ix
}

func (ix *index) key(doc *pb.Document) (string, bool) {
	if doc == nil {
		return "", false
	}
	v := lookup(doc.Fields, ix.path)
	if v == nil {
		return "", false
	}
	return scalarKey(v)
}

func (ix *index) update(id string, before, after *pb.Document) {
	was, had := ix.key(before)
	is, has := ix.key(after)
	if had == has && was == is {
		return
	}
	if had {
		set := ix.ids[was]
		if set.remove(id); set.size == 0 {
			delete(ix.ids, was)
		}
	}
	if has {
		set := ix.ids[is]
		if set == nil {
			set = &idSet{}
			ix.ids[is] = set
		}
		set.insert(id)
	}
}
