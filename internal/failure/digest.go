package failure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Times and sizes of a digest.
const (
	// leaseTime is how long a job keeps others from sending. It outlives a job
	// that is killed by that much at most, so that the next run sends.
	leaseTime = 5 * time.Minute
	// sendTime bounds one call of the mail service, markTime what follows it.
	sendTime = 30 * time.Second
	markTime = time.Minute
	// maxFailures is how many failures one mail reports. The rest waits for the
	// next.
	maxFailures = 20_000
)

// Outbox holds the failures that no mail has reported.
type Outbox interface {
	// UnreportedFailures returns at most limit open failures whose count is
	// greater than the count that was mailed.
	UnreportedFailures(ctx context.Context, limit int) ([]Record, error)
	// MarkMailed stores that a mail reported the failures with the counts that
	// they have in records. One whose count has grown meanwhile stays unreported.
	// One that is mailed once is erased.
	MarkMailed(ctx context.Context, records []Record, at time.Time) error
}

// DigestLease lets one job at a time send.
type DigestLease interface {
	// ClaimDigest takes the lease until a time, unless another holder has it.
	ClaimDigest(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// ReleaseDigest gives it back if holder still has it.
	ReleaseDigest(ctx context.Context, holder string) error
}

// DigestStore is what a Digest reads and writes.
type DigestStore interface {
	Outbox
	DigestLease
}

// Mailer sends one mail. It returns nil only when the mail was accepted for
// delivery.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Mail is the same text twice, for mail programs with and without HTML. The
// subject is one line.
type Mail struct {
	Subject, Text, HTML string
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Config is what a Digest needs. Pages may be empty. Without Heartbeats no mail
// is sent while nothing fails.
type Config struct {
	Store      DigestStore
	Mailer     Mailer
	Clock      Clock
	NewID      func() string
	Pages      Pages
	Heartbeats HeartbeatStore
}

// Digest mails the new failures.
type Digest struct {
	Config
	templates templates
}

// NewDigest returns a Digest, or all faults of its configuration.
func NewDigest(c Config) (*Digest, error) {
	var errs []error
	if c.Store == nil || c.Mailer == nil || c.Clock == nil || c.NewID == nil {
		errs = append(errs, errors.New("store, mailer, clock and ids are required"))
	}
	if strings.Trim(c.Pages.HubSpotPortal, "0123456789") != "" {
		errs = append(errs, errors.New("the HubSpot portal is not a number"))
	}
	for _, page := range []*string{&c.Pages.HubSpot, &c.Pages.Zoho} {
		*page = strings.TrimRight(*page, "/")
		if u, err := url.Parse(*page); *page != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path+u.RawQuery != "") {
			errs = append(errs, errors.New("the address of a CRM's pages is not a scheme and a host"))
		}
	}
	t, err := parseTemplates()
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("new digest: %w", err)
	}
	return &Digest{Config: c, templates: t}, nil
}

// Outcome is how a run ended.
type Outcome string

// Outcomes of a run.
const (
	Sent       Outcome = "sent"
	NothingNew Outcome = "silent" // no failure is new
	// Heartbeat: nothing failed for so long that a mail said so.
	Heartbeat Outcome = "heartbeat"
	Busy      Outcome = "busy" // another job is sending right now
)

// Report says what a run did, without any name or value.
type Report struct {
	Outcome    Outcome `json:"outcome"`
	Causes     int     `json:"causes"`
	Failures   int     `json:"failures"`   // of one record and cause each
	Operations int     `json:"operations"` // that failed since the last mail
	Rows       int     `json:"rows"`       // failures that the mail lists one by one
	Left       bool    `json:"left"`       // more is waiting for the next mail
}

// Send mails the failures that no mail has reported yet and marks them once the
// mail was accepted. After an error nothing is marked, or only a part: the next
// run mails the rest again. Runs that overlap send once, unless the first takes
// longer than five minutes.
func (d *Digest) Send(ctx context.Context) (Report, error) {
	holder, now := d.NewID(), d.Clock.Now()
	until := now.Add(leaseTime)
	mine, err := d.Store.ClaimDigest(ctx, holder, now, until)
	if err != nil {
		return Report{}, fmt.Errorf("claim the digest: %w", err)
	}
	if !mine {
		return Report{Outcome: Busy}, nil
	}
	// The marks have to be stored even if the caller has gone.
	report, err := d.sendUnreported(ctx, until)
	releaseCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	// A lease that cannot be released ends by itself.
	_ = d.Store.ReleaseDigest(releaseCtx, holder)
	return report, err
}

func (d *Digest) sendUnreported(ctx context.Context, until time.Time) (Report, error) {
	failures, err := d.Store.UnreportedFailures(ctx, maxFailures+1)
	if err != nil {
		return Report{}, fmt.Errorf("list unreported failures: %w", err)
	}
	if len(failures) == 0 {
		return d.sendHeartbeatWhenDue(ctx)
	}
	left := len(failures) > maxFailures
	if left {
		failures = failures[:maxFailures]
	}
	page := d.newPage(failures, left)
	mail, err := d.templates.renderMail(page)
	if err != nil {
		return Report{}, fmt.Errorf("render the digest: %w", err)
	}
	if d.Clock.Now().Add(sendTime).After(until) {
		return Report{}, errors.New("send the digest: the lease has nearly ended")
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTime)
	err = d.Mailer.Send(sendCtx, mail)
	cancel()
	if err != nil {
		return Report{}, fmt.Errorf("send the digest of %d failures: %w", len(failures), err)
	}
	d.noteMail(ctx)
	markCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	if err := d.Store.MarkMailed(markCtx, failures, d.Clock.Now()); err != nil {
		return Report{}, fmt.Errorf("mark %d failures as mailed: %w", len(failures), err)
	}
	return Report{
		Outcome: Sent, Causes: page.Causes, Failures: len(failures), Operations: page.Operations,
		Rows: page.countRows(), Left: left,
	}, nil
}
