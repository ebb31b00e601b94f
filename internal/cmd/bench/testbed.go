package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/cloud"
	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// testbed is the stack that a scenario runs on.
type testbed struct {
	options options
	hubspot *hubspotsim.Server
	zoho    *zohosim.Server
	meter   *meter
	cloud   *cloud.Cloud
	usage   cloud.Usage
	clock   *sim.Clock // of both CRMs
	env     map[string]string
	port    string
	process *process
	closers []func()
}

// setting says how the testbed of a scenario differs.
type setting struct {
	latency       time.Duration
	quotas        bool
	noConsumers   bool // no consumer takes the published operations
	silentHubSpot bool // HubSpot sends no webhooks
	silentZoho    bool
	gather        time.Duration // how long HubSpot gathers events
	// past lets the records be linked ten minutes before they are edited, so that
	// they have been left alone for a while.
	past bool
}

const longAgo = 10 * time.Minute

func newTestbed(ctx context.Context, o options, s setting) (_ *testbed, err error) {
	r := &testbed{options: o, meter: newMeter(), env: map[string]string{}}
	// An emulator receives the statistics of each operation, the cloud those of a minute.
	r.usage.Aside = "stats"
	defer func() {
		if err != nil {
			r.closeAll()
		}
	}()
	if r.port, err = freePort(); err != nil {
		return nil, err
	}
	functions := "http://127.0.0.1:" + r.port
	r.clock = sim.NewClock()
	if s.past {
		r.clock.Advance(-longAgo)
	}
	hc := hubspotsim.Config{Latency: s.latency, Quotas: s.quotas, DeliveryDelay: cmp.Or(s.gather, 100*time.Millisecond),
		Subscriptions: appSubscriptions(), Clock: r.clock}
	if !s.silentHubSpot {
		hc.WebhookURL = functions + "/HubSpotWebhook"
	}
	r.hubspot = hubspotsim.New(hc)
	r.closers = append(r.closers, r.hubspot.Close)
	r.zoho = zohosim.New(zohosim.Config{Latency: s.latency, Quotas: s.quotas, Edition: "standard", DailyCredits: 10_000_000, Clock: r.clock})
	r.closers = append(r.closers, func() { _ = r.zoho.Close() }) // nothing is waited for any more
	hubspotURL, err1 := r.serveLocally(r.meter.wrapHandler("hubspot", r.hubspot))
	zohoURL, err2 := r.serveLocally(r.meter.wrapHandler("zoho", r.zoho))
	if err := errors.Join(err1, err2, r.startCloud(ctx, functions, s.noConsumers)); err != nil {
		return nil, err
	}
	r.zoho.SetAPIDomain(zohoURL)
	for name, value := range map[string]string{
		"GOOGLE_CLOUD_PROJECT": "bench", "FIRESTORE_DATABASE": "", "ZOHO_OPERATIONS_TOPIC": "zoho-operations",
		"HUBSPOT_OPERATIONS_TOPIC": "hubspot-operations", "DEAD_OPERATIONS_TOPIC": "dead-operations",
		"HUBSPOT_API_URL": hubspotURL, "HUBSPOT_ACCESS_TOKEN": hubspotsim.DefaultAccessToken,
		"HUBSPOT_APP_ID":        strconv.Itoa(hubspotsim.DefaultAppID),
		"HUBSPOT_CLIENT_SECRET": hubspotsim.DefaultSecret, "HUBSPOT_WEBHOOK_URL": functions + "/HubSpotWebhook",
		"ZOHO_ACCOUNTS_URL": zohoURL, "ZOHO_CLIENT_ID": zohosim.DefaultClientID,
		"ZOHO_CLIENT_SECRET": zohosim.DefaultClientSecret, "ZOHO_REFRESH_TOKEN": zohosim.DefaultRefreshToken,
		"ZOHO_WEBHOOK_TOKEN": channelToken, "ZOHO_WEBHOOK_URL": functions + "/ZohoWebhook",
		"ZOHO_TOKEN_URL": functions + "/GetZohoToken", "HASH_KEY": "a benchmark needs no secret key", "MAPPING_YAML": "",
	} {
		r.env[name] = value
	}
	if err := r.restartFunctions(ctx, true); err != nil {
		return nil, err
	}
	if !s.silentZoho {
		return r, r.openChannel(ctx)
	}
	return r, nil
}

