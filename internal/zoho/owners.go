package zoho

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

const (
	usersPerPage = 200
	// maxUserPages bounds a list that does not end.
	maxUserPages = 100
)

// ListOwners lists the users to whom records can belong, including the inactive
// ones, to whom older records still refer.
func (c *Client) ListOwners(ctx context.Context) ([]crm.Owner, error) {
	var owners []crm.Owner
	for page := 1; page <= maxUserPages; page++ {
		req := request{action: actionDescribe, method: http.MethodGet, path: "/users", query: url.Values{
			"type": {"AllUsers"}, "per_page": {strconv.Itoa(usersPerPage)}, "page": {strconv.Itoa(page)},
		}}
		a, err := c.call(ctx, req)
		if err != nil {
			return nil, err
		}
		rows, info, err := req.parseRows(a, "users")
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			email, _ := row["email"].(string)
			owners = append(owners, crm.Owner{ID: lookupID(row), Email: email, Active: row["status"] == "active"})
		}
		if !info.MoreRecords {
			return owners, nil
		}
	}
	return nil, request{action: actionDescribe}.refusedError("USERS_DO_NOT_END", nil)
}

// nameOwners replaces the ids of owners by their addresses.
func (c *Client) nameOwners(ctx context.Context, req request, rec crm.Record) (crm.Record, error) {
	rec, err := c.owners.ReplaceIDs(ctx, rec, c.ownerFields[rec.Ref.Kind])
	if err != nil {
		return crm.Record{}, req.ownersError(err)
	}
	return rec, nil
}

// assignOwners replaces the addresses of owners by their ids.
func (c *Client) assignOwners(ctx context.Context, req request, w crm.Write) (crm.Write, error) {
	w, unknown, err := c.owners.ReplaceAddresses(ctx, w)
	if err != nil {
		return w, req.ownersError(err)
	}
	if len(unknown) > 0 {
		e := req.newError(crm.Invalid, string(failurecode.OwnerUnknown), nil)
		e.Fields = unknown
		return w, e
	}
	return w, nil
}

// ownersError is the failure of a request because the list of owners cannot be
// read. The request itself was not sent.
func (req request) ownersError(err error) *crm.Error {
	if e := crm.AsError(err); e != nil {
		return e
	}
	return req.newError(crm.Unavailable, "", err)
}
