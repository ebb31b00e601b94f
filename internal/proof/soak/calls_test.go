package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// putOff is what the connector logs of a message that it could not be done with.
const putOff = "message not acknowledged"

// listener takes the calls that the simulators saw, and looks what the
// connector logged, once a second.
type listener struct {
	*endpoints
	log    *os.File
	mu     sync.Mutex
	calls  map[crm.System]int
	writes map[crm.System]int
	faults map[string]int
	busy   time.Time // when the connector last worked on records, or put work off
}

func listen(d *endpoints, log *os.File) *listener {
	return &listener{endpoints: d, log: log, calls: map[crm.System]int{}, writes: map[crm.System]int{}, faults: map[string]int{}}
}

// run listens until ctx ends.
func (l *listener) run(ctx context.Context) error {
	for {
		err := l.take(ctx)
		if err == nil {
			err = wait(ctx, time.Second)
		}
		if err != nil && ctx.Err() != nil {
			return nil //nolint:nilerr // it had to end
		}
		if err != nil {
			return err
		}
	}
}

func (l *listener) take(ctx context.Context) error {
	for _, s := range crm.Systems {
		var out struct {
			Calls []sim.Call `json:"calls"`
		}
		if err := l.call(ctx, s, http.MethodPost, "calls/take", nil, &out); err != nil {
			return err
		}
		l.mu.Lock()
		for _, c := range out.Calls {
			l.count(s, c)
		}
		l.mu.Unlock()
	}
	return l.read()
}

// read looks at what was logged since the last time: a message that was not
// acknowledged will come again, if only after the lease of a handler that died.
func (l *listener) read() error {
	news, err := io.ReadAll(l.log)
	if bytes.Contains(news, []byte(putOff)) {
		l.mu.Lock()
		l.busy = time.Now()
		l.mu.Unlock()
	}
	return err
}

func (l *listener) count(s crm.System, c sim.Call) {
	l.calls[s]++
	if writes(c) {
		l.writes[s]++
	}
	if !sweeps(c) {
		l.busy = time.Now()
	}
	switch {
	case c.Status == 0:
		l.faults["connections dropped"]++
	case c.Status == http.StatusTooManyRequests, c.Status >= http.StatusInternalServerError:
		l.faults[fmt.Sprint("answers ", c.Status)]++
	case time.Duration(c.Duration) >= lateBy:
		l.faults["answers late"]++
	}
}

// writes tells whether a call changes records, whatever came of it.
func writes(c sim.Call) bool {
	switch c.Method {
	case http.MethodPatch, http.MethodPut, http.MethodDelete:
		return !strings.Contains(c.Path, "/actions/")
	case http.MethodPost:
		for _, read := range []string{"/oauth/", "/search", "/batch/read", "/coql", "/actions/"} {
			if strings.Contains(c.Path, read) {
				return false
			}
		}
		return true
	}
	return false
}

// sweeps tells whether a call only looks around, as a scheduled sweep does.
func sweeps(c sim.Call) bool {
	for _, path := range []string{"/oauth/", "/search", "/coql", "/deleted", "/actions/"} {
		if strings.Contains(c.Path, path) {
			return true
		}
	}
	return false
}

// total gives the number of calls, and of those that write, until now.
func (l *listener) total() (calls, writes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range crm.Systems {
		calls, writes = calls+l.calls[s], writes+l.writes[s]
	}
	return calls, writes
}

// quiet returns when no webhook has been under way and no record been looked at
// for so long, and no message has been put off.
func (l *listener) quiet(ctx context.Context, long time.Duration) error {
	since := time.Now()
	for {
		idle, err := l.idle(ctx)
		if err != nil {
			return fmt.Errorf("wait for quiet: %w", err)
		}
		l.mu.Lock()
		if !idle {
			since = time.Now()
		} else if l.busy.After(since) {
			since = l.busy
		}
		l.mu.Unlock()
		if time.Since(since) > long {
			return nil
		}
		if err := wait(ctx, 500*time.Millisecond); err != nil {
			return fmt.Errorf("wait for quiet: %w", err)
		}
	}
}

// diary is what the log of the connector says of a run.
type diary struct {
	outcomes map[string]int
	nacks    int
	parked   []string // lines that say so
	panics   []string
}

func readDiary(path string) (diary, error) {
	d := diary{outcomes: map[string]int{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return d, err
	}
	for line := range bytes.Lines(text) {
		var e struct {
			Message string   `json:"message"`
			Outcome string   `json:"outcome"`
			Refused []string `json:"refused"`
		}
		if json.Unmarshal(line, &e) != nil {
			// A kill may cut a line off; a panic of the runtime is no JSON either.
			if bytes.HasPrefix(line, []byte("panic:")) || bytes.HasPrefix(line, []byte("fatal error:")) {
				d.panics = append(d.panics, string(line))
			}
			continue
		}
		switch {
		case e.Message == putOff:
			d.nacks++
		case strings.Contains(e.Message, "panic"):
			d.panics = append(d.panics, string(line))
		case e.Outcome == "parked" || len(e.Refused) > 0:
			d.parked = append(d.parked, string(line))
		}
		if e.Outcome != "" {
			d.outcomes[e.Outcome]++
		}
	}
	return d, nil
}

// list writes counts in one line.
func list(counts map[string]int) string {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", what, counts[what]))
	}
	return strings.Join(parts, ", ")
}
