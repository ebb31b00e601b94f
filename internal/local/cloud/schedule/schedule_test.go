package schedule

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// script is a transport that answers by the number of the call, from 1, and
// notes when each was made.
type script struct {
	answer func(ctx context.Context, call int) (int, error)

	mu    sync.Mutex
	began time.Time
	calls []time.Duration
}

func newScript(answer func(ctx context.Context, call int) (int, error)) *script {
	return &script{answer: answer, began: time.Now()}
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.calls = append(s.calls, time.Since(s.began))
	n := len(s.calls)
	s.mu.Unlock()
	code, err := s.answer(r.Context(), n)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Request: r}, nil
}

func answerOK(context.Context, int) (int, error) { return http.StatusOK, nil }

func newScheduler(t *testing.T, client *http.Client, jobs ...Job) *Scheduler {
	t.Helper()
	s, err := New(jobs, client, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("new scheduler: %v", err)
	}
	return s
}

// runFor runs a scheduler of one job for d of the bubble's time.
func runFor(t *testing.T, s *script, d time.Duration, j Job) {
	t.Helper()
	j.Name, j.URL = "refresh", "http://function.test/Refresh"
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	newScheduler(t, &http.Client{Transport: s}, j).Run(ctx)
}

func TestAJobRunsAfterItsDelayAndThenAtItsInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(answerOK)
		runFor(t, s, 3*time.Hour, Job{First: 2 * time.Second, Every: time.Hour})
		want := []time.Duration{2 * time.Second, time.Hour + 2*time.Second, 2*time.Hour + 2*time.Second}
		if diff := cmp.Diff(want, s.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestAFailedRunIsTriedAgainWithGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(_ context.Context, call int) (int, error) {
			switch call {
			case 1:
				return 0, errors.New("connection refused")
			case 2:
				return http.StatusServiceUnavailable, nil
			case 3:
				return http.StatusFound, nil
			}
			return http.StatusNoContent, nil
		})
		runFor(t, s, time.Hour-time.Second, Job{Every: time.Hour, MinBackoff: 10 * time.Second, MaxBackoff: 20 * time.Second})
		most := []time.Duration{10 * time.Second, 20 * time.Second, 20 * time.Second}
		if len(s.calls) != len(most)+1 {
			t.Fatalf("%d calls, want %d", len(s.calls), len(most)+1)
		}
		for i, m := range most {
			if wait := s.calls[i+1] - s.calls[i]; wait < m/2 || wait > m {
				t.Errorf("wait %d was %v, want %v to %v", i+1, wait, m/2, m)
			}
		}
	})
}

func TestARunGivesUpAfterItsRetriesAndTheNextComes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		retries int
		calls   int // in two runs
	}{{"two retries", 2, 6}, {"never", -1, 2}, {"by default five", 0, 12}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(func(context.Context, int) (int, error) { return http.StatusInternalServerError, nil })
				runFor(t, s, 2*time.Hour-time.Second, Job{
					Every: time.Hour, Retries: tt.retries, MinBackoff: time.Second, MaxBackoff: time.Second,
				})
				if len(s.calls) != tt.calls {
					t.Errorf("%d calls, want %d", len(s.calls), tt.calls)
				}
			})
		})
	}
}

func TestASlowRunDelaysTheNextAndNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(_ context.Context, call int) (int, error) {
			if call == 1 {
				time.Sleep(150 * time.Second) // the bubble's time
			}
			return http.StatusOK, nil
		})
		runFor(t, s, 4*time.Minute, Job{Every: time.Minute})
		want := []time.Duration{0, 150 * time.Second, 210 * time.Second}
		if diff := cmp.Diff(want, s.calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestACallEndsAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(ctx context.Context, call int) (int, error) {
			if call == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return http.StatusOK, nil
		})
		runFor(t, s, time.Hour-time.Second, Job{
			Every: time.Hour, Deadline: 30 * time.Second, MinBackoff: 2, MaxBackoff: 2,
		})
		if len(s.calls) != 2 || s.calls[1].Round(time.Second) != 30*time.Second {
			t.Errorf("calls at %v, want one at 0 and one at 30 s", s.calls)
		}
	})
}

func TestTheEndOfTheContextEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		runFor(t, s, 10*time.Second, Job{Every: time.Hour})
		if got := time.Since(s.began); got != 10*time.Second || len(s.calls) != 1 {
			t.Errorf("ended after %v and %d calls, want 10s and 1", got, len(s.calls))
		}
	})
}

func TestRunNowCallsAsTheServiceDoes(t *testing.T) {
	var got http.Header
	var method string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, method = r.Header.Clone(), r.Method
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	s := newScheduler(t, nil, Job{Name: "digest", Every: time.Hour, URL: srv.URL})
	before := time.Now().Truncate(time.Second)
	if err := s.RunNow(t.Context(), "digest"); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, got.Get("X-CloudScheduler-ScheduleTime"))
	if err != nil || at.Before(before) {
		t.Errorf("schedule time %v: %v", at, err)
	}
	want := []string{"POST", "true", "digest", "Google-Cloud-Scheduler"}
	if diff := cmp.Diff(want, []string{method, got.Get("X-CloudScheduler"), got.Get("X-CloudScheduler-JobName"), got.Get("User-Agent")}); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if err := s.RunNow(t.Context(), "other"); err == nil {
		t.Error("a job that is not there ran")
	}
}

func TestEveryFaultOfAConfigurationIsReported(t *testing.T) {
	_, err := New([]Job{
		{Name: "a", Every: time.Minute, URL: "http://h/"},
		{Name: "a", Every: 0, URL: "ftp://h/", MinBackoff: 2, MaxBackoff: 1},
		{Every: time.Minute, URL: "http://h/", First: -1, Deadline: -1},
	}, nil, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		`job "a" is configured twice`,
		`job "a": its interval is not positive`,
		`job "a": its backoff is not a range`,
		`job "a": its URL is not an http URL`,
		`job "": it has no name`,
		`job "": its first run is in the past`,
		`job "": its deadline is negative`,
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
