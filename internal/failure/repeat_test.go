package failure_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

func (h *scenario) repeater() (r failure.Repeater, hubspot, zoho *topic) {
	p, hubspot, zoho := h.replayer()
	return failure.Repeater{Failures: h.store, Topics: p.Topics, Clock: p.Clock, NewID: p.NewID}, hubspot, zoho
}

// givenUp is an operation that was given up for a cause.
func givenUp(record string, kind crm.ErrorKind, code string) failure.Record {
	r := failed("op-"+record, record)
	r.Cause = failure.Cause{Side: crm.Zoho, Action: "apply", Kind: kind, Code: failurecode.Code(code)}
	return r.WithID()
}

func TestWhatPassesByItselfIsRepeated(t *testing.T) {
	h := newScenario(t)
	dead := failure.NewDeadRecord(failure.Message{ID: "1", Data: encode(t, operation("dead", hubspotContact("2")))}, start)
	erased := failure.NewDeadRecord(failure.Message{ID: "2", Data: encode(t, op.Operation{
		Version: op.Version, ID: "erased", Ref: hubspotContact("3"), Change: op.Erased, OccurredAt: start, ReceivedAt: start, Events: 1})}, start)
	h.record(t, givenUp("1", crm.Locked, "RECORD_LOCKED"), dead, erased,
		failed("4", "4"), // a value that was refused
		givenUp("5", crm.Duplicate, "COUNTERPART_IS_LINKED"),              // for a person
		failure.NewDeadRecord(failure.Message{ID: "no operation"}, start), // nothing to repeat
	)
	r, hubspot, zoho := h.repeater()
	run := func(want failure.ReplayReport) {
		t.Helper()
		got, err := r.RepeatDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	}
	h.clock.advance(15*time.Minute - time.Second)
	run(failure.ReplayReport{})
	h.clock.advance(time.Second)
	run(failure.ReplayReport{Matched: 3, Published: 3})
	run(failure.ReplayReport{})
	changes := map[string]op.Change{}
	for _, o := range hubspot.ops {
		changes[o.ReplayOf] = o.Change
	}
	if diff := cmp.Diff(map[string]op.Change{"op-1": op.Requested, "dead": op.Requested, "erased": op.Erased}, changes); diff != "" || len(zoho.ops) != 0 {
		t.Errorf("published (-want +got):\n%s\nand %v to HubSpot", diff, zoho.ops)
	}
	for range 3 {
		h.clock.advance(24 * time.Hour)
		run(failure.ReplayReport{Matched: 3, Published: 3})
	}
	h.clock.advance(1000 * time.Hour)
	run(failure.ReplayReport{})
}

func TestWhatCannotBeRepeatedNowIsDueAtTheNextRun(t *testing.T) {
	h := newScenario(t)
	h.record(t, givenUp("1", crm.Unavailable, "DOWN"))
	r, hubspot, _ := h.repeater()
	hubspot.err = errors.New("down")
	h.clock.advance(time.Hour)
	if _, err := r.RepeatDue(t.Context()); !errors.Is(err, hubspot.err) {
		t.Errorf("got %v", err)
	}
	hubspot.err = nil
	if got, err := r.RepeatDue(t.Context()); err != nil || got.Published != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// People are told of what is repeated by itself, and only of that.
func TestTheRemedySaysWhatIsRepeatedByItself(t *testing.T) {
	byItself := givenUp("1", crm.Locked, "RECORD_LOCKED")
	part := byItself
	part.Cause.Action = "update"
	for _, r := range []failure.Record{byItself, part, givenUp("1", crm.Duplicate, "COUNTERPART_IS_LINKED"), failed("1", "1")} {
		if says := strings.Contains(r.Cause.Remedy(), "by itself"); says == r.RepeatAt().IsZero() {
			t.Errorf("%s %s: %q, and it is due at %s", r.Cause.Action, r.Cause.Code, r.Cause.Remedy(), r.RepeatAt())
		}
	}
}
