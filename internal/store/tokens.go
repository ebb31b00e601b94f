package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/firestore"

	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Schema of the one document of this file. The refresh token is not in it: it
// stays in Secret Manager.
//
//	tokens/zoho
//	  access_token, api_domain, expires_at, refreshed_at
//	  lease_holder, lease_until
//	  failed_at, failure      a code, such as invalid_code
//	  organisation, consent   Zoho's id, and a fingerprint of the refresh token
const (
	tokensCollection = "tokens"
	zohoToken        = "zoho"
)

// Tokens keeps Zoho's access token in Firestore. It implements zoho.TokenStore.
type Tokens struct{ client *firestore.Client }

// NewTokens returns the token kept in the client's database.
func NewTokens(client *firestore.Client) *Tokens { return &Tokens{client} }

var _ zoho.TokenStore = (*Tokens)(nil)

type tokenDoc struct {
	AccessToken string    `firestore:"access_token"`
	APIDomain   string    `firestore:"api_domain"`
	ExpiresAt   time.Time `firestore:"expires_at"`
	RefreshedAt time.Time `firestore:"refreshed_at"`
	LeaseHolder string    `firestore:"lease_holder"`
	LeaseUntil  time.Time `firestore:"lease_until"`
	FailedAt    time.Time `firestore:"failed_at"`
	Failure     string    `firestore:"failure"`
	// Organisation is missing in older documents.
	Organisation string `firestore:"organisation"`
	Consent      string `firestore:"consent"`
}

func (d tokenDoc) toState() zoho.TokenState {
	return zoho.TokenState{
		Token:       zoho.Token{AccessToken: d.AccessToken, APIDomain: d.APIDomain, Expiry: d.ExpiresAt},
		RefreshedAt: d.RefreshedAt, LeaseHolder: d.LeaseHolder, LeaseUntil: d.LeaseUntil,
		FailedAt: d.FailedAt, Failure: d.Failure, Organisation: d.Organisation, Consent: d.Consent,
	}
}

func newTokenDoc(s zoho.TokenState) tokenDoc {
	return tokenDoc{
		AccessToken: s.Token.AccessToken, APIDomain: s.Token.APIDomain, ExpiresAt: s.Token.Expiry,
		RefreshedAt: s.RefreshedAt, LeaseHolder: s.LeaseHolder, LeaseUntil: s.LeaseUntil,
		FailedAt: s.FailedAt, Failure: s.Failure, Organisation: s.Organisation, Consent: s.Consent,
	}
}

func (t *Tokens) doc() *firestore.DocumentRef {
	return t.client.Collection(tokensCollection).Doc(zohoToken)
}

// LoadToken returns the zero state when nothing is stored yet.
func (t *Tokens) LoadToken(ctx context.Context) (zoho.TokenState, error) {
	d, err := loadDocument[tokenDoc](ctx, t.doc())
	if err != nil {
		return zoho.TokenState{}, fmt.Errorf("load zoho token: %w", err)
	}
	return d.toState(), nil
}

// ChangeToken runs change in a transaction.
func (t *Tokens) ChangeToken(ctx context.Context, change func(*zoho.TokenState) error) (zoho.TokenState, error) {
	var state zoho.TokenState
	err := changeDocument(ctx, t.client, t.doc(), func(d *tokenDoc) error {
		state = d.toState()
		err := change(&state)
		*d = newTokenDoc(state)
		return err
	})
	if err != nil {
		return state, fmt.Errorf("change zoho token: %w", err)
	}
	return state, nil
}
