package hubspot

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/quota"
)

// timeCalls makes calls one after the other and returns how long they had to
// wait.
func timeCalls(t *testing.T, p *rateLimiter, req request, n int, header http.Header, err error) time.Duration {
	t.Helper()
	start := time.Now()
	for range n {
		leave, refused := p.acquire(t.Context(), req)
		if refused != nil {
			t.Fatal(refused)
		}
		p.updateFrom(req, header, err)
		leave()
	}
	return time.Since(start)
}

func rateHeaders(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set("X-HubSpot-RateLimit-"+pairs[i], pairs[i+1])
	}
	return h
}

var (
	aRead    = request{action: actionRead, path: "/batch/read"}
	aSearch  = request{action: actionFind, path: "/search"}
	tooMany  = &crm.Error{Kind: crm.RateLimited, Code: policyTenSecondly, RetryAfter: tenSecondWait}
	dayIsOut = &crm.Error{Kind: crm.RateLimited, Code: policyDaily, RetryAfter: dailyWait}
)

func TestCallsKeepWithinTheQuotas(t *testing.T) {
	tests := map[string]struct {
		share  float64
		req    request
		calls  int
		header http.Header
		want   time.Duration
	}{
		"a window's calls do not wait":           {1, aRead, 190, nil, 0},
		"one more waits for the window":          {1, aRead, 191, nil, windowTime},
		"a share has its share":                  {0.25, aRead, 48, nil, windowTime},
		"searches have a second of their own":    {1, aSearch, 11, nil, 2 * time.Second},
		"an account with a smaller window":       {1, aRead, 101, rateHeaders("Max", "100"), windowTime},
		"an account with a larger window":        {1, aRead, 250, rateHeaders("Max", "250"), 0},
		"what others spent of the window is out": {1, aRead, 2, rateHeaders("Max", "190", "Remaining", "0"), windowTime},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := timeCalls(t, newRateLimiter(tt.share), tt.req, tt.calls, tt.header, nil); got != tt.want {
					t.Errorf("%d calls took %v, want %v", tt.calls, got, tt.want)
				}
			})
		})
	}
}

func TestAWindowThatIsFullIsWaitedForAndADayIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRateLimiter(1)
		timeCalls(t, p, aRead, 1, nil, tooMany)
		if got := timeCalls(t, p, aRead, 1, nil, nil); got != windowTime {
			t.Errorf("the call after a refusal waited %v, want %v", got, windowTime)
		}
		timeCalls(t, p, aRead, 1, nil, dayIsOut)
		_, err := p.acquire(t.Context(), aRead)
		if e := crm.AsError(err); e == nil || e.Kind != crm.RateLimited || e.RetryAfter != dailyWait || e.Ambiguous {
			t.Errorf("got %v, want a retry after an hour", err)
		}
		time.Sleep(dailyProbe)
		timeCalls(t, p, aRead, 1, rateHeaders("Daily", "1000", "Daily-Remaining", "900"), nil)
		timeCalls(t, p, aRead, 1, nil, nil) // a new day
	})
}

func TestSweepsStopBeforeTheDayIsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRateLimiter(1)
		timeCalls(t, p, aRead, 1, rateHeaders("Daily", "1000", "Daily-Remaining", "100"), nil)
		if _, err := p.acquire(quota.WithBackground(t.Context()), aRead); !crm.IsKind(err, crm.RateLimited) {
			t.Errorf("got %v", err)
		}
		timeCalls(t, p, aRead, 1, nil, nil)
	})
}
