package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// meter counts what arrives at the two CRMs and notes when a write to a record
// was answered, which is when it is to be seen there.
type meter struct {
	mu       sync.Mutex
	calls    map[string]int // by kind, such as "hubspot batch/read"
	credits  int
	rejected int
	seen     map[string]time.Time // by "zoho 123": the last write of a value
}

func newMeter() *meter { return &meter{calls: map[string]int{}, seen: map[string]time.Time{}} }

// counts are the counts of a meter so far.
type counts struct {
	calls             map[string]int
	credits, rejected int
}

func (m *meter) readCounts() counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return counts{maps.Clone(m.calls), m.credits, m.rejected}
}

// subtractCounts returns the counts since earlier.
func (c counts) subtractCounts(earlier counts) counts {
	d := counts{map[string]int{}, c.credits - earlier.credits, c.rejected - earlier.rejected}
	for kind, n := range c.calls {
		if n -= earlier.calls[kind]; n != 0 {
			d.calls[kind] = n
		}
	}
	return d
}

// sumCalls adds up the calls of one system, "" for both.
func (c counts) sumCalls(system string) int {
	n := 0
	for kind, calls := range c.calls {
		if strings.HasPrefix(kind, system) {
			n += calls
		}
	}
	return n
}

// writtenAt returns when a record was last written, by system and id.
func (m *meter) writtenAt(record string) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, written := m.seen[record]
	return at, written
}

func (m *meter) forgetWrites() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.seen)
}

// countWritten counts the records with an answer after t and returns the last one.
func (m *meter) countWritten(records []string, t time.Time) (n int, last time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range records {
		if at, ok := m.seen[r]; ok && at.After(t) {
			n++
			if at.After(last) {
				last = at
			}
		}
	}
	return n, last
}

// recordID stands for the ids in a path.
var recordID = regexp.MustCompile(`/[0-9]{6,}`)

// callKind names a call: the system and what comes after the version and the
// kind of record.
func callKind(system string, r *http.Request) string {
	path := recordID.ReplaceAllString(r.URL.Path, "/{id}")
	for _, prefix := range []string{"/crm/objects/2026-09/", "/crm/associations/2026-09/", "/crm/v8/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return system + " " + r.Method + " " + path
}

// wrapHandler counts the calls to one CRM. The control API and the accounts server
// are no part of its API.
func (m *meter) wrapHandler(system string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_sim/") || strings.HasPrefix(r.URL.Path, "/oauth/") {
			h.ServeHTTP(w, r)
			return
		}
		var body []byte
		if r.Body != nil && r.Method != http.MethodGet {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				http.Error(w, "body", http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(status, r)
		m.recordCall(system, r, body, status.status)
	})
}

func (m *meter) recordCall(system string, r *http.Request, body []byte, status int) {
	records, credits := recordsWrittenBy(system, r, body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[callKind(system, r)]++
	if status == http.StatusTooManyRequests {
		m.rejected++
		return
	}
	m.credits += credits
	if status > 299 {
		return
	}
	now := time.Now()
	for _, id := range records {
		m.seen[id] = now
	}
}

// written is a body that writes records, of either system.
type written struct {
	Data []struct {
		ID          string `json:"id"`
		Counterpart string `json:"HubSpot_ID"`
	} `json:"data"`
	Inputs []struct {
		ID         string            `json:"id"`
		Properties map[string]string `json:"properties"`
	} `json:"inputs"`
}

// recordsWrittenBy returns the records that a call writes values to, and its price in
// Zoho's credits. A record that is created is known by its counterpart.
func recordsWrittenBy(system string, r *http.Request, body []byte) (records []string, credits int) {
	var in written
	if r.Method != http.MethodGet {
		_ = json.Unmarshal(body, &in) // any other body writes nothing
	}
	if system == "zoho" {
		for _, row := range in.Data {
			if row.ID == "" {
				row.ID = r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
			}
			if r.Method == http.MethodPost {
				records = append(records, "counterpart of "+row.Counterpart)
			} else {
				records = append(records, "zoho "+row.ID)
			}
		}
		return records, max(1, (len(in.Data)+9)/10)
	}
	if !strings.HasSuffix(r.URL.Path, "/batch/update") {
		return nil, 0
	}
	for _, row := range in.Inputs {
		if _, counterpart := row.Properties["zoho_id"]; !counterpart || len(row.Properties) > 1 {
			records = append(records, "hubspot "+row.ID)
		}
	}
	return records, 0
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
