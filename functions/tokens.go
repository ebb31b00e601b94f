package functions

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// getZohoToken answers the consumers with a valid access token.
func getZohoToken(ctx context.Context, h *house) (http.Handler, error) {
	tokens, err := h.readTokens(ctx)
	if err != nil {
		return nil, err
	}
	return tokens.TokenHandler(), nil
}

// refreshZohoToken is called by the scheduler, well before the token expires.
func refreshZohoToken(ctx context.Context, h *house) (http.Handler, error) {
	tokens, err := h.readTokens(ctx)
	if err != nil {
		return nil, err
	}
	return tokens.RefreshHandler(), nil
}

func (h *house) readTokens(ctx context.Context) (*zoho.TokenService, error) {
	var c tokensConfig
	if err := h.read(ctx, &c); err != nil {
		return nil, err
	}
	return h.tokens(ctx, c)
}

func (h *house) tokens(ctx context.Context, c tokensConfig) (*zoho.TokenService, error) {
	db, err := h.database(ctx, c.Firestore)
	if err != nil {
		return nil, err
	}
	return zoho.NewTokenService(zoho.TokenServiceConfig{
		AccountsURL:  c.Client.AccountsURL,
		ClientID:     c.Client.ClientID,
		ClientSecret: c.Client.ClientSecret,
		RefreshToken: c.RefreshToken,
		Store:        store.NewTokens(db),
		HTTP:         h.httpClient(ctx, "zoho_accounts"),
		Clock:        systemClock,
		NewID:        newID,
		Logger:       h.logger,
	})
}
