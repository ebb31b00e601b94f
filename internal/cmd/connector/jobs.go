package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/functions"
	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/local/cloud/schedule"
)

// When the scheduler's jobs are due. The first sweep runs soon, for changes that
// webhooks missed while the local stack was closed.
const (
	refreshInterval   = 45 * time.Minute
	reconcileFirst    = 20 * time.Second
	reconcileInterval = 5 * time.Minute
	channelInterval   = 30 * time.Minute
	digestInterval    = time.Hour
	watchTries        = 4
)

// checkFunctions sends a request to every function: one that cannot be set up says so
// here, and not when the first webhook arrives.
func (h *localStack) checkFunctions(ctx context.Context) error {
	var wrong []string
	for _, name := range functions.EntryPoints() {
		if name == "RenewZohoChannels" && !h.hasZohoWebhook() {
			continue
		}
		status, err := h.callFunction(ctx, http.MethodGet, "/"+name)
		if err != nil {
			return err
		}
		if status == http.StatusInternalServerError {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("these functions are not set up, see the log above: %s", strings.Join(wrong, ", "))
	}
	return nil
}

func (h *localStack) callFunction(ctx context.Context, method, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.FunctionsURL+path, nil)
	if err != nil {
		return 0, err
	}
	res, err := newLocalClient().Do(req)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, res.Body.Close()
}

func newLocalClient() *http.Client { return &http.Client{Timeout: 40 * time.Second} }

// openZohoChannel opens the channel through which Zoho reports changes, as the
// scheduler does later. A Zoho that cannot be reached for the moment does not
// stop the rest.
func (h *localStack) openZohoChannel(ctx context.Context) error {
	if !h.hasZohoWebhook() {
		return nil
	}
	for try := range watchTries {
		status, err := h.callFunction(ctx, http.MethodPost, "/RenewZohoChannels")
		if err != nil || status == http.StatusOK {
			return err
		}
		if err := (clock.System{}).Sleep(ctx, time.Second<<try); err != nil {
			return err
		}
	}
	h.options.Logger.ErrorContext(ctx, "no notification channel: changes in Zoho arrive by the sweep only until there is one")
	return nil
}

// hasZohoWebhook reports whether there is a URL at which Zoho can reach this process.
// Without one, a workflow rule of Zoho may, or the sweep finds the changes.
func (h *localStack) hasZohoWebhook() bool { return h.getenv("ZOHO_WEBHOOK_URL") != "" }

func (h *localStack) startScheduler() error {
	if h.options.Unscheduled {
		return nil
	}
	jobs := []schedule.Job{
		{Name: "refresh-zoho-token", URL: h.FunctionsURL + "/RefreshZohoToken", Every: refreshInterval, First: refreshInterval},
		{Name: "reconcile", URL: h.FunctionsURL + "/Reconcile", Every: reconcileInterval, First: reconcileFirst},
		{Name: "send-failure-digest", URL: h.FunctionsURL + "/SendFailureDigest", Every: digestInterval, First: digestInterval},
	}
	if h.hasZohoWebhook() {
		jobs = append(jobs, schedule.Job{
			Name: "renew-zoho-channels", URL: h.FunctionsURL + "/RenewZohoChannels", Every: channelInterval, First: channelInterval,
		})
	}
	s, err := schedule.New(jobs, nil, h.options.Logger)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	h.onClose(func(context.Context) error { stop(); <-done; return nil })
	return nil
}
