package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// Schema of the collection of this file. One document for each kind of record
// of each system, changed and deleted apart, such as
// cursors/reconcile-hubspot-contact-changed.
//
//	cursors/{name}
//	  version
//	  covered                 every change up to this time was published
//	  since, until            the bounds of the scan that is under way, else year 1
//	  from_at, from_id, from_page   the place that it has reached
//	  touched                 how many records it has published so far
const cursorsCollection = "cursors"

// Cursors keeps how far scans have come in Firestore. It implements
// reconcile.Cursors.
type Cursors struct{ client *firestore.Client }

// NewCursors returns the cursors kept in the client's database.
func NewCursors(client *firestore.Client) *Cursors { return &Cursors{client} }

var _ reconcile.Cursors = (*Cursors)(nil)

type cursorDoc struct {
	Version  int       `firestore:"version"`
	Covered  time.Time `firestore:"covered"`
	Since    time.Time `firestore:"since"`
	Until    time.Time `firestore:"until"`
	FromAt   time.Time `firestore:"from_at"`
	FromID   string    `firestore:"from_id"`
	FromPage int       `firestore:"from_page"`
	Touched  int       `firestore:"touched"`
}

func newCursorDoc(c reconcile.Cursor) cursorDoc {
	return cursorDoc{
		Version: c.Version, Covered: c.Covered, Since: c.Since, Until: c.Until,
		FromAt: c.From.At, FromID: c.From.ID, FromPage: c.From.Page, Touched: c.Touched,
	}
}

func (d cursorDoc) toCursor() reconcile.Cursor {
	return reconcile.Cursor{
		Version: d.Version, Covered: d.Covered, Since: d.Since, Until: d.Until,
		From: crm.Place{At: d.FromAt, ID: d.FromID, Page: d.FromPage}, Touched: d.Touched,
	}
}

func (d cursorDoc) updates() []firestore.Update {
	return []firestore.Update{
		{Path: "version", Value: d.Version},
		{Path: "covered", Value: d.Covered},
		{Path: "since", Value: d.Since},
		{Path: "until", Value: d.Until},
		{Path: "from_at", Value: d.FromAt},
		{Path: "from_id", Value: d.FromID},
		{Path: "from_page", Value: d.FromPage},
		{Path: "touched", Value: d.Touched},
	}
}

// LoadCursor costs one read.
func (s *Cursors) LoadCursor(ctx context.Context, name string) (reconcile.Cursor, error) {
	d, err := loadDocument[cursorDoc](ctx, s.doc(name))
	if err != nil {
		return reconcile.Cursor{}, fmt.Errorf("load cursor %s: %w", name, err)
	}
	return d.toCursor(), nil
}

// SaveCursor costs one read and one write.
func (s *Cursors) SaveCursor(ctx context.Context, name string, next, was reconcile.Cursor) error {
	if err := s.saveCursor(ctx, s.doc(name), next, was); err != nil {
		return fmt.Errorf("save cursor %s: %w", name, err)
	}
	return nil
}

// EraseCursors makes every scan that stands at one of the records begin anew:
// publishing a record a second time is harmless. It costs one read for each
// cursor, of which there are a handful.
func (s *Cursors) EraseCursors(ctx context.Context, refs ...crm.Ref) error {
	snaps, err := s.client.Collection(cursorsCollection).Documents(ctx).GetAll()
	if err != nil {
		return fmt.Errorf("list cursors: %w", err)
	}
	for _, snap := range snaps {
		if err := s.eraseCursor(ctx, snap, refs); err != nil {
			return fmt.Errorf("erase cursor %s: %w", snap.Ref.ID, err)
		}
	}
	return nil
}

func (s *Cursors) eraseCursor(ctx context.Context, snap *firestore.DocumentSnapshot, refs []crm.Ref) error {
	d, _, err := decodeDocument[cursorDoc](snap, nil)
	c := d.toCursor()
	names := slices.ContainsFunc(refs, func(r crm.Ref) bool { return r.RecordID == c.From.ID })
	if err != nil || !names || c.From.ID == "" {
		return err
	}
	c.From = crm.Place{}
	_, err = snap.Ref.Update(ctx, newCursorDoc(c).updates(), firestore.LastUpdateTime(snap.UpdateTime))
	return err
}

func (s *Cursors) saveCursor(ctx context.Context, ref *firestore.DocumentRef, next, was reconcile.Cursor) error {
	snap, err := ref.Get(ctx)
	stored, found, err := decodeDocument[cursorDoc](snap, err)
	switch {
	case err != nil:
		return err
	case !stored.toCursor().Equal(was):
		return reconcile.ErrOvertaken
	}
	d := newCursorDoc(next)
	if found {
		_, err = ref.Update(ctx, d.updates(), firestore.LastUpdateTime(snap.UpdateTime))
	} else {
		_, err = ref.Create(ctx, d)
	}
	switch status.Code(err) {
	case codes.AlreadyExists, codes.FailedPrecondition, codes.NotFound, codes.Aborted:
		return reconcile.ErrOvertaken
	}
	return err
}

func (s *Cursors) doc(name string) *firestore.DocumentRef {
	return s.client.Collection(cursorsCollection).Doc(name)
}
