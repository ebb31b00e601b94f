package main

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// zohoClient is another program with the connector's credentials.
func (s *story) zohoClient() *zoho.Client {
	s.Helper()
	tokens, err := zoho.NewTokenClient(s.getenv("ZOHO_TOKEN_URL"), localHTTP(), clock.System{})
	s.must(err)
	client, err := zoho.New(zoho.Config{Tokens: tokens, HTTP: localHTTP(), AccountsURL: s.getenv("ZOHO_ACCOUNTS_URL")})
	s.must(err)
	return client
}

// What changed in Zoho while nobody was told of it arrives as soon as the job
// finds the channel closed.
func TestAClosedChannelIsOpenedAgainAndWhatItDidNotTellIsRead(t *testing.T) {
	forBoth(t, func(s *story, x shape) {
		h, z := s.pairEarlier(x, x.city.h("Start"))
		s.must(s.zohoClient().CloseChannels(s.ctx, zoho.ChannelID(s.getenv("ZOHO_WEBHOOK_URL"))))
		s.change(z, x.city.z("Unheard"), time.Now().Add(-40*time.Second))
		s.rest()
		s.holds(h, x.city.h("Start"))
		status, err := s.knock(s.ctx, "POST", "/RenewZohoChannels")
		if s.must(err); status != 200 {
			s.Fatalf("RenewZohoChannels answers %d\n%s", status, s.log)
		}
		s.rest()
		s.holds(h, x.city.h("Unheard"))
		s.change(z, x.city.z("Heard"), time.Time{})
		s.rest()
		s.holds(h, x.city.h("Heard"))
		if n := s.count(crm.Zoho, x.kind); n != 1 {
			s.Errorf("%d records in Zoho", n)
		}
	})
}
