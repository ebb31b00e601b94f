package zoho

import (
	"context"
	"net/http"
	"net/url"
)

// readOwnUser returns the id of the user who gave the consent. It is read once;
// a failure is not cached.
func (c *Client) readOwnUser(ctx context.Context) (string, error) {
	if id := c.cachedUser(); id != "" {
		return id, nil
	}
	req := request{
		action: "read own user", method: http.MethodGet, path: "/users",
		query: url.Values{"type": {"CurrentUser"}},
	}
	select {
	case c.userTurn <- struct{}{}:
		defer func() { <-c.userTurn }()
	case <-ctx.Done():
		return "", req.transportError(ctx, ctx.Err())
	}
	if id := c.cachedUser(); id != "" {
		return id, nil
	}
	a, err := c.call(ctx, req)
	if err != nil {
		return "", err
	}
	rows, _, err := req.parseRows(a, "users")
	if err != nil {
		return "", err
	}
	if len(rows) != 1 || !isID(lookupID(rows[0])) {
		return "", req.shapeError(a, "not exactly one user")
	}
	c.userMu.Lock()
	defer c.userMu.Unlock()
	c.userID = lookupID(rows[0])
	return c.userID, nil
}

func (c *Client) cachedUser() string {
	c.userMu.Lock()
	defer c.userMu.Unlock()
	return c.userID
}
