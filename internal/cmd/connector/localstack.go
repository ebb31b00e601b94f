package main

import (
	"cmp"
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

// localStackOptions configure the local stack.
type localStackOptions struct {
	Listen    string              // where the functions listen
	Getenv    func(string) string // overrides the defaults of a local run
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

// localStack is the whole connector in one process: all functions, an embedded
// cloud and, unless the environment names real CRMs, both simulators.
type localStack struct {
	options localStackOptions
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

// Times of a local run. Where it matters they are those of the cloud; a nack is
// retried sooner, since a person is watching.
const (
	ackDeadline     = 60 * time.Second
	minBackoff      = 300 * time.Millisecond
	maxBackoff      = 30 * time.Second
	consumersAtOnce = 200
	drainTime       = 30 * time.Second
	maxDeliveries   = 100
)

// startLocalStack starts everything and returns when all of it answers.
func startLocalStack(ctx context.Context, o localStackOptions) (_ *localStack, err error) {
	h := &localStack{options: o, env: map[string]string{}}
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
		h.options.Logger = slog.New(h.tracer.newLogHandler(o.Logger.Handler()))
		if err := h.startSimulators(); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	if err := h.serveSimulator(sendgridsim.New(sendgridsim.Config{}), &h.MailURL); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	h.setDefaults()
	if err := h.startCloud(ctx); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := h.startFunctions(listener); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := h.startDemoPage(); err != nil {
		return nil, err
	}
	if err := h.checkFunctions(ctx); err != nil {
		return nil, err
	}
	if err := h.openZohoChannel(ctx); err != nil {
		return nil, err
	}
	return h, h.startScheduler()
}

func (h *localStack) onClose(f func(context.Context) error) { h.closers = append(h.closers, f) }

// Close accepts no more work, finishes the work in progress and ends everything.
func (h *localStack) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i](ctx))
	}
	h.closers = nil
	return errors.Join(errs...)
}

// serveUntilClosed runs a server until the local stack closes.
func (h *localStack) serveUntilClosed(listener net.Listener, handler http.Handler) {
	idle := &unusedConns{conns: map[net.Conn]struct{}{}}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ConnState: idle.trackConn}
	server.RegisterOnShutdown(idle.closeConns)
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

// unusedConns holds the connections without a request so far. A client's pool
// dials some in vain, and http.Server.Shutdown waits 5 s for them.
type unusedConns struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func (u *unusedConns) trackConn(c net.Conn, s http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if delete(u.conns, c); s == http.StateNew {
		u.conns[c] = struct{}{}
	}
}

func (u *unusedConns) closeConns() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // it has no request
	}
}

func (h *localStack) startSimulators() error {
	hc := h.options.HubSpot
	hc.WebhookURL = h.FunctionsURL + "/HubSpotWebhook"
	h.hubspot = hubspotsim.New(hc)
	h.onClose(func(context.Context) error { h.hubspot.Close(); return nil })
	h.zoho = zohosim.New(h.options.Zoho)
	h.onClose(func(context.Context) error { return h.zoho.Close() })
	if err := errors.Join(h.serveSimulator(h.hubspot, &h.HubSpotURL), h.serveSimulator(h.zoho, &h.ZohoURL)); err != nil {
		return err
	}
	h.zoho.SetAPIDomain(h.ZohoURL)
	return nil
}

// serveSimulator serves a simulator on a port of its own.
func (h *localStack) serveSimulator(handler http.Handler, url *string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for a simulator: %w", err)
	}
	*url = "http://" + listener.Addr().String()
	h.serveUntilClosed(listener, handler)
	return nil
}

// setDefaults sets the variables of a local run that the caller does not give.
func (h *localStack) setDefaults() {
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
	set("HUBSPOT_ACCESS_TOKEN", cmp.Or(hc.AccessToken, hubspotsim.DefaultAccessToken))
	set("HUBSPOT_APP_ID", strconv.FormatInt(cmp.Or(hc.AppID, hubspotsim.DefaultAppID), 10))
	set("HUBSPOT_PORTAL_ID", strconv.FormatInt(cmp.Or(hc.PortalID, hubspotsim.DefaultPortalID), 10))
	set("HUBSPOT_CLIENT_SECRET", cmp.Or(hc.ClientSecret, hubspotsim.DefaultSecret))
	set("ZOHO_ACCOUNTS_URL", h.ZohoURL)
	set("ZOHO_CLIENT_ID", cmp.Or(zc.ClientID, zohosim.DefaultClientID))
	set("ZOHO_CLIENT_SECRET", cmp.Or(zc.ClientSecret, zohosim.DefaultClientSecret))
	set("ZOHO_REFRESH_TOKEN", cmp.Or(zc.RefreshToken, zohosim.DefaultRefreshToken))
	set("ZOHO_WEBHOOK_TOKEN", "a-token-for-local-runs-only")
	set("ZOHO_WEBHOOK_URL", h.FunctionsURL+"/ZohoWebhook")
}

// getenv returns a variable of the functions' environment.
func (h *localStack) getenv(name string) string {
	if v := h.options.Getenv(name); v != "" && !h.isFixed(name) {
		return v
	}
	if name == "SENDGRID_URL" && h.options.Getenv("SENDGRID_API_KEY") != "" {
		return "" // a real key is for the real service
	}
	return h.env[name]
}

// isFixed reports whether the local stack itself decides a variable, even if the
// shell exports it.
func (h *localStack) isFixed(name string) bool {
	switch name {
	case "PUBSUB_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "FIRESTORE_DATABASE", "GOOGLE_CLOUD_PROJECT", "CONSOLE_ACCESS":
		return true
	case "HUBSPOT_API_URL", "ZOHO_ACCOUNTS_URL":
		return h.options.Sim
	}
	return false
}

func (h *localStack) startCloud(ctx context.Context) error {
	subscription := func(topic, function string) queue.Subscription {
		return queue.Subscription{
			Name: h.getenv(topic) + "-push", Topic: h.getenv(topic), Endpoint: h.FunctionsURL + "/" + function,
			AckDeadline: ackDeadline, MinBackoff: minBackoff, MaxBackoff: maxBackoff,
			MaxInFlight: cmp.Or(h.options.AtOnce, consumersAtOnce), Ordered: true,
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

func (h *localStack) startDemoPage() error {
	if !h.options.Sim {
		return nil
	}
	page, err := newDemoPage(h)
	if err != nil {
		return err
	}
	return h.serveSimulator(page, &h.DemoURL)
}

// startFunctions serves every function at /<EntryPoint>, as the framework does.
func (h *localStack) startFunctions(listener net.Listener) error {
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
			handler = h.tracer.wrapHandler(name, handler)
		}
		mux.Handle("/"+name, handler)
	}
	h.serveUntilClosed(listener, mux)
	return nil
}

// isIdle reports whether no webhook and no message is under way.
func (h *localStack) isIdle() bool {
	if h.hubspot != nil && (!h.hubspot.Idle() || !h.zoho.Deliverer().Idle()) {
		return false
	}
	return h.cloud.Idle()
}

// waitUntilIdle returns when everything has been idle for a moment.
func (h *localStack) waitUntilIdle(ctx context.Context) error {
	const moments = 4
	for idle := 0; idle < moments; {
		if idle++; !h.isIdle() {
			idle = 0
		}
		if err := (clock.System{}).Sleep(ctx, 15*time.Millisecond); err != nil {
			return fmt.Errorf("wait until idle: %w", err)
		}
	}
	return nil
}
