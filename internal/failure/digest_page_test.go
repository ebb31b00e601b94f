package failure_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/failurecode"
	"github.com/hubspot-zoho/connector/internal/op"
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *failure.Update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// everyPermanentFailure is what the real clients make of every answer that
// parks an operation, what the syncer parks by itself, what Pub/Sub gave up,
// and a panic.
func everyPermanentFailure(t *testing.T) []failure.Record {
	t.Helper()
	var all []failure.Record
	park := func(s crm.System, err error) {
		i := len(all)
		o := operation(numbered("operation-", i), crm.Ref{System: s.Other(), Kind: crm.Kinds[i%len(crm.Kinds)], RecordID: numbered("10", i)})
		r := failure.NewParkedRecord(o, err, start)
		r.Record.RecordID = numbered("20", i)
		r.FirstSeen, r.Count = start.Add(-time.Duration(i)*time.Minute), 1+i%3
		all = append(all, r.WithID())
	}
	for _, a := range hubspotAnswers {
		if a.want.class == failure.Permanent {
			park(crm.HubSpot, hubspotUpdate(t, a.answer))
		}
	}
	for _, a := range zohoAnswers {
		if a.want.class == failure.Permanent {
			park(crm.Zoho, zohoAnswer(t, a.answer))
		}
	}
	park(crm.Zoho, &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Invalid, Code: "NOT_MAPPABLE",
		Fields: []crm.FieldError{{Field: "Country", Code: "NOT_MAPPABLE"}}})
	park(crm.Zoho, &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Invalid, Code: "NO_COUNTERPART",
		Fields: []crm.FieldError{{Field: "Industry", Code: "NO_COUNTERPART", Detail: "picklist option of 6 characters"}}})
	park(crm.HubSpot, &crm.Error{System: crm.HubSpot, Action: "update", Kind: crm.Invalid, Code: "OWNER_UNKNOWN",
		Fields: []crm.FieldError{{Field: "hubspot_owner_id", Code: "OWNER_UNKNOWN", Detail: "owner"}}})
	park(crm.Zoho, &crm.Error{System: crm.Zoho, Action: "create", Kind: crm.Missing, Code: "MANDATORY_NOT_FOUND",
		Fields: []crm.FieldError{{Field: "Last_Name", Code: "MANDATORY_NOT_FOUND"}}})
	park(crm.Zoho, &crm.Error{System: crm.Zoho, Action: "link", Kind: crm.Duplicate, Code: "COUNTERPART_IS_LINKED"})
	park(crm.Zoho, &crm.Error{System: crm.Zoho, Action: "link", Kind: crm.Duplicate, Code: "AMBIGUOUS_MATCH",
		Fields: []crm.FieldError{{Field: "Email", Code: "AMBIGUOUS_MATCH", Detail: "records 5725767000000524001, 5725767000000524002"}}})
	park(crm.HubSpot, &crm.Error{System: crm.HubSpot, Action: "merge", Kind: crm.Missing, Code: "LOST_VALUE",
		Fields: []crm.FieldError{{Field: "phone", Code: "LOST_VALUE"}}})
	park(crm.HubSpot, &crm.Error{System: crm.Zoho, Action: "merge", Kind: crm.Duplicate, Code: "COUNTERPART_OF_MERGED"})
	park(crm.HubSpot, &crm.Error{System: crm.Zoho, Action: "update", Kind: crm.Missing, Code: "COMPANY_NOT_LINKED",
		Fields: []crm.FieldError{{Field: "Account_Name", Code: "COMPANY_NOT_LINKED"}}})
	park(crm.Zoho, &crm.Error{System: crm.Zoho, Action: "delete", Kind: crm.Refused, Code: "PRIVACY_DELETION"})
	dead := operation("operation-dead", crm.Ref{System: crm.Zoho, Kind: crm.Company, RecordID: "777"})
	return append(all,
		failure.NewDeadRecord(failure.Message{ID: "1", Data: encode(t, dead)}, start),
		failure.NewDeadRecord(failure.Message{ID: "2", Data: []byte("planted")}, start),
		failure.NewDeadRecord(failure.Message{ID: "3", Data: []byte(`{"version":99}`), Attributes: map[string]string{"ordering_key": "hubspot/contact/88"}}, start),
		failure.NewParkedRecord(dead, failure.ErrPanic, start))
}

