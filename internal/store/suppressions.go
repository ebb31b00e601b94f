package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Schema of the collection of this file. A document says that the record whose
// keyed hash is its name was erased for privacy, and nothing else.
//
//	suppressions/{keyed hash of a record's reference}
//	  expire_at               TTL; an entry that has expired counts as none
const suppressionsCollection = "suppressions"

// Suppressions keeps the suppression list in Firestore. It implements syncer.Suppressions.
type Suppressions struct{ client *firestore.Client }

// NewSuppressions returns the suppression list kept in the client's database.
func NewSuppressions(client *firestore.Client) *Suppressions { return &Suppressions{client} }

var _ syncer.Suppressions = (*Suppressions)(nil)

type suppressionDoc struct {
	ExpireAt time.Time `firestore:"expire_at"`
}

// Suppress costs one write for each hash.
func (g *Suppressions) Suppress(ctx context.Context, until time.Time, hashes ...string) error {
	for _, h := range hashes {
		if _, err := g.doc(h).Set(ctx, suppressionDoc{until}); err != nil {
			return fmt.Errorf("suppress %s: %w", h, err)
		}
	}
	return nil
}

// IsSuppressed costs one read.
func (g *Suppressions) IsSuppressed(ctx context.Context, now time.Time, hash string) (bool, error) {
	d, err := loadDocument[suppressionDoc](ctx, g.doc(hash))
	if err != nil {
		return false, fmt.Errorf("look up suppression %s: %w", hash, err)
	}
	return d.ExpireAt.After(now), nil
}

func (g *Suppressions) doc(hash string) *firestore.DocumentRef {
	return g.client.Collection(suppressionsCollection).Doc(hash)
}
