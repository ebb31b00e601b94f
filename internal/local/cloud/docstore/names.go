package docstore

import (
	"strings"
	"unicode/utf8"
)

const (
	documentsDir = "documents"
	// maxID is the limit of one segment of a name, in bytes.
	maxID = 1500
	// maxDepth is how many documents deep a name may be.
	maxDepth = 100
)

// parseDatabase checks "projects/P/databases/D".
func parseDatabase(name string) error {
	seg := strings.Split(name, "/")
	if len(seg) != 4 || seg[0] != "projects" || seg[1] == "" || seg[2] != "databases" || seg[3] == "" {
		return invalid("invalid database name %q", name)
	}
	return nil
}

// parseParent checks "projects/P/databases/D/documents[/C/I]..." and returns the
// segments below the database.
func parseParent(name string) (path []string, err error) {
	seg := strings.Split(name, "/")
	if len(seg) < 5 || len(seg)%2 == 0 || seg[4] != documentsDir {
		return nil, invalid("invalid parent name %q", name)
	}
	return seg[5:], parseDatabase(strings.Join(seg[:4], "/"))
}

// parseDocName checks a document's full name.
func parseDocName(name string) (docKey, error) {
	path, err := parseParent(name)
	if err != nil || len(path) == 0 || len(path) > 2*maxDepth {
		return docKey{}, invalid("invalid document name %q", name)
	}
	for _, id := range path {
		if err := checkID(id); err != nil {
			return docKey{}, err
		}
	}
	cut := strings.LastIndexByte(name, '/')
	return docKey{coll: name[:cut], id: name[cut+1:]}, nil
}

func checkID(id string) error {
	switch {
	case id == "" || id == "." || id == "..":
		return invalid("document name contains a resource id %q", id)
	case isReserved(id):
		return invalid("Resource id %q is invalid because it is reserved.", id)
	case len(id) > maxID:
		return invalid("The key path element name is longer than %d bytes.", maxID)
	case !utf8.ValidString(id):
		return invalid("resource id is not valid UTF-8")
	}
	return nil
}

// isReserved tells names of the form __x__, which Firestore keeps for itself.
func isReserved(id string) bool {
	return len(id) >= 4 && strings.HasPrefix(id, "__") && strings.HasSuffix(id, "__")
}
