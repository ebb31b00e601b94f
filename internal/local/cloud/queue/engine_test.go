package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// script is a transport that answers by the data and the number of the try. It
// notes when each try began.
type script struct {
	answer func(ctx context.Context, data string, try int) (int, error)

	mu    sync.Mutex
	began time.Time
	tries map[string]int
	seen  []string        // data of every try
	at    []time.Duration // when it was made, since the start
}

func newScript(answer func(ctx context.Context, data string, try int) (int, error)) *script {
	return &script{answer: answer, began: time.Now(), tries: map[string]int{}}
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	var body pushBody
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	data := string(body.Message.Data)
	s.mu.Lock()
	s.tries[data]++
	try := s.tries[data]
	s.seen = append(s.seen, data)
	s.at = append(s.at, time.Since(s.began))
	s.mu.Unlock()
	code, err := s.answer(r.Context(), data, try)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Request: r}, nil
}

// open starts a queue with one subscription whose endpoint is the script.
func (s *script) open(t *testing.T, sub Subscription, opts Options) *Queue {
	t.Helper()
	sub.Name, sub.Topic, sub.Endpoint = "consumer", "operations", "http://endpoint.test/"
	opts.Project = "p"
	opts.Subscriptions = append([]Subscription{sub}, opts.Subscriptions...)
	opts.Client = &http.Client{Transport: s}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	q, err := New(opts)
	if err != nil {
		t.Fatalf("open queue: %v", err)
	}
	return q
}

// mustPublish publishes messages of a key, one for each data.
func mustPublish(t *testing.T, q *Queue, key string, data ...string) {
	t.Helper()
	for _, d := range data {
		if err := q.publish(topicName("p", "operations"), &Message{Data: []byte(d), OrderingKey: key}); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
}

func mustClose(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

func ok(context.Context, string, int) (int, error) { return http.StatusNoContent, nil }

func TestRetriesAreSpreadBetweenTheBackoffs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(_ context.Context, _ string, try int) (int, error) {
			if try < 6 {
				return http.StatusServiceUnavailable, nil
			}
			return http.StatusNoContent, nil
		})
		q := s.open(t, Subscription{MinBackoff: 10 * time.Second, MaxBackoff: 60 * time.Second}, Options{})
		mustPublish(t, q, "", "m")
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, q)
		bounds := [][2]time.Duration{{10, 10}, {10, 20}, {20, 40}, {30, 60}, {30, 60}} // seconds
		if len(s.at) != len(bounds)+1 {
			t.Fatalf("%d tries, want %d", len(s.at), len(bounds)+1)
		}
		for i, b := range bounds {
			wait := s.at[i+1] - s.at[i]
			if wait < b[0]*time.Second || wait > b[1]*time.Second {
				t.Errorf("wait %d was %v, want %v s to %v s", i+1, wait, int64(b[0]), int64(b[1]))
			}
		}
	})
}

func TestBackoffStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shortest := time.Duration(rapid.Int64Range(1, int64(10*time.Minute)).Draw(t, "shortest"))
		longest := shortest + time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "more"))
		failures := rapid.IntRange(0, 200).Draw(t, "failures")
		chance := rapid.Float64Range(0, 1).Draw(t, "chance")
		if d := backoff(shortest, longest, failures, chance); d < shortest || d > longest {
			t.Fatalf("backoff %v is not within %v and %v", d, shortest, longest)
		}
	})
}

func TestTheAckDeadlineIsANack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(ctx context.Context, _ string, try int) (int, error) {
			if try == 1 {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return http.StatusOK, nil
		})
		q := s.open(t, Subscription{AckDeadline: 30 * time.Second, MinBackoff: time.Second, MaxBackoff: time.Second}, Options{})
		mustPublish(t, q, "", "m")
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, q)
		if diff := cmp.Diff([]time.Duration{0, 31 * time.Second}, s.at); diff != "" {
			t.Errorf("tries (-want +got):\n%s", diff)
		}
	})
}

func TestAMessageIsDroppedOnlyAfterItsRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(context.Context, string, int) (int, error) { return 0, errors.New("connection refused") })
		q := s.open(t, Subscription{MinBackoff: time.Minute, MaxBackoff: time.Minute, Retention: time.Hour}, Options{})
		mustPublish(t, q, "k", "m")
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, q)
		if got := s.tries["m"]; got != 61 {
			t.Errorf("%d tries in an hour of one a minute, want 61", got)
		}
	})
}

func TestAMissingDeadLetterTopicLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(_ context.Context, _ string, try int) (int, error) {
			if try <= 10 {
				return http.StatusInternalServerError, nil
			}
			return http.StatusNoContent, nil
		})
		q := s.open(t, Subscription{DeadLetterTopic: "dead-letters"}, Options{})
		if err := q.deleteTopic(topicName("p", "dead-letters")); err != nil {
			t.Fatal(err)
		}
		mustPublish(t, q, "k", "m")
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, q)
		if got := s.tries["m"]; got != 11 {
			t.Errorf("%d tries, want 11", got)
		}
	})
}

