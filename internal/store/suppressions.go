package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Schema of the collection of this file. A document says that the record whose
// keyed hash is its name was erased for privacy, and nothing else.
//
//	graves/{keyed hash of a record's reference}
//	  expire_at               TTL; a grave that is over counts as none
const gravesCollection = "graves"

// Graves keeps who was erased in Firestore. It implements syncer.Graves.
type Graves struct{ client *firestore.Client }

// NewGraves returns the graves kept in the client's database.
func NewGraves(client *firestore.Client) *Graves { return &Graves{client} }

var _ syncer.Graves = (*Graves)(nil)

type graveDoc struct {
	ExpireAt time.Time `firestore:"expire_at"`
}

// Bury costs one write for each hash.
func (g *Graves) Bury(ctx context.Context, until time.Time, hashes ...string) error {
	for _, h := range hashes {
		if _, err := g.doc(h).Set(ctx, graveDoc{until}); err != nil {
			return fmt.Errorf("bury %s: %w", h, err)
		}
	}
	return nil
}

// Buried costs one read.
func (g *Graves) Buried(ctx context.Context, now time.Time, hash string) (bool, error) {
	snap, err := g.doc(hash).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return false, nil
	}
	var d graveDoc
	if err == nil {
		err = snap.DataTo(&d)
	}
	if err != nil {
		return false, fmt.Errorf("look for grave %s: %w", hash, err)
	}
	return d.ExpireAt.After(now), nil
}

func (g *Graves) doc(hash string) *firestore.DocumentRef {
	return g.client.Collection(gravesCollection).Doc(hash)
}
