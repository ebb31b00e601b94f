package mapping

import (
	"testing"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// BenchmarkCanon brings one value of each kind into its canonical form.
func BenchmarkCanon(b *testing.B) {
	fields := Default().Object(crm.Contact)
	for name, raw := range map[string]string{
		"last_name": " Lovelace ", "email": "Ada@Example.com", "phone": "+1 (415) 555-0100", "country": "United Kingdom",
	} {
		f := fields.Field(name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f.Canon(crm.HubSpot, raw) == "" {
					b.Fatal("the value is lost")
				}
			}
		})
	}
}
