package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/safeguard"
)

// Schema of the collection of this file.
//
//	safeguards/{side}-{kind}
//	  held_at                 absent while nothing is held
//	  records, pairs          the counts at which it began to hold
//	  free_until              until when a person lets everything through
const safeguardsCollection = "safeguards"

// Safeguards keeps the states of the safeguards in Firestore. It implements safeguard.Store.
type Safeguards struct{ client *firestore.Client }

// NewSafeguards returns the states kept in the client's database.
func NewSafeguards(client *firestore.Client) *Safeguards { return &Safeguards{client} }

var _ safeguard.Store = (*Safeguards)(nil)

type safeguardDoc struct {
	HeldAt    *time.Time `firestore:"held_at,omitempty"`
	Records   int        `firestore:"records"`
	Pairs     int        `firestore:"pairs"`
	FreeUntil *time.Time `firestore:"free_until,omitempty"`
}

// LoadSafeguard costs one read.
func (b *Safeguards) LoadSafeguard(ctx context.Context, side crm.System, kind crm.Kind) (safeguard.State, error) {
	s := safeguard.State{Side: side, Kind: kind}
	d, err := loadDocument[safeguardDoc](ctx, b.doc(side, kind))
	if err != nil {
		return s, fmt.Errorf("load safeguard of %s %s: %w", side, kind, err)
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

// SaveSafeguard costs one write.
func (b *Safeguards) SaveSafeguard(ctx context.Context, s safeguard.State) error {
	d := safeguardDoc{Records: s.Records, Pairs: s.Pairs}
	if !s.HeldAt.IsZero() {
		d.HeldAt = &s.HeldAt
	}
	if !s.FreeUntil.IsZero() {
		d.FreeUntil = &s.FreeUntil
	}
	if _, err := b.doc(s.Side, s.Kind).Set(ctx, d); err != nil {
		return fmt.Errorf("save safeguard of %s %s: %w", s.Side, s.Kind, err)
	}
	return nil
}

func (b *Safeguards) doc(side crm.System, kind crm.Kind) *firestore.DocumentRef {
	return b.client.Collection(safeguardsCollection).Doc(fmt.Sprintf("%s-%s", side, kind))
}
