package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Links stores links in Firestore. It implements syncer.LinkStore.
//
// A record belongs to one link at most. For a record of HubSpot the name of the
// document sees to that. One of Zoho enters a link in a transaction that has
// looked for another link with it: Firestore's transactions are serializable,
// queries that find nothing included.
type Links struct{ client *firestore.Client }

// NewLinks returns the links kept in the client's database.
func NewLinks(client *firestore.Client) *Links { return &Links{client} }

var (
	_ syncer.LinkStore = (*Links)(nil)
	_ syncer.Members   = (*Links)(nil)
)

// FindLink costs one read.
func (l *Links) FindLink(ctx context.Context, ref crm.Ref) (syncer.Link, bool, error) {
	snap, err := l.readLinkDoc(ctx, ref)
	if err != nil {
		return syncer.Link{}, false, fmt.Errorf("find link of %s: %w", ref, err)
	}
	if snap == nil {
		return syncer.Link{}, false, nil
	}
	link, err := decodeLink(snap)
	return link, err == nil, err
}

func (l *Links) readLinkDoc(ctx context.Context, ref crm.Ref) (*firestore.DocumentSnapshot, error) {
	if ref.System == crm.HubSpot {
		snap, err := l.doc(hashedName(ref)).Get(ctx)
		if status.Code(err) == codes.NotFound {
			return nil, nil
		}
		return snap, err
	}
	docs, err := l.queryByZohoRecord(ref).Documents(ctx).GetAll()
	if len(docs) == 0 {
		return nil, err
	}
	return docs[0], err
}

// queryByZohoRecord finds the link that a record of Zoho belongs to.
func (l *Links) queryByZohoRecord(ref crm.Ref) firestore.Query {
	return l.client.Collection(linksCollection).Where(string(ref.System), "==", hashedName(ref)).Limit(1)
}

// SaveLink costs one write, and one read more when a record of Zoho enters the
// link. The document of a link whose record in HubSpot is another than before
// is made anew, for one write more.
func (l *Links) SaveLink(ctx context.Context, link syncer.Link) (syncer.Link, error) {
	doc := newLinkDoc(link)
	was, name := docNameOf(link.Claimed...), docNameOf(link.Ref(crm.HubSpot), link.Ref(crm.Zoho))
	entering := link.Ref(crm.Zoho)
	enters := entering.RecordID != "" && !slices.Contains(link.Claimed, entering)
	var at time.Time
	var err error
	switch {
	case enters || link.Version != "" && name != was:
		at, err = l.runAtVersion(ctx, link.Version, func(tx *firestore.Transaction, unchanged firestore.Precondition) error {
			if enters {
				if err := l.checkUnclaimed(tx, entering, was); err != nil {
					return err
				}
			}
			return l.writeLinkDoc(tx, was, name, doc, unchanged)
		})
	case link.Version == "":
		at, err = updateTimeOf(l.doc(name).Create(ctx, doc))
	default:
		var unchanged firestore.Precondition
		if unchanged, err = atVersion(link.Version); err == nil {
			at, err = updateTimeOf(l.doc(name).Update(ctx, doc.updates(), unchanged))
		}
	}
	if err != nil {
		return link, fmt.Errorf("save link %s: %w", link.ID, syncerError(err))
	}
	return doc.toLink(formatVersion(at)), nil
}

// ReplaceLink costs a write and a delete, and one read when a record of Zoho
// enters the link.
func (l *Links) ReplaceLink(ctx context.Context, link, over syncer.Link) (syncer.Link, error) {
	doc := newLinkDoc(link)
	was, name := docNameOf(link.Claimed...), docNameOf(link.Ref(crm.HubSpot), link.Ref(crm.Zoho))
	place := docNameOf(over.Claimed...)
	entering := link.Ref(crm.Zoho)
	enters := entering.RecordID != "" && !slices.Contains(link.Claimed, entering)
	asRead, err := atVersion(over.Version)
	if err != nil {
		return link, err
	}
	at, err := l.runAtVersion(ctx, link.Version, func(tx *firestore.Transaction, unchanged firestore.Precondition) error {
		if enters {
			if err := l.checkUnclaimed(tx, entering, was, place); err != nil {
				return err
			}
		}
		switch {
		case place != name:
			return errors.Join(tx.Delete(l.doc(place), asRead), l.writeLinkDoc(tx, was, name, doc, unchanged))
		case unchanged != nil:
			if err := tx.Delete(l.doc(was), unchanged); err != nil {
				return err
			}
		}
		return tx.Update(l.doc(place), doc.updates(), asRead)
	})
	if err != nil {
		return link, fmt.Errorf("replace link %s by %s: %w", over.ID, link.ID, syncerError(err))
	}
	return doc.toLink(formatVersion(at)), nil
}

