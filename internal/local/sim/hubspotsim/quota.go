package hubspotsim

import (
	"net/http"
	"strconv"
	"time"
)

const (
	windowLimit   = 190 // calls in 10 s with a static token (Professional)
	windowOAuth   = 110 // calls in 10 s with an OAuth token, search excluded
	searchLimit   = 5   // searches in 1 s
	window        = 10 * time.Second
	searchWindow  = time.Second
	accountOffset = -4 * time.Hour // of the account's midnight
)

// quota counts the calls of the one app and its account.
type quota struct {
	calls    []time.Time // in the last 10 s, oldest first
	searches []time.Time // in the last second
	day      string
	today    int
}

// prune drops the times that are older than the window.
func prune(times []time.Time, now time.Time, d time.Duration) []time.Time {
	for len(times) > 0 && now.Sub(times[0]) >= d {
		times = times[1:]
	}
	return times
}

// spend counts a call, or refuses it, and sets the rate headers. Search has a
// limit of its own and no headers.
func (s *Server) spend(header http.Header, r *request, at group) error {
	q, now := &s.quota, s.cfg.Clock.Now()
	isSearch := at == groupObjects && len(r.path) == 2 && r.path[1] == "search"
	if isSearch {
		q.searches = prune(q.searches, now, searchWindow)
		if s.cfg.Quotas && len(q.searches) >= searchLimit {
			return s.rateLimit("You have reached your secondly limit.", "SECONDLY")
		}
		q.searches = append(q.searches, now)
	} else if err := s.spendWindow(header, r, now); err != nil {
		return err
	}
	if r.oauth {
		return nil
	}
	if day := now.Add(accountOffset).Format(time.DateOnly); day != q.day {
		q.day, q.today = day, 0
	}
	if s.cfg.Quotas && q.today >= s.cfg.DailyLimit {
		return s.rateLimit("You have reached your daily limit.", "DAILY")
	}
	q.today++
	if !isSearch {
		header.Set("X-HubSpot-RateLimit-Daily", strconv.Itoa(s.cfg.DailyLimit))
		header.Set("X-HubSpot-RateLimit-Daily-Remaining", strconv.Itoa(max(0, s.cfg.DailyLimit-q.today)))
	}
	return nil
}

func (s *Server) spendWindow(header http.Header, r *request, now time.Time) error {
	q, limit := &s.quota, windowLimit
	if r.oauth {
		limit = windowOAuth
	}
	q.calls = prune(q.calls, now, window)
	header.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(limit))
	header.Set("X-HubSpot-RateLimit-Interval-Milliseconds", "10000")
	header.Set("X-HubSpot-RateLimit-Remaining", "0")
	if s.cfg.Quotas && len(q.calls) >= limit {
		return s.rateLimit("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING")
	}
	q.calls = append(q.calls, now)
	header.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(max(0, limit-len(q.calls))))
	return nil
}

// rateLimit is the 429 in either of the two spellings that were seen.
func (s *Server) rateLimit(message, policy string) *apiError {
	if s.rng.IntN(4) == 0 {
		return fail(http.StatusTooManyRequests, "RATE_LIMITS", "%s", message)
	}
	e := fail(http.StatusTooManyRequests, "", "%s", message)
	e.ErrorType, e.PolicyName = "RATE_LIMIT", policy
	e.RequestID = strconv.FormatUint(s.rng.Uint64(), 16)
	return e
}
