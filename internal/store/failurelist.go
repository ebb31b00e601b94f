package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/firestore"
	"golang.org/x/sync/errgroup"

	"github.com/hubspot-zoho/connector/internal/failure"
)

var _ failure.Store = (*Failures)(nil)

// countsAtOnce is how many counts are asked for at the same time.
const countsAtOnce = 8

// PageFailures reads one document for each failure of the page, and one more.
func (s *Failures) PageFailures(ctx context.Context, l failure.Listing) ([]failure.Record, failure.Place, error) {
	query := s.client.Collection(failuresCollection).Query
	switch {
	case l.Closed:
		query = pageBefore(query, "closed", "", string(l.After))
	case l.Cause != "":
		query = pageBefore(query, "open_of", l.Cause+" ", string(l.After))
	default:
		query = pageBefore(query, "open", "", string(l.After))
	}
	snaps, err := query.Limit(l.Size + 1).Documents(ctx).GetAll()
	if err != nil {
		return nil, "", fmt.Errorf("page failures: %w", err)
	}
	more := len(snaps) > l.Size
	snaps = snaps[:min(len(snaps), l.Size)]
	page := make([]failure.Record, 0, len(snaps))
	for _, snap := range snaps {
		var d failureDoc
		if err := snap.DataTo(&d); err != nil {
			return nil, "", fmt.Errorf("decode failure %s: %w", snap.Ref.ID, err)
		}
		page = append(page, d.toRecord(snap.Ref.ID))
	}
	if !more {
		return page, "", nil
	}
	last := page[len(page)-1]
	if l.Closed {
		return page, failure.PlaceOf(last.ResolvedAt, last.ID), nil
	}
	return page, failure.PlaceOf(last.LastSeen, last.ID), nil
}

// pageBefore asks for the texts of a field that begin with prefix, the greatest
// first, from the one below after on. The index of the one field serves it.
func pageBefore(query firestore.Query, field, prefix, after string) firestore.Query {
	query = query.OrderBy(field, firestore.Desc)
	if prefix != "" {
		query = query.Where(field, ">=", prefix)
	}
	switch {
	case after != "":
		query = query.Where(field, "<", prefix+after)
	case prefix != "":
		// Times begin with a digit, and ":" follows the digits.
		query = query.Where(field, "<", prefix+":")
	}
	return query
}

// GroupFailures reads limit documents at most. It counts the failures of each
// cause apart only if there are more.
func (s *Failures) GroupFailures(ctx context.Context, limit int) (failure.Causes, error) {
	newest, next, err := s.PageFailures(ctx, failure.Listing{Size: limit})
	if err != nil {
		return failure.Causes{}, err
	}
	result := failure.Causes{Open: len(newest), Groups: failure.GroupByCause(newest), Newest: newest, Partial: next != ""}
	if result.Partial {
		err = s.countGroups(ctx, &result)
	}
	slices.SortStableFunc(result.Groups, func(a, b failure.Group) int { return cmp.Compare(b.Failures, a.Failures) })
	return result, err
}

func (s *Failures) countGroups(ctx context.Context, result *failure.Causes) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(countsAtOnce)
	g.Go(func() (err error) {
		result.Open, err = s.CountFailures(ctx, "")
		return err
	})
	for i := range result.Groups {
		g.Go(func() (err error) {
			group := &result.Groups[i]
			group.Failures, err = s.CountFailures(ctx, group.Cause)
			return err
		})
	}
	return g.Wait()
}

// CountFailures costs one read for each thousand.
func (s *Failures) CountFailures(ctx context.Context, cause string) (int, error) {
	if cause != "" {
		return s.countQuery(ctx, s.client.Collection(failuresCollection).Where("open_cause", "==", cause))
	}
	return s.countQuery(ctx, s.client.Collection(failuresCollection).Where("is_open", "==", true))
}

func (s *Failures) countQuery(ctx context.Context, query firestore.Query) (int, error) {
	n, err := countDocuments(ctx, query)
	if err != nil {
		return 0, fmt.Errorf("count failures: %w", err)
	}
	return n, nil
}

// DismissFailures costs one read and one write for each failure.
func (s *Failures) DismissFailures(ctx context.Context, at time.Time, why failure.Dismissal, ids ...string) (int, error) {
	expire, closed := at.Add(keepResolved), 0
	for chunk := range slices.Chunk(ids, markChunk) {
		refs := make([]*firestore.DocumentRef, len(chunk))
		for i, id := range chunk {
			refs[i] = s.doc(id)
		}
		done := map[string]bool{}
		err := s.editDocs(ctx, refs, func(id string, d *failureDoc) edit {
			if delete(done, id); d.ResolvedAt != nil {
				return untouched
			}
			d.ResolvedAt, d.ExpireAt, d.Dismissed, done[id] = &at, &expire, string(why), true
			if d.isMailedOnce() {
				return erased
			}
			return edited
		})
		if err != nil {
			return closed, fmt.Errorf("dismiss failures: %w", err)
		}
		closed += len(done)
	}
	return closed, nil
}
