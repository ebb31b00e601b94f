package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/local/cloud"
	"github.com/hubspot-zoho/connector/internal/local/cloud/queue"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/sendgridsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

// houseOptions say what runs in the one process.
type houseOptions struct {
	Listen    string              // where the functions listen
	Getenv    func(string) string // goes before the defaults of a local run
	Sim       bool
	Emulators bool
	Dir       string
	Logger    *slog.Logger
	// Unscheduled keeps the scheduler's jobs from running by themselves.
	Unscheduled bool
	// AtOnce is how many operations each consumer has in flight; 0: consumersAtOnce.
	AtOnce int
	// Functions makes the functions; nil: those of this process.
	Functions func(getenv func(string) string) (map[string]http.Handler, error)
	// HubSpot and Zoho configure the simulators.
	HubSpot hubspotsim.Config
	Zoho    zohosim.Config
}

// house is everything in one process: all functions, the cloud beneath them
// and, unless real CRMs are named, both simulators.
type house struct {
	options houseOptions
	env     map[string]string

	FunctionsURL, HubSpotURL, ZohoURL, MailURL string
	// DemoURL is the page with both simulated CRMs.
	DemoURL string
	tracer  *tracer

	hubspot *hubspotsim.Server
	zoho    *zohosim.Server
	cloud   *cloud.Cloud
	closers []func(context.Context) error
}

// Times of a local run. They are the cloud's where it matters; a nack is
// repeated sooner, since a person is watching.
const (
	ackDeadline     = 60 * time.Second
	minBackoff      = 300 * time.Millisecond
	maxBackoff      = 30 * time.Second
	consumersAtOnce = 200
	drainTime       = 30 * time.Second
	maxDeliveries   = 100
)

// startHouse returns when everything answers.
func startHouse(ctx context.Context, o houseOptions) (_ *house, err error) {
	h := &house{options: o, env: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close(context.WithoutCancel(ctx)))
		}
	}()
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the functions: %w", err)
	}
	h.FunctionsURL = "http://" + listener.Addr().String()
	if o.Sim {
		h.tracer = &tracer{}
		h.options.Logger = slog.New(h.tracer.listen(o.Logger.Handler()))
		if err := h.startSimulators(); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	if err := h.listen(sendgridsim.New(sendgridsim.Config{}), &h.MailURL); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	h.defaults()
	if err := h.startCloud(ctx); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := h.startFunctions(listener); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := h.startDemoPage(); err != nil {
		return nil, err
	}
	if err := h.ask(ctx); err != nil {
		return nil, err
	}
	if err := h.watchZoho(ctx); err != nil {
		return nil, err
	}
	return h, h.startScheduler()
}

func (h *house) onClose(f func(context.Context) error) { h.closers = append(h.closers, f) }

// Close stops taking work, finishes what is in flight and ends everything.
func (h *house) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i](ctx))
	}
	h.closers = nil
	return errors.Join(errs...)
}

// serve runs a server until the house closes.
func (h *house) serve(listener net.Listener, handler http.Handler) {
	idle := &unused{conns: map[net.Conn]struct{}{}}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ConnState: idle.note}
	server.RegisterOnShutdown(idle.close)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	h.onClose(func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	})
}

// unused holds the connections on which nothing was asked yet. A client's pool
// dials some in vain, and http.Server.Shutdown waits 5 s for them.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func (u *unused) note(c net.Conn, s http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if delete(u.conns, c); s == http.StateNew {
		u.conns[c] = struct{}{}
	}
}

func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nobody waits for it
	}
}

func (h *house) startSimulators() error {
	hc := h.options.HubSpot
	hc.WebhookURL = h.FunctionsURL + "/HubSpotWebhook"
	h.hubspot = hubspotsim.New(hc)
	h.onClose(func(context.Context) error { h.hubspot.Close(); return nil })
	h.zoho = zohosim.New(h.options.Zoho)
	h.onClose(func(context.Context) error { return h.zoho.Close() })
	if err := errors.Join(h.listen(h.hubspot, &h.HubSpotURL), h.listen(h.zoho, &h.ZohoURL)); err != nil {
		return err
	}
	h.zoho.SetAPIDomain(h.ZohoURL)
	return nil
}

// listen serves a simulator on a port of its own.
func (h *house) listen(handler http.Handler, url *string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for a simulator: %w", err)
	}
	*url = "http://" + listener.Addr().String()
	h.serve(listener, handler)
	return nil
}

