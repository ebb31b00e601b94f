package syncer

import (
	"context"
	"errors"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// Link is what the connector remembers of one pair of records: never a value,
// only ids, hashes, names and times.
type Link struct {
	ID string
	// Version is the store's mark of the state that was read; "" for a link
	// that is not stored yet.
	Version string
	Kind    crm.Kind
	HubSpot LinkSide
	Zoho    LinkSide
	// Fields holds what was last decided, by the mapping's field name, in
	// hashes under the key and the canonical forms that HashID names.
	Fields map[string]merge.Base
	HashID string
	Lease  Lease
	// Gone names the side whose record was deleted, "" while both live. The
	// link stays as the tombstone that keeps the record from being made anew.
	DeletedOn crm.System
	DeletedAt time.Time
	// Made names the side whose record we created for the pair, "" for two that
	// were there before.
	CreatedOn crm.System
	// Failing is set while a failure of the pair may be open.
	Failing bool
	// Companies tells how the last few companies of a contact translate.
	Companies []Company
	// Tell are records of a company whose contacts are to be looked at again.
	FanOutPending []crm.Ref
	// Decisions are the last few, newest last.
	Decisions []Decision
	// Claimed are the records that the stored link holds for itself alone.
	// The store fills it in.
	Claimed []crm.Ref
}

// LinkSide is one half of a link.
type LinkSide struct {
	RecordID string
	// ReadAt is when the last read began that the link has taken in, and
	// WroteAt when the last write ended; both by our clock.
	ReadAt, WroteAt time.Time
	// Modified is the record's own time at that read.
	Modified time.Time
	// CounterpartIDRefused is set when the side would not store the other side's id.
	CounterpartIDRefused bool
	// Company is the id of the company that a contact was last seen to have.
	Company string
}

// Lease lets one handler at a time write to the two records of a pair.
type Lease struct {
	Holder string
	Until  time.Time
}

// Decision explains one field of one operation.
type Decision struct {
	At        time.Time
	Operation string
	Field     string
	Winner    crm.System // "" when the base stood
	Reason    merge.Reason
	Wrote     []crm.System
}

const keptDecisions = 12

// On returns the half of the link that lies on s.
func (l *Link) On(s crm.System) *LinkSide {
	if s == crm.HubSpot {
		return &l.HubSpot
	}
	return &l.Zoho
}

// put enters a record on s. What was read of another one says nothing of it.
func (l *Link) put(s crm.System, id string) {
	if side := l.On(s); side.RecordID != id {
		l.announce(l.Ref(s), crm.Ref{System: s, Kind: l.Kind, RecordID: id}, l.Ref(s.Other()))
		*side = LinkSide{RecordID: id}
		l.On(s.Other()).ReadAt = time.Time{}
	}
}

// Ref returns the linked record on s, with an empty id when there is none yet.
func (l *Link) Ref(s crm.System) crm.Ref {
	return crm.Ref{System: s, Kind: l.Kind, RecordID: l.On(s).RecordID}
}

// Complete reports whether both records are known and live.
func (l *Link) Complete() bool {
	return l.HubSpot.RecordID != "" && l.Zoho.RecordID != "" && l.DeletedOn == ""
}

// revive ends a tombstone: the record was restored, or another one took its
// place. What the lost one was refused was closed with it, so it is tried anew,
// by the next operation on either side if this one is cut off.
func (l *Link) revive() {
	if l.DeletedOn == "" {
		return
	}
	l.DeletedOn, l.DeletedAt = "", time.Time{}
	l.HubSpot.ReadAt, l.Zoho.ReadAt = time.Time{}, time.Time{}
	l.forgive()
}

func (l *Link) pending() bool {
	for _, b := range l.Fields {
		if b.HubSpot.Pending || b.Zoho.Pending {
			return true
		}
	}
	return false
}

// refused reports whether a side would not take what was decided last.
func (l *Link) refused() bool {
	for _, b := range l.Fields {
		for _, s := range crm.Systems {
			if r := b.On(s).Refused; r.Code != "" && r.Code != codeNoTwin && r.Hash == b.Cell.Hash {
				return true
			}
		}
	}
	return l.HubSpot.CounterpartIDRefused || l.Zoho.CounterpartIDRefused
}

// forgive lets what a side refused be sent again: a person asked for it,
// perhaps after putting right what was in the way.
func (l *Link) forgive() {
	fields := make(map[string]merge.Base, len(l.Fields))
	for name, b := range l.Fields {
		b.HubSpot.Refused, b.Zoho.Refused = merge.Refusal{}, merge.Refusal{}
		fields[name] = b
	}
	l.Fields = fields
	l.HubSpot.CounterpartIDRefused, l.Zoho.CounterpartIDRefused = false, false
}

func (l *Link) remember(d ...Decision) {
	l.Decisions = append(l.Decisions, d...)
	if extra := len(l.Decisions) - keptDecisions; extra > 0 {
		l.Decisions = append([]Decision(nil), l.Decisions[extra:]...)
	}
}

// Errors of a Links store.
var (
	// ErrChanged: the link is not as it was read. Read again and start over.
	ErrChanged = errors.New("link was changed by another handler")
	// ErrClaimed: one of the records belongs to another link.
	ErrClaimed = errors.New("record belongs to another link")
)

// LinkStore stores links. A record belongs to one link at most.
type LinkStore interface {
	// FindLink returns the link of a record of either side.
	FindLink(ctx context.Context, ref crm.Ref) (link Link, found bool, err error)
	// SaveLink stores l if it still is as it was read, together with the claims
	// on its records, and returns it with its new version. It answers
	// ErrChanged or ErrClaimed otherwise and stores nothing.
	SaveLink(ctx context.Context, l Link) (Link, error)
	// ReplaceLink is SaveLink in the place of over, which is dropped if it still is
	// as it was read: both or neither.
	ReplaceLink(ctx context.Context, l, over Link) (Link, error)
	// DropLink removes l and its claims if it still is as it was read.
	DropLink(ctx context.Context, l Link) error
}
