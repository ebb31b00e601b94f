package failure

import (
	"context"
	"fmt"
	"time"
)

// heartbeatInterval is how long nothing is mailed before a mail says that nothing
// failed. A reader who expects it notices when it stops: the connector cannot see
// that a mail was accepted and never arrived.
const heartbeatInterval = 7 * 24 * time.Hour

// HeartbeatStore remembers when a mail was last accepted.
type HeartbeatStore interface {
	// LastMail returns when a mail was last accepted, the zero time if none was.
	LastMail(ctx context.Context) (time.Time, error)
	NoteMail(ctx context.Context, at time.Time) error
}

// noteMail remembers that a mail was accepted. Where that is lost, the heartbeat
// comes too soon.
func (d *Digest) noteMail(ctx context.Context) {
	if d.Heartbeats == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	_ = d.Heartbeats.NoteMail(ctx, d.Clock.Now())
}

// sendHeartbeatWhenDue ends a run without new failures. The first heartbeat is sent at
// once, which shows that mails arrive.
func (d *Digest) sendHeartbeatWhenDue(ctx context.Context) (Report, error) {
	if d.Heartbeats == nil {
		return Report{Outcome: NothingNew}, nil
	}
	last, err := d.Heartbeats.LastMail(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("look when the last mail was sent: %w", err)
	}
	if !last.IsZero() && d.Clock.Now().Sub(last) < heartbeatInterval {
		return Report{Outcome: NothingNew}, nil
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := d.Mailer.Send(sendCtx, heartbeatMail(last)); err != nil {
		return Report{}, fmt.Errorf("send the heartbeat: %w", err)
	}
	d.noteMail(ctx)
	return Report{Outcome: Heartbeat}, nil
}

// heartbeatMail says that nothing failed, since a time if there is one.
func heartbeatMail(last time.Time) Mail {
	since := ""
	if !last.IsZero() {
		since = " since " + formatTime(last)
	}
	first := "No operation failed between HubSpot and Zoho CRM" + since + "."
	rest := "Failures are mailed within the hour. Without failures, a mail like this one comes once a week. " +
		"If no mail comes for longer, mails are lost on their way or the connector does not run: ask its operator."
	return Mail{
		Subject: "HubSpot-Zoho connector: nothing failed",
		Text:    first + "\n\n" + rest + "\n",
		HTML: "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Nothing failed</title></head>" +
			"<body><p>" + first + "</p><p>" + rest + "</p></body></html>\n",
	}
}
