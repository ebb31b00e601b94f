package zoho

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestManyCallersCauseOneRenewal(t *testing.T) {
	for name, tt := range map[string]struct {
		life    time.Duration
		refused string
	}{
		"of no token":        {0, ""},
		"of an expired one":  {-time.Minute, ""},
		"of one that is due": {4 * time.Minute, ""},
		"of a refused one":   {40 * time.Minute, "1000.old"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokenFixture(t, tt.life, grantToken)
				var group sync.WaitGroup
				for range 50 {
					group.Go(func() {
						got, err := h.Token(t.Context(), tt.refused)
						if err != nil || got.AccessToken != "1000.new-1" {
							t.Errorf("Get = %v, %v, want the first new token", got, err)
						}
					})
				}
				group.Wait()
				if n := h.accounts.count(); n != 1 {
					t.Errorf("Zoho was asked %d times, want 1", n)
				}
				if h.store.reruns.Load() == 0 {
					t.Error("no transaction was overtaken: the test proves nothing")
				}
				if s := h.store.state; s.LeaseHolder != "" || !s.LeaseUntil.IsZero() {
					t.Errorf("the lease is still held by %q", s.LeaseHolder)
				}
			})
		})
	}
}

func TestAGoodTokenIsReturnedAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, 10*time.Minute, grantToken)
		for _, refused := range []string{"", "1000.another"} {
			got, err := h.Token(t.Context(), refused)
			if err != nil || got.AccessToken != "1000.old" {
				t.Errorf("Get(%q) = %v, %v, want the old token", refused, got, err)
			}
		}
		if n := h.accounts.count(); n != 0 {
			t.Errorf("Zoho was asked %d times, want 0", n)
		}
	})
}

func TestAFailedRenewalKeepsTheOldToken(t *testing.T) {
	const html = "<html><body>Error</body></html>"
	throttled := `{"error_description":"You have made too many requests continuously. Please try again after some time.","error":"Access Denied","status":"failure"}`
	tests := []struct {
		name   string
		answer func(int) (int, string)
		code   string
		is     error
	}{
		{"a revoked refresh token, with status 200", answers(200, `{"error":"invalid_code"}`), "invalid_code", ErrConsentLost},
		{"a wrong client, with status 200", answers(200, `{"error":"invalid_client"}`), "invalid_client", ErrConsentLost},
		{"a throttle with status 200", answers(200, throttled), "Access Denied", ErrThrottled},
		{"a throttle with status 400", answers(400, throttled), "Access Denied", ErrThrottled},
		{"a page of HTML with status 200", answers(200, html), "unreadable_answer", nil},
		{"a page of HTML with status 503", answers(503, html), "http_503", nil},
		{"an answer without token", answers(200, `{"api_domain":"http://127.0.0.1:9001","expires_in":3600}`), "unreadable_answer", nil},
		{"a foreign api_domain", answers(200, `{"access_token":"1000.x","api_domain":"https://evil.example","expires_in":3600}`), "bad_api_domain", nil},
		{"no api_domain", answers(200, `{"access_token":"1000.x","expires_in":3600}`), "bad_api_domain", nil},
		{"a negative life", answers(200, `{"access_token":"1000.x","api_domain":"http://127.0.0.1:9001","expires_in":-1}`), "bad_expires_in", nil},
		{"an error that quotes something", answers(200, `{"error":"secret r-1 is wrong"}`), "unknown_error", nil},
		{"no answer", answers(0, ""), "no_answer", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokenFixture(t, 4*time.Minute, tt.answer)
				got, err := h.Token(t.Context(), "")
				if err != nil || got.AccessToken != "1000.old" {
					t.Errorf("Get = %v, %v, want the old token", got, err)
				}
				if got := h.store.state.Token.AccessToken; got != "1000.old" {
					t.Errorf("stored token is %q, want the old one", got)
				}
				if got := h.store.state.Failure; got != tt.code {
					t.Errorf("stored failure is %q, want %q", got, tt.code)
				}
				_, err = h.Refresh(t.Context())
				var failed *RefreshError
				if !errors.As(err, &failed) || failed.Code != tt.code || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("Refresh: got error %v, want code %s", err, tt.code)
				}
				if n := strings.Count(h.log.String(), "level=ERROR"); n != 1 {
					t.Errorf("%d errors were logged, want 1: %s", n, h.log)
				}
				if text := h.log.String() + err.Error(); strings.Contains(text, "r-1") || strings.Contains(text, "1000.") {
					t.Errorf("a secret shows in %s", text)
				}
			})
		})
	}
}

func TestCallersDoNotRetryAtOnceAfterAFailure(t *testing.T) {
	tests := []struct {
		name, body string
		wait       time.Duration
	}{
		{"a throttle", `{"error":"Access Denied"}`, 3 * time.Minute},
		{"a lost consent", `{"error":"invalid_code"}`, 2 * time.Minute},
		{"another failure", `nonsense`, 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokenFixture(t, -time.Minute, func(n int) (int, string) {
					if n == 1 {
						return 200, tt.body
					}
					return grantToken(n)
				})
				for range 20 {
					if _, err := h.Token(t.Context(), ""); err == nil {
						t.Fatal("Token returned a token that Zoho did not grant")
					}
				}
				if n := h.accounts.count(); n != 1 {
					t.Errorf("Zoho was asked %d times, want 1", n)
				}
				time.Sleep(tt.wait)
				got, err := h.Token(t.Context(), "")
				if err != nil || got.AccessToken != "1000.new-2" {
					t.Errorf("Get after %s = %v, %v, want a new token", tt.wait, got, err)
				}
				if s := h.store.state; s.Failure != "" || !s.FailedAt.IsZero() {
					t.Errorf("the failure %q is still remembered", s.Failure)
				}
			})
		})
	}
}

func TestRefusedTokensAreReplacedOnlyAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, 0, grantToken)
		got, err := h.Token(t.Context(), "")
		for err == nil && h.accounts.count() < 20 {
			got, err = h.Token(t.Context(), got.AccessToken)
		}
		var failed *RefreshError
		if !errors.As(err, &failed) || failed.Code != "refused_too_often" {
			t.Errorf("got error %v, want refused_too_often", err)
		}
		if n := h.accounts.count(); n != 1+maxRefusals {
			t.Errorf("Zoho was asked %d times, want %d", n, 1+maxRefusals)
		}
		if got, err := h.Token(t.Context(), ""); err != nil || got.AccessToken != "1000.new-6" {
			t.Errorf("Get of a caller that was not refused = %v, %v, want the last token", got, err)
		}
		time.Sleep(refusalWindow)
		if got, err := h.Token(t.Context(), "1000.new-6"); err != nil || got.AccessToken != "1000.new-7" {
			t.Errorf("Get after %s = %v, %v, want a new token", refusalWindow, got, err)
		}
	})
}

func TestTheLeaseOfACrashedHolderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, -time.Minute, grantToken)
		began := time.Now()
		h.store.state.LeaseHolder, h.store.state.LeaseUntil = "crashed", began.Add(leaseTime)
		got, err := h.Token(t.Context(), "")
		if err != nil || got.AccessToken != "1000.new-1" {
			t.Errorf("Get = %v, %v, want a new token", got, err)
		}
		if waited := time.Since(began); waited < leaseTime {
			t.Errorf("the lease was taken after %s, want %s at least", waited, leaseTime)
		}
	})
}

func TestAWaiterStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, -time.Minute, grantToken)
		h.store.state.LeaseHolder, h.store.state.LeaseUntil = "other", time.Now().Add(leaseTime)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.Token(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the deadline", err)
		}
		if n := h.accounts.count(); n != 0 {
			t.Errorf("Zoho was asked %d times, want 0", n)
		}
	})
}

func TestAGrantedTokenIsSavedThoughTheCallerHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, -time.Minute, grantToken)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := h.Token(ctx, ""); err != nil {
			t.Errorf("got error %v, want the token", err)
		}
		if got := h.store.state.Token.AccessToken; got != "1000.new-1" {
			t.Errorf("stored token is %q, want the new one", got)
		}
	})
}

func TestASchedulerAlwaysRenews(t *testing.T) {
	for _, interval := range []time.Duration{45 * time.Minute, 50 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			h := newTokenFixture(t, 0, grantToken)
			for i := 1; i <= 4; i++ {
				for range 3 { // a scheduler delivers more than once
					got, err := h.Refresh(t.Context())
					if want := fmt.Sprintf("1000.new-%d", i); err != nil || got.AccessToken != want {
						t.Errorf("every %s: Refresh = %v, %v, want %s", interval, got, err, want)
					}
				}
				time.Sleep(interval)
			}
			if n := h.accounts.count(); n != 4 {
				t.Errorf("every %s: Zoho was asked %d times, want 4", interval, n)
			}
		})
	}
}

func TestAnImplausibleExpiryIsNotTrusted(t *testing.T) {
	for expires, want := range map[string]time.Duration{
		`"expires_in":3600`:                          time.Hour,
		`"expires_in":1200`:                          20 * time.Minute,
		`"expires_in":3600000,"expires_in_sec":3600`: time.Hour,
		`"scope":"x"`:                                time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newTokenFixture(t, 0, answers(200, `{"access_token":"1000.x","api_domain":"https://www.zohoapis.eu",`+expires+`}`))
			began := time.Now()
			got, err := h.Token(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			// The life counts from the request: transport must not lengthen it.
			if life := got.Expiry.Sub(began); life < want || life > want+50*time.Millisecond {
				t.Errorf("%s: the token lives %s, want %s", expires, life, want)
			}
		})
	}
}

func TestAFailingStoreIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, time.Hour, grantToken)
		h.store.fail = errors.New("store is down")
		if _, err := h.Token(t.Context(), ""); !errors.Is(err, h.store.fail) {
			t.Errorf("got error %v, want the store's", err)
		}
	})
}

func TestTokensNeedAWholeConfiguration(t *testing.T) {
	_, err := NewTokenService(TokenServiceConfig{AccountsURL: "https://evil.example"})
	if err == nil {
		t.Fatal("an empty configuration was accepted")
	}
	for _, want := range []string{"accounts URL", "client id", "client secret", "refresh token", "store", "HTTP client", "clock", "logger"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %s: %v", want, err)
		}
	}
}

func TestAHolderThatLostItsLeaseDoesNotOverwriteANewerToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, -time.Minute, nil)
		newer := TokenState{
			Token:       Token{AccessToken: "1000.newer", APIDomain: "http://127.0.0.1:9001", Expiry: time.Now().Add(time.Hour)},
			RefreshedAt: time.Now().Add(time.Second), LeaseHolder: "third", LeaseUntil: time.Now().Add(time.Minute),
		}
		h.accounts.answer = func(n int) (int, string) { // while Zoho answers, the lease passes on
			_, version, _ := h.store.load()
			if !h.store.commit(newer, version) {
				t.Error("the lease did not pass on")
			}
			return grantToken(n)
		}
		got, err := h.Token(t.Context(), "")
		if err != nil || got.AccessToken != "1000.new-1" {
			t.Errorf("Get = %v, %v, want the token that Zoho gave", got, err)
		}
		if h.store.state != newer {
			t.Errorf("the state was overwritten: %v held by %q", h.store.state.Token, h.store.state.LeaseHolder)
		}
	})
}
