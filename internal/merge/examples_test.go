package merge

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// The examples of docs/conflicts.md are played on the world of world_test.go.
func TestTheExamplesOfTheDocumentationHold(t *testing.T) {
	doc, err := os.ReadFile("../../docs/conflicts.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)## ([^\n]*)\n|```example\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	title, played := "", 0
	for _, b := range blocks {
		if b[1] != "" {
			title = b[1]
			continue
		}
		played++
		t.Run(title, func(t *testing.T) { playExample(t, strings.TrimSpace(b[2])) })
	}
	if played < 10 {
		t.Errorf("%d examples were found", played)
	}
}

var (
	editLine = regexp.MustCompile(`^([\d:.]+)\s+(hubspot|zoho)\s+"(.*)"$`)
	syncLine = regexp.MustCompile(`^[\d:.]+\s+sync$`)
	endLine  = regexp.MustCompile(`^(?:both "(.*)"|hubspot "(.*)" zoho "(.*)")$`)
)

func playExample(t *testing.T, text string) {
	w := newWorld(crm.Zoho, 0)
	always := func() bool { return true }
	for _, line := range strings.Split(text, "\n") {
		edit, end := editLine.FindStringSubmatch(line), endLine.FindStringSubmatch(line)
		switch {
		case line == "prefer hubspot":
			w.policy.Prefer = crm.HubSpot
		case line == "keep on clear":
			w.policy.KeepOnClear = true
		case syncLine.MatchString(line):
			w.pass(always)
		case edit != nil:
			s := crm.System(edit[2])
			w.edits[s] = append([]Edit{{Value: value(edit[3]), At: clockTime(t, edit[1])}}, w.edits[s]...)
		case end != nil:
			writes := w.writes
			w.pass(always)
			if w.writes != writes {
				t.Error("not at rest")
			}
			h, z := end[1], end[1]
			if !strings.HasPrefix(line, "both") {
				h, z = end[2], end[3]
			}
			if gotH, gotZ := w.current(crm.HubSpot).Text, w.current(crm.Zoho).Text; gotH != h || gotZ != z {
				t.Errorf("HubSpot %q, Zoho %q, want %q and %q", gotH, gotZ, h, z)
			}
		default:
			t.Fatalf("cannot read %s", strconv.Quote(line))
		}
	}
}

func clockTime(t *testing.T, s string) int64 {
	t.Helper()
	at, err := time.Parse("15:04:05", s) // takes a fraction too
	if err != nil {
		t.Fatal(err)
	}
	return at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)).Milliseconds()
}