// checkUnclaimed fails unless a record of Zoho belongs to no link but those of some names.
func (l *Links) checkUnclaimed(tx *firestore.Transaction, ref crm.Ref, names ...string) error {
	docs, err := tx.Documents(l.queryByZohoRecord(ref)).GetAll()
	if err == nil && len(docs) > 0 && !slices.Contains(names, docs[0].Ref.ID) {
		err = syncer.ErrClaimed
	}
	return err
}

// writeLinkDoc writes a link that was stored under a name, "" for a new one.
func (l *Links) writeLinkDoc(tx *firestore.Transaction, was, name string, doc linkDoc, unchanged firestore.Precondition) error {
	switch {
	case unchanged == nil:
		return tx.Create(l.doc(name), doc)
	case was == name:
		return tx.Update(l.doc(name), doc.updates(), unchanged)
	}
	return errors.Join(tx.Delete(l.doc(was), unchanged), tx.Create(l.doc(name), doc))
}

// runAtVersion runs write in a transaction, with the precondition that the link is as
// it was read, or none for a new one.
func (l *Links) runAtVersion(ctx context.Context, v string, write func(*firestore.Transaction, firestore.Precondition) error) (time.Time, error) {
	var unchanged firestore.Precondition
	if v != "" {
		var err error
		if unchanged, err = atVersion(v); err != nil {
			return time.Time{}, err
		}
	}
	var done firestore.CommitResponse
	err := l.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		return write(tx, unchanged)
	}, firestore.WithCommitResponseTo(&done))
	if err != nil {
		return time.Time{}, err
	}
	return done.CommitTime(), nil
}

// FindMembers costs one read for each contact that it returns, and one at
// least. The index of a single field serves it.
func (l *Links) FindMembers(ctx context.Context, company crm.Ref, after string, limit int) ([]crm.Ref, string, error) {
	query := l.client.Collection(linksCollection).Where("companies", "array-contains", company.String()).
		OrderBy(firestore.DocumentID, firestore.Asc).Limit(limit)
	if after != "" {
		query = query.StartAfter(after)
	}
	docs, err := query.Documents(ctx).GetAll()
	if err != nil {
		return nil, "", fmt.Errorf("find contacts of %s: %w", company, err)
	}
	var contacts []crm.Ref
	for _, snap := range docs {
		link, err := decodeLink(snap)
		if err != nil {
			return nil, "", err
		}
		if link.On(company.System).RecordID != "" {
			contacts = append(contacts, link.Ref(company.System))
		}
	}
	if len(docs) < limit {
		return contacts, "", nil
	}
	return contacts, docs[len(docs)-1].Ref.ID, nil
}

// DropLink costs one delete.
func (l *Links) DropLink(ctx context.Context, link syncer.Link) error {
	unchanged, err := atVersion(link.Version)
	if err == nil {
		_, err = l.doc(docNameOf(link.Claimed...)).Delete(ctx, unchanged)
	}
	if err != nil {
		return fmt.Errorf("drop link %s: %w", link.ID, syncerError(err))
	}
	return nil
}

func (l *Links) doc(name string) *firestore.DocumentRef {
	return l.client.Collection(linksCollection).Doc(name)
}

// docNameOf is the name of the document of a link with some records: that of the
// one in HubSpot if there is one.
func docNameOf(refs ...crm.Ref) string {
	name := ""
	for _, r := range refs {
		if r.RecordID != "" && (name == "" || r.System == crm.HubSpot) {
			name = hashedName(r)
		}
	}
	return name
}

// hashedName names a record with a hash in front. The CRMs' ids rise with time, and
// Firestore keeps neighbouring names and index entries together: a mass import
// would all be written in one place, at some 500 writes a second.
func hashedName(r crm.Ref) string {
	name := fmt.Sprintf("%s-%s-%s", r.System, r.Kind, r.RecordID)
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return fmt.Sprintf("%02x-%s", byte(h.Sum32()), name)
}

// updateTimeOf is when a document was written.
func updateTimeOf(res *firestore.WriteResult, err error) (time.Time, error) {
	if err != nil {
		return time.Time{}, err
	}
	return res.UpdateTime, nil
}

// syncerError turns the answers of a store that is well into the syncer's errors.
func syncerError(err error) error {
	switch status.Code(err) {
	case codes.AlreadyExists:
		return syncer.ErrClaimed
	case codes.Aborted, codes.FailedPrecondition, codes.NotFound:
		return syncer.ErrChanged
	}
	return err
}

// atVersion holds while a document is as it was read.
func atVersion(v string) (firestore.Precondition, error) {
	at, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	return firestore.LastUpdateTime(at), nil
}

func formatVersion(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
