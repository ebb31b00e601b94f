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
	s := begin(t, withMapping(otherIDs), func(o *houseOptions) {
		o.Zoho.ExtraFields = map[string][]zohosim.Field{zohosim.Contacts: {{APIName: "HS_Reference", Unique: true, Custom: true}}}
	})
	s.define(`{"name":"crm_reference","label":"CRM reference","type":"string","fieldType":"text","groupName":"contactinformation","hasUniqueValue":true}`)
	s.reset()
	h := s.new(crm.HubSpot, crm.Contact, values{"lastname": "Lovelace", "city": "London"}, time.Time{})
	s.rest()
	twins, err := s.find(s.ctx, crm.Zoho, crm.Contact, "HS_Reference", h.RecordID)
	if s.must(err); len(twins) != 1 {
		t.Fatalf("%d contacts of Zoho carry the id\n%s", len(twins), s.log)
	}
	z := twins[0]
	s.holds(h, values{"crm_reference": z.RecordID, "zoho_id": ""})
	s.holds(z, values{"HubSpot_ID": ""})
	s.change(z, values{"Mailing_City": "Ockham"}, time.Time{})
	s.rest()
	s.holds(h, values{"city": "Ockham"})
	s.wrote(2, 1)
	if open := s.failures(); len(open) > 0 {
		t.Errorf("failures: %v", messages(open))
	}
}
