package hubspot

import (
	"context"
	"net/http"
	"net/url"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failurecode"
)

// maxOwnerPages bounds a list that does not end, at 100 owners a page.
const maxOwnerPages = 100

// ListOwners lists the users to whom records can belong, including the archived
// ones, to whom older records still refer. It needs the scope
// crm.objects.owners.read.
func (c *Client) ListOwners(ctx context.Context) ([]crm.Owner, error) {
	var owners []crm.Owner
	for _, archived := range []string{"false", "true"} {
		query := url.Values{"limit": {"100"}, "archived": {archived}}
		for page := 0; ; page++ {
			req := request{action: actionDescribe, method: http.MethodGet, area: areaOwners, path: "?" + query.Encode()}
			var answer struct {
				Results []struct {
					ID    scalar `json:"id"`
					Email string `json:"email"`
				} `json:"results"`
				Paging struct {
					Next struct {
						After scalar `json:"after"`
					} `json:"next"`
				} `json:"paging"`
			}
			status, err := c.call(ctx, req, &answer)
			if err != nil {
				return nil, err
			}
			for _, o := range answer.Results {
				owners = append(owners, crm.Owner{ID: string(o.ID), Email: o.Email, Active: archived == "false"})
			}
			after := string(answer.Paging.Next.After)
			if after == "" {
				break
			}
			if page == maxOwnerPages {
				return nil, req.refusedError("the list of owners does not end", status)
			}
			query.Set("after", after)
		}
	}
	return owners, nil
}

// nameOwners replaces the ids of owners by their addresses.
func (c *Client) nameOwners(ctx context.Context, req request, rec crm.Record) (crm.Record, error) {
	rec, err := c.owners.ReplaceIDs(ctx, rec, c.ownerFields[rec.Ref.Kind])
	if err != nil {
		return crm.Record{}, req.ownersError(err)
	}
	return rec, nil
}

// assignOwners replaces the addresses of owners by their ids. An owner without
// an account is a refused value like any other, without a call.
func (c *Client) assignOwners(ctx context.Context, req request, w crm.Write) (crm.Write, error) {
	w, unknown, err := c.owners.ReplaceAddresses(ctx, w)
	if err != nil {
		return w, req.ownersError(err)
	}
	if len(unknown) > 0 {
		return w, &crm.Error{System: crm.HubSpot, Action: req.action, Kind: crm.Invalid, Code: string(failurecode.OwnerUnknown), Fields: unknown}
	}
	return w, nil
}

// ownersError is the failure of a request because the list of owners cannot be
// read. The request itself was not sent.
func (req request) ownersError(err error) *crm.Error {
	if e := crm.AsError(err); e != nil {
		return e
	}
	return &crm.Error{System: crm.HubSpot, Action: req.action, Kind: crm.Unavailable, Err: err}
}
