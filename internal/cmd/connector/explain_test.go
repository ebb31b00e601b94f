package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// runCommand executes a command line in the environment of the local stack.
func (s *scenario) runCommand(line ...string) (string, error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	c := rootCommandFor(s.getenv)
	out := &safeBuffer{}
	c.SetArgs(line)
	c.SetOut(out)
	c.SetErr(s.log)
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

// checkOutput runs a command line and looks for texts in its output.
func (s *scenario) checkOutput(line string, want ...string) string {
	s.Helper()
	out, err := s.runCommand(strings.Fields(line)...)
	if err != nil {
		s.Fatalf("connector %s: %v\n%s", line, err, out)
	}
	for _, text := range want {
		if !strings.Contains(out, text) {
			s.Errorf("connector %s does not say %q:\n%s", line, text, out)
		}
	}
	return out
}

func TestExplainShowsTheWinningSideAndTheReason(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPair(x, x.city.h("Start"))
		s.mustEdit(z, x.city.z("Paris"), time.Time{})
		s.awaitIdle()
		kind := string(x.kind)
		for _, asked := range []string{h.RecordID, z.RecordID, x.keyValue} {
			out := s.checkOutput("explain "+kind+" "+asked+" city --values", "is linked to", h.String(), z.String(), `"Paris"`,
				"Zoho: city becomes", "decided: city", "written to HubSpot", "Nothing is parked.")
			if n := strings.Count(out, "is linked to"); n != 1 {
				s.Errorf("%d pairs are shown, want 1:\n%s", n, out)
			}
		}
		out := s.checkOutput("explain "+kind+" "+x.keyValue, "[value]", "both sides hold it")
		if strings.Contains(out, "Paris") || strings.Contains(out, x.keyValue) {
			s.Errorf("values are shown without --values:\n%s", out)
		}
		s.checkWrites(1, 0) // only the earlier writes
	})
}

func TestExplainOfARecordThatIsNotLinked(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	alone := s.mustCreate(crm.Zoho, crm.Contact, values{"Last_Name": "Alone", "Email": "alone@example.com"}, anHourAgo())
	s.awaitIdle()
	s.checkOutput("explain contact alone@example.com", alone.String()+" is not linked", "no record in HubSpot")
	h, z := s.createPair(recordKinds[0])
	s.must(s.deleteRecord(s.ctx, h))
	s.awaitIdle()
	s.checkOutput("explain contact "+z.RecordID, "was deleted at", "creates no new counterpart", "HubSpot: the record does not exist")
}

func TestExplainNamesValidArguments(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	for line, want := range map[string]string{
		"explain contact nobody@example.com":      "give a record's id",
		"explain lead 1":                          "contact or company",
		"explain contact nobody@example.com shoe": "the mapping has",
		"explain contact":                         "accepts between 2 and 3",
	} {
		if out, err := s.runCommand(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("connector %s: %v, want %q\n%s", line, err, want, out)
		}
	}
}

func TestFailuresAreListedByCauseAndReplayed(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.checkOutput("failures", "Nothing has failed.")
	var refs []crm.Ref
	for _, address := range []string{"one@example.com", "two@example.com"} {
		refs = append(refs, s.mustCreate(crm.HubSpot, crm.Contact, values{"email": address}, time.Time{}))
	}
	s.awaitIdle()
	out := s.checkOutput("failures", "Last_Name", "remedy: ", "2 records", refs[0].String(), refs[1].String())
	if strings.Contains(out, "@example.com") {
		t.Errorf("a value is listed:\n%s", out)
	}
	s.checkOutput("failures --rows 1", "and 1 more")
	s.checkOutput("failures --json --record "+refs[0].String(), `"record": "`+refs[0].String()+`"`, `"failures": 1`)
	s.checkOutput("failures --kind company", "Nothing has failed.")
	s.checkOutput("failures --until 1h", "Nothing has failed.")
	s.checkOutput("explain contact "+refs[0].RecordID, "Parked:", "Last_Name", "failed: ")
	s.checkOutput("replay --all --dry-run", "2 failures selected; 2 operations would be published")

	// The cause disappears without a webhook, so that only a replay can succeed.
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.callControl(s.ctx, "POST", url+"/_sim/deliveries", map[string]any{"lose": 1}, nil))
	}
	s.mustEdit(refs[0], values{"lastname": "One"}, time.Time{})
	s.awaitIdle()
	s.checkOutput("replay --kind contact --since 1h", "2 failures selected; 2 operations published")
	s.awaitIdle()
	s.findCounterpart(refs[0])
	s.checkOutput("failures", "1 record", refs[1].String())
	s.checkOutput("failures --resolved --json", `"resolved_at"`)
	if _, err := s.runCommand("replay"); err == nil || !strings.Contains(err.Error(), "--all") {
		t.Errorf("replay of nothing in particular: %v", err)
	}
	if _, err := s.runCommand("failures", "--since", "soon"); err == nil || !strings.Contains(err.Error(), "36h") {
		t.Errorf("a time that is none: %v", err)
	}
}
