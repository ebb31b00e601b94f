package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
)

//go:embed templates assets
var files embed.FS

// layout is what every page shows around its own data.
type layout struct {
	Title, Page, Who, Version, Token string
	Now                              time.Time
	Notice                           string
	Data                             any
}

// views are the templates by the name of their page.
type views map[string]*template.Template

var viewNames = []string{"overview", "failures", "failure", "record", "mapping", "activity", "failed"}

// parseViews parses them once: nothing changes them.
var parseViews = sync.OnceValues(func() (views, error) {
	v := views{}
	for _, name := range viewNames {
		t, err := template.New("layout.html").Funcs(template.FuncMap{
			"system": systemName, "kind": kindName, "moment": formatTime, "stamp": formatStamp, "query": queryURL, "asset": assetURL,
			"clip": clipText, "took": formatDuration, "number": formatNumber, "ago": formatAge, "tabs": newTabs, "closedState": closedState,
			"text": func(p failure.Place) string { return string(p) },
			"pair": func(s sideData, now time.Time) sideAt { return sideAt{s, now} },
		}).ParseFS(files, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		v[name] = t
	}
	return v, nil
})

// tab is a link of the navigation.
type tab struct {
	Name, Label string
	Here        bool
}

// newTabs are the pages that every page links to.
func newTabs(page string) []tab {
	list := []tab{
		{Name: "overview", Label: "Overview"}, {Name: "failures", Label: "Failures"}, {Name: "record", Label: "Record"},
		{Name: "mapping", Label: "Mapping"}, {Name: "activity", Label: "Activity"},
	}
	if page == "failure" {
		page = "failures"
	}
	for i := range list {
		list[i].Here = list[i].Name == page
	}
	return list
}

// sideAt is a side with the time at which it is looked at.
type sideAt struct {
	Side sideData
	Now  time.Time
}

func closedState(closed bool) string {
	if closed {
		return "closed"
	}
	return ""
}

// renderView fills a page into memory, so that no half page is sent.
func (v views) renderView(name string, l layout) ([]byte, error) {
	var b bytes.Buffer
	if err := v[name].Execute(&b, l); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func systemName(s crm.System) string {
	switch s {
	case crm.HubSpot:
		return "HubSpot"
	case crm.Zoho:
		return "Zoho CRM"
	}
	return string(s)
}

var kindNames = map[crm.Kind]string{crm.Contact: "contact", crm.Company: "company"}

func kindName(k crm.Kind) string { return kindNames[k] }

// formatTime is a time for people, stamp the same for programs.
func formatTime(t time.Time) string  { return t.UTC().Format("2006-01-02 15:04:05") }
func formatStamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// formatAge is how long before now t was, in the largest unit that fits.
func formatAge(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < 0:
		return "just now"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s ago"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h ago"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " days ago"
}

// formatDuration is a length of time for people.
func formatDuration(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Second:
		return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + " ms"
	case d < 2*time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d/time.Hour)) + " h"
}

// formatNumber groups the digits of a count.
func formatNumber(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// queryURL builds a link within the console from names and values. Empty values
// are left out.
func queryURL(pairs ...string) template.URL {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return template.URL("?" + v.Encode()) //nolint:gosec // G203: Encode escapes all of it
}

// maxShown bounds how much of one value a page shows, in characters.
const maxShown = 400

func clipText(s string) string {
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return s
}

// notices are the texts after an action, by the word in the query.
var notices = map[string]string{
	"replayed":     "Published for another attempt: %d. A failure closes by itself when its record has been synchronised.",
	"dismissed":    "Dismissed: %d. Should it happen again, it comes back.",
	"synchronised": "The synchronisation is requested. Read this page again in a moment.",
}

func noticeOf(q url.Values) string {
	text := notices[q.Get("done")]
	count, err := strconv.Atoi(q.Get("count"))
	if strings.Contains(text, "%d") {
		if err != nil || count < 0 {
			return ""
		}
		return fmt.Sprintf(text, count)
	}
	return text
}

// assetTypes are the assets and what they are.
var assetTypes = map[string]string{
	"console.css": "text/css; charset=utf-8",
	"console.js":  "text/javascript; charset=utf-8",
	"icon.svg":    "image/svg+xml",
}

// assetVersions are hashes of the assets: what has another content has another
// address, and may be kept for long.
var assetVersions = func() map[string]string {
	versions := map[string]string{}
	for name := range assetTypes {
		data, err := files.ReadFile(path.Join("assets", name))
		if err != nil {
			panic(err) // it is embedded
		}
		sum := sha256.Sum256(data)
		versions[name] = hex.EncodeToString(sum[:6])
	}
	return versions
}()

func assetURL(name string) template.URL { return queryURL("asset", name, "v", assetVersions[name]) }

// serveAsset serves a file that holds no personal data.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("asset")
	kind, known := assetTypes[name]
	if !known || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	data, err := files.ReadFile(path.Join("assets", name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	if r.URL.Query().Get("v") == assetVersions[name] {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(data) // the browser may have gone
}
