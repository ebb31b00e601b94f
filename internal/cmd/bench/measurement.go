package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// measurement is the result of one run of a scenario. Other programs read the keys.
type measurement struct {
	Records             int            `json:"records"`
	Seconds             float64        `json:"seconds"`
	RecordsPerSecond    float64        `json:"records_per_second"`
	P50                 float64        `json:"p50_ms"`
	P95                 float64        `json:"p95_ms"`
	P99                 float64        `json:"p99_ms"`
	CallsPerRecord      float64        `json:"calls_per_record"`
	HubSpotPerRecord    float64        `json:"hubspot_calls_per_record"`
	ZohoPerRecord       float64        `json:"zoho_calls_per_record"`
	CreditsPerRecord    float64        `json:"zoho_credits_per_record"`
	CallsByKind         map[string]int `json:"calls_by_kind"`
	Rejected            int            `json:"rejected_429"`
	RejectedShare       float64        `json:"rejected_429_share"`
	Parked              int            `json:"parked"`
	Operations          int            `json:"operations"`
	Outcomes            map[string]int `json:"outcomes"`
	ReadsPerOp          float64        `json:"firestore_reads_per_op"`
	WritesPerOp         float64        `json:"firestore_writes_per_op"`
	Messages            int            `json:"pubsub_messages"`
	CPUPerOp            float64        `json:"cpu_ms_per_op"`
	PeakMiB             float64        `json:"peak_mib"`
	USDPerMillion       float64        `json:"usd_per_million"`
	ColdStart           float64        `json:"cold_start_ms"`
	QuotaBound          float64        `json:"quota_bound_records_per_second,omitempty"`
	QuotaShare          float64        `json:"quota_share,omitempty"`
	OverheadP50         float64        `json:"overhead_p50_ms,omitempty"`
	RoundTrips          float64        `json:"crm_round_trips,omitempty"`
	EchoRoundTrips      float64        `json:"crm_round_trips_of_an_echo,omitempty"`
	P50FromHubSpot      float64        `json:"p50_ms_from_hubspot,omitempty"`
	EventsPerSecond     float64        `json:"events_per_second,omitempty"`
	ExtraCallsPerRecord float64        `json:"extra_calls_per_record,omitempty"`
	SyncsPerRecord      float64        `json:"synchronisations_per_record,omitempty"`
}

// outcome is a scenario in both variants; one that was not run is nil.
type outcome struct {
	Product  *measurement `json:"product,omitempty"`
	Baseline *measurement `json:"baseline,omitempty"`
}

// window is the span of time between two moments, with the counts at its start.
type window struct {
	began     time.Time
	counts    counts
	reads     int64
	writes    int64
	messages  int64
	processor time.Duration
	outcomes  map[string]int
	logged    int
}

func (r *testbed) startWindow() window {
	outcomes, logged := r.process.summarizeLog()
	return window{
		began: time.Now(), counts: r.meter.readCounts(), reads: r.usage.Reads.Load(), writes: r.usage.Writes.Load(),
		messages: r.usage.Messages.Load(), processor: r.process.processorTime(), outcomes: outcomes, logged: logged,
	}
}

