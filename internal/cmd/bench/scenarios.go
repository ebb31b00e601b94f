package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
)

// scenario is one thing to measure.
type scenario struct {
	name string
	// productOnly scenarios have no baseline: no call is shared in them.
	productOnly bool
	// measure runs one variant with a share of the records.
	measure func(ctx context.Context, o options, product bool, share float64) (*measurement, error)
}

var scenarios []scenario

func init() {
	scenarios = []scenario{
		{"burst-create", false, measureBurstCreate},
		{"burst-edit", false, measureBurstEdit},
		{"five-properties", false, measureFiveProperties},
		{"echo", false, measureEcho},
		{"lone", false, measureLoneEdits},
		{"quota", false, measureQuota},
		{"ingest", true, measureIngest},
	}
}

func scenarioNames() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.name
	}
	return names
}

// scaleRecords is how many records a variant is measured with.
func scaleRecords(records int, share float64) int { return max(int(float64(records)*share), 10) }

// waitUntilWritten returns when all records have been written after a time, with the time
// of the last.
func (r *testbed) waitUntilWritten(ctx context.Context, records []string, after time.Time) (time.Time, error) {
	for {
		n, last := r.meter.countWritten(records, after)
		if n == len(records) {
			return last, nil
		}
		if err := (clock.System{}).Sleep(ctx, 50*time.Millisecond); err != nil {
			return last, fmt.Errorf("%d of %d records are there: %w", n, len(records), err)
		}
	}
}

// measureLatencies are the times from each event to its record being seen.
func (r *testbed) measureLatencies(events map[string]time.Time) []time.Duration {
	var all []time.Duration
	for record, began := range events {
		if at, seen := r.meter.writtenAt(record); seen {
			all = append(all, at.Sub(began))
		}
	}
	return all
}

// maxTime bounds one variant of a scenario.
const maxTime = 15 * time.Minute

// onTestbed runs f on a testbed of its own.
func onTestbed(ctx context.Context, o options, s setting, f func(context.Context, *testbed) (*measurement, error)) (*measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	r, err := newTestbed(ctx, o, s)
	if err != nil {
		return nil, err
	}
	defer r.closeAll()
	return f(ctx, r)
}

// measureBurstCreate: people create contacts in HubSpot and all must be in Zoho. Zoho does
// not report the writes of the connector; echo measures their cost.
func measureBurstCreate(ctx context.Context, o options, product bool, share float64) (*measurement, error) {
	return onTestbed(ctx, o, setting{latency: o.latency, silentZoho: true}, func(ctx context.Context, r *testbed) (*measurement, error) {
		if err := r.restartFunctions(ctx, product); err != nil {
			return nil, err
		}
		return r.createAll(ctx, scaleRecords(o.records, share))
	})
}

// createAll creates n contacts and measures until all are in Zoho.
func (r *testbed) createAll(ctx context.Context, n int) (*measurement, error) {
	w := r.startWindow()
	ids, made, err := r.createContacts(ctx, n)
	if err != nil {
		return nil, err
	}
	records, events := make([]string, n), make(map[string]time.Time, n)
	for i, id := range ids {
		records[i] = "counterpart of " + id
		events[records[i]] = made[id]
	}
	last, err := r.waitUntilWritten(ctx, records, w.began)
	if err := errors.Join(err, r.waitUntilIdle(ctx)); err != nil {
		return nil, err
	}
	return r.endWindow(w, n, last, r.measureLatencies(events)), nil
}

// createPairs makes n contacts that are on both sides, and waits until everything is idle.
// The functions are then restarted as the variant to be measured.
func (r *testbed) createPairs(ctx context.Context, n int, product bool) ([]pair, error) {
	if _, err := r.createAll(ctx, n); err != nil {
		return nil, fmt.Errorf("link the records: %w", err)
	}
	all, err := r.listPairs(ctx)
	if err != nil || len(all) != n {
		return nil, fmt.Errorf("%d of %d records are linked: %w", len(all), n, err)
	}
	r.meter.forgetWrites()
	r.clock.Advance(longAgo)
	return all, r.restartFunctions(ctx, product)
}

