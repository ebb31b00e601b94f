package hubspot

import (
	"context"
	"net/http"
	"strconv"
)

// Account is the HubSpot account that the access token belongs to.
type Account struct {
	PortalID int64
	// AppURL is the origin of its pages, such as https://app-eu1.hubspot.com; ""
	// if HubSpot does not say.
	AppURL string
}

// ReadAccount asks which account the access token belongs to, at one call.
func (c *Client) ReadAccount(ctx context.Context) (Account, error) {
	req := request{action: actionDescribe, method: http.MethodGet, area: areaAccount}
	var answer struct {
		PortalID number `json:"portalId"`
		UIDomain text   `json:"uiDomain"`
	}
	status, err := c.call(ctx, req, &answer)
	if err != nil {
		return Account{}, err
	}
	if answer.PortalID <= 0 {
		return Account{}, req.refusedError("the answer names no account", status)
	}
	a := Account{PortalID: int64(answer.PortalID)}
	if answer.UIDomain != "" {
		a.AppURL = "https://" + string(answer.UIDomain)
	}
	return a, nil
}

// ID is the account's number as it stands in addresses.
func (a Account) ID() string { return strconv.FormatInt(a.PortalID, 10) }
