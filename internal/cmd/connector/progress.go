package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/schollz/progressbar/v3"
)

// logEvery is how often progress is logged where there is no terminal.
const logEvery = 10 * time.Second

// progress shows how far a long command has come: by a bar on a terminal, by
// lines of log elsewhere.
type progress struct {
	what   string
	log    *slog.Logger
	bar    *progressbar.ProgressBar // nil where there is no terminal
	count  int
	of     int
	began  time.Time
	logged time.Time
}

func newProgress(w io.Writer, what string, log *slog.Logger) *progress {
	p := &progress{what: what, log: log, began: time.Now(), logged: time.Now()}
	if isTerminal(w) {
		p.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return p
}

// setTotal sets the number of all records, which may change.
func (p *progress) setTotal(n int) {
	p.of = n
	if p.bar != nil {
		p.bar.ChangeMax(n)
	}
}

// setDone sets the number of finished records.
func (p *progress) setDone(done int) {
	p.count = done
	if p.bar != nil {
		_ = p.bar.Set(done) // a bar that cannot be drawn is no reason to stop
		return
	}
	if now := time.Now(); now.Sub(p.logged) >= logEvery {
		p.logged = now
		p.log.Info("progress", "what", p.what, "done", p.count, "of", p.of, "left", p.estimateRemaining(now).String())
	}
}

// estimateRemaining estimates the remaining time, 0 if it cannot.
func (p *progress) estimateRemaining(now time.Time) time.Duration {
	if p.count == 0 || p.of <= p.count {
		return 0
	}
	return (now.Sub(p.began) / time.Duration(p.count) * time.Duration(p.of-p.count)).Round(time.Second)
}

func (p *progress) endProgress() {
	if p.bar != nil {
		_ = p.bar.Finish() // likewise
	}
}