// endWindow ends the window after n records were processed, the last of which was to
// be seen at a time.
func (r *testbed) endWindow(w window, n int, last time.Time, latencies []time.Duration) *measurement {
	now := r.startWindow()
	calls := now.counts.subtractCounts(w.counts)
	perRecord := func(x int) float64 { return ratio(float64(x), float64(n)) }
	f := &measurement{
		Records: n, Seconds: last.Sub(w.began).Seconds(),
		CallsPerRecord: perRecord(calls.sumCalls("")), HubSpotPerRecord: perRecord(calls.sumCalls("hubspot")),
		ZohoPerRecord: perRecord(calls.sumCalls("zoho")), CreditsPerRecord: perRecord(calls.credits),
		CallsByKind: calls.calls, Rejected: calls.rejected, RejectedShare: ratio(float64(calls.rejected), float64(calls.sumCalls(""))),
		Outcomes: map[string]int{}, Messages: int(now.messages - w.messages), PeakMiB: r.process.peakMemory(),
		ColdStart: milliseconds(r.process.first),
	}
	f.RecordsPerSecond = ratio(float64(n), f.Seconds)
	f.P50, f.P95, f.P99 = percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 99)
	for name, total := range now.outcomes {
		if done := total - w.outcomes[name]; done > 0 {
			f.Outcomes[name] = done
			f.Operations += done
		}
	}
	f.Parked = f.Outcomes["parked"]
	ops := float64(f.Operations)
	f.ReadsPerOp, f.WritesPerOp = ratio(float64(now.reads-w.reads), ops), ratio(float64(now.writes-w.writes), ops)
	processor := now.processor - w.processor
	f.CPUPerOp = ratio(milliseconds(processor), ops)
	f.USDPerMillion = usage{
		operations: f.Operations, processor: processor, requests: f.Operations, messages: f.Messages,
		reads: int(now.reads - w.reads), writes: int(now.writes - w.writes), logged: now.logged - w.logged,
	}.costPerMillion()
	return f
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// percentile is that of latencies, in milliseconds.
func percentile(latencies []time.Duration, p int) float64 {
	if len(latencies) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(latencies))
	return milliseconds(sorted[min(len(sorted)*p/100, len(sorted)-1)])
}

func saveResults(path string, results map[string]outcome) error {
	data, err := json.MarshalIndent(map[string]any{"scenarios": results}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644) //nolint:gosec // the measurements are public
}

// printTable prints the measurements side by side, the most important ones first.
func printTable(w io.Writer, results map[string]outcome) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "scenario\t\trecords\trecords/s\tp50 ms\tp95 ms\tp99 ms\tcalls\thubspot\tzoho\tcredits\t429\tparked\treads\twrites\tcpu ms\tMiB\t$/million\t")
	for _, s := range scenarios {
		both, measured := results[s.name]
		if !measured {
			continue
		}
		printRow(t, s.name, "product", both.Product)
		printRow(t, s.name, "baseline", both.Baseline)
	}
	_ = t.Flush() // a table that cannot be shown is seen to be missing
	fmt.Fprintln(w, "calls, hubspot, zoho and credits are per record; reads, writes and cpu are per operation")
	for _, s := range scenarios {
		if both, measured := results[s.name]; measured {
			printDetails(w, s.name, both)
		}
	}
}

func printRow(w io.Writer, scenario, variant string, f *measurement) {
	if f == nil {
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.4f\t%.4f\t%.4f\t%.4f\t%d\t%d\t%.2f\t%.2f\t%.2f\t%.0f\t%.2f\t\n",
		scenario, variant, f.Records, f.RecordsPerSecond, f.P50, f.P95, f.P99, f.CallsPerRecord, f.HubSpotPerRecord,
		f.ZohoPerRecord, f.CreditsPerRecord, f.Rejected, f.Parked, f.ReadsPerOp, f.WritesPerOp, f.CPUPerOp, f.PeakMiB, f.USDPerMillion)
}

// printDetails prints what only one scenario has, and how the two variants compare.
func printDetails(w io.Writer, name string, both outcome) {
	f := both.Product
	if f == nil {
		return
	}
	fmt.Fprintf(w, "%s: cold start %.0f ms, outcomes %v\n", name, f.ColdStart, f.Outcomes)
	for _, kind := range slices.Sorted(maps.Keys(f.CallsByKind)) {
		fmt.Fprintf(w, "  %6d x %s\n", f.CallsByKind[kind], kind)
	}
	line := func(label string, value float64) {
		if value != 0 {
			fmt.Fprintf(w, "  %s: %.4g\n", label, value)
		}
	}
	line("records/s that the quotas allow", f.QuotaBound)
	line("share of that", f.QuotaShare)
	line("ms beyond the round trips, p50", f.OverheadP50)
	line("round trips to a CRM for an update", f.RoundTrips)
	line("round trips to a CRM for an echo", f.EchoRoundTrips)
	line("ms for an edit in HubSpot, p50", f.P50FromHubSpot)
	line("events/s", f.EventsPerSecond)
	line("calls per record that echoes cost", f.ExtraCallsPerRecord)
	line("synchronisations per record", f.SyncsPerRecord)
	if b := both.Baseline; b != nil {
		line("times fewer calls than the baseline", ratio(b.CallsPerRecord, f.CallsPerRecord))
	}
}
