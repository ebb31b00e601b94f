package main

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

const otherIDs = `
ids: {hubspot: crm_reference, zoho: HS_Reference}
contacts:
  fields:
    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}
    email:     {hubspot: email, zoho: Email, type: email}
    city:      {hubspot: city, zoho: Mailing_City}
`

// TestTheIDFieldsMayBeCalledOtherwise: each side holds the other's id under the
// name that the mapping gives, and nothing is said of the usual one.
func TestTheIDFieldsMayBeCalledOtherwise(t *testing.T) {
	t.Parallel()
	s := newScenario(t, withMapping(otherIDs), func(o *localStackOptions) {
		o.Zoho.ExtraFields = map[string][]zohosim.Field{zohosim.Contacts: {{APIName: "HS_Reference", Unique: true, Custom: true}}}
	})
	s.defineProperties(`{"name":"crm_reference","label":"CRM reference","type":"string","fieldType":"text","groupName":"contactinformation","hasUniqueValue":true}`)
	s.resetCalls()
	h := s.mustCreate(crm.HubSpot, crm.Contact, values{"lastname": "Lovelace", "city": "London"}, time.Time{})
	s.awaitIdle()
	counterparts, err := s.findRecords(s.ctx, crm.Zoho, crm.Contact, "HS_Reference", h.RecordID)
	if s.must(err); len(counterparts) != 1 {
		t.Fatalf("%d contacts of Zoho carry the id\n%s", len(counterparts), s.log)
	}
	z := counterparts[0]
	s.checkValues(h, values{"crm_reference": z.RecordID, "zoho_id": ""})
	s.checkValues(z, values{"HubSpot_ID": ""})
	s.mustEdit(z, values{"Mailing_City": "Ockham"}, time.Time{})
	s.awaitIdle()
	s.checkValues(h, values{"city": "Ockham"})
	s.checkWrites(2, 1)
	if open := s.listFailures(); len(open) > 0 {
		t.Errorf("failures: %v", sortedMessages(open))
	}
}
