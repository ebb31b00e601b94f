package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/api/iterator"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// Schema of the collections of this file. There is one document for each record
// and cause; what happens again is counted there.
//
//	failures/{hash of record and cause}
//	  ref, record             "zoho/contact/123": the record that changed, and the
//	                          one meant to be written, without an id while unmade
//	  refs[]                  both, to be found by
//	  others[]                records that the details name, to be erased by
//	  side, action, kind, code, fields[] {field, code, detail}
//	  cause                   hash of these five, the details left out
//	  operation, change       the last operation that met it
//	  operations[]            the last few that were counted
//	  first_seen, last_seen, count
//	  unreported              whether some of it was not mailed
//	  mailed_at, mailed_count the last mail with it
//	  resolved_at             absent while open
//	  repeats, repeated_at    how often the connector repeated it by itself
//	  repeat_at               when it is to be repeated, absent for never
//	  expire_at               TTL; absent while open, so that nothing that waits
//	                          for a person is ever deleted
//	  message                 of a message that is not a valid operation: id, body_hash, body_size, attributes
//	job_leases/failure-digest
//	  holder, until           the job that is sending the mail
//	job_leases/last-mail
//	  at                      when a mail was last accepted
//
// Every query is served by the index of a single field.
const (
	failuresCollection  = "failures"
	jobLeasesCollection = "job_leases"
	digestLease         = "failure-digest"
	lastMail            = "last-mail"

	// keptOperations is how many operations back a redelivery is recognised.
	keptOperations = 32
	// keepResolved is how long a resolved failure can be looked at.
	keepResolved = 30 * 24 * time.Hour
	// markChunk is how many failures one transaction marks as mailed.
	markChunk = 100
)

// Failures keeps failed operations in Firestore. It implements syncer.Failures
// and the stores of package failure.
type Failures struct{ client *firestore.Client }

// NewFailures returns the failures kept in the client's database.
func NewFailures(client *firestore.Client) *Failures { return &Failures{client} }

var (
	_ syncer.FailureStore = (*Failures)(nil)
	_ failure.Recorder    = (*Failures)(nil)
	_ failure.Resolver    = (*Failures)(nil)
	_ failure.Lister      = (*Failures)(nil)
	_ failure.DigestStore = (*Failures)(nil)
	_ failure.Repeats     = (*Failures)(nil)
)

// RecordFailure stores what the syncer could not do, or counts it when it is
// known already.
func (s *Failures) RecordFailure(ctx context.Context, f syncer.Failure) error {
	r := failure.Record{
		Ref: f.Operation.Ref, Record: f.Record,
		Cause:     failure.Cause{Side: f.Side, Action: f.Action, Kind: f.Kind, Code: f.Code, Fields: f.Fields},
		Others:    f.Others,
		Operation: f.Operation.ID, Change: f.Operation.Change, FirstSeen: f.At, LastSeen: f.At, Count: 1,
	}
	if r.Record == (crm.Ref{}) {
		r.Record = crm.Ref{System: f.Side, Kind: f.Operation.Ref.Kind}
	}
	return s.Record(ctx, r.WithID())
}

// Record costs one read and one write.
func (s *Failures) Record(ctx context.Context, r failure.Record) error {
	ref := s.doc(r.ID)
	err := s.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		snap, err := tx.Get(ref)
		known, found, err := decodeDocument[failureDoc](snap, err)
		switch {
		case err != nil:
			return err
		case !found:
			return tx.Create(ref, newFailureDoc(r))
		}
		next, changed := known.countAgain(r)
		if !changed {
			return nil
		}
		return tx.Set(ref, next)
	})
	if err != nil {
		return fmt.Errorf("record failure %s: %w", r.ID, err)
	}
	return nil
}

// UnreportedFailures reads one document for each failure that it returns.
func (s *Failures) UnreportedFailures(ctx context.Context, limit int) ([]failure.Record, error) {
	query := s.client.Collection(failuresCollection).Where("unreported", "==", true)
	if limit > 0 {
		query = query.Limit(limit)
	}
	return s.collectMatching(ctx, query, limit, failure.Record.IsUnreported)
}

