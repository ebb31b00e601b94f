package functions

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/gcp"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// getZohoToken answers the consumers with a valid access token.
func getZohoToken(ctx context.Context, h *house) (http.Handler, error) {
	tokens, err := h.tokens(ctx)
	if err != nil {
		return nil, err
	}
	return tokens.GetHandler(), nil
}

// refreshZohoToken is called by the scheduler, well before the token expires.
func refreshZohoToken(ctx context.Context, h *house) (http.Handler, error) {
	tokens, err := h.tokens(ctx)
	if err != nil {
		return nil, err
	}
	return tokens.RefreshHandler(), nil
}

func (h *house) tokens(ctx context.Context) (*zoho.Tokens, error) {
	c, err := h.config(ctx, append(firestoreSettings,
		"ZOHO_ACCOUNTS_URL", "ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN")...)
	if err != nil {
		return nil, err
	}
	db, err := h.database(ctx, c)
	if err != nil {
		return nil, err
	}
	return zoho.NewTokens(zoho.TokensConfig{
		AccountsURL:  c["ZOHO_ACCOUNTS_URL"],
		ClientID:     c["ZOHO_CLIENT_ID"],
		ClientSecret: c["ZOHO_CLIENT_SECRET"],
		RefreshToken: c["ZOHO_REFRESH_TOKEN"],
		Store:        gcp.NewTokens(db),
		HTTP:         h.httpClient(ctx, "zoho_accounts"),
		Clock:        systemClock,
		NewID:        newID,
		Logger:       h.logger,
	})
}