// appSubscriptions are those that the app has: to the mapped properties alone, so
// that the connector's own id field causes no event.
func appSubscriptions() []hubspotsim.Subscription {
	return slices.DeleteFunc(hubspotsim.DefaultSubscriptions(), func(s hubspotsim.Subscription) bool { return s.Property == "zoho_id" })
}

const channelToken, channelID = "a-token-of-the-benchmark", "1000000068001"

// openChannel opens the channel through which Zoho reports changes.
func (r *testbed) openChannel(ctx context.Context) error {
	client := &http.Client{Timeout: 20 * time.Second}
	tokens, err := zoho.NewTokenClient(r.env["ZOHO_TOKEN_URL"], client, clock.System{})
	if err != nil {
		return err
	}
	c, err := zoho.New(zoho.Config{Tokens: tokens, HTTP: client, AccountsURL: r.env["ZOHO_ACCOUNTS_URL"]})
	if err != nil {
		return err
	}
	_, err = c.OpenChannel(ctx, zoho.Channel{ID: channelID, Events: zoho.ChannelEvents(crm.Contact, crm.Company),
		NotifyURL: r.env["ZOHO_WEBHOOK_URL"], Token: zoho.Secret(channelToken)})
	return err
}

// restartFunctions starts the functions, or restarts them.
func (r *testbed) restartFunctions(ctx context.Context, product bool) error {
	if r.process != nil {
		r.process.stopProcess()
	}
	r.env["CALL_BATCHING"] = "on"
	if !product {
		r.env["CALL_BATCHING"] = "off"
	}
	verbose := io.Discard
	if r.options.verbose {
		verbose = os.Stderr
	}
	var err error
	r.process, err = startFunctions(ctx, r.port, r.env, verbose)
	return err
}

func (r *testbed) serveLocally(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // until it is closed
	r.closers = append(r.closers, func() { _ = server.Close() })
	return "http://" + l.Addr().String(), nil
}

// startCloud serves documents and topics, and counts the requests to them.
func (r *testbed) startCloud(ctx context.Context, functions string, noConsumers bool) error {
	subscription := func(topic, function string) queue.Subscription {
		return queue.Subscription{
			Name: topic + "-push", Topic: topic, Endpoint: functions + "/" + function, AckDeadline: 60 * time.Second,
			MinBackoff: 300 * time.Millisecond, MaxBackoff: 10 * time.Second, MaxInFlight: r.options.inFlight, Ordered: true,
		}
	}
	subscriptions := []queue.Subscription{
		subscription("zoho-operations", "ZohoConsumer"), subscription("hubspot-operations", "HubSpotConsumer"),
	}
	if noConsumers {
		sink, err := r.serveLocally(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		if err != nil {
			return err
		}
		for i := range subscriptions {
			subscriptions[i].Endpoint, subscriptions[i].MaxInFlight = sink, 4
		}
	}
	var err error
	r.cloud, err = cloud.Start(ctx, cloud.Options{
		Project: "bench", Subscriptions: subscriptions, Logger: slog.New(slog.DiscardHandler), Usage: &r.usage,
	})
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = r.cloud.Close(ctx) // the messages in flight do not matter
	})
	r.env["FIRESTORE_EMULATOR_HOST"], r.env["PUBSUB_EMULATOR_HOST"] = r.cloud.FirestoreHost, r.cloud.PubSubHost
	return nil
}

func (r *testbed) closeAll() {
	if r.process != nil {
		r.process.stopProcess()
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		r.closers[i]()
	}
}

// waitUntilIdle returns when everything has been idle for a while.
func (r *testbed) waitUntilIdle(ctx context.Context) error {
	for still := 0; still < 10; {
		if still++; !r.hubspot.Idle() || !r.zoho.Deliverer().Idle() || !r.cloud.Idle() {
			still = 0
		}
		if err := (clock.System{}).Sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("wait until idle: %w", err)
		}
	}
	return nil
}
