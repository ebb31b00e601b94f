package main

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

// TestTheDemoCasesEndWellWithFailingCRMs plays the demo on CRMs that behave in
// each of the ways that their documentation leaves open.
func TestTheDemoCasesEndWellWithFailingCRMs(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*localStackOptions){
		"Zoho returns and accepts less than it might": func(o *localStackOptions) {
			o.Zoho.BareCreation, o.Zoho.SearchScope, o.Zoho.UnknownFields = true, true, zohosim.UnknownRefuse
			o.Zoho.UniqueFields = map[string][]string{"Contacts": {"Email"}}
			o.Zoho.TimeOffset = 5*time.Hour + 30*time.Minute
		},
		"Zoho does not report the writes of the connector": func(o *localStackOptions) {
			o.Zoho.SilentTrigger, o.Zoho.QuietNoOp = true, true
		},
		"searches are loose and trail the records": func(o *localStackOptions) {
			o.Zoho.FuzzyEquals, o.Zoho.SearchLag, o.HubSpot.SearchLag = true, time.Minute, 10*time.Second
		},
		"HubSpot has other forms": func(o *localStackOptions) {
			o.HubSpot.GenericFormat, o.HubSpot.Version200 = true, true
		},
		"quotas are enforced": func(o *localStackOptions) {
			o.HubSpot.Quotas, o.Zoho.Quotas = true, true
		},
		"Zoho is slow to notify": func(o *localStackOptions) { o.Zoho.DeliveryDelay = 60 * time.Millisecond },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, change)
			for _, demoCase := range demoCases() {
				if r := s.playCase(s.ctx, demoCase); r.err != nil {
					s.Errorf("%s: %v", demoCase.name, r.err)
				}
			}
		})
	}
}