// defaults are the environment of a local run where the caller's says nothing.
func (h *house) defaults() {
	set := func(name, value string) { h.env[name] = value }
	set("GOOGLE_CLOUD_PROJECT", "local")
	set("ZOHO_OPERATIONS_TOPIC", "zoho-operations")
	set("HUBSPOT_OPERATIONS_TOPIC", "hubspot-operations")
	set("DEAD_OPERATIONS_TOPIC", "dead-operations")
	set("HUBSPOT_WEBHOOK_URL", h.FunctionsURL+"/HubSpotWebhook")
	set("ZOHO_TOKEN_URL", h.FunctionsURL+"/GetZohoToken")
	set("HASH_KEY", "a local run needs no secret key")
	// Mails go to a simulated SendGrid that shows them, unless a real one is named.
	set("SENDGRID_URL", h.MailURL)
	set("SENDGRID_API_KEY", sendgridsim.DefaultKey)
	set("FAILURE_MAIL_FROM", "connector@example.com")
	set("FAILURE_MAIL_TO", "operator@example.com")
	set("CONSOLE_ACCESS", "local")
	if !h.options.Sim {
		return
	}
	hc, zc := h.options.HubSpot, h.options.Zoho
	set("HUBSPOT_API_URL", h.HubSpotURL)
	set("HUBSPOT_ACCESS_TOKEN", or(hc.AccessToken, hubspotsim.DefaultAccessToken))
	set("HUBSPOT_APP_ID", strconv.FormatInt(or(hc.AppID, hubspotsim.DefaultAppID), 10))
	set("HUBSPOT_PORTAL_ID", strconv.FormatInt(or(hc.PortalID, hubspotsim.DefaultPortalID), 10))
	set("HUBSPOT_CLIENT_SECRET", or(hc.ClientSecret, hubspotsim.DefaultSecret))
	set("ZOHO_ACCOUNTS_URL", h.ZohoURL)
	set("ZOHO_CLIENT_ID", or(zc.ClientID, zohosim.DefaultClientID))
	set("ZOHO_CLIENT_SECRET", or(zc.ClientSecret, zohosim.DefaultClientSecret))
	set("ZOHO_REFRESH_TOKEN", or(zc.RefreshToken, zohosim.DefaultRefreshToken))
	set("ZOHO_WEBHOOK_TOKEN", "a-token-for-local-runs-only")
	set("ZOHO_WEBHOOK_URL", h.FunctionsURL+"/ZohoWebhook")
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// getenv is the environment that the functions see.
func (h *house) getenv(name string) string {
	if v := h.options.Getenv(name); v != "" && !h.fixed(name) {
		return v
	}
	if name == "SENDGRID_URL" && h.options.Getenv("SENDGRID_API_KEY") != "" {
		return "" // a real key is for the real service
	}
	return h.env[name]
}

// fixed names what the house itself decides, whatever the shell has exported.
func (h *house) fixed(name string) bool {
	switch name {
	case "PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "CONSOLE_ACCESS":
		return true
	case "HUBSPOT_API_URL", "ZOHO_ACCOUNTS_URL":
		return h.options.Sim
	}
	return false
}

func (h *house) startCloud(ctx context.Context) error {
	subscription := func(topic, function string) queue.Subscription {
		return queue.Subscription{
			Name: h.getenv(topic) + "-push", Topic: h.getenv(topic), Endpoint: h.FunctionsURL + "/" + function,
			AckDeadline: ackDeadline, MinBackoff: minBackoff, MaxBackoff: maxBackoff,
			MaxInFlight: or(h.options.AtOnce, consumersAtOnce), Ordered: true,
		}
	}
	consumer := func(topic, function string) queue.Subscription {
		s := subscription(topic, function)
		s.DeadLetterTopic, s.MaxDeliveryAttempts = h.getenv("DEAD_OPERATIONS_TOPIC"), maxDeliveries
		return s
	}
	var err error
	h.cloud, err = cloud.Start(ctx, cloud.Options{
		Project: h.getenv("GOOGLE_CLOUD_PROJECT"), Dir: h.options.Dir, Emulators: h.options.Emulators, Logger: h.options.Logger,
		Subscriptions: []queue.Subscription{
			consumer("ZOHO_OPERATIONS_TOPIC", "ZohoConsumer"),
			consumer("HUBSPOT_OPERATIONS_TOPIC", "HubSpotConsumer"),
			subscription("DEAD_OPERATIONS_TOPIC", "DeadLetter"),
		},
	})
	if err != nil {
		return err
	}
	h.onClose(h.cloud.Close)
	h.env["FIRESTORE_EMULATOR_HOST"], h.env["PUBSUB_EMULATOR_HOST"] = h.cloud.FirestoreHost, h.cloud.PubSubHost
	return nil
}

func (h *house) startDemoPage() error {
	if !h.options.Sim {
		return nil
	}
	page, err := newDemoPage(h)
	if err != nil {
		return err
	}
	return h.listen(page, &h.DemoURL)
}

// startFunctions serves every function at /<EntryPoint>, as the framework does.
func (h *house) startFunctions(listener net.Listener) error {
	deploy := h.options.Functions
	if deploy == nil {
		deploy = func(getenv func(string) string) (map[string]http.Handler, error) {
			return functions.Handlers(getenv, h.options.Logger), nil
		}
	}
	handlers, err := deploy(h.getenv)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for name, handler := range handlers {
		if h.tracer != nil {
			handler = h.tracer.wrap(name, handler)
		}
		mux.Handle("/"+name, handler)
	}
	h.serve(listener, mux)
	return nil
}

// idle reports whether no webhook and no message is under way.
func (h *house) idle() bool {
	if h.hubspot != nil && (!h.hubspot.Idle() || !h.zoho.Deliverer().Idle()) {
		return false
	}
	return h.cloud.Idle()
}

// Wait returns when everything has been quiet for a moment.
func (h *house) Wait(ctx context.Context) error {
	const moments = 4
	for quiet := 0; quiet < moments; {
		if quiet++; !h.idle() {
			quiet = 0
		}
		if err := (clock.System{}).Sleep(ctx, 15*time.Millisecond); err != nil {
			return fmt.Errorf("wait for quiet: %w", err)
		}
	}
	return nil
}
