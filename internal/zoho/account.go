package zoho

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// codeOtherOrganisation is the failure of a refresh token that belongs to
// another organisation than those before it.
const codeOtherOrganisation = "other_organisation"

// orgTime limits the request that reads the organisation.
const orgTime = 5 * time.Second

// otherOrganisationError is a lost consent of its own kind: the links contain record
// ids of one organisation, and no record of another organisation has these ids.
type otherOrganisationError struct{}

func (otherOrganisationError) Error() string {
	return "the refresh token is of another Zoho organisation than the one that the links are of: " +
		"store the first one's in ZOHO_REFRESH_TOKEN again, or give the other organisation an environment of its own"
}

func (otherOrganisationError) Is(target error) bool { return target == ErrConsentLost }

// hashRefreshToken distinguishes refresh tokens. The token cannot be guessed
// from the hash, since it is random.
func hashRefreshToken(refreshToken string) string {
	sum := sha256.Sum256([]byte(refreshToken))
	return hex.EncodeToString(sum[:8])
}

// checkOrganisation reads, once for each refresh token, the organisation that a
// new token opens. If Zoho does not name it, because a scope is missing or the
// request fails, nothing is refused and the next token is checked again.
func (t *TokenService) checkOrganisation(ctx context.Context, token Token, old TokenState) (org string, failure *RefreshError) {
	if old.Organisation != "" && old.Consent == t.consent {
		return old.Organisation, nil
	}
	org = t.readOrganisation(ctx, token)
	if org != "" && old.Organisation != "" && org != old.Organisation {
		return "", &RefreshError{Code: codeOtherOrganisation, err: otherOrganisationError{}}
	}
	return org, nil
}

// readOrganisation returns the id of the organisation, or "".
func (t *TokenService) readOrganisation(ctx context.Context, token Token) string {
	ctx, cancel := context.WithTimeout(ctx, orgTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, token.APIDomain+apiVersion+"/org", http.NoBody)
	if err != nil {
		return ""
	}
	r.Header.Set("Authorization", "Zoho-oauthtoken "+token.AccessToken)
	res, err := t.http.Do(r)
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }() // it is not read to the end
	var answer struct {
		Org []struct {
			ID string `json:"id"`
		} `json:"org"`
	}
	if res.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(res.Body, maxTokenWire)).Decode(&answer) != nil || len(answer.Org) != 1 || !isID(answer.Org[0].ID) {
		return ""
	}
	return answer.Org[0].ID
}
