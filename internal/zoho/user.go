package zoho

import (
	"context"
	"net/http"
	"net/url"
)

// user returns the id of the user whose consent the token stems from. It is
// asked for once; a failure is not remembered.
func (c *Client) user(ctx context.Context) (string, error) {
	if id := c.knownUser(); id != "" {
		return id, nil
	}
	k := call{
		action: "read own user", method: http.MethodGet, path: "/users",
		query: url.Values{"type": {"CurrentUser"}},
	}
	select {
	case c.userTurn <- struct{}{}:
		defer func() { <-c.userTurn }()
	case <-ctx.Done():
		return "", k.lost(ctx, ctx.Err())
	}
	if id := c.knownUser(); id != "" {
		return id, nil
	}
	a, err := c.do(ctx, k)
	if err != nil {
		return "", err
	}
	rows, _, err := k.rows(a, "users")
	if err != nil {
		return "", err
	}
	if len(rows) != 1 || !isID(lookupID(rows[0])) {
		return "", k.shape(a, "not exactly one user")
	}
	c.userMu.Lock()
	defer c.userMu.Unlock()
	c.userID = lookupID(rows[0])
	return c.userID, nil
}

func (c *Client) knownUser() string {
	c.userMu.Lock()
	defer c.userMu.Unlock()
	return c.userID
}
