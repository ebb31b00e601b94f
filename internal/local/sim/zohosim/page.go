package zohosim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxPerPage = 200
	// plainRows is how far page= leads; beyond it a page_token is needed.
	plainRows   = 2_000
	tokenRows   = 100_000
	pageTokenIn = 24 * time.Hour
)

// page is which part of a result a request wants.
type page struct {
	number, size int
	skip         int // rows before this page
	sort         string
	ascending    bool
	params       string // what a page token is bound to
}

// pageToken is what a page_token says. It is signed, so that it need not be
// stored.
type pageToken struct {
	Page    int       `json:"p"`
	Size    int       `json:"n"`
	Params  string    `json:"q"`
	User    string    `json:"u"`
	Expires time.Time `json:"e"`
}

// pageOf reads page, per_page, page_token, sort_by and sort_order. The first of
// the sorts is the default.
func (s *Server) pageOf(c *call, sorts ...string) (page, *answer) {
	fail := func(a answer) (page, *answer) { return page{}, &a }
	p := page{number: 1, size: maxPerPage, sort: sorts[0], params: boundParams(c.query)}
	var good bool
	if p.size, good = positive(c.query, "per_page", maxPerPage); !good || p.size > maxPerPage {
		return fail(invalidParam("per_page"))
	}
	if p.number, good = positive(c.query, "page", 1); !good {
		return fail(invalidParam("page"))
	}
	if by := c.query.Get("sort_by"); by != "" {
		if !slices.Contains(sorts, by) {
			return fail(invalidParam("sort_by"))
		}
		p.sort = by
	}
	switch c.query.Get("sort_order") {
	case "", "desc":
	case "asc":
		p.ascending = true
	default:
		return fail(invalidParam("sort_order"))
	}
	if text := c.query.Get("page_token"); text != "" {
		if c.query.Get("page") != "" {
			return fail(refuse(http.StatusBadRequest, problem{"AMBIGUITY_DURING_PROCESSING", "page and page_token exclude each other",
				object{"ambiguity_due_to": []object{{"param_name": "page"}, {"param_name": "page_token"}}}}))
		}
		t, good := s.openToken(text)
		if !good || t.User != c.user.ID || t.Params != p.params {
			return fail(invalidParam("page_token"))
		}
		if !c.now.Before(t.Expires) {
			return fail(refuse(http.StatusBadRequest, problem{"EXPIRED_VALUE", "the page token has expired", object{"param_name": "page_token"}}))
		}
		p.number, p.size = t.Page, t.Size
	} else if p.number*p.size > plainRows {
		return fail(refuse(http.StatusBadRequest, problem{"DISCRETE_PAGINATION_LIMIT_EXCEEDED",
			"use page_token to read more than the first 2000 records", object{"limit": plainRows}}))
	}
	p.skip = (p.number - 1) * p.size
	if p.skip >= tokenRows {
		return fail(refuse(http.StatusBadRequest, problem{"PAGINATION_LIMIT_EXCEEDED", "no more than 100000 records can be read", object{"limit": tokenRows}}))
	}
	return p, nil
}

func positive(q url.Values, name string, otherwise int) (int, bool) {
	text := q.Get(name)
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0 && n <= math.MaxInt32
}

// boundParams are the parameters that must not change between pages.
func boundParams(q url.Values) string {
	bound := url.Values{}
	for name, values := range q {
		switch name {
		case "page", "page_token", "per_page", "":
		default:
			bound[name] = values
		}
	}
	sum := sha256.Sum256([]byte(bound.Encode()))
	return hex.EncodeToString(sum[:8])
}

// cut takes a page out of a whole result.
func cut[T any](all []T, p page) ([]T, bool) {
	if p.skip >= len(all) {
		return nil, false
	}
	end := min(p.skip+p.size, len(all))
	return all[p.skip:end], end < len(all)
}

// info is the part of an answer that tells about pages.
func (s *Server) info(c *call, p page, count int, more bool) object {
	order := "desc"
	if p.ascending {
		order = "asc"
	}
	out := object{
		"call": false, "email": false, "per_page": p.size, "count": count, "page": p.number, "more_records": more,
		"sort_by": p.sort, "sort_order": order,
		"next_page_token": nil, "previous_page_token": nil, "page_token_expiry": nil,
	}
	expires := c.now.Add(pageTokenIn)
	token := func(number int) string {
		return s.sealToken(pageToken{number, p.size, p.params, c.user.ID, expires})
	}
	if more {
		out["next_page_token"] = token(p.number + 1)
	}
	if p.number > 1 {
		out["previous_page_token"] = token(p.number - 1)
	}
	if more || p.number > 1 {
		out["page_token_expiry"] = s.stamp(expires)
	}
	return out
}

func (s *Server) sealToken(t pageToken) string {
	body, err := json.Marshal(t)
	if err != nil {
		return "" // cannot happen: only numbers, texts and a time
	}
	return base64.RawURLEncoding.EncodeToString(append(s.sign(body), body...))
}

func (s *Server) openToken(text string) (pageToken, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < 8 || !hmac.Equal(raw[:8], s.sign(raw[8:])) {
		return pageToken{}, false
	}
	var t pageToken
	return t, json.Unmarshal(raw[8:], &t) == nil
}

func (s *Server) sign(body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(s.cfg.ClientSecret))
	mac.Write(body)
	return mac.Sum(nil)[:8]
}

// splitList reads a list that commas separate.
func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
