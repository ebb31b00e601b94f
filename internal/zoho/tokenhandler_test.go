package zoho

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve runs one request through a handler.
func serve(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	h.ServeHTTP(w, r)
	return w
}

func TestTokenHandlerAnswersOverHTTP(t *testing.T) {
	const old = `"access_token":"1000.old","api_domain":"http://127.0.0.1:9001","expires_at":"2000-01-01T00:10:00Z"`
	tests := []struct {
		name, method, target, body string
		answer                     func(int) (int, string)
		status                     int
		want                       string
	}{
		{"GET", "GET", "/", "", grantToken, 200, "{" + old + "}"},
		{"POST without a body", "POST", "/", "", grantToken, 200, "{" + old + "}"},
		{"POST with another refused token", "POST", "/", `{"refused":"1000.x"}`, grantToken, 200, "{" + old + "}"},
		{
			"POST with the refused token", "POST", "/", `{"refused":"1000.old"}`, grantToken, 200,
			`{"access_token":"1000.new-1","api_domain":"http://127.0.0.1:9001","expires_at":"2000-01-01T01:00:00.005Z"}`,
		},
		{"a refused token in the URL", "POST", "/?refused=1000.old", "", grantToken, 400, `{"error":"bad_request"}`},
		{"a body that is no JSON", "POST", "/", "refused=1000.old", grantToken, 400, `{"error":"bad_request"}`},
		{"a body that is too long", "POST", "/", `{"refused":"` + strings.Repeat("x", maxTokenWire) + `"}`, grantToken, 400, `{"error":"bad_request"}`},
		{"another method", "DELETE", "/", "", grantToken, 405, `{"error":"method_not_allowed"}`},
		{"a lost consent", "POST", "/", `{"refused":"1000.old"}`, answers(200, `{"error":"invalid_code"}`), 502, `{"error":"consent_lost"}`},
		{"a throttle", "POST", "/", `{"refused":"1000.old"}`, answers(200, `{"error":"Access Denied"}`), 503, `{"error":"throttled"}`},
		{"another failure", "POST", "/", `{"refused":"1000.old"}`, answers(500, `oops`), 502, `{"error":"refresh_failed"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokenFixture(t, 10*time.Minute, tt.answer)
				w := serve(h.TokenHandler(), tt.method, tt.target, tt.body)
				if w.Code != tt.status {
					t.Errorf("status is %d, want %d", w.Code, tt.status)
				}
				if diff := cmp.Diff(tt.want+"\n", w.Body.String()); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if got := w.Header().Get("Cache-Control"); got != "no-store" {
					t.Errorf("Cache-Control is %q", got)
				}
			})
		})
	}
}

func TestRefreshHandlerDoesNotHandOutTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, 10*time.Minute, grantToken)
		w := serve(h.RefreshHandler(), "POST", "/", "")
		want := `{"api_domain":"http://127.0.0.1:9001","expires_at":"2000-01-01T01:00:00.005Z"}` + "\n"
		if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != 200 {
			t.Errorf("status %d, answer (-want +got):\n%s", w.Code, diff)
		}
		if w := serve(h.RefreshHandler(), "GET", "/", ""); w.Code != 405 {
			t.Errorf("GET has status %d, want 405", w.Code)
		}
		h.store.fail = errors.New("store is down")
		if w := serve(h.RefreshHandler(), "POST", "/", ""); w.Code != 503 {
			t.Errorf("a failing store has status %d, want 503", w.Code)
		}
		if !strings.Contains(h.log.String(), "zoho_token_unavailable") {
			t.Error("a failing store was not logged")
		}
	})
}

// handlerTransport sends requests to a handler without a network.
type handlerTransport struct {
	h     http.Handler
	mu    sync.Mutex
	calls []string
}

func (h *handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.calls = append(h.calls, string(body))
	h.mu.Unlock()
	time.Sleep(50 * time.Millisecond) // fake time: used in bubbles only
	return serve(h.h, r.Method, r.URL.String(), string(body)).Result(), nil
}

func newTestTokenClient(t *testing.T, h http.Handler) (*TokenClient, *handlerTransport) {
	t.Helper()
	transport := &handlerTransport{h: h}
	c, err := NewTokenClient("https://fn.example.com/GetZohoToken", &http.Client{Transport: transport}, realClock{})
	if err != nil {
		t.Fatal(err)
	}
	return c, transport
}

func TestTokenClientCachesUntilAMinuteBeforeExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fixture := newTokenFixture(t, 10*time.Minute, grantToken)
		c, wire := newTestTokenClient(t, fixture.TokenHandler())
		ask := func(refused, want string) {
			t.Helper()
			got, err := c.Token(t.Context(), refused)
			if err != nil || got.AccessToken != want {
				t.Errorf("Token(%q) = %v, %v, want %s", refused, got, err, want)
			}
		}
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { ask("", "1000.old") })
		}
		group.Wait()
		ask("", "1000.old")
		ask("1000.another", "1000.old")
		if n := len(wire.calls); n != 1 {
			t.Fatalf("%d requests were made, want 1", n)
		}
		ask("1000.old", "1000.new-1")
		ask("1000.old", "1000.new-1")
		time.Sleep(58 * time.Minute)
		ask("", "1000.new-1")
		time.Sleep(time.Minute)
		ask("", "1000.new-2")
		want := []string{`{"refused":""}`, `{"refused":"1000.old"}`, `{"refused":""}`}
		if diff := cmp.Diff(want, wire.calls); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestTokenClientReportsTheCause(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		is     error
	}{
		{"a lost consent", 502, `{"error":"consent_lost"}`, ErrConsentLost},
		{"a throttle", 503, `{"error":"throttled"}`, ErrThrottled},
		{"another failure", 502, `{"error":"refresh_failed"}`, nil},
		{"a page of HTML", 200, `<html>`, nil},
		{"an answer without a token", 200, `{}`, nil},
		{"a redirect", 302, ``, nil},
		{"the refused token again", 200, `{"access_token":"1000.x","api_domain":"d","expires_at":"2999-01-01T00:00:00Z"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := newTestTokenClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", "https://evil.example")
					w.WriteHeader(tt.status)
					writeAll(t, w, tt.body)
				}))
				got, err := c.Token(t.Context(), "1000.x")
				if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
					t.Fatalf("Token = %v, %v, want error %v", got, err, tt.is)
				}
				if strings.Contains(err.Error(), "1000.x") {
					t.Errorf("the token shows in %v", err)
				}
			})
		})
	}
}

func TestTokenClientWaitsNoLongerThanItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fixture := newTokenFixture(t, 10*time.Minute, grantToken)
		c, wire := newTestTokenClient(t, fixture.TokenHandler())
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Token(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the deadline", err)
		}
		if got, err := c.Token(t.Context(), ""); err != nil || len(wire.calls) != 1 {
			t.Errorf("Token = %v, %v after %d requests, want the first one's answer", got, err, len(wire.calls))
		}
	})
}

func TestTokenClientIsForHTTPS(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://fn.example.com/GetZohoToken": true, "http://127.0.0.1:8080/GetZohoToken": true,
		"http://fn.example.com/GetZohoToken": false, "fn.example.com": false, "": false,
	} {
		if _, err := NewTokenClient(url, &http.Client{}, realClock{}); (err == nil) != ok {
			t.Errorf("NewTokenClient(%q): %v, want ok %t", url, err, ok)
		}
	}
}
