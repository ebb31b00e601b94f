package zoho

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// room is how many calls are let in at once.
func room(t *testing.T, p *pace) int {
	t.Helper()
	n := 0
	for ; n < 100; n++ {
		leave, err := p.enter(t.Context(), call{})
		if err != nil {
			break
		}
		defer leave()
	}
	return n
}

var refusedCall = &crm.Error{Kind: crm.RateLimited, RetryAfter: retryConcurrency}

func TestCallsAtOnceAreHalvedWhenTheyWereTooManyAndComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		if got := room(t, p); got != atOnce {
			t.Errorf("%d calls at once, want %d", got, atOnce)
		}
		p.learn(answer{}, refusedCall)
		if got := room(t, p); got != atOnce/2 {
			t.Errorf("%d calls at once after a refusal, want half", got)
		}
		for range regainAfter * atOnce {
			p.learn(answer{}, nil)
		}
		if got := room(t, p); got != atOnce {
			t.Errorf("%d calls at once after many went well, want %d again", got, atOnce)
		}
		for range 10 {
			p.learn(answer{}, refusedCall)
		}
		if got := room(t, p); got != 1 {
			t.Errorf("%d calls at once after ten refusals, want one", got)
		}
	})
}

func TestAShareIsAtLeastOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for share, want := range map[float64]int{0.25: 2, 0.01: 1} {
			if got := room(t, newPace(share)); got != want {
				t.Errorf("a share of %g lets %d calls in, want %d", share, got, want)
			}
		}
	})
}

func TestCreditsThatRunOutStopSweepsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1)
		told := func(left string) answer {
			h := http.Header{}
			h.Set("X-API-CREDITS-REMAINING", left)
			return answer{header: h}
		}
		p.learn(told("25000"), nil) // half of the day's
		p.learn(told("4000"), nil)
		if _, err := p.enter(quota.Background(t.Context()), call{}); !crm.IsKind(err, crm.RateLimited) {
			t.Errorf("a sweep: %v", err)
		}
		leave, err := p.enter(t.Context(), call{})
		if err != nil {
			t.Fatal(err)
		}
		leave()
		p.learn(answer{}, &crm.Error{Kind: crm.RateLimited, RetryAfter: retryCredits})
		_, err = p.enter(t.Context(), call{})
		if e := crm.AsError(err); e == nil || e.RetryAfter != time.Hour {
			t.Errorf("the day's credits are out: %v", err)
		}
	})
}
