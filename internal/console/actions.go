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

// actionResult is how an action ended: its notice, and the page that follows.
type actionResult struct {
	notice string // a key of notices
	count  int
	next   url.Values
}

// action is a change that a person asks for. subject names its objects for the log,
// by ids alone.
type action struct {
	name    string
	subject func(form url.Values) (string, error)
	perform func(c *Console, ctx context.Context, v request) (actionResult, error)
}

var actions = []action{
	{"replay", describeSelection, (*Console).replayFailures},
	{"dismiss", describeSelection, (*Console).dismissFailures},
	{"synchronise", describeRecord, (*Console).requestSync},
}

// handleAction checks an action and runs it. A refused action changes nothing.
func (c *Console) handleAction(w http.ResponseWriter, v request) error {
	if err := c.foreign.Check(v.Request); err != nil {
		c.Logger.WarnContext(v.Context(), "console action refused", "who", v.caller, "reason", "cross_origin")
		return &pageError{http.StatusForbidden, "Request refused", "The request came from another site. Open the console itself and try again."}
	}
	v.Body = http.MaxBytesReader(w, v.Body, maxForm)
	if err := v.ParseForm(); err != nil {
		return wrongInput("The form cannot be read.")
	}
	if !c.tokens.isValidToken(v.PostForm.Get("token"), v.caller, v.now) {
		c.Logger.WarnContext(v.Context(), "console action refused", "who", v.caller, "reason", "no_token")
		return &pageError{http.StatusForbidden, "Request refused", "The form is too old, or it is not a form of this console. Open the page again."}
	}
	if v.PostForm.Get("action") == "search" {
		return c.searchRecord(w, v)
	}
	i := slices.IndexFunc(actions, func(a action) bool { return a.name == v.PostForm.Get("action") })
	if i < 0 {
		return wrongInput("No such action is known.")
	}
	return c.runAction(w, v, actions[i])
}

// runAction logs the caller and the action before it starts, and its end after it.
func (c *Console) runAction(w http.ResponseWriter, v request, a action) error {
	subject, err := a.subject(v.PostForm)
	if err != nil {
		return err
	}
	log := c.Logger.With("who", v.caller, "action", a.name, "subject", subject)
	log.InfoContext(v.Context(), "console action", "outcome", "begun")
	result, err := a.perform(c, v.Context(), v)
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

// describeSelection names failures: "cause 1f...", or the ids of some.
func describeSelection(form url.Values) (string, error) {
	f, err := parseFilter(form)
	if f.Cause != "" {
		return "cause " + f.Cause, err
	}
	return "failures " + strings.Join(f.IDs, " "), err
}

// parseFilter reads which failures a form selects: the ticked ones, or all of one
// cause. A form never selects all failures.
func parseFilter(form url.Values) (failure.Filter, error) {
	ids, cause := form["id"], form.Get("cause")
	switch {
	case form.Has("all") && isHexadecimal(cause, causeDigits):
		return failure.Filter{Cause: cause}, nil
	case len(ids) == 0:
		return failure.Filter{}, wrongInput("Nothing is selected. Go back and tick at least one failure.")
	case len(ids) > maxSelected:
		return failure.Filter{}, wrongInput("Too many failures are selected.")
	}
	for _, id := range ids {
		if !isHexadecimal(id, idDigits) {
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

func isHexadecimal(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// returnQuery leads back to the list that held the form.
func returnQuery(form url.Values) url.Values {
	next := url.Values{"page": {"failures"}}
	if cause := form.Get("cause"); isHexadecimal(cause, causeDigits) {
		next.Set("cause", cause)
	}
	if one := form.Get("one"); isHexadecimal(one, idDigits) {
		return url.Values{"page": {"failure"}, "id": {one}}
	}
	return next
}

func (c *Console) replayFailures(ctx context.Context, v request) (actionResult, error) {
	filter, err := parseFilter(v.PostForm)
	if err != nil {
		return actionResult{}, err
	}
	r := failure.Replayer{Failures: c.Failures, Topics: c.Topics, Clock: c.Clock, NewID: c.NewID}
	report, err := r.Replay(ctx, filter)
	switch {
	case err != nil:
		return actionResult{count: report.Published}, err
	case report.Published == 0:
		return actionResult{}, wrongInput("No failure can be replayed: they are closed by now, or name no record.")
	}
	return actionResult{"replayed", report.Published, returnQuery(v.PostForm)}, nil
}

func (c *Console) dismissFailures(ctx context.Context, v request) (actionResult, error) {
	filter, err := parseFilter(v.PostForm)
	if err != nil {
		return actionResult{}, err
	}
	why := failure.Dismissal(v.PostForm.Get("reason"))
	if why.Text() == "" {
		return actionResult{}, wrongInput("Choose a reason for dismissing it.")
	}
	ids := filter.IDs
	if filter.Cause != "" {
		list, err := c.Failures.ListFailures(ctx, filter, 0)
		if err != nil {
			return actionResult{}, err
		}
		for _, r := range list {
			ids = append(ids, r.ID)
		}
	}
	n, err := c.Failures.DismissFailures(ctx, v.now, why, ids...)
	return actionResult{"dismissed", n, returnQuery(v.PostForm)}, err
}

func describeRecord(form url.Values) (string, error) {
	ref, err := crm.ParseRef(form.Get("ref"))
	if err != nil {
		return "", wrongInput("This is not a record.")
	}
	return ref.String(), nil
}

// requestSync publishes the operation that a webhook would publish.
func (c *Console) requestSync(ctx context.Context, v request) (actionResult, error) {
	ref, err := crm.ParseRef(v.PostForm.Get("ref"))
	if err != nil {
		return actionResult{}, wrongInput("This is not a record.")
	}
	err = c.Topics[ref.System].Publish(ctx, []op.Operation{{
		Version: op.Version, ID: c.NewID(), Ref: ref, Change: op.Requested, OccurredAt: v.now, ReceivedAt: v.now, Events: 1,
	}})
	if err != nil {
		return actionResult{}, fmt.Errorf("synchronise %s: %w", ref, err)
	}
	return actionResult{"synchronised", 1, url.Values{"page": {"record"}, "ref": {ref.String()}}}, nil
}
