// Package schedule is a small Cloud Scheduler for one process: it calls a URL
// for each job again and again, as the service does for the functions in the
// cloud. A job runs at least once per interval, so what it calls is idempotent;
// it never overlaps with itself.
//
// Time is package time's: tests run it in a testing/synctest bubble.
//
// Source: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs
package schedule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults of the service, but for the number of retries, which is 0 there.
const (
	defaultDeadline   = 3 * time.Minute
	defaultRetries    = 5
	defaultMinBackoff = 5 * time.Second
	defaultMaxBackoff = time.Hour
)

// maxAnswer is how many bytes of an answer are read, so that its connection can
// be used again. The body means nothing.
const maxAnswer = 64 << 10

// Job is one URL that is called at an interval. Zero values take the defaults.
type Job struct {
	Name   string
	Every  time.Duration // from the start of one run to the start of the next
	First  time.Duration // wait before the first run
	URL    string
	Method string // POST by default

	// Deadline is how long the URL may take to answer, 3 minutes by default.
	Deadline time.Duration

	// Retries is how often a run without a 2xx answer is tried again, 5 by
	// default, -1 for never; MinBackoff (5 s) is the first wait, which doubles up
	// to MaxBackoff (1 h). A run that is still failing when the next is due goes
	// on, and the next begins when it ends.
	Retries                int
	MinBackoff, MaxBackoff time.Duration
}

func (j Job) withDefaults() Job {
	if j.Method == "" {
		j.Method = http.MethodPost
	}
	if j.Retries == 0 {
		j.Retries = defaultRetries
	}
	if j.Deadline == 0 {
		j.Deadline = defaultDeadline
	}
	if j.MinBackoff == 0 {
		j.MinBackoff = defaultMinBackoff
	}
	if j.MaxBackoff == 0 {
		j.MaxBackoff = max(defaultMaxBackoff, j.MinBackoff)
	}
	return j
}

// Validate reports everything that is wrong, at once.
func (j Job) Validate() error {
	j = j.withDefaults()
	var errs []error
	check := func(ok bool, text string) {
		if !ok {
			errs = append(errs, fmt.Errorf("job %q: %s", j.Name, text))
		}
	}
	check(j.Name != "", "it has no name")
	check(j.Every > 0, "its interval is not positive")
	check(j.First >= 0, "its first run is in the past")
	check(j.Deadline > 0, "its deadline is negative")
	check(j.MinBackoff > 0 && j.MinBackoff <= j.MaxBackoff, "its backoff is not a range")
	u, err := url.Parse(j.URL)
	check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", "its URL is not an http URL")
	return errors.Join(errs...)
}

// Scheduler runs jobs. It is safe for concurrent use.
type Scheduler struct {
	client *http.Client
	log    *slog.Logger
	jobs   []*job
}

// job is a Job and the lock that keeps its runs apart.
type job struct {
	Job
	running chan struct{} // holds one token while a run is under way
}

// New returns a scheduler of jobs with different names. A nil client or logger
// is replaced by one of its own and slog.Default. Redirects are not followed.
func New(jobs []Job, client *http.Client, log *slog.Logger) (*Scheduler, error) {
	s := &Scheduler{client: &http.Client{Transport: &http.Transport{}}, log: log}
	if client != nil {
		*s.client = *client
	}
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if log == nil {
		s.log = slog.Default()
	}
	var errs []error
	seen := map[string]bool{}
	for _, j := range jobs {
		if seen[j.Name] {
			errs = append(errs, fmt.Errorf("job %q is configured twice", j.Name))
		}
		seen[j.Name] = true
		errs = append(errs, j.Validate())
		s.jobs = append(s.jobs, &job{Job: j.withDefaults(), running: make(chan struct{}, 1)})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Run runs every job at its interval until ctx ends, and returns when nothing
// is under way any more: calls end with ctx too.
func (s *Scheduler) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, j := range s.jobs {
		wg.Go(func() { s.repeat(ctx, j) })
	}
	wg.Wait()
	s.client.CloseIdleConnections()
}

// RunNow runs one job at once with its retries, as its "force run" in the
// service. It returns the last failure.
func (s *Scheduler) RunNow(ctx context.Context, name string) error {
	for _, j := range s.jobs {
		if j.Name == name {
			return s.run(ctx, j, time.Now())
		}
	}
	return fmt.Errorf("no job %q", name)
}

// repeat runs one job at its interval. Runs that were missed because one took
// long are not caught up with.
func (s *Scheduler) repeat(ctx context.Context, j *job) {
	due := time.Now().Add(j.First)
	for sleep(ctx, time.Until(due)) == nil {
		if err := s.run(ctx, j, due); err != nil && ctx.Err() == nil {
			s.log.Error("job failed", "job", j.Name, "error", err.Error())
		}
		due = due.Add(j.Every)
		if now := time.Now(); due.Before(now) {
			due = now
		}
	}
}

// run calls the URL of a job until it answers 2xx or the retries are used up.
// It waits for a run that is under way.
func (s *Scheduler) run(ctx context.Context, j *job, due time.Time) error {
	select {
	case j.running <- struct{}{}:
		defer func() { <-j.running }()
	case <-ctx.Done():
		return ctx.Err()
	}
	wait := j.MinBackoff
	for retry := 0; ; retry++ {
		err := s.call(ctx, j, due)
		if err == nil {
			return nil
		}
		if retry >= j.Retries {
			return fmt.Errorf("run job %s: after %d retries: %w", j.Name, max(retry, 0), err)
		}
		s.log.Warn("job is tried again", "job", j.Name, "retry", retry+1, "error", err.Error())
		// Up to half of the wait is left to chance, so that jobs that failed
		// together do not come back together.
		if err := sleep(ctx, wait/2+rand.N(wait/2+1)); err != nil {
			return err
		}
		wait = min(2*wait, j.MaxBackoff)
	}
}

// call makes one request with the headers of the service. The time is that at
// which the run was due.
func (s *Scheduler) call(ctx context.Context, j *job, due time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, j.Deadline)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, j.Method, j.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("User-Agent", "Google-Cloud-Scheduler")
	req.Header.Set("X-CloudScheduler", "true")
	req.Header.Set("X-CloudScheduler-JobName", j.Name)
	req.Header.Set("X-CloudScheduler-ScheduleTime", due.UTC().Format(time.RFC3339))
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("call: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // only read from
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("answered %d", resp.StatusCode)
	}
	return nil
}

// sleep waits for d, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() // both may be ready
	case <-ctx.Done():
		return ctx.Err()
	}
}

// withoutURL takes the URL, which may hold a secret, out of a client's error.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