// DueFailures reads one document for each failure that it returns.
func (s *Failures) DueFailures(ctx context.Context, now time.Time, limit int) ([]failure.Record, error) {
	query := s.client.Collection(failuresCollection).Where("repeat_at", "<=", now).OrderBy("repeat_at", firestore.Asc).Limit(limit)
	return s.collectMatching(ctx, query, limit, failure.Record.IsOpen)
}

// MarkRepeated costs one read and one write for each failure.
func (s *Failures) MarkRepeated(ctx context.Context, at time.Time, ids ...string) error {
	for chunk := range slices.Chunk(ids, markChunk) {
		refs := make([]*firestore.DocumentRef, len(chunk))
		for i, id := range chunk {
			refs[i] = s.doc(id)
		}
		err := s.editDocs(ctx, refs, func(_ string, d *failureDoc) edit {
			if d.ResolvedAt != nil {
				return untouched
			}
			d.Repeats, d.RepeatedAt = d.Repeats+1, &at
			return edited
		})
		if err != nil {
			return fmt.Errorf("mark failures as repeated: %w", err)
		}
	}
	return nil
}

// ListFailures asks for what narrows the filter most and sorts the rest out.
func (s *Failures) ListFailures(ctx context.Context, f failure.Filter, limit int) ([]failure.Record, error) {
	all := s.client.Collection(failuresCollection)
	query := all.OrderBy("last_seen", firestore.Asc)
	switch {
	case len(f.IDs) > 0:
		return s.readByIDs(ctx, f, limit)
	case f.Ref != (crm.Ref{}):
		query = all.Where("refs", "array-contains", f.Ref.String())
	case f.Cause != "":
		query = all.Where("cause", "==", f.Cause)
	default:
		if !f.Since.IsZero() {
			query = query.Where("last_seen", ">=", f.Since)
		}
		if !f.Until.IsZero() {
			query = query.Where("last_seen", "<", f.Until)
		}
	}
	return s.collectMatching(ctx, query, limit, f.Matches)
}

// readByIDs reads failures by their ids. Those that do not exist are left out.
func (s *Failures) readByIDs(ctx context.Context, f failure.Filter, limit int) ([]failure.Record, error) {
	refs := make([]*firestore.DocumentRef, 0, len(f.IDs))
	for _, id := range f.IDs {
		if id == "" || strings.Contains(id, "/") {
			continue // no id of a document
		}
		refs = append(refs, s.doc(id))
	}
	snaps, err := s.client.GetAll(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read failures: %w", err)
	}
	var list []failure.Record
	for _, snap := range snaps {
		if !snap.Exists() || limit > 0 && len(list) == limit {
			continue
		}
		var d failureDoc
		if err := snap.DataTo(&d); err != nil {
			return nil, fmt.Errorf("decode failure %s: %w", snap.Ref.ID, err)
		}
		if r := d.toRecord(snap.Ref.ID); f.Matches(r) {
			list = append(list, r)
		}
	}
	return list, nil
}

// collectMatching returns at most limit failures (0: all) that match.
func (s *Failures) collectMatching(ctx context.Context, query firestore.Query, limit int, matches func(failure.Record) bool) ([]failure.Record, error) {
	docs := query.Documents(ctx)
	defer docs.Stop()
	var list []failure.Record
	for limit <= 0 || len(list) < limit {
		snap, err := docs.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list failures: %w", err)
		}
		var d failureDoc
		if err := snap.DataTo(&d); err != nil {
			return nil, fmt.Errorf("decode failure %s: %w", snap.Ref.ID, err)
		}
		if r := d.toRecord(snap.Ref.ID); matches(r) {
			list = append(list, r)
		}
	}
	return list, nil
}

