package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

// operation is what one operation uses of Google Cloud: docs/performance.md
// says how it was measured.
type operation struct {
	name          string
	busy          time.Duration // of a consumer's instance that does nothing else
	processor     time.Duration // of all functions, when many are under way
	reads, writes int
}

// An edit comes with the event that its own write causes on the other side.
var (
	update   = operation{"an edit that is carried over", 320 * time.Millisecond, 3 * time.Millisecond, 1, 2}
	echoed   = operation{"the echo of that", 120 * time.Millisecond, time.Millisecond, 1, 0}
	creation = operation{"a contact that is created", 600 * time.Millisecond, 3 * time.Millisecond, 4, 2}
)

// loads are what a month is calculated with beside the operations themselves.
var loads = struct {
	delivered     time.Duration // of a webhook's instance, for one event alone
	logged        float64       // bytes for an operation, the webhook's entry included
	eventsInBurst float64       // of a webhook's body
	opsPerStats   float64       // operations for a write of statistics, when busy
	job           time.Duration // of a scheduled function's instance
	jobReads      float64
	jobWrites     float64
}{30 * time.Millisecond, 900, 100, 50, time.Second, 8, 8}

// jobs are the scheduled functions, with how often a month they run. A test
// compares them with terraform's.
var jobs = map[string]struct {
	schedule string
	runs     float64
}{
	"RefreshZohoToken":  {"*/30 * * * *", 48 * daysAMonth},
	"RenewZohoChannels": {"15,45 * * * *", 48 * daysAMonth},
	"Reconcile":         {"*/5 * * * *", 288 * daysAMonth},
	"SendFailureDigest": {"0 * * * *", 24 * daysAMonth},
}

const (
	daysAMonth = 30.0
	month      = daysAMonth * 24 * 3600 // seconds
	secrets    = 7
)

// bill is the cost of a month by purpose, in US dollars.
type bill struct {
	instances, requests, messages, reads, writes, log, jobs, secrets float64
}

func (b bill) totalCost() float64 {
	return b.instances + b.requests + b.messages + b.reads + b.writes + b.log + b.jobs + b.secrets
}

// monthlyBill is the bill for so many edits a month, half of them in each CRM. Evenly
// spread they are at their dearest, since an instance is billed as long as it has
// a request; in bursts its requests overlap, and its processor is what counts.
func monthlyBill(edits float64, bursts bool) bill {
	p := prices
	instance := p.vcpus*p.vcpuSecond + p.gibs*p.gibSecond
	ops := 2 * edits
	bodies := ops
	statistics := math.Min(ops, 2*month/60) + ops/loads.opsPerStats
	var seconds float64
	if bursts {
		bodies = ops / loads.eventsInBurst
		seconds = edits * (update.processor + echoed.processor).Seconds()
	} else {
		// Each consumer and each webhook sees half of the edits and of the echoes.
		consumer := edits / 2 * (update.busy + echoed.busy).Seconds()
		webhook := ops / 2 * loads.delivered.Seconds()
		seconds = 2*busySeconds(consumer) + 2*busySeconds(webhook)
	}
	b := bill{
		instances: seconds * instance,
		requests:  (ops + bodies) * p.request,
		messages:  ops * 2 * max(p.leastMessage, p.messageSize) / (1 << 40) * p.tebibyte,
		reads:     edits * float64(update.reads+echoed.reads) * p.documentRead,
		writes:    (edits*float64(update.writes+echoed.writes) + statistics) * p.docWrite,
		log:       ops * loads.logged / (1 << 30) * p.logGibibyte,
		secrets:   secrets * p.secretVersion,
	}
	for _, j := range jobs {
		b.jobs += p.job + j.runs*(loads.job.Seconds()*instance+p.request+loads.jobReads*p.documentRead+loads.jobWrites*p.docWrite)
	}
	return b
}

// busySeconds is how much of a month an instance has a request, with requests of so many
// seconds in all that come independently of each other.
func busySeconds(seconds float64) float64 { return month * (1 - math.Exp(-seconds/month)) }

// printCosts prints the tables of docs/cost.md.
func printCosts(w io.Writer) {
	fmt.Fprint(w, "| operation | instance, alone | processor, among many | reads | writes |\n|---|---|---|---|---|\n")
	for _, o := range []operation{update, echoed, creation} {
		fmt.Fprintf(w, "| %s | %d ms | %d ms | %d | %d |\n", o.name, o.busy.Milliseconds(), o.processor.Milliseconds(), o.reads, o.writes)
	}
	fmt.Fprint(w, "\n| US dollars a month, for edits | 1,000 | 100,000 | 10,000,000 | 10,000,000 in bursts |\n|---|---|---|---|---|\n")
	bills := []bill{monthlyBill(1e3, false), monthlyBill(1e5, false), monthlyBill(1e7, false), monthlyBill(1e7, true)}
	row := func(name string, of func(bill) float64) {
		fmt.Fprintf(w, "| %s |", name)
		for _, b := range bills {
			fmt.Fprintf(w, " %.2f |", of(b))
		}
		fmt.Fprintln(w)
	}
	row("instances", func(b bill) float64 { return b.instances })
	row("requests", func(b bill) float64 { return b.requests })
	row("Pub/Sub", func(b bill) float64 { return b.messages })
	row("Firestore, reads", func(b bill) float64 { return b.reads })
	row("Firestore, writes", func(b bill) float64 { return b.writes })
	row("log", func(b bill) float64 { return b.log })
	row("scheduled functions", func(b bill) float64 { return b.jobs })
	row("secrets", func(b bill) float64 { return b.secrets })
	row("**all**", bill.totalCost)
}
