package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// Schema of the collection of this file.
//
//	brakes/{side}-{kind}
//	  held_at                 absent while it is off
//	  records, pairs          what put it on
//	  free_until              until when a person lets everything through
const brakesCollection = "brakes"

// Brakes keeps the brakes in Firestore. It implements brake.Store.
type Brakes struct{ client *firestore.Client }

// NewBrakes returns the brakes kept in the client's database.
func NewBrakes(client *firestore.Client) *Brakes { return &Brakes{client} }

var _ safeguard.Store = (*Brakes)(nil)

type brakeDoc struct {
	HeldAt    *time.Time `firestore:"held_at,omitempty"`
	Records   int        `firestore:"records"`
	Pairs     int        `firestore:"pairs"`
	FreeUntil *time.Time `firestore:"free_until,omitempty"`
}

// LoadBrake costs one read.
func (b *Brakes) LoadBrake(ctx context.Context, side crm.System, kind crm.Kind) (safeguard.State, error) {
	s := safeguard.State{Side: side, Kind: kind}
	snap, err := b.doc(side, kind).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return s, nil
	}
	var d brakeDoc
	if err == nil {
		err = snap.DataTo(&d)
	}
	if err != nil {
		return s, fmt.Errorf("load brake of %s %s: %w", side, kind, err)
	}
	s.Records, s.Pairs = d.Records, d.Pairs
	if d.HeldAt != nil {
		s.HeldAt = *d.HeldAt
	}
	if d.FreeUntil != nil {
		s.FreeUntil = *d.FreeUntil
	}
	return s, nil
}

// SaveBrake costs one write.
func (b *Brakes) SaveBrake(ctx context.Context, s safeguard.State) error {
	d := brakeDoc{Records: s.Records, Pairs: s.Pairs}
	if !s.HeldAt.IsZero() {
		d.HeldAt = &s.HeldAt
	}
	if !s.FreeUntil.IsZero() {
		d.FreeUntil = &s.FreeUntil
	}
	if _, err := b.doc(s.Side, s.Kind).Set(ctx, d); err != nil {
		return fmt.Errorf("save brake of %s %s: %w", s.Side, s.Kind, err)
	}
	return nil
}

func (b *Brakes) doc(side crm.System, kind crm.Kind) *firestore.DocumentRef {
	return b.client.Collection(brakesCollection).Doc(fmt.Sprintf("%s-%s", side, kind))
}