func TestTheDigestOfEveryPermanentFailure(t *testing.T) {
	h := newScenario(t)
	all := everyPermanentFailure(t)
	h.record(t, all...)
	report := send(t, h.digest(t), failure.Sent)
	if report.Failures != len(all) || report.Rows != len(all) || report.Left {
		t.Errorf("report %+v, want all %d failures in rows", report, len(all))
	}
	mails := h.mails.Mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails, want 1", len(mails))
	}
	m := mails[0]
	if diff := cmp.Diff([]string{"ada@example.com", "bob@example.com"}, m.To); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	if strings.Contains(m.Text+m.HTML, "planted") {
		t.Error("a value shows in the mail")
	}
	golden(t, "digest.subject", m.Subject+"\n")
	golden(t, "digest.txt", m.Text)
	golden(t, "digest.html", m.HTML)
}

// TestWhatComesFromOutsideStaysText plants markup, line ends and links wherever
// a CRM, a message or a broken store could put them.
func TestWhatComesFromOutsideStaysText(t *testing.T) {
	const script, header = `<script>alert(1)</script>`, "\r\nBcc: eve@evil.example\r\n\r\n<b>"
	r := failure.Record{
		Ref:    crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: `1"><script>`},
		Record: crm.Ref{System: crm.Zoho, Kind: crm.Contact, RecordID: "javascript:alert(1)"},
		Cause: failure.Cause{Side: crm.System(script), Action: script + header, Kind: crm.ErrorKind(script + header), Code: script + header,
			Fields: []crm.FieldError{{Field: `<img src=x onerror=alert(1)>` + header, Code: "\u202e\u2028" + script}}},
		Operation: script + header, Change: op.Change(script), FirstSeen: start, LastSeen: start, Count: 1,
	}
	message := failure.NewDeadRecord(failure.Message{ID: script, Data: []byte(script), Attributes: map[string]string{
		"ordering_key": script, "operation_id": script + header, "change": header, script: "x"}}, start)
	h := newScenario(t)
	h.record(t, r.WithID(), message)
	send(t, h.digest(t), failure.Sent)
	m := h.mails.Mails()[0]
	if strings.ContainsAny(m.Subject, "\r\n<") {
		t.Errorf("subject %q", m.Subject)
	}
	for _, tag := range []string{"<script", "<img", "<b>", "javascript:", "href"} {
		if strings.Contains(m.HTML, tag) {
			t.Errorf("the HTML holds %s", tag)
		}
	}
	if !strings.Contains(m.HTML, "&lt;script&gt;") {
		t.Error("the HTML does not show the code as text")
	}
	for line := range strings.Lines(m.Text + m.HTML) {
		if strings.HasPrefix(line, "Bcc:") || strings.ContainsAny(line, "\r\u202e\u2028") {
			t.Errorf("a line of its own: %q", line)
		}
	}
	golden(t, "injection.txt", m.Text)
	golden(t, "injection.html", m.HTML)
}

// list is a store that only lists.
type list struct {
	failure.DigestLease
	records []failure.Record
	marked  int
}

func (l *list) UnreportedFailures(_ context.Context, limit int) ([]failure.Record, error) {
	return l.records[:min(limit, len(l.records))], nil
}

func (l *list) MarkMailed(_ context.Context, records []failure.Record, _ time.Time) error {
	l.marked += len(records)
	return nil
}