// editAll edits one field of each contact in Zoho and measures until all are in
// HubSpot.
func (r *testbed) editAll(ctx context.Context, all []pair, value string) (*measurement, error) {
	w := r.startWindow()
	records, events := make([]string, len(all)), make(map[string]time.Time, len(all))
	for i, p := range all {
		records[i] = "hubspot " + p.hubspot
	}
	for first := 0; first < len(all); first += massEdit {
		var ids []string
		for i := first; i < min(first+massEdit, len(all)); i++ {
			ids = append(ids, all[i].zoho)
			events[records[i]] = time.Now()
		}
		if err := r.editInZoho(ctx, ids, "Mailing_City", value); err != nil {
			return nil, err
		}
	}
	last, err := r.waitUntilWritten(ctx, records, w.began)
	if err := errors.Join(err, r.waitUntilIdle(ctx)); err != nil {
		return nil, err
	}
	return r.endWindow(w, len(all), last, r.measureLatencies(events)), nil
}

// measureBurstEdit: linked contacts are edited in Zoho. HubSpot does not report
// the writes of the connector.
func measureBurstEdit(ctx context.Context, o options, product bool, share float64) (*measurement, error) {
	return onTestbed(ctx, o, setting{latency: o.latency, past: true}, func(ctx context.Context, r *testbed) (*measurement, error) {
		all, err := r.createPairs(ctx, scaleRecords(o.records, share), product)
		if err != nil {
			return nil, err
		}
		r.hubspot.SetWebhookURL("")
		return r.editAll(ctx, all, "Paris")
	})
}

// measureEcho is burst-edit twice, the second time with every write of the connector
// coming back as an event.
func measureEcho(ctx context.Context, o options, product bool, share float64) (*measurement, error) {
	return onTestbed(ctx, o, setting{latency: o.latency, past: true}, func(ctx context.Context, r *testbed) (*measurement, error) {
		all, err := r.createPairs(ctx, scaleRecords(o.records, share*echoShare), product)
		if err != nil {
			return nil, err
		}
		r.hubspot.SetWebhookURL("")
		silent, err := r.editAll(ctx, all, "Paris")
		if err != nil {
			return nil, err
		}
		r.hubspot.SetWebhookURL(r.env["HUBSPOT_WEBHOOK_URL"])
		f, err := r.editAll(ctx, all, "Rome")
		if err != nil {
			return nil, err
		}
		f.ExtraCallsPerRecord = f.CallsPerRecord - silent.CallsPerRecord
		return f, nil
	})
}

// Shares of the records that the scenarios other than the two bursts take.
const (
	echoShare           = 0.5
	fivePropertiesShare = 0.2
	loneShare           = 0.005
)

// measureFiveProperties: five properties of each contact are edited in HubSpot, in
// mixed order, each an event of its own.
func measureFiveProperties(ctx context.Context, o options, product bool, share float64) (*measurement, error) {
	return onTestbed(ctx, o, setting{latency: o.latency, past: true, gather: 2 * time.Second}, func(ctx context.Context, r *testbed) (*measurement, error) {
		n := scaleRecords(o.records, share*fivePropertiesShare)
		all, err := r.createPairs(ctx, n, product)
		if err != nil {
			return nil, err
		}
		type edit struct {
			pair     pair
			property string
		}
		var edits []edit
		for _, p := range all {
			for _, property := range []string{"firstname", "lastname", "city", "jobtitle", "zip"} {
				edits = append(edits, edit{p, property})
			}
		}
		rand.New(rand.NewPCG(1, 5)).Shuffle(len(edits), func(i, j int) { edits[i], edits[j] = edits[j], edits[i] })
		w := r.startWindow()
		events := map[string]time.Time{}
		for _, e := range edits {
			events["zoho "+e.pair.zoho] = time.Now()
			if err := r.editInHubSpot(ctx, e.pair.hubspot, e.property, "New "+e.property); err != nil {
				return nil, err
			}
		}
		var records []string
		for record := range events {
			records = append(records, record)
		}
		last, err := r.waitUntilWritten(ctx, records, w.began)
		if err := errors.Join(err, r.waitUntilIdle(ctx)); err != nil {
			return nil, err
		}
		f := r.endWindow(w, n, last, r.measureLatencies(events))
		f.SyncsPerRecord = ratio(float64(f.Outcomes["updated"]), float64(n))
		return f, nil
	})
}
