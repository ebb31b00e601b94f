package simulate

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/op"
)

// ask sends a request to the console, by the goroutine of the task that runs.
func (o *operator) ask(ctx context.Context, query url.Values, form url.Values) (*httptest.ResponseRecorder, error) {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r := httptest.NewRequestWithContext(ctx, method, "/Console?"+query.Encode(), strings.NewReader(body))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	o.console.ServeHTTP(w, r)
	switch w.Code {
	case http.StatusOK, http.StatusSeeOther:
	case http.StatusServiceUnavailable:
		return w, errPage
	case http.StatusNotFound, http.StatusBadRequest:
		if o.world.healed || form == nil && query.Get("page") != "failure" {
			return w, fmt.Errorf("the console answers %d to %s %s", w.Code, method, query.Encode())
		}
		// What the person looked at was closed or erased meanwhile.
	default:
		return w, fmt.Errorf("the console answers %d to %s %s", w.Code, method, query.Encode())
	}
	return w, nil
}

// look opens a page.
func (o *operator) look() {
	w := o.world
	name := consolePages[w.rng.IntN(len(consolePages))]
	query := url.Values{"page": {name}}
	switch {
	case name == "record":
		query.Set("ref", o.anyRef().String())
	case name == "failure" && len(w.failures.order) == 0:
		return
	case name == "failure":
		query.Set("id", w.failures.order[w.rng.IntN(len(w.failures.order))].ID)
	case name == "failures" && len(w.failures.order) > 0 && w.chance(0.5):
		query.Set("cause", w.failures.order[w.rng.IntN(len(w.failures.order))].Cause.ID())
	case name == "overview":
		query.Set("window", "24h")
	}
	o.run(page+name, true, func(ctx context.Context) error {
		_, err := o.ask(ctx, query, nil)
		return err
	}, nil)
}

// change asks the console for something.
func (o *operator) change() {
	w := o.world
	on, form := "record", url.Values{} // every console page of a record has the form of a search
	name := synchronise
	var refusals []string // that a person may take as they are
	for _, n := range w.failures.order {
		if n.IsOpen() && !n.givenUp() && !n.OutlastsSuccess() {
			refusals = append(refusals, n.ID)
		}
	}
	switch x := w.rng.IntN(4); {
	case x == 0:
		name = searches
		form = url.Values{"action": {"search"}, "q": {o.anyRef().RecordID}}
	case x == 1 && len(refusals) > 0:
		name = dismisses
		form = url.Values{"action": {"dismiss"}, "id": {refusals[w.rng.IntN(len(refusals))]}, "reason": {string(failure.Accepted)}}
	case x == 2 && len(w.failures.order) > 0:
		name = replaysHere
		form = url.Values{"action": {"replay"}, "id": {w.failures.order[w.rng.IntN(len(w.failures.order))].ID}}
	default:
		form = url.Values{"action": {"synchronise"}, "ref": {o.anyRef().String()}}
	}
	before := len(w.ledger.accepted)
	o.run(name, false, func(ctx context.Context) error {
		query := url.Values{"page": {on}}
		opened, err := o.ask(ctx, query, nil)
		if err != nil {
			return err
		}
		found := tokenForm.FindStringSubmatch(opened.Body.String())
		if found == nil {
			return fmt.Errorf("the page %s has no token", on)
		}
		form.Set("token", found[1])
		_, err = o.ask(ctx, query, form)
		return err
	}, func() {
		asked := func(a op.Operation) bool { return a.Change == op.Requested && a.Ref.String() == form.Get("ref") }
		if name == synchronise && !slices.ContainsFunc(w.ledger.accepted[before:], asked) {
			w.violate("%s of %s published nothing", name, form.Get("ref"))
		}
	})
}

// wait lets what a person has asked for come to its end.
func (o *operator) wait() {
	o.world.run(o.world.quiet)
}