// MarkMailed compares the counts in one transaction for each hundred failures.
func (s *Failures) MarkMailed(ctx context.Context, records []failure.Record, at time.Time) error {
	for chunk := range slices.Chunk(records, markChunk) {
		counts := map[string]int{}
		refs := make([]*firestore.DocumentRef, len(chunk))
		for i, r := range chunk {
			counts[r.ID], refs[i] = r.Count, s.doc(r.ID)
		}
		err := s.editDocs(ctx, refs, func(id string, d *failureDoc) edit {
			if d.isMailedOnce() && d.Count <= counts[id] {
				return erased
			}
			d.MailedAt, d.MailedCount = &at, max(d.MailedCount, counts[id])
			return edited
		})
		if err != nil {
			return fmt.Errorf("mark failures as mailed: %w", err)
		}
	}
	return nil
}

// ResolveFailures costs one read for each failure of the records, open or not,
// and one write for each open one.
func (s *Failures) ResolveFailures(ctx context.Context, at time.Time, refs ...crm.Ref) (int, error) {
	docs, err := s.findDocsNaming(ctx, "refs", refs)
	if err != nil {
		return 0, fmt.Errorf("resolve failures: %w", err)
	}
	expire, resolved := at.Add(keepResolved), map[string]bool{}
	err = s.editDocs(ctx, docs, func(id string, d *failureDoc) edit {
		if delete(resolved, id); d.ResolvedAt != nil || d.LastSeen.After(at) || d.toRecord(id).OutlastsSuccess() {
			return untouched
		}
		d.ResolvedAt, d.ExpireAt, resolved[id] = &at, &expire, true
		return edited
	})
	if err != nil {
		return 0, fmt.Errorf("resolve failures: %w", err)
	}
	return len(resolved), nil
}

// EraseFailures deletes the documents themselves, those that only name the
// records in a detail too.
func (s *Failures) EraseFailures(ctx context.Context, refs ...crm.Ref) error {
	about, err := s.findDocsNaming(ctx, "refs", refs)
	if err != nil {
		return fmt.Errorf("erase failures: %w", err)
	}
	naming, err := s.findDocsNaming(ctx, "others", refs)
	if err != nil {
		return fmt.Errorf("erase failures that name a record: %w", err)
	}
	docs := append(about, naming...)
	for _, doc := range docs {
		if _, err := doc.Delete(ctx); err != nil {
			return fmt.Errorf("erase failure %s: %w", doc.ID, err)
		}
	}
	return nil
}

// findDocsNaming finds the failures that hold any of the records in a field.
func (s *Failures) findDocsNaming(ctx context.Context, field string, refs []crm.Ref) ([]*firestore.DocumentRef, error) {
	var names []string
	for _, r := range refs {
		if r.RecordID != "" {
			names = append(names, r.String())
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	snaps, err := s.client.Collection(failuresCollection).Where(field, "array-contains-any", names).Documents(ctx).GetAll()
	if err != nil {
		return nil, err
	}
	docs := make([]*firestore.DocumentRef, len(snaps))
	for i, snap := range snaps {
		docs[i] = snap.Ref
	}
	return docs, nil
}

// edit is what becomes of a document.
type edit int

const (
	untouched edit = iota
	edited
	erased
)

// editDocs edits those of the documents that exist, all or none. The edit is
// repeated when another writer was faster, so it is pure but for what it resets.
func (s *Failures) editDocs(ctx context.Context, refs []*firestore.DocumentRef, decide func(id string, d *failureDoc) edit) error {
	if len(refs) == 0 {
		return nil
	}
	return s.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		snaps, err := tx.GetAll(refs)
		if err != nil {
			return err
		}
		for _, snap := range snaps {
			if !snap.Exists() {
				continue
			}
			var d failureDoc
			if err := snap.DataTo(&d); err != nil {
				return err
			}
			var err error
			switch decide(snap.Ref.ID, &d) {
			case edited:
				err = tx.Set(snap.Ref, d.withIndexes(snap.Ref.ID))
			case erased:
				err = tx.Delete(snap.Ref)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Failures) doc(id string) *firestore.DocumentRef {
	return s.client.Collection(failuresCollection).Doc(id)
}
