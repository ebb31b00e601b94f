package zoho

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func orgAnswer(id string) func() (int, string) {
	return func() (int, string) { return 200, fmt.Sprintf(`{"org":[{"id":%q,"company_name":"Acme"}]}`, id) }
}

// TestARefreshTokenOfAnotherOrganisationIsRefused: the other organisation has
// none of the linked records, so all of them would count as deleted.
func TestARefreshTokenOfAnotherOrganisationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTokenFixture(t, 0, grantToken)
		h.accounts.org = orgAnswer("7001")
		for range 3 {
			if _, err := h.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Minute)
		}
		if state, _ := h.store.LoadToken(t.Context()); state.Organisation != "7001" || h.accounts.orgs != 1 {
			t.Errorf("organisation %q was asked for %d times, want 7001 and once", state.Organisation, h.accounts.orgs)
		}
		first, _ := h.store.LoadToken(t.Context())

		// The refresh token of a sandbox is stored.
		h.TokenService.cfg.RefreshToken, h.TokenService.consent, h.accounts.refresh = "r-2", hashRefreshToken("r-2"), "r-2"
		h.accounts.org = orgAnswer("7002")
		_, err := h.Refresh(t.Context())
		if !errors.Is(err, ErrConsentLost) || !strings.Contains(err.Error(), "another Zoho organisation") {
			t.Errorf("got %v", err)
		}
		state, _ := h.store.LoadToken(t.Context())
		if state.Token != first.Token || state.Failure != codeOtherOrganisation || state.Organisation != "7001" {
			t.Errorf("the state is %+v, failure %q, organisation %q", state.Token, state.Failure, state.Organisation)
		}
		if err := blockedError(state); !errors.Is(err, ErrConsentLost) || !strings.Contains(err.Error(), "another Zoho organisation") {
			t.Errorf("a later caller gets %v", err)
		}

		// It was another token of the same organisation.
		h.accounts.org = orgAnswer("7001")
		time.Sleep(5 * time.Minute)
		if _, err := h.Refresh(t.Context()); err != nil {
			t.Errorf("a new consent in the same organisation: %v", err)
		}
	})
}

func TestAnUnknownOrganisationRefusesNothingAndIsReadAgain(t *testing.T) {
	for name, answer := range map[string]func() (int, string){
		"the scope is missing":    nil,
		"Zoho does not answer":    func() (int, string) { return 0, "" },
		"Zoho is away":            func() (int, string) { return 503, "<html>" },
		"there is none":           func() (int, string) { return 200, `{"org":[]}` },
		"the id is no id":         orgAnswer("x7"),
		"the answer is something": func() (int, string) { return 200, `{"org":"7001"}` },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokenFixture(t, 0, grantToken)
				h.store.state.Organisation = "7001"
				h.accounts.org = answer
				for want := 1; want < 3; want++ {
					if _, err := h.Refresh(t.Context()); err != nil {
						t.Fatal(err)
					}
					if state, _ := h.store.LoadToken(t.Context()); state.Organisation != "7001" || state.Consent != "" || h.accounts.orgs != want {
						t.Errorf("organisation %q, consent %q, asked for %d times", state.Organisation, state.Consent, h.accounts.orgs)
					}
					time.Sleep(50 * time.Minute)
				}
			})
		})
	}
}
