package op

import (
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func BenchmarkEncode(b *testing.B) {
	o := Operation{
		ID: "3f0c2a52-7b1d-4a7e-9d55-0d7c3ad0a3a1", Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: "508369434347"},
		Change: Updated, OccurredAt: time.Unix(1_790_000_000, 0), ReceivedAt: time.Unix(1_790_000_001, 0), Events: 3,
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data := []byte(`{"version":1,"id":"3f0c2a52-7b1d-4a7e-9d55-0d7c3ad0a3a1","ref":{"system":"hubspot","kind":"contact","record_id":"508369434347"},` +
		`"change":"updated","occurred_at":"2026-11-01T10:00:00Z","received_at":"2026-11-01T10:00:01Z","events":3}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
