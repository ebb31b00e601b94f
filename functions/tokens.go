package functions

import (
	"context"
	"net/http"

	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// getZohoToken answers the consumers with a valid access token.
func getZohoToken(ctx context.Context, d *deps) (http.Handler, error) {
	tokens, err := d.readTokenService(ctx)
	if err != nil {
		return nil, err
	}
	return tokens.TokenHandler(), nil
}

// refreshZohoToken is called by the scheduler, well before the token expires.
func refreshZohoToken(ctx context.Context, d *deps) (http.Handler, error) {
	tokens, err := d.readTokenService(ctx)
	if err != nil {
		return nil, err
	}
	return tokens.RefreshHandler(), nil
}

func (d *deps) readTokenService(ctx context.Context) (*zoho.TokenService, error) {
	var c tokensConfig
	if err := d.readConfig(ctx, &c); err != nil {
		return nil, err
	}
	return d.newTokenService(ctx, c)
}

func (d *deps) newTokenService(ctx context.Context, c tokensConfig) (*zoho.TokenService, error) {
	db, err := d.connectFirestore(ctx, c.Firestore)
	if err != nil {
		return nil, err
	}
	return zoho.NewTokenService(zoho.TokenServiceConfig{
		AccountsURL:  c.Client.AccountsURL,
		ClientID:     c.Client.ClientID,
		ClientSecret: c.Client.ClientSecret,
		RefreshToken: c.RefreshToken,
		Store:        store.NewTokens(db),
		HTTP:         d.newHTTPClient(ctx, "zoho_accounts"),
		Clock:        systemClock,
		NewID:        newID,
		Logger:       d.logger,
	})
}
