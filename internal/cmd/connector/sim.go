package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

type simOptions struct {
	hubspotListen, zohoListen string
	latency                   time.Duration
	quotas                    bool
	faults                    float64
	seed                      uint64
	retryBase                 time.Duration
	zohoRetries               int
}

func simCommand() *cobra.Command {
	var o simOptions
	c := &cobra.Command{
		Use:   "sim",
		Short: "Serve the simulated HubSpot and Zoho CRM to any client",
		Long: `Serve the simulated HubSpot and Zoho CRM to any client. docs/simulators.md
describes their behaviour, their credentials and the control API under
/_sim/. HUBSPOT_WEBHOOK_URL, when set, receives HubSpot's webhooks, signed with
HUBSPOT_CLIENT_SECRET. Zoho's notifications go to the open channels.`,
		Example: `  connector sim
  connector sim --quotas --faults 0.05 --latency 50ms`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runSim(c, o) },
	}
	c.Flags().StringVar(&o.hubspotListen, "hubspot-listen", "127.0.0.1:8091", "address on which HubSpot listens")
	c.Flags().StringVar(&o.zohoListen, "zoho-listen", "127.0.0.1:8092", "address on which Zoho listens, with its accounts server and its API")
	c.Flags().DurationVar(&o.latency, "latency", 0, "time before each answer")
	c.Flags().BoolVar(&o.quotas, "quotas", false, "enforce rate, concurrency and daily limits")
	c.Flags().Float64Var(&o.faults, "faults", 0, "share of the calls that fail, half of them after they were carried out (0 to 1)")
	c.Flags().DurationVar(&o.retryBase, "retry-base", time.Minute, "time before the first retry of a webhook; it doubles with each")
	c.Flags().IntVar(&o.zohoRetries, "zoho-retries", 2, "how often Zoho repeats a notification that was not accepted (HubSpot: 10 times)")
	c.Flags().Uint64Var(&o.seed, "seed", 1, "seed of all random choices")
	return c
}

func runSim(c *cobra.Command, o simOptions) error {
	if o.faults < 0 || o.faults > 1 {
		return fmt.Errorf("--faults %g: want a share between 0 and 1", o.faults)
	}
	if o.retryBase <= 0 || o.zohoRetries < 0 {
		return fmt.Errorf("--retry-base %s, --zoho-retries %d: want a time and a number that is not negative", o.retryBase, o.zohoRetries)
	}
	if o.zohoRetries == 0 {
		o.zohoRetries = -1 // none; 0 would be the simulator's default
	}
	hubspot := hubspotsim.New(hubspotsim.Config{
		AccessToken: os.Getenv("HUBSPOT_ACCESS_TOKEN"), ClientSecret: os.Getenv("HUBSPOT_CLIENT_SECRET"),
		WebhookURL: os.Getenv("HUBSPOT_WEBHOOK_URL"), Seed: o.seed, Quotas: o.quotas, Latency: o.latency,
		RetryBase: o.retryBase,
	})
	zoho := zohosim.New(zohosim.Config{
		ClientID: os.Getenv("ZOHO_CLIENT_ID"), ClientSecret: os.Getenv("ZOHO_CLIENT_SECRET"),
		RefreshToken: os.Getenv("ZOHO_REFRESH_TOKEN"), Seed: o.seed, Quotas: o.quotas, Latency: o.latency,
		RetryBase: o.retryBase, Retries: o.zohoRetries,
	})
	for _, f := range spreadFaults(o.faults) {
		hubspot.Faults.Add(f)
		zoho.Faults().Add(f)
	}
	h := &localStack{}
	h.onClose(func(context.Context) error { hubspot.Close(); return zoho.Close() })
	err := func() error {
		for _, s := range []struct {
			address string
			url     *string
			handler http.Handler
		}{{o.hubspotListen, &h.HubSpotURL, hubspot}, {o.zohoListen, &h.ZohoURL, zoho}} {
			listener, err := net.Listen("tcp", s.address)
			if err != nil {
				return err
			}
			*s.url = "http://" + listener.Addr().String()
			h.serveUntilClosed(listener, s.handler)
		}
		return json.NewEncoder(c.OutOrStdout()).Encode(readyLine{
			Ready: true, HubSpot: h.HubSpotURL, ZohoAccounts: h.ZohoURL, ZohoAPI: h.ZohoURL,
		})
	}()
	if err == nil {
		<-c.Context().Done()
	}
	return errors.Join(err, h.Close(context.WithoutCancel(c.Context())))
}

// spreadFaults spread a share over the ways in which a call can go wrong.
func spreadFaults(share float64) []sim.Fault {
	if share == 0 {
		return nil
	}
	return []sim.Fault{
		{Status: http.StatusServiceUnavailable, Rate: share / 4},
		{Status: http.StatusBadGateway, Rate: share / 4, After: true},
		{Drop: true, Rate: share / 4, After: true},
		{Latency: sim.Duration(2 * time.Second), Rate: share / 4},
	}
}
