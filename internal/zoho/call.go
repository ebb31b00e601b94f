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

// maxAnswer bounds what is read of an answer, in bytes. A full page of records
// takes a tenth of it.
const maxAnswer = 16 << 20

// actions as they appear in crm.Error.Action.
const (
	actionRead     = "read"
	actionFind     = "find"
	actionScan     = "scan"
	actionCreate   = "create"
	actionUpdate   = "update"
	actionDescribe = "describe"
)

// call is one request to the API.
type call struct {
	action string // crm.Error.Action
	method string
	path   string // below apiVersion
	query  url.Values
	header map[string]string
	body   any  // encoded as JSON unless nil
	write  bool // it changes something, so that no answer leaves the outcome open
	record bool // the path names a record, so that a wrong id means not found
}

// answer is what came back, whatever its status.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do makes the call. If Zoho refuses the token, it asks once for another one
// and repeats the call once. It returns an answer of the classes 2xx, 3xx and
// 4xx but for 401 and 429; the caller decides what it means.
func (c *Client) do(ctx context.Context, k call) (answer, error) {
	var body []byte
	if k.body != nil {
		var err error
		if body, err = json.Marshal(k.body); err != nil {
			return answer{}, k.refused("BODY_NOT_ENCODED", nil)
		}
	}
	refused := ""
	for repeated := false; ; repeated = true {
		token, err := c.token(ctx, k, refused)
		if err != nil {
			return answer{}, err
		}
		a, err := c.sendInTurn(ctx, k, token, body)
		if err != nil {
			return answer{}, err
		}
		if !repeated && tokenRefused(a) {
			refused = token.AccessToken
			continue
		}
		if a.status == http.StatusUnauthorized || a.status == http.StatusTooManyRequests || a.status >= 500 {
			return answer{}, k.fault(a)
		}
		return a, nil
	}
}

// sendInTurn waits for the call's turn and learns from its answer.
func (c *Client) sendInTurn(ctx context.Context, k call, token Token, body []byte) (answer, error) {
	leave, err := c.pace.enter(ctx, k)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	a, err := c.send(ctx, k, token, body)
	if err == nil && a.status == http.StatusTooManyRequests {
		c.pace.learn(a, k.fault(a))
		return a, nil
	}
	c.pace.learn(a, err)
	return a, err
}

// token gets a token and makes sure where it may be sent.
func (c *Client) token(ctx context.Context, k call, refused string) (Token, error) {
	token, err := c.tokens.Token(ctx, refused)
	if err != nil {
		kind := crm.Unavailable
		if refused != "" || errors.Is(err, ErrConsentLost) {
			kind = crm.Unauthorized
		}
		return Token{}, k.err(kind, "NO_TOKEN", err)
	}
	if err := CheckAPIDomain(token.APIDomain, c.accountsURL); err != nil {
		return Token{}, k.err(crm.Forbidden, "WRONG_API_DOMAIN", err)
	}
	return token, nil
}

// send makes one HTTP request and reads the answer.
func (c *Client) send(ctx context.Context, k call, token Token, body []byte) (answer, error) {
	target := strings.TrimRight(token.APIDomain, "/") + apiVersion + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, reader)
	if err != nil {
		return answer{}, k.refused("REQUEST_NOT_BUILT", nil)
	}
	req.Header.Set("Authorization", "Zoho-oauthtoken "+token.AccessToken)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range k.header {
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, k.lost(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is not wanted
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, k.lost(ctx, err)
	}
	if len(data) > maxAnswer {
		e := k.refused("ANSWER_TOO_LARGE", nil)
		e.Status, e.Ambiguous = resp.StatusCode, k.write
		return answer{}, e
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: data}, nil
}
