package zoho

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// countAdmitted returns how many calls may run at once.
func countAdmitted(t *testing.T, p *rateLimiter) int {
	t.Helper()
	n := 0
	for ; n < 100; n++ {
		leave, err := p.acquire(t.Context(), request{})
		if err != nil {
			break
		}
		defer leave()
	}
	return n
}

var refusedCall = &crm.Error{Kind: crm.RateLimited, RetryAfter: retryConcurrency}

func TestTheLimitIsHalvedAfterTooManyCallsAndRisesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRateLimiter(1)
		if got := countAdmitted(t, p); got != maxConcurrent {
			t.Errorf("%d calls at once, want %d", got, maxConcurrent)
		}
		p.updateFrom(answer{}, refusedCall)
		if got := countAdmitted(t, p); got != maxConcurrent/2 {
			t.Errorf("%d calls at once after a refusal, want half", got)
		}
		for range raiseAfter * maxConcurrent {
			p.updateFrom(answer{}, nil)
		}
		if got := countAdmitted(t, p); got != maxConcurrent {
			t.Errorf("%d calls at once after many went well, want %d again", got, maxConcurrent)
		}
		for range 10 {
			p.updateFrom(answer{}, refusedCall)
		}
		if got := countAdmitted(t, p); got != 1 {
			t.Errorf("%d calls at once after ten refusals, want one", got)
		}
	})
}

func TestAShareIsAtLeastOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for share, want := range map[float64]int{0.25: 2, 0.01: 1} {
			if got := countAdmitted(t, newRateLimiter(share)); got != want {
				t.Errorf("a share of %g lets %d calls in, want %d", share, got, want)
			}
		}
	})
}

func TestCreditsThatRunOutStopSweepsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRateLimiter(1)
		withCredits := func(left string) answer {
			h := http.Header{}
			h.Set("X-API-CREDITS-REMAINING", left)
			return answer{header: h}
		}
		p.updateFrom(withCredits("25000"), nil) // half of the day's
		p.updateFrom(withCredits("4000"), nil)
		if _, err := p.acquire(quota.WithBackground(t.Context()), request{}); !crm.IsKind(err, crm.RateLimited) {
			t.Errorf("a sweep: %v", err)
		}
		leave, err := p.acquire(t.Context(), request{})
		if err != nil {
			t.Fatal(err)
		}
		leave()
		p.updateFrom(answer{}, &crm.Error{Kind: crm.RateLimited, RetryAfter: retryCredits})
		_, err = p.acquire(t.Context(), request{})
		if e := crm.AsError(err); e == nil || e.RetryAfter != time.Hour {
			t.Errorf("the day's credits are out: %v", err)
		}
	})
}
