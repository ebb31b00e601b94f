package main

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// zohoClient is another program with the connector's credentials.
func (s *scenario) zohoClient() *zoho.Client {
	s.Helper()
	tokens, err := zoho.NewTokenClient(s.getenv("ZOHO_TOKEN_URL"), newLocalClient(), clock.System{})
	s.must(err)
	client, err := zoho.New(zoho.Config{Tokens: tokens, HTTP: newLocalClient(), AccountsURL: s.getenv("ZOHO_ACCOUNTS_URL")})
	s.must(err)
	return client
}

// Changes that Zoho's webhooks missed arrive as soon as the job
// finds the channel closed.
func TestAClosedChannelIsOpenedAgainAndMissedChangesAreRead(t *testing.T) {
	forBothKinds(t, func(s *scenario, x recordKind) {
		h, z := s.createPairEarlier(x, x.city.h("Start"))
		s.must(s.zohoClient().CloseChannels(s.ctx, zoho.ChannelID(s.getenv("ZOHO_WEBHOOK_URL"))))
		s.mustEdit(z, x.city.z("Unseen"), time.Now().Add(-40*time.Second))
		s.awaitIdle()
		s.checkValues(h, x.city.h("Start"))
		status, err := s.callFunction(s.ctx, "POST", "/RenewZohoChannels")
		if s.must(err); status != 200 {
			s.Fatalf("RenewZohoChannels answers %d\n%s", status, s.log)
		}
		s.awaitIdle()
		s.checkValues(h, x.city.h("Unseen"))
		s.mustEdit(z, x.city.z("Received"), time.Time{})
		s.awaitIdle()
		s.checkValues(h, x.city.h("Received"))
		if n := s.countRecords(crm.Zoho, x.kind); n != 1 {
			s.Errorf("%d records in Zoho", n)
		}
	})
}
