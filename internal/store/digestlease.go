package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type jobLeaseDoc struct {
	Holder string    `firestore:"holder"`
	Until  time.Time `firestore:"until"`
}

// ClaimDigest is a compare and set on one document.
func (s *Failures) ClaimDigest(ctx context.Context, holder string, now, until time.Time) (claimed bool, err error) {
	ref := s.client.Collection(jobLeasesCollection).Doc(digestLease)
	err = s.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		claimed = false
		snap, err := tx.Get(ref)
		if err != nil && status.Code(err) != codes.NotFound {
			return err
		}
		var turn jobLeaseDoc
		if err == nil {
			if err := snap.DataTo(&turn); err != nil {
				return err
			}
		}
		if turn.Holder != "" && turn.Holder != holder && now.Before(turn.Until) {
			return nil
		}
		claimed = true
		return tx.Set(ref, jobLeaseDoc{holder, until})
	})
	return claimed && err == nil, err
}

// ReleaseDigest does nothing when another holder has taken over.
func (s *Failures) ReleaseDigest(ctx context.Context, holder string) error {
	ref := s.client.Collection(jobLeasesCollection).Doc(digestLease)
	return s.client.RunTransaction(ctx, func(_ context.Context, tx *firestore.Transaction) error {
		snap, err := tx.Get(ref)
		if err != nil {
			return err
		}
		var turn jobLeaseDoc
		if err := snap.DataTo(&turn); err != nil {
			return err
		}
		if turn.Holder != holder {
			return nil
		}
		return tx.Set(ref, jobLeaseDoc{})
	})
}

type lastMailDoc struct {
	At time.Time `firestore:"at"`
}

// LastMail returns the zero time when no mail was noted.
func (s *Failures) LastMail(ctx context.Context) (time.Time, error) {
	snap, err := s.client.Collection(jobLeasesCollection).Doc(lastMail).Get(ctx)
	if status.Code(err) == codes.NotFound {
		return time.Time{}, nil
	}
	var d lastMailDoc
	if err == nil {
		err = snap.DataTo(&d)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("load the time of the last mail: %w", err)
	}
	return d.At, nil
}

// NoteMail remembers that a mail was accepted.
func (s *Failures) NoteMail(ctx context.Context, at time.Time) error {
	if _, err := s.client.Collection(jobLeasesCollection).Doc(lastMail).Set(ctx, lastMailDoc{at}); err != nil {
		return fmt.Errorf("note the time of the mail: %w", err)
	}
	return nil
}
