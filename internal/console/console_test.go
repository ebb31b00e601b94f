package console_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
)

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

var tokenForm = regexp.MustCompile(`name="token" value="([^"]+)"`)

func TestEveryPageCanBeReadWithNothingInTheStore(t *testing.T) {
	b := newScenario(t)
	for query, want := range map[string]int{
		"": 200, "?page=failures": 200, "?page=failures&state=closed": 200, "?page=record": 200,
		"?page=failures&cause=1234567890abcdef": 200, "?page=failures&after=nonsense": 200, "?page=failures&ref=x": 200,
		"?page=overview": 200, "?page=overview&window=24h": 200, "?page=overview&window=x": 200, "?page=activity": 200, "?page=mapping": 200,
		"?page=nowhere": 404, "?page=failure&id=x": 404, "?page=failure&id=" + strings.Repeat("a", 32): 404, "?page=record&ref=x": 400,
		"?asset=console.css": 200, "?asset=console.js": 200, "?asset=icon.svg": 200, "?asset=../console.go": 404,
	} {
		w := b.get(query)
		if w.Code != want {
			t.Errorf("%q: status %d, want %d", query, w.Code, want)
		}
		if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none';") || strings.Contains(got, "unsafe") {
			t.Errorf("%q: policy %q", query, got)
		}
	}
}

func TestAFailureSaysWhenItIsRepeatedByItself(t *testing.T) {
	b := newScenario(t)
	locked, refused := failedRecord("1", "RECORD_LOCKED"), failedRecord("2", "INVALID_DATA")
	locked.Cause = failure.Cause{Side: crm.Zoho, Action: "apply", Kind: crm.Locked, Code: "RECORD_LOCKED"}
	locked = locked.WithID()
	b.record(locked, refused)
	due := start.Add(15 * time.Minute).Format("2006-01-02 15:04")
	if page := b.get("?page=failure&id=" + locked.ID).Body.String(); !strings.Contains(page, "Repeated by itself") || !strings.Contains(page, due) {
		t.Errorf("the page does not say %s", due)
	}
	if page := b.get("?page=failure&id=" + refused.ID).Body.String(); strings.Contains(page, "Repeated by itself") {
		t.Error("what a person has to put right is said to be repeated")
	}
}

func TestAnUnknownPersonGetsNothing(t *testing.T) {
	b := newScenario(t)
	b.record(failedRecord("1", "INVALID_DATA"))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "INVALID_DATA") || tokenForm.MatchString(w.Body.String()) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestAForgedPostChangesNothing(t *testing.T) {
	b := newScenario(t)
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	good := b.token()
	tests := map[string]struct {
		token  string
		change func(*http.Request)
	}{
		"without a token":                   {"", func(*http.Request) {}},
		"with a token of nobody":            {"1.x", func(*http.Request) {}},
		"with somebody else's token":        {good, func(r *http.Request) { r.Header.Set("Test-Who", "eve@example.com") }},
		"with a longer life":                {"9" + good, func(*http.Request) {}},
		"from another site":                 {good, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		"from another site, an old browser": {good, func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, action := range []string{"replay", "dismiss", "synchronise"} {
				w := b.post(url.Values{"token": {tt.token}, "action": {action}, "id": {r.ID}, "reason": {"by_hand"}, "ref": {"zoho/contact/1"}}, tt.change)
				if w.Code != http.StatusForbidden {
					t.Errorf("%s: status %d", action, w.Code)
				}
			}
		})
	}
	b.clock.now = b.clock.now.Add(13 * time.Hour)
	if w := b.post(url.Values{"token": {good}, "action": {"replay"}, "id": {r.ID}}); w.Code != http.StatusForbidden {
		t.Errorf("after 13 hours: status %d", w.Code)
	}
	if b.open() != 1 || len(b.published()) != 0 {
		t.Errorf("%d open, published %v", b.open(), b.published())
	}
	if log := b.log.String(); strings.Contains(log, "begun") || !strings.Contains(log, "console action refused") {
		t.Errorf("log %s", log)
	}
}

func TestFailuresAreReplayedOneByOneByCauseAndBySelection(t *testing.T) {
	one, two, three, other := failedRecord("1", "INVALID_DATA"), failedRecord("2", "INVALID_DATA"), failedRecord("3", "INVALID_DATA"), failedRecord("4", "DUPLICATE_DATA")
	cause := one.Cause.ID()
	tests := map[string]struct {
		form url.Values
		want []string
		next string
	}{
		"one": {url.Values{"id": {one.ID}, "one": {one.ID}}, []string{"requested hubspot/contact/1"}, "?count=1&done=replayed&id=" + one.ID + "&page=failure"},
		"a selection": {url.Values{"id": {two.ID, other.ID}}, []string{"requested hubspot/contact/2", "requested hubspot/contact/4"},
			"?count=2&done=replayed&page=failures"},
		"a cause": {url.Values{"all": {"1"}, "cause": {cause}},
			[]string{"requested hubspot/contact/1", "requested hubspot/contact/2", "requested hubspot/contact/3"},
			"?cause=" + cause + "&count=3&done=replayed&page=failures"},
		"nothing":             {url.Values{}, nil, ""},
		"everything":          {url.Values{"all": {"1"}}, nil, ""},
		"an id that is none":  {url.Values{"id": {"x"}}, nil, ""},
		"one that is no more": {url.Values{"id": {strings.Repeat("a", 32)}}, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newScenario(t)
			b.record(one, two, three, other)
			tt.form.Set("action", "replay")
			w := b.post(tt.form)
			if diff := cmp.Diff(tt.want, b.published()); diff != "" {
				t.Error(diff)
			}
			want := http.StatusSeeOther
			if tt.next == "" {
				want = http.StatusBadRequest
			}
			if w.Code != want || w.Header().Get("Location") != tt.next {
				t.Errorf("status %d to %q", w.Code, w.Header().Get("Location"))
			}
		})
	}
}

