package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// run executes a command line in the house's environment.
func (s *story) run(line ...string) (string, error) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	c := rootFor(s.getenv)
	out := &safeBuffer{}
	c.SetArgs(line)
	c.SetOut(out)
	c.SetErr(s.log)
	err := c.ExecuteContext(ctx)
	return out.String(), err
}

// says runs a command line and looks for texts in what it prints.
func (s *story) says(line string, want ...string) string {
	s.Helper()
	out, err := s.run(strings.Fields(line)...)
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

func TestExplainTellsWhoWinsAndWhy(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pair(x, x.city.h("Start"))
		s.change(z, x.city.z("Paris"), time.Time{})
		s.rest()
		kind := string(x.kind)
		for _, asked := range []string{h.RecordID, z.RecordID, x.keyValue} {
			out := s.says("explain "+kind+" "+asked+" city --values", "is linked to", h.String(), z.String(), `"Paris"`,
				"Zoho: city becomes", "decided: city", "written to HubSpot", "Nothing is parked.")
			if n := strings.Count(out, "is linked to"); n != 1 {
				s.Errorf("%d pairs are shown, want 1:\n%s", n, out)
			}
		}
		out := s.says("explain "+kind+" "+x.keyValue, "[value]", "both hold it")
		if strings.Contains(out, "Paris") || strings.Contains(out, x.keyValue) {
			s.Errorf("values are shown although nobody asked for them:\n%s", out)
		}
		s.wrote(1, 0) // nothing but what was written before
	})
}

func TestExplainOfWhatIsNotLinked(t *testing.T) {
	t.Parallel()
	s := begin(t)
	alone := s.new(crm.Zoho, crm.Contact, values{"Last_Name": "Alone", "Email": "alone@example.com"}, time.Now().Add(-time.Hour))
	s.rest()
	s.says("explain contact alone@example.com", alone.String()+" is not linked", "no record in HubSpot")
	h, z := s.pair(shapes[0])
	s.must(s.remove(s.ctx, h))
	s.rest()
	s.says("explain contact "+z.RecordID, "was deleted at", "no new one is made", "HubSpot: the record is not there")
}

func TestExplainSaysWhatToAskFor(t *testing.T) {
	t.Parallel()
	s := begin(t)
	for line, want := range map[string]string{
		"explain contact nobody@example.com":      "give a record's id",
		"explain lead 1":                          "contact or company",
		"explain contact nobody@example.com shoe": "the mapping has",
		"explain contact":                         "accepts between 2 and 3",
	} {
		if out, err := s.run(strings.Fields(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("connector %s: %v, want %q\n%s", line, err, want, out)
		}
	}
}

func TestFailuresAreListedByCauseAndReplayed(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.says("failures", "Nothing has failed.")
	var refs []crm.Ref
	for _, address := range []string{"one@example.com", "two@example.com"} {
		refs = append(refs, s.new(crm.HubSpot, crm.Contact, values{"email": address}, time.Time{}))
	}
	s.rest()
	out := s.says("failures", "Last_Name", "remedy: ", "2 records", refs[0].String(), refs[1].String())
	if strings.Contains(out, "@example.com") {
		t.Errorf("a value is listed:\n%s", out)
	}
	s.says("failures --rows 1", "and 1 more")
	s.says("failures --json --record "+refs[0].String(), `"record": "`+refs[0].String()+`"`, `"failures": 1`)
	s.says("failures --kind company", "Nothing has failed.")
	s.says("failures --until 1h", "Nothing has failed.")
	s.says("explain contact "+refs[0].RecordID, "Parked:", "Last_Name", "failed: ")
	s.says("replay --all --dry-run", "2 failures match; 2 operations would be published")

	// The cause goes in silence, so that only the replay can find out.
	for _, url := range []string{s.HubSpotURL, s.ZohoURL} {
		s.must(s.call(s.ctx, "POST", url+"/_sim/deliveries", map[string]any{"lose": 1}, nil))
	}
	s.change(refs[0], values{"lastname": "One"}, time.Time{})
	s.rest()
	s.says("replay --kind contact --since 1h", "2 failures match; 2 operations published")
	s.rest()
	s.twin(refs[0])
	s.says("failures", "1 records", refs[1].String())
	s.says("failures --resolved --json", `"resolved_at"`)
	if _, err := s.run("replay"); err == nil || !strings.Contains(err.Error(), "--all") {
		t.Errorf("replay of nothing in particular: %v", err)
	}
	if _, err := s.run("failures", "--since", "soon"); err == nil || !strings.Contains(err.Error(), "36h") {
		t.Errorf("a time that is none: %v", err)
	}
}
