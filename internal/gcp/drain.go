package gcp

import (
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// drainTime is how long a process stays after SIGTERM at most. Cloud Run
	// kills it after 10 s.
	drainTime = 9 * time.Second
	// idleTime is how long nothing must be in flight before the process ends: an
	// answer leaves after its handler has returned, and the functions framework
	// does not tell when.
	idleTime = 250 * time.Millisecond
)

// Drain lets requests in flight end when the platform sends SIGTERM, which the
// functions framework leaves to Go, so that it would end the process at once.
// The zero value is ready. It listens from the first request on: before it there
// is nothing to wait for, and a program that serves its handlers by other means
// keeps the signal to itself.
type Drain struct {
	Logger *slog.Logger

	listen   sync.Once
	inFlight atomic.Int64
}

// Handler counts the requests to next.
func (d *Drain) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.inFlight.Add(1)
		defer d.inFlight.Add(-1)
		d.listen.Do(func() {
			asked := make(chan os.Signal, 1)
			signal.Notify(asked, syscall.SIGTERM)
			go func() {
				<-asked
				d.waitUntilIdle()
				os.Exit(0)
			}()
		})
		next.ServeHTTP(w, r)
	})
}

// waitUntilIdle returns when nothing has been in flight for idleTime, or after drainTime.
func (d *Drain) waitUntilIdle() {
	d.Logger.Info("draining", "in_flight", d.inFlight.Load())
	const step = 10 * time.Millisecond
	ticks := time.NewTicker(step)
	defer ticks.Stop()
	deadline := time.Now().Add(drainTime)
	for idle := time.Duration(0); idle < idleTime && time.Now().Before(deadline); <-ticks.C {
		if idle += step; d.inFlight.Load() > 0 {
			idle = 0
		}
	}
}
