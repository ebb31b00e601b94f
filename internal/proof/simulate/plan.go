package simulate

import (
	"math/rand/v2"
	"slices"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// fault is one thing that goes wrong with a call.
type fault string

// The faults. Each seed draws which of them it has, and how often.
const (
	noFault     fault = ""
	rateLimited fault = "rate limited"
	down        fault = "unavailable"
	lostAnswer  fault = "answer lost after commit"
	lateWrite   fault = "write lands late"
	locked      fault = "locked"
	unauthed    fault = "unauthorized"
	staleRead   fault = "stale read"
	staleSearch fault = "stale search"

	storeDown      fault = "store unavailable"
	storeAborted   fault = "store aborts"
	storeLost      fault = "store answer lost"
	storeRepeated  fault = "store repeats a commit"
	failuresDown   fault = "failures unavailable"
	webhookTwice   fault = "webhook twice"
	webhookLate    fault = "webhook late"
	webhookDay     fault = "webhook a day late"
	webhookLost    fault = "webhook lost"
	publishFailed  fault = "publish failed"
	redelivered    fault = "redelivered after ack"
	suffixAgain    fault = "key redelivered from an acked message"
	stalled        fault = "stalled beyond the lease"
	outage         fault = "outage of a CRM"
	storeOutage    fault = "outage of the store"
	wiped          fault = "store emptied"
	deadLettered   fault = "dead-lettered"
	sweepFailed    fault = "sweep failed"
	shortPage      fault = "page of a sweep cut short"
	answeredTwice  fault = "published, and the CRM answered otherwise"
	garbled        fault = "message that is no operation"
	revoked        fault = "token revoked for hours"
	usedUp         fault = "calls of the day used up"
	recordLocked   fault = "record locked for long"
	unreadable     fault = "record that cannot be read"
	odd            fault = "record with an unknown error"
	explosive      fault = "record that makes the handler panic"
	poisoned       fault = "operation given up"
	mailDown       fault = "mail service unavailable"
	mailLimited    fault = "mail service takes no more"
	mailLost       fault = "mail accepted, answer lost"
	mailOverlap    fault = "two jobs mail at once"
	digestFailed   fault = "digest failed"
	handlerTimeout fault = "handler out of time"
	held           fault = "clears held for hours"
)

// optional faults are switched on seed by seed.
var optional = []fault{
	rateLimited, down, lostAnswer, lateWrite, locked, unauthed, staleRead, staleSearch,
	storeDown, storeAborted, storeLost, storeRepeated, failuresDown,
	webhookTwice, webhookLate, webhookDay, publishFailed, answeredTwice, garbled, redelivered, suffixAgain,
	stalled, outage, revoked, usedUp, storeOutage, recordLocked, unreadable, odd, explosive, shortPage,
	mailDown, mailLimited, mailLost, mailOverlap, held,
}

// follow are faults that come of others, and those that a profile has.
var follow = []fault{webhookLost, wiped, deadLettered, sweepFailed, handlerTimeout, poisoned, digestFailed}

// Faults lists every kind of fault under the name by which it is counted.
func Faults() []string {
	var all []string
	for _, f := range slices.Concat(optional, follow) {
		all = append(all, string(f))
	}
	return all
}

// Boundaries lists the places at which a process may be killed, under the names
// by which kills are counted.
func Boundaries() []string {
	var all []string
	for _, effect := range []string{
		"start", "find link", "save link", "drop link", "record failure", "resolve failures", "sleep", "answer",
		"hubspot read", "hubspot find", "hubspot update", "hubspot list",
		"zoho read", "zoho history", "zoho find", "zoho create", "zoho update", "zoho list",
		"load cursor", "save cursor", "sweep publish",
		"find members", "publish", "suppress", "read the suppression list", "erase failures",
		"find links", "list links", "load hold", "save statistics", "load statistics", "load token", "load channels", "erase cursors", "dismiss failures",
		"list failures", "list due", "mark repeated", "replay publish", "claim digest", "list unreported", "send mail", "mark mailed", "release digest",
	} {
		all = append(all, "before "+effect)
	}
	return all
}

// plan is what a seed draws before anything happens.
type plan struct {
	lossy   bool
	dense   bool
	records map[crm.Kind]int // that people enter
	edits   int
	gap     int64   // longest time between two edits, in milliseconds
	answers float64 // how often an edit is answered on the other side at once
	skew    [2]int64
	rate    float64 // faults for each call
	kill    float64 // kills for each step
	has     map[fault]bool
	noField bool // the field does not exist for the Zoho id in HubSpot
	repeats int  // of how many values people type the same again; 0 for new ones
	bad     bool // people type values that the other side refuses
	deletes bool
	merges  bool
	replays bool // people replay failures meanwhile
	wipe    bool // the store loses all links halfway
}

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// skews are the distances between a CRM's clock and ours.
var skews = []int64{0, 0, 0, 200, -200, 2 * second, -2 * second, 5 * second, 30 * second, -30 * second}

func drawPlan(rng *rand.Rand, seed uint64) plan {
	p := plan{
		lossy: seed%2 == 1, dense: rng.IntN(3) > 0,
		records: map[crm.Kind]int{crm.Contact: 2 + rng.IntN(3), crm.Company: rng.IntN(3)}, edits: 32 + rng.IntN(25),
		rate: 0.07 + 0.18*rng.Float64(), kill: 0.01 + 0.04*rng.Float64(),
		has: map[fault]bool{}, repeats: []int{0, 0, 3}[rng.IntN(3)], bad: rng.IntN(3) == 0,
		deletes: rng.IntN(4) == 0, merges: rng.IntN(5) == 0, replays: rng.IntN(2) == 0, noField: rng.IntN(10) == 0,
	}
	p.wipe = rng.IntN(15) == 0 && !p.deletes && !p.merges
	p.gap, p.answers = 20*second, 0.35
	switch {
	case !p.dense:
		p.gap = 10 * minute
	case rng.IntN(2) == 0: // a crowd at one desk
		p.gap, p.answers = 5*second, 0.7
		p.records[crm.Contact], p.records[crm.Company] = 1+rng.IntN(2), rng.IntN(2)
		p.repeats = min(p.repeats, 2)
	}
	if p.merges {
		p.records[crm.Contact] += 2
	}
	for i := range p.skew {
		p.skew[i] = skews[rng.IntN(len(skews))]
	}
	for _, f := range optional {
		p.has[f] = rng.IntN(4) > 0
	}
	p.has[webhookLost] = p.lossy
	p.has[staleRead] = p.has[staleRead] && p.lossy
	return p
}
