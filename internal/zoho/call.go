package zoho

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// apiVersion is the path below the API domain.
const apiVersion = "/crm/v8"

// maxAnswer limits how much of an answer is read, in bytes. A full page of
// records takes a tenth of it.
const maxAnswer = 16 << 20

// The actions of requests, as crm.Error.Action shows them.
const (
	actionRead     = "read"
	actionFind     = "find"
	actionScan     = "scan"
	actionCreate   = "create"
	actionUpdate   = "update"
	actionDescribe = "describe"
)

// request is one request to the API.
type request struct {
	action string // crm.Error.Action
	method string
	path   string // below apiVersion
	query  url.Values
	header map[string]string
	body   any  // encoded as JSON unless nil
	write  bool // it changes something, so that a missing answer leaves the outcome open
	record bool // the path names a record, so that a wrong id means not found
}

// answer is the response to a request, of any status.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request. If Zoho refuses the token, it asks once for another one
// and repeats the request once. It returns an answer of the classes 2xx, 3xx
// and 4xx except 401 and 429; the caller interprets it.
func (c *Client) call(ctx context.Context, req request) (answer, error) {
	var body []byte
	if req.body != nil {
		var err error
		if body, err = json.Marshal(req.body); err != nil {
			return answer{}, req.refusedError("BODY_NOT_ENCODED", nil)
		}
	}
	refused := ""
	for repeated := false; ; repeated = true {
		token, err := c.acquireToken(ctx, req, refused)
		if err != nil {
			return answer{}, err
		}
		a, err := c.sendWithinLimits(ctx, req, token, body)
		if err != nil {
			return answer{}, err
		}
		if !repeated && tokenRefused(a) {
			refused = token.AccessToken
			continue
		}
		if a.status == http.StatusUnauthorized || a.status == http.StatusTooManyRequests || a.status >= 500 {
			return answer{}, req.statusError(a)
		}
		return a, nil
	}
}

// sendWithinLimits waits until the request may be sent, and adjusts the limits
// to its answer.
func (c *Client) sendWithinLimits(ctx context.Context, req request, token Token, body []byte) (answer, error) {
	leave, err := c.limiter.acquire(ctx, req)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	a, err := c.sendRequest(ctx, req, token, body)
	if err == nil && a.status == http.StatusTooManyRequests {
		c.limiter.updateFrom(a, req.statusError(a))
		return a, nil
	}
	c.limiter.updateFrom(a, err)
	return a, err
}

// acquireToken gets a token and checks where it may be sent.
func (c *Client) acquireToken(ctx context.Context, req request, refused string) (Token, error) {
	token, err := c.tokens.Token(ctx, refused)
	if err != nil {
		kind := crm.Unavailable
		if refused != "" || errors.Is(err, ErrConsentLost) {
			kind = crm.Unauthorized
		}
		return Token{}, req.newError(kind, "NO_TOKEN", err)
	}
	if err := CheckAPIDomain(token.APIDomain, c.accountsURL); err != nil {
		return Token{}, req.newError(crm.Forbidden, "WRONG_API_DOMAIN", err)
	}
	return token, nil
}

// sendRequest makes one HTTP request and reads the answer.
func (c *Client) sendRequest(ctx context.Context, req request, token Token, body []byte) (answer, error) {
	hr, err := buildRequest(ctx, req, token, body)
	if err != nil {
		return answer{}, req.refusedError("REQUEST_NOT_BUILT", nil)
	}
	resp, err := c.http.Do(hr)
	if err != nil {
		return answer{}, req.transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is not needed
	data, err := readBody(resp.Body)
	switch {
	case errors.Is(err, errTooLong):
		e := req.refusedError("ANSWER_TOO_LARGE", nil)
		e.Status, e.Ambiguous = resp.StatusCode, req.write
		return answer{}, e
	case err != nil:
		return answer{}, req.transportError(ctx, err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: data}, nil
}

func buildRequest(ctx context.Context, req request, token Token, body []byte) (*http.Request, error) {
	target := strings.TrimRight(token.APIDomain, "/") + apiVersion + req.path
	if len(req.query) > 0 {
		target += "?" + req.query.Encode()
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	hr, err := http.NewRequestWithContext(ctx, req.method, target, reader)
	if err != nil {
		return nil, err
	}
	hr.Header.Set("Authorization", "Zoho-oauthtoken "+token.AccessToken)
	hr.Header.Set("Accept", "application/json")
	if body != nil {
		hr.Header.Set("Content-Type", "application/json")
	}
	for name, value := range req.header {
		hr.Header.Set(name, value)
	}
	return hr, nil
}

var errTooLong = errors.New("the answer is too long")

// readBody reads an answer to its end, or fails: a part of an answer is no
// answer.
func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		return nil, errTooLong
	}
	return body, err
}
