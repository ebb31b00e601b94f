package failure

import (
	"bytes"
	"cmp"
	_ "embed" // the two templates
	"fmt"
	htmltemplate "html/template"
	"slices"
	texttemplate "text/template"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/wording"
)

// maxRows is how many failures a mail lists one by one, over all causes.
const maxRows = 200

// digestPage is what the templates show. Every text in it is sanitized already.
type digestPage struct {
	Failures, Operations, Causes int

	Groups []group
	// MoreCauses and MoreFailures count what has no group of its own.
	MoreCauses, MoreFailures int
	Left                     bool
}

// group is one cause.
type group struct {
	ID, Message, Remedy string
	Failures            int
	Operations          int
	FirstSeen, LastSeen string
	Rows                []row
	More                int // failures that are not listed

	members []Record
	last    time.Time
}

// row is one failure.
type row struct {
	ID, Task            string
	Source, Target      place
	Message             string
	Count               int
	FirstSeen, LastSeen string
	Reported            string // when a mail first reported it, if one did
}

// place is a record with the address of its page, where that is known.
type place struct{ Name, URL string }

func (p digestPage) countRows() int {
	n := 0
	for _, g := range p.Groups {
		n += len(g.Rows)
	}
	return n
}

// newPage groups the failures by cause, the largest group first, and shares the
// rows out evenly, so that no cause hides another.
func (d *Digest) newPage(failures []Record, left bool) digestPage {
	byCause := map[string]*group{}
	p := digestPage{Failures: len(failures), Left: left}
	for _, r := range failures {
		id := r.Cause.ID()
		g := byCause[id]
		if g == nil {
			g = &group{ID: id, Message: r.Cause.withoutDetails().Message(), Remedy: r.Cause.Remedy()}
			byCause[id] = g
		}
		g.members = append(g.members, r)
		g.Operations += r.Count - r.MailedCount
		p.Operations += r.Count - r.MailedCount
	}
	p.Causes = len(byCause)
	groups := make([]*group, 0, len(byCause))
	for _, g := range byCause {
		g.sumUp()
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.Failures, a.Failures), b.last.Compare(a.last), cmp.Compare(a.Message, b.Message), cmp.Compare(a.ID, b.ID))
	})
	for _, g := range groups[min(len(groups), maxRows):] {
		p.MoreCauses++
		p.MoreFailures += g.Failures
	}
	groups = groups[:min(len(groups), maxRows)]
	for i, n := range shareRows(groups) {
		g := groups[i]
		for _, r := range g.members[:n] {
			g.Rows = append(g.Rows, d.newRow(r))
		}
		g.More = g.Failures - n
		p.Groups = append(p.Groups, *g)
	}
	return p
}

// sumUp orders the members of a group, the newest first, and counts them.
func (g *group) sumUp() {
	slices.SortFunc(g.members, func(a, b Record) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.ID, b.ID))
	})
	first := g.members[0].FirstSeen
	for _, r := range g.members {
		if r.FirstSeen.Before(first) {
			first = r.FirstSeen
		}
	}
	g.Failures, g.last = len(g.members), g.members[0].LastSeen
	g.FirstSeen, g.LastSeen = formatTime(first), formatTime(g.last)
}

// shareRows gives each group its number of rows: in turns, one at a time.
func shareRows(groups []*group) []int {
	rows := make([]int, len(groups))
	for left := maxRows; left > 0; {
		before := left
		for i, g := range groups {
			if left > 0 && rows[i] < g.Failures {
				rows[i]++
				left--
			}
		}
		if left == before {
			break
		}
	}
	return rows
}

func (d *Digest) newRow(r Record) row {
	line := row{
		ID: sanitizeText(r.ID), Task: r.DescribeTask(), Message: r.Cause.Message(),
		Source: d.newPlace(r.Ref), Count: r.Count, FirstSeen: formatTime(r.FirstSeen), LastSeen: formatTime(r.LastSeen),
	}
	if r.Record != r.Ref {
		line.Target = d.newPlace(r.Record)
	}
	if !r.MailedAt.IsZero() {
		line.Reported = formatTime(r.MailedAt)
	}
	return line
}

// newPlace names a record: "Zoho CRM contact 456". It is empty for one without id.
func (d *Digest) newPlace(ref crm.Ref) place {
	if ref.Validate() != nil {
		return place{}
	}
	return place{
		Name: fmt.Sprintf("%s %s %s", systemNames[ref.System], kindNames[ref.Kind], ref.RecordID),
		URL:  d.Pages.URL(ref),
	}
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

//go:embed digest.txt.tmpl
var textSource string

//go:embed digest.html.tmpl
var htmlSource string

type templates struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

func parseTemplates() (templates, error) {
	text, err := texttemplate.New("digest.txt").Parse(textSource)
	if err != nil {
		return templates{}, err
	}
	html, err := htmltemplate.New("digest.html").Parse(htmlSource)
	return templates{text, html}, err
}

func (t templates) renderMail(p digestPage) (Mail, error) {
	var text, html bytes.Buffer
	if err := t.text.Execute(&text, p); err != nil {
		return Mail{}, err
	}
	if err := t.html.Execute(&html, p); err != nil {
		return Mail{}, err
	}
	return Mail{
		Subject: "HubSpot-Zoho connector: " + wording.Count(p.Failures, "failure"),
		Text:    text.String(), HTML: html.String(),
	}, nil
}
