package plan

import (
	"math"
	"time"

	"github.com/hubspot-zoho/connector/internal/reconcile"
)

// Sizes are the most records that a call takes.
type Sizes struct {
	List, Read, Write int
	Find              int // records looked up by one call
	CreditStep        int // written records that one credit buys, 0 if a call is one
}

// Quotas are what the accounts allow, and the share of it that a backfill may
// take.
type Quotas struct {
	HubSpotPer10s     int
	ZohoCreditsPerDay int
	Share             float64
	PerSecond         float64 // operations that the backfill adds
}

// Estimate is what a backfill would take. It assumes calls that are full, which
// they are under load.
type Estimate struct {
	HubSpotCalls int           `json:"hubspot_calls"`
	ZohoCalls    int           `json:"zoho_calls"`
	ZohoCredits  int           `json:"zoho_credits"`
	Time         time.Duration `json:"-"`
	Seconds      float64       `json:"seconds"`
	BoundBy      string        `json:"bound_by"`
	USD          float64       `json:"usd"`
}

// What the cloud takes for an operation, and its prices in US dollars.
// Source: the price lists of Cloud Run, Pub/Sub and Firestore, us-central1.
const (
	secondsPerOperation = 0.5
	operationsAtOnce    = 10.0 // in one instance
	usdPerCPUSecond     = 24e-6
	usdPerGiBSecond     = 2.5e-6
	gib                 = 0.5
	usdPerRequest       = 0.4e-6
	usdPerMessage       = 2 * 1000.0 / (1 << 40) * 40 // in and out, 1 kB at least
	usdPerRead          = 0.3e-6
	usdPerDocWrite      = 0.9e-6
	readsPerOperation   = 5.0 // two of the consumer's, three of the backfill's
	writesPerOperation  = 4.0 // the link twice, and a claim on each record
)

// Estimate reckons from what the plan has counted.
func (r Report) Estimate(hubspot, zoho Sizes, q Quotas) Estimate {
	n, link, update := r.Records, r.Counts.Total(reconcile.Link), r.Counts.Total(reconcile.Update)
	wroteHubSpot, wroteZoho := r.Writes["hubspot"], r.Writes["zoho"]
	valuesHubSpot, valuesZoho := r.Values["hubspot"], r.Values["zoho"]
	// What is listed need not be read. Values are read back, and once more for
	// their echo, which Zoho sends after every write.
	e := Estimate{
		HubSpotCalls: calls(n, hubspot.List) + calls(link, hubspot.Find) + calls(wroteHubSpot, hubspot.Write) + 2*calls(valuesHubSpot, hubspot.Read),
		ZohoCalls: calls(n-update, zoho.Find) + calls(update, zoho.Read) + calls(wroteZoho, zoho.Write) +
			calls(valuesZoho, zoho.Read) + calls(wroteZoho, zoho.Read),
	}
	e.ZohoCredits = e.ZohoCalls + calls(wroteZoho, zoho.CreditStep) - calls(wroteZoho, zoho.Write)
	e.bound(n, q)
	ops := float64(n)
	e.USD = ops*(secondsPerOperation/operationsAtOnce*(usdPerCPUSecond+gib*usdPerGiBSecond)+usdPerRequest+usdPerMessage) +
		ops*(readsPerOperation*usdPerRead+writesPerOperation*usdPerDocWrite)
	return e
}

// bound finds what takes longest.
func (e *Estimate) bound(records int, q Quotas) {
	for _, b := range []struct {
		by      string
		seconds float64
	}{
		{"--per-second", float64(records) / q.PerSecond},
		{"HubSpot's calls in 10 seconds", float64(e.HubSpotCalls) * 10 / (float64(q.HubSpotPer10s) * q.Share)},
		{"Zoho's credits of a day", math.Floor(float64(e.ZohoCredits)/(float64(q.ZohoCreditsPerDay)*q.Share)) * 86_400},
	} {
		if b.seconds >= e.Seconds {
			e.Seconds, e.BoundBy = b.seconds, b.by
		}
	}
	e.Time = time.Duration(e.Seconds * float64(time.Second)).Round(time.Second)
}

// calls is how many calls so many records take.
func calls(records, size int) int {
	if size <= 0 {
		return records
	}
	return (records + size - 1) / size
}