func TestADismissedFailureIsClosedWithItsReasonUntilItHappensAgain(t *testing.T) {
	b := newScenario(t)
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	if w := b.post(url.Values{"action": {"dismiss"}, "id": {r.ID}, "reason": {"because I say so"}}); w.Code != http.StatusBadRequest || b.open() != 1 {
		t.Errorf("a reason of one's own: status %d, %d open", w.Code, b.open())
	}
	if w := b.post(url.Values{"action": {"dismiss"}, "id": {r.ID}, "reason": {"test_data"}}); w.Code != http.StatusSeeOther || b.open() != 0 {
		t.Errorf("status %d, %d open", w.Code, b.open())
	}
	if page := b.get("?page=failure&id=" + r.ID).Body.String(); !strings.Contains(page, "It is test data.") {
		t.Errorf("the page does not say why:\n%s", page)
	}
	r.Operation = "another"
	b.record(r)
	if page := b.get("?page=failure&id=" + r.ID).Body.String(); b.open() != 1 || strings.Contains(page, "Closed <time") {
		t.Errorf("%d open", b.open())
	}
}

func TestEveryActionIsWrittenDownBeforeAndAfterWithWhoDidIt(t *testing.T) {
	b := newScenario(t)
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	b.post(url.Values{"action": {"synchronise"}, "ref": {"zoho/contact/123"}})
	b.post(url.Values{"action": {"dismiss"}, "id": {r.ID}, "reason": {"by_hand"}})
	b.topics[crm.Zoho].err = errors.New("no topic")
	if w := b.post(url.Values{"action": {"synchronise"}, "ref": {"zoho/contact/123"}}); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
	var got []string
	for line := range strings.Lines(b.log.String()) {
		field := func(name string) string {
			_, rest, _ := strings.Cut(line, `"`+name+`":"`)
			value, _, _ := strings.Cut(rest, `"`)
			return value
		}
		if field("msg") == "console action" {
			got = append(got, strings.Join([]string{field("who"), field("action"), field("subject"), field("outcome")}, " | "))
		}
	}
	var want []string
	for _, line := range []string{"synchronise | zoho/contact/123 | begun", "synchronise | zoho/contact/123 | done",
		"dismiss | failures " + r.ID + " | begun", "dismiss | failures " + r.ID + " | done",
		"synchronise | zoho/contact/123 | begun", "synchronise | zoho/contact/123 | failed"} {
		want = append(want, "ada@example.com | "+line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"requested zoho/contact/123"}, b.published()); diff != "" {
		t.Error(diff)
	}
}

const hostile = `<script>alert("x")</script>`

func TestALongListIsPaged(t *testing.T) {
	b := newScenario(t)
	for i := range 120 {
		r := failedRecord(fmt.Sprint(1000+i), "INVALID_DATA")
		r.LastSeen = start.Add(time.Duration(i) * time.Second)
		b.record(r)
	}
	seen, query := map[string]bool{}, "?page=failures"
	for range 3 {
		page := b.get(query).Body.String()
		for _, m := range regexp.MustCompile(`page=failure">|id=([0-9a-f]{32})&amp;page=failure`).FindAllStringSubmatch(page, -1) {
			seen[m[1]] = true
		}
		m := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page)
		if m == nil {
			query = ""
			break
		}
		query = html.UnescapeString(m[1])
	}
	if len(seen) != 120 || query != "" {
		t.Errorf("%d failures on three pages, then %q", len(seen), query)
	}
}

// TestNoPageNeedsAnInlineScriptOrStyle: the policy would not run it.
func TestNoPageNeedsAnInlineScriptOrStyle(t *testing.T) {
	b := newScenario(t)
	b.records.explanation = explained()
	r := failedRecord("1", "INVALID_DATA")
	b.record(r)
	for _, query := range []string{"", "?page=failures&cause=" + r.Cause.ID(), "?page=failure&id=" + r.ID, "?page=record&ref=zoho/contact/2", "?page=nowhere", "?page=failures", "?page=mapping", "?page=activity"} {
		page := b.get(query).Body.String()
		if m := regexp.MustCompile(`(?i)<style|\sstyle=|<script(?:>| [^>]*>[^<])|\son[a-z]+=|javascript:|https?://[^"]*\.(?:js|css)`).FindString(page); m != "" {
			t.Errorf("%q has %q", query, m)
		}
	}
}