func TestTenThousandFailuresMakeOneMailOfTwoHundredRows(t *testing.T) {
	h := newScenario(t)
	l := &list{DigestLease: h.store}
	for i := range 25_000 {
		r := failed(numbered("operation-", i), numbered("", i))
		if i%10 == 0 { // many causes, most of them rare
			r.Cause.Code = failurecode.Code(numbered("CODE_", i%3000))
		}
		l.records = append(l.records, r.WithID())
	}
	r := send(t, h.digest(t, func(c *failure.Config) { c.Store = l }), failure.Sent)
	want := failure.Report{Outcome: failure.Sent, Causes: 301, Failures: 20_000, Operations: 20_000, Rows: 200, Left: true}
	if diff := cmp.Diff(want, r); diff != "" || l.marked != 20_000 {
		t.Errorf("%d marked, report (-want +got):\n%s", l.marked, diff)
	}
	m := h.mails.Mails()[0]
	for _, text := range []string{"20000 failures", "and 17999 more with this cause", "more with 101 other causes", "They follow in the next mail"} {
		if !strings.Contains(m.Text, text) {
			t.Errorf("the text does not say %q", text)
		}
	}
	if rows := strings.Count(m.HTML, "<tr><td>"); rows != 200 || strings.Count(m.Text, "\n- ") != 200 {
		t.Errorf("%d rows in HTML, want 200", rows)
	}
	if len(m.HTML)+len(m.Text) > 1<<20 {
		t.Errorf("the mail has %d bytes", len(m.HTML)+len(m.Text))
	}
}

func TestACommonCauseDoesNotHideARareOne(t *testing.T) {
	h := newScenario(t)
	l := &list{DigestLease: h.store}
	for i := range 1000 {
		l.records = append(l.records, failed(numbered("operation-", i), numbered("", i)))
	}
	rare := failed("rare", "77")
	rare.Cause.Code = "RARE"
	l.records = append(l.records, rare.WithID())
	send(t, h.digest(t, func(c *failure.Config) { c.Store = l }), failure.Sent)
	if m := h.mails.Mails()[0]; !strings.Contains(m.Text, rare.WithID().ID) || !strings.Contains(m.Text, "and 801 more with this cause") {
		t.Error("the rare failure has no row, or the rest is not counted")
	}
}

func TestLinksLeadToTheRecordsAndNowhereElse(t *testing.T) {
	h := newScenario(t)
	company := failed("b", "2")
	company.Ref.Kind, company.Record.Kind = crm.Company, crm.Company
	h.record(t, failed("a", "1"), company.WithID())
	send(t, h.digest(t), failure.Sent)
	text := h.mails.Mails()[0].Text
	for _, link := range []string{
		"https://app.hubspot.com/contacts/4711/record/0-1/1\n", "https://app.hubspot.com/contacts/4711/record/0-2/2\n",
		"https://crm.zoho.eu/crm/tab/Contacts/91\n", "https://crm.zoho.eu/crm/tab/Accounts/92\n",
	} {
		if !strings.Contains(text, link) {
			t.Errorf("no %s in\n%s", link, text)
		}
	}
	h.record(t, failed("c", "3"))
	send(t, h.digest(t, func(c *failure.Config) { c.Pages = failure.Pages{} }), failure.Sent)
	if m := h.mails.Mails()[1]; strings.Contains(m.HTML+m.Text, "http") {
		t.Error("there are links although the accounts are not known")
	}
}

func TestZohosPagesAreInTheDataCentreOfTheConsent(t *testing.T) {
	for accounts, want := range map[string]string{
		"https://accounts.zoho.com": "https://crm.zoho.com", "https://accounts.zoho.com.au": "https://crm.zoho.com.au",
		"https://accounts.zohocloud.ca": "https://crm.zohocloud.ca", "http://127.0.0.1:8092": "",
		"http://accounts.zoho.eu": "", "https://accounts.evil.example": "", "https://zoho.eu": "", "%": "",
	} {
		if got := failure.ZohoPages(accounts); got != want {
			t.Errorf("%s: %q, want %q", accounts, got, want)
		}
	}
}

func TestCausesDifferByWhatAPersonCanRemove(t *testing.T) {
	a, b := failed("a", "1").Cause, failed("b", "2").Cause
	if a.ID() != b.ID() || len(a.ID()) != 16 {
		t.Errorf("two records with one cause: %s and %s", a.ID(), b.ID())
	}
	email, phone := crm.FieldError{Field: "Email", Code: "X"}, crm.FieldError{Field: "Phone", Code: "X"}
	if (failure.Cause{Fields: []crm.FieldError{email, phone}}).ID() != (failure.Cause{Fields: []crm.FieldError{phone, email}}).ID() {
		t.Error("the order of the fields makes another cause")
	}
	b.Fields = slices.Clone(b.Fields)
	b.Fields[0].Field = "Phone"
	if a.ID() == b.ID() {
		t.Error("another field is the same cause")
	}
}
