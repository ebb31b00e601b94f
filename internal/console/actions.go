package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/op"
)

const (
	// maxForm bounds the body of an action in bytes: a page of failures, all of
	// them selected, is below 4 kB.
	maxForm = 64 << 10
	// maxSelected bounds how many failures are acted on one by one.
	maxSelected = 500
)

// done is how an action ended: what the person is told, and where they go next.
type done struct {
	notice string // a key of notices
	count  int
	next   url.Values
}

// action is something that changes something. subject names what it changes for
// the log: ids only.
type action struct {
	name    string
	subject func(form url.Values) (string, error)
	run     func(c *Console, ctx context.Context, v request) (done, error)
}

var actions = []action{
	{"replay", selected, (*Console).replay},
	{"dismiss", selected, (*Console).dismiss},
	{"synchronise", oneRecord, (*Console).synchronise},
}

// act checks an action and runs it. What is refused changes nothing.
func (c *Console) act(w http.ResponseWriter, v request) error {
	if err := c.foreign.Check(v.Request); err != nil {
		c.Logger.WarnContext(v.Context(), "console action refused", "who", v.who, "reason", "cross_origin")
		return &problem{http.StatusForbidden, "Request refused", "The request came from another site. Open the console itself and try again."}
	}
	v.Body = http.MaxBytesReader(w, v.Body, maxForm)
	if err := v.ParseForm(); err != nil {
		return wrongInput("The form cannot be read.")
	}
	if !c.tokens.valid(v.PostForm.Get("token"), v.who, v.now) {
		c.Logger.WarnContext(v.Context(), "console action refused", "who", v.who, "reason", "no_token")
		return &problem{http.StatusForbidden, "Request refused", "The form is too old, or it is not a form of this console. Open the page again."}
	}
	if v.PostForm.Get("action") == "search" {
		return c.find(w, v)
	}
	i := slices.IndexFunc(actions, func(a action) bool { return a.name == v.PostForm.Get("action") })
	if i < 0 {
		return wrongInput("No such action is known.")
	}
	return c.run(w, v, actions[i])
}

// run writes down who does what before it is done, and after how it ended.
func (c *Console) run(w http.ResponseWriter, v request, a action) error {
	subject, err := a.subject(v.PostForm)
	if err != nil {
		return err
	}
	log := c.Logger.With("who", v.who, "action", a.name, "subject", subject)
	log.InfoContext(v.Context(), "console action", "outcome", "begun")
	result, err := a.run(c, v.Context(), v)
	if err != nil {
		log.ErrorContext(v.Context(), "console action", "outcome", "failed", "count", result.count, "error", err.Error())
		return err
	}
	log.InfoContext(v.Context(), "console action", "outcome", "done", "count", result.count)
	result.next.Set("done", result.notice)
	result.next.Set("count", strconv.Itoa(result.count))
	// A query alone is relative to wherever the console is.
	w.Header().Set("Location", "?"+result.next.Encode())
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// selected names failures: "cause 1f...", or the ids of some.
func selected(form url.Values) (string, error) {
	f, err := filterOf(form)
	if f.Cause != "" {
		return "cause " + f.Cause, err
	}
	return "failures " + strings.Join(f.IDs, " "), err
}

// filterOf reads which failures a form means: those that are ticked, else all
// of one cause. It is never all there are.
func filterOf(form url.Values) (failure.Filter, error) {
	ids, cause := form["id"], form.Get("cause")
	switch {
	case form.Has("all") && hexadecimal(cause, causeDigits):
		return failure.Filter{Cause: cause}, nil
	case len(ids) == 0:
		return failure.Filter{}, wrongInput("Nothing is selected. Go back and tick at least one failure.")
	case len(ids) > maxSelected:
		return failure.Filter{}, wrongInput("Too many failures are selected.")
	}
	for _, id := range ids {
		if !hexadecimal(id, idDigits) {
			return failure.Filter{}, wrongInput("This is not the id of a failure.")
		}
	}
	return failure.Filter{IDs: ids}, nil
}

// Lengths of the ids that package failure gives.
const (
	idDigits    = 32
	causeDigits = 16
)

func hexadecimal(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// back is the list that a form was on.
func back(form url.Values) url.Values {
	next := url.Values{"page": {"failures"}}
	if cause := form.Get("cause"); hexadecimal(cause, causeDigits) {
		next.Set("cause", cause)
	}
	if one := form.Get("one"); hexadecimal(one, idDigits) {
		return url.Values{"page": {"failure"}, "id": {one}}
	}
	return next
}

func (c *Console) replay(ctx context.Context, v request) (done, error) {
	filter, err := filterOf(v.PostForm)
	if err != nil {
		return done{}, err
	}
	r := failure.Replayer{Failures: c.Failures, Topics: c.Topics, Clock: c.Clock, NewID: c.NewID}
	report, err := r.Replay(ctx, filter)
	switch {
	case err != nil:
		return done{count: report.Published}, err
	case report.Published == 0:
		return done{}, wrongInput("No failure can be replayed: they are closed by now, or name no record.")
	}
	return done{"replayed", report.Published, back(v.PostForm)}, nil
}

func (c *Console) dismiss(ctx context.Context, v request) (done, error) {
	filter, err := filterOf(v.PostForm)
	if err != nil {
		return done{}, err
	}
	why := failure.Dismissal(v.PostForm.Get("reason"))
	if why.Text() == "" {
		return done{}, wrongInput("Choose a reason for dismissing it.")
	}
	ids := filter.IDs
	if filter.Cause != "" {
		list, err := c.Failures.ListFailures(ctx, filter, 0)
		if err != nil {
			return done{}, err
		}
		for _, r := range list {
			ids = append(ids, r.ID)
		}
	}
	n, err := c.Failures.DismissFailures(ctx, v.now, why, ids...)
	return done{"dismissed", n, back(v.PostForm)}, err
}

func oneRecord(form url.Values) (string, error) {
	ref, err := crm.ParseRef(form.Get("ref"))
	if err != nil {
		return "", wrongInput("This is not a record.")
	}
	return ref.String(), nil
}

// synchronise asks for what a webhook would ask for.
func (c *Console) synchronise(ctx context.Context, v request) (done, error) {
	ref, err := crm.ParseRef(v.PostForm.Get("ref"))
	if err != nil {
		return done{}, wrongInput("This is not a record.")
	}
	err = c.Topics[ref.System].Publish(ctx, []op.Operation{{
		Version: op.Version, ID: c.NewID(), Ref: ref, Change: op.Requested, OccurredAt: v.now, ReceivedAt: v.now, Events: 1,
	}})
	if err != nil {
		return done{}, fmt.Errorf("synchronise %s: %w", ref, err)
	}
	return done{"synchronised", 1, url.Values{"page": {"record"}, "ref": {ref.String()}}}, nil
}
