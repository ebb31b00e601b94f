package hubspot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// maxAnswer limits how much of one answer is read, in bytes. Fifty records with
// long histories stay below it.
const maxAnswer = 32 << 20

// The actions of requests, as crm.Error.Action shows them.
const (
	actionRead     = "read"
	actionFind     = "find"
	actionScan     = "scan"
	actionCreate   = "create"
	actionUpdate   = "update"
	actionDescribe = "describe"
)

// request is one call to HubSpot.
type request struct {
	action string
	method string
	area   string // of the API; "" for the objects
	path   string // below the object type's path, starting with "/"
	kind   crm.Kind
	body   any // encoded as JSON unless nil
}

// isWrite reports whether the request may have changed something.
func (req request) isWrite() bool { return req.action == actionCreate || req.action == actionUpdate }

// call sends req once and decodes a 2xx answer into out. Every failure is a
// *crm.Error.
func (c *Client) call(ctx context.Context, req request, out any) (status int, err error) {
	if ctx.Err() != nil {
		return 0, &crm.Error{System: crm.HubSpot, Action: req.action, Kind: crm.Unavailable, Err: ctx.Err()}
	}
	hr, err := c.buildRequest(ctx, req)
	if err != nil {
		return 0, req.refusedError("the request cannot be built", 0)
	}
	leave, err := c.limiter.acquire(ctx, req)
	if err != nil {
		return 0, err
	}
	defer leave()
	start := time.Now()
	resp, err := c.http.Do(hr)
	if err != nil {
		c.logCall(ctx, req, 0, nil, start)
		return 0, req.transportError(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to the end or given up
	body, err := readBody(resp.Body)
	c.logCall(ctx, req, resp.StatusCode, resp.Header, start)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		// With half an error body, or none, the status decides.
		refused := req.statusError(resp.StatusCode, resp.Header, body)
		c.limiter.updateFrom(req, resp.Header, refused)
		return resp.StatusCode, refused
	}
	c.limiter.updateFrom(req, resp.Header, nil)
	switch {
	case errors.Is(err, errTooLong):
		return resp.StatusCode, req.refusedError(err.Error(), resp.StatusCode)
	case err != nil:
		e := req.transportError(err)
		e.Status = resp.StatusCode
		return resp.StatusCode, e
	}
	if resp.StatusCode == http.StatusNoContent {
		return resp.StatusCode, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return resp.StatusCode, req.refusedError("the answer has an unknown shape", resp.StatusCode)
	}
	return resp.StatusCode, nil
}

func (c *Client) buildRequest(ctx context.Context, req request) (*http.Request, error) {
	var body io.Reader
	if req.body != nil {
		encoded, err := json.Marshal(req.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	hr, err := http.NewRequestWithContext(ctx, req.method, c.requestURL(req), body)
	if err != nil {
		return nil, err
	}
	hr.Header.Set("Authorization", "Bearer "+c.token)
	hr.Header.Set("Accept", "application/json")
	if body != nil {
		hr.Header.Set("Content-Type", "application/json")
	}
	return hr, nil
}

// requestURL returns the URL of a request. Owners have no object type above
// them, and the account has no version of its own.
func (c *Client) requestURL(req request) string {
	if req.area == areaAccount {
		return c.base + "/account-info/v3/details"
	}
	base := c.base + "/crm/" + cmp.Or(req.area, "objects") + "/" + c.version
	if req.area != areaOwners {
		base += "/" + objectType(req.kind)
	}
	return base + req.path
}

func (c *Client) logCall(ctx context.Context, req request, status int, h http.Header, start time.Time) {
	route, _, _ := strings.Cut(req.path, "?")
	c.log.DebugContext(ctx, "hubspot call",
		"action", req.action, "kind", string(req.kind), "method", req.method, "route", route,
		"status", status, "duration_ms", time.Since(start).Milliseconds(),
		"correlation_id", h.Get("X-HubSpot-Correlation-Id"))
}

var errTooLong = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)

// readBody reads an answer to its end, or fails: a part of an answer is no
// answer.
func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		return nil, errTooLong
	}
	return body, err
}

// objectType returns the name of a kind in paths.
func objectType(kind crm.Kind) string {
	if kind == crm.Company {
		return "companies"
	}
	return "contacts"
}
