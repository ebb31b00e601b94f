package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/hubspot"
)

// measureLoneEdits: one edit at a time, in Zoho, with an echo from HubSpot, and then in
// HubSpot.
func measureLoneEdits(ctx context.Context, o options, product bool, share float64) (*measurement, error) {
	const latency = 100 * time.Millisecond
	return onTestbed(ctx, o, setting{latency: latency, past: true, gather: time.Millisecond}, func(ctx context.Context, r *testbed) (*measurement, error) {
		all, err := r.createPairs(ctx, scaleRecords(o.records, loneShare*min(1, share*5)), product)
		if err != nil {
			return nil, err
		}
		r.hubspot.SetWebhookURL("")
		if _, err := r.editAll(ctx, all[:1], "warm up"); err != nil {
			return nil, err
		}
		w := r.startWindow()
		var latencies []time.Duration
		var last time.Time
		for _, p := range all {
			f, err := r.editAll(ctx, []pair{p}, "Paris")
			if err != nil {
				return nil, err
			}
			at, _ := r.meter.writtenAt("hubspot " + p.hubspot)
			last = at
			latencies = append(latencies, time.Duration(f.P50*float64(time.Millisecond)))
		}
		f := r.endWindow(w, len(all), last, latencies)
		// A re-read verifies the write, after it is to be seen.
		f.RoundTrips = f.CallsPerRecord - 1
		f.OverheadP50 = f.P50 - f.RoundTrips*milliseconds(latency)
		r.hubspot.SetWebhookURL(r.env["HUBSPOT_WEBHOOK_URL"])
		echoed, err := r.editAll(ctx, all[:1], "Rome")
		if err != nil {
			return nil, err
		}
		f.EchoRoundTrips = echoed.CallsPerRecord - f.CallsPerRecord
		f.P50FromHubSpot, err = r.editOneByOneInHubSpot(ctx, all)
		return f, err
	})
}

// leftAlone is longer than a pair must have been left alone for both sides to be
// read at once.
const leftAlone = 31 * time.Second

// editOneByOneInHubSpot returns the median time until an edit in HubSpot is to be
// seen in Zoho, in milliseconds.
func (r *testbed) editOneByOneInHubSpot(ctx context.Context, all []pair) (float64, error) {
	if err := (clock.System{}).Sleep(ctx, leftAlone); err != nil {
		return 0, err
	}
	var latencies []time.Duration
	for _, p := range all {
		began := time.Now()
		if err := r.editInHubSpot(ctx, p.hubspot, "city", "Athens"); err != nil {
			return 0, err
		}
		at, err := r.waitUntilWritten(ctx, []string{"zoho " + p.zoho}, began)
		if err := errors.Join(err, r.waitUntilIdle(ctx)); err != nil {
			return 0, err
		}
		latencies = append(latencies, at.Sub(began))
	}
	return percentile(latencies, 50), nil
}

// measureQuota is burst-create with the quotas that HubSpot and Zoho document.
func measureQuota(ctx context.Context, o options, product bool, share float64) (*measurement, error) {
	return onTestbed(ctx, o, setting{latency: o.latency, quotas: true, silentZoho: true}, func(ctx context.Context, r *testbed) (*measurement, error) {
		if err := r.restartFunctions(ctx, product); err != nil {
			return nil, err
		}
		f, err := r.createAll(ctx, scaleRecords(o.records, share))
		if err != nil {
			return nil, err
		}
		// What a call takes in full batches: reads of 50 and writes of 100 in
		// HubSpot, and Zoho answers ten calls at once.
		const hubspotPerRecord, zohoPerRecord = 1.0/50 + 1.0/100, 1.0/200 + 2.0/100
		f.QuotaBound = min(19/hubspotPerRecord, 10/o.latency.Seconds()/zohoPerRecord)
		if !product {
			f.QuotaBound = min(19/f.HubSpotPerRecord, 10/o.latency.Seconds()/f.ZohoPerRecord)
		}
		f.QuotaShare = f.RecordsPerSecond / f.QuotaBound
		return f, nil
	})
}

// measureIngest: signed bodies of 100 events at full speed, ten at once.
func measureIngest(ctx context.Context, o options, _ bool, _ float64) (*measurement, error) {
	const events, atOnce = 100, 10
	return onTestbed(ctx, o, setting{noConsumers: true, silentZoho: true, silentHubSpot: true}, func(ctx context.Context, r *testbed) (*measurement, error) {
		bodies := max(o.records/20, atOnce)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}, Timeout: 10 * time.Second}
		var mu sync.Mutex
		var latencies []time.Duration
		var failed error
		next := make(chan int)
		var wait sync.WaitGroup
		w := r.startWindow()
		for range atOnce {
			wait.Go(func() {
				for i := range next {
					took, err := r.deliverEvents(ctx, client, i, events)
					mu.Lock()
					latencies, failed = append(latencies, took), errors.Join(failed, err)
					mu.Unlock()
				}
			})
		}
		for i := range bodies {
			next <- i
		}
		close(next)
		wait.Wait()
		f := r.endWindow(w, bodies*events, time.Now(), latencies)
		f.EventsPerSecond = f.RecordsPerSecond
		return f, failed
	})
}

// deliverEvents sends one body of events, each about another contact.
func (r *testbed) deliverEvents(ctx context.Context, client *http.Client, body, events int) (time.Duration, error) {
	var b bytes.Buffer
	for i := range events {
		comma := ","
		if i == 0 {
			comma = "["
		}
		fmt.Fprintf(&b, `%s{"eventId":%d,"subscriptionId":1,"portalId":48975575,"appId":39522895,"occurredAt":%d,`+
			`"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":%d,"propertyName":"city",`+
			`"propertyValue":"Paris","changeSource":"CRM_UI","sourceId":"userId:1"}`,
			comma, body*events+i, time.Now().UnixMilli(), 500_000_000_000+body*events+i)
	}
	b.WriteByte(']')
	url := r.env["HUBSPOT_WEBHOOK_URL"]
	timestamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b.Bytes()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-HubSpot-Request-Timestamp", timestamp)
	req.Header.Set("X-HubSpot-Signature-v3", hubspot.SignRequest("v3", r.env["HUBSPOT_CLIENT_SECRET"], http.MethodPost, url, b.Bytes(), timestamp))
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	if err := resp.Body.Close(); err != nil || resp.StatusCode > 299 {
		return took, fmt.Errorf("a body was answered with %d: %w", resp.StatusCode, err)
	}
	return took, nil
}
