package store

import (
	"context"
	"fmt"
	"time"
)

type jobLeaseDoc struct {
	Holder string    `firestore:"holder"`
	Until  time.Time `firestore:"until"`
}

// ClaimDigest is a compare and set on one document.
func (s *Failures) ClaimDigest(ctx context.Context, holder string, now, until time.Time) (claimed bool, err error) {
	ref := s.client.Collection(jobLeasesCollection).Doc(digestLease)
	err = changeDocument(ctx, s.client, ref, func(lease *jobLeaseDoc) error {
		if claimed = lease.Holder == "" || lease.Holder == holder || !now.Before(lease.Until); !claimed {
			return errUnchanged
		}
		*lease = jobLeaseDoc{holder, until}
		return nil
	})
	return claimed && err == nil, err
}

// ReleaseDigest does nothing when another holder has taken over.
func (s *Failures) ReleaseDigest(ctx context.Context, holder string) error {
	ref := s.client.Collection(jobLeasesCollection).Doc(digestLease)
	return changeDocument(ctx, s.client, ref, func(lease *jobLeaseDoc) error {
		if lease.Holder != holder {
			return errUnchanged
		}
		*lease = jobLeaseDoc{}
		return nil
	})
}

type lastMailDoc struct {
	At time.Time `firestore:"at"`
}

// LastMail returns the zero time when no mail was noted.
func (s *Failures) LastMail(ctx context.Context) (time.Time, error) {
	d, err := loadDocument[lastMailDoc](ctx, s.client.Collection(jobLeasesCollection).Doc(lastMail))
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