func TestFaultsRedeliverTheSuffixOfAKey(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(ok)
				q := s.open(t, Subscription{Ordered: true}, Options{Faults: Faults{Seed: seed, RedeliverRate: 0.2}})
				var data []string
				for i := range 50 {
					data = append(data, fmt.Sprint(i))
				}
				mustPublish(t, q, "k", data...)
				if err := q.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				mustClose(t, q)
				if len(s.seen) == len(data) {
					t.Fatal("nothing was delivered again")
				}
				checkSuffixes(t, s.seen, len(data))
			})
		})
	}
}

// checkSuffixes tells whether every delivery follows the one before it or falls
// back to an earlier message, and whether all n messages arrive.
func checkSuffixes(t *testing.T, seen []string, n int) {
	t.Helper()
	next, reached := 0, 0
	for i, d := range seen {
		var got int
		if _, err := fmt.Sscan(d, &got); err != nil {
			t.Fatal(err)
		}
		if got > next {
			t.Fatalf("delivery %d is message %d: message %d was left out", i, got, next)
		}
		next = got + 1
		reached = max(reached, next)
	}
	if reached != n || next != n {
		t.Errorf("ended after message %d of %d", next, n)
	}
}

func TestFaultsDependOnTheSeedAlone(t *testing.T) {
	run := func() (seen []string) {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(ok)
			q := s.open(t, Subscription{Ordered: true}, Options{Faults: Faults{Seed: 7, RedeliverRate: 0.3}})
			mustPublish(t, q, "k", strings.Split(strings.Repeat("m", 30), "")...)
			if err := q.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustClose(t, q)
			seen = s.seen
		})
		return seen
	}
	if diff := cmp.Diff(run(), run()); diff != "" {
		t.Errorf("two runs (-first +second):\n%s", diff)
	}
}

func TestCloseFinishesWhatIsInFlightAndStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(context.Context, string, int) (int, error) {
			time.Sleep(5 * time.Second) // the bubble's time
			return http.StatusNoContent, nil
		})
		q := s.open(t, Subscription{Ordered: true}, Options{})
		mustPublish(t, q, "k", "a", "b")
		synctest.Wait()
		mustClose(t, q)
		if diff := cmp.Diff([]string{"a"}, s.seen); diff != "" {
			t.Errorf("deliveries (-want +got):\n%s", diff)
		}
		if err := q.publish(topicName("p", "operations"), &Message{Data: []byte("c")}); !errors.Is(err, errClosed) {
			t.Errorf("publish after close: %v, want %v", err, errClosed)
		}
	})
}

func TestCloseCutsShortWhatOutlastsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(ctx context.Context, _ string, _ int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		q := s.open(t, Subscription{AckDeadline: time.Hour}, Options{})
		mustPublish(t, q, "", "a")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(context.Context, string, int) (int, error) { return http.StatusTooManyRequests, nil })
		q := s.open(t, Subscription{}, Options{})
		mustPublish(t, q, "", "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := q.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait: %v, want %v", err, context.DeadlineExceeded)
		}
		if q.Idle() {
			t.Error("idle although a message is held back")
		}
		if diff := cmp.Diff([]Stats{{Subscription: "consumer", HeldBack: 1}}, q.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
		mustClose(t, q)
	})
}

func TestAWaitingMessageCostsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(func(context.Context, string, int) (int, error) { return http.StatusServiceUnavailable, nil })
		q := s.open(t, Subscription{Ordered: true, MaxInFlight: 4, MinBackoff: time.Hour, MaxBackoff: time.Hour}, Options{})
		before := runtime.NumGoroutine()
		for i := range 5000 {
			mustPublish(t, q, fmt.Sprint("key-", i%2500), "held back", "waits for it")
		}
		synctest.Wait()
		if got := q.Stats()[0].HeldBack; got != 2500 {
			t.Errorf("%d keys are held back, want 2500", got)
		}
		// The count is that of the whole process, whose runtime starts and ends a
		// few of its own meanwhile; one for each key would be 2500.
		if got := runtime.NumGoroutine() - before; got > 50 {
			t.Errorf("%d goroutines for messages that wait", got)
		}
		mustClose(t, q)
	})
}

func TestTheLogNamesMessagesAndNothingInThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newScript(func(context.Context, string, int) (int, error) { return 0, errors.New("connection refused") })
		q := s.open(t, Subscription{DeadLetterTopic: "dead-letters"}, Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
		mustPublish(t, q, "", "jane@example.com")
		if err := q.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustClose(t, q)
		for _, secret := range []string{"jane", "endpoint.test"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, &out)
			}
		}
		if got := strings.Count(out.String(), "connection refused"); got != 5 {
			t.Errorf("%d failures in the log, want 5:\n%s", got, &out)
		}
	})
}
