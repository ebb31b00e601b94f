package failure

import (
	"context"
	"fmt"
	"time"
)

// quietTime is how long nothing is mailed before a mail says that there is
// nothing to tell. Whoever is used to it notices when it no longer comes: a mail
// that the service accepts and that never arrives is seen by nobody else.
const quietTime = 7 * 24 * time.Hour

// Signs remember when people last heard of the connector.
type Signs interface {
	// LastMail returns when a mail was last accepted, the zero time if none was.
	LastMail(ctx context.Context) (time.Time, error)
	NoteMail(ctx context.Context, at time.Time) error
}

// noteMail remembers that a mail was accepted. Where that is lost, a sign of life
// comes too soon.
func (d *Digest) noteMail(ctx context.Context) {
	if d.Signs == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	_ = d.Signs.NoteMail(ctx, d.Clock.Now())
}

// silent is a run with nothing to tell. The first of all says so at once, which
// shows that mails arrive.
func (d *Digest) silent(ctx context.Context) (Report, error) {
	if d.Signs == nil {
		return Report{Outcome: Silent}, nil
	}
	last, err := d.Signs.LastMail(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("look when the last mail was sent: %w", err)
	}
	if !last.IsZero() && d.Clock.Now().Sub(last) < quietTime {
		return Report{Outcome: Silent}, nil
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := d.Mailer.Send(sendCtx, life(last)); err != nil {
		return Report{}, fmt.Errorf("send a sign of life: %w", err)
	}
	d.noteMail(ctx)
	return Report{Outcome: SignOfLife}, nil
}

// life is the mail that nothing failed, since a time if there is one.
func life(last time.Time) Mail {
	since := ""
	if !last.IsZero() {
		since = " since " + moment(last)
	}
	first := "No change failed to be carried over between HubSpot and Zoho CRM" + since + "."
	rest := "What fails is mailed within the hour. While nothing does, a mail like this one comes once a week: " +
		"when neither has come for longer, mails are lost on their way, or the connector does not run. Ask whoever operates it."
	return Mail{
		Subject: "HubSpot-Zoho connector: nothing failed",
		Text:    first + "\n\n" + rest + "\n",
		HTML: "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Nothing failed</title></head>" +
			"<body><p>" + first + "</p><p>" + rest + "</p></body></html>\n",
	}
}
