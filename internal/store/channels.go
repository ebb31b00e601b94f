package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Schema of the collection of this file. One document for each notification
// channel that we opened in Zoho: one, as a rule. Neither the webhook's URL nor
// its token is in it.
//
//	channels/{channel id}
//	  events[]                such as Contacts.all
//	  renewed_at, expires_at  its life, as Zoho granted it
//	  seen_at                 when it was last found as it should be
//	  gap_since               since when events may have been missed, else year 1
const channelsCollection = "channels"

// Channels keeps the states of Zoho's channels in Firestore. It implements
// zoho.ChannelStore.
type Channels struct{ client *firestore.Client }

// NewChannels returns the channels kept in the client's database.
func NewChannels(client *firestore.Client) *Channels { return &Channels{client} }

var _ zoho.ChannelStore = (*Channels)(nil)

type channelDoc struct {
	Events    []string  `firestore:"events"`
	RenewedAt time.Time `firestore:"renewed_at"`
	ExpiresAt time.Time `firestore:"expires_at"`
	SeenAt    time.Time `firestore:"seen_at"`
	GapSince  time.Time `firestore:"gap_since"`
}

// LoadChannels costs one read for each channel.
func (c *Channels) LoadChannels(ctx context.Context) ([]zoho.ChannelState, error) {
	snaps, err := c.client.Collection(channelsCollection).Documents(ctx).GetAll()
	if err != nil {
		return nil, fmt.Errorf("load channels: %w", err)
	}
	states := make([]zoho.ChannelState, 0, len(snaps))
	for _, snap := range snaps {
		var d channelDoc
		if err := snap.DataTo(&d); err != nil {
			return nil, fmt.Errorf("decode channel %s: %w", snap.Ref.ID, err)
		}
		states = append(states, zoho.ChannelState{
			ID: snap.Ref.ID, Events: d.Events, RenewedAt: d.RenewedAt, Expiry: d.ExpiresAt, CheckedAt: d.SeenAt, GapSince: d.GapSince,
		})
	}
	return states, nil
}

// SaveChannel costs one write.
func (c *Channels) SaveChannel(ctx context.Context, s zoho.ChannelState) error {
	_, err := c.doc(s.ID).Set(ctx, channelDoc{
		Events: s.Events, RenewedAt: s.RenewedAt, ExpiresAt: s.Expiry, SeenAt: s.CheckedAt, GapSince: s.GapSince,
	})
	return err
}

// DropChannel costs one write.
func (c *Channels) DropChannel(ctx context.Context, id string) error {
	_, err := c.doc(id).Delete(ctx)
	return err
}

func (c *Channels) doc(id string) *firestore.DocumentRef {
	return c.client.Collection(channelsCollection).Doc(id)
}
