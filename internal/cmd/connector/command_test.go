package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/hubspotsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
)

// startBinary starts this test's binary as the connector, and returns the line that
// it prints when it is ready.
func startBinary(t *testing.T, args ...string) (*exec.Cmd, map[string]any) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Env = []string{asCommand + "=1"}
	var log bytes.Buffer
	c.Stderr = &log
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var ready map[string]any
	if err != nil || json.Unmarshal(line, &ready) != nil {
		t.Fatalf("the first line is %q, %v\n%s", line, err, &log)
	}
	return c, ready
}

func endBySIGTERM(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}

func TestLocalSaysWhenItIsReadyAndEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	c, ready := startBinary(t, "local", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	for _, key := range []string{"functions", "hubspot", "zoho_accounts", "zoho_api", "console"} {
		if v, ok := ready[key].(string); !ok || !strings.HasPrefix(v, "http://127.0.0.1:") {
			t.Errorf("%s is %v", key, ready[key])
		}
	}
	if ready["ready"] != true {
		t.Errorf("ready is %v", ready["ready"])
	}
	res, err := http.Get(ready["functions"].(string) + "/HubSpotWebhook")
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HubSpotWebhook answers a GET with %s", res.Status)
	}
	endBySIGTERM(t, c)
}

func TestSimServesBothCRMsAlone(t *testing.T) {
	t.Parallel()
	c, ready := startBinary(t, "sim", "--hubspot-listen", "127.0.0.1:0", "--zoho-listen", "127.0.0.1:0", "--quotas", "--latency", "1ms", "--seed", "7")
	for _, url := range []string{
		ready["hubspot"].(string) + "/crm/objects/2026-09/contacts",
		ready["zoho_api"].(string) + "/crm/v8/Contacts?fields=Email",
	} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a token: %s", url, res.Status)
		}
	}
	endBySIGTERM(t, c)
}

func TestLocalNamesMissingVariables(t *testing.T) {
	var log safeBuffer
	c := rootCommand()
	c.SetArgs([]string{"local", "--listen", "127.0.0.1:0", "--sim=false"})
	c.SetErr(&log)
	err := c.ExecuteContext(context.Background())
	if err == nil || !strings.Contains(err.Error(), "HubSpotWebhook, ZohoWebhook") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"HUBSPOT_CLIENT_SECRET is missing", "ZOHO_WEBHOOK_TOKEN is missing", "HUBSPOT_APP_ID is missing", "ZOHO_REFRESH_TOKEN is missing"} {
		if !strings.Contains(log.String(), name) {
			t.Errorf("the log does not say %q:\n%s", name, &log)
		}
	}
}

// A second start used to wait for a Zoho that had ended with the first.
func TestSimulatedCRMsDoNotStartOnDataOfAnEarlierRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "documents"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := rootCommand()
	c.SetArgs([]string{"local", "--listen", "127.0.0.1:0", "--sim", "--data", dir})
	err := c.ExecuteContext(t.Context())
	if err == nil || !strings.Contains(err.Error(), "give an empty directory") {
		t.Errorf("got %v", err)
	}
}

// TestARestartLosesNothing runs the local stack on two CRMs that it does not start
// itself, and ends it while an operation waits.
func TestARestartLosesNothing(t *testing.T) {
	t.Parallel()
	hubspot, zoho := hubspotsim.New(hubspotsim.Config{}), zohosim.New(zohosim.Config{})
	t.Cleanup(func() {
		hubspot.Close()
		if err := zoho.Close(); err != nil {
			t.Error(err)
		}
	})
	hubspotServer, zohoServer := httptest.NewServer(hubspot), httptest.NewServer(zoho)
	t.Cleanup(hubspotServer.Close)
	t.Cleanup(zohoServer.Close)
	env := map[string]string{
		"HUBSPOT_API_URL": hubspotServer.URL, "HUBSPOT_ACCESS_TOKEN": hubspotsim.DefaultAccessToken,
		"HUBSPOT_APP_ID": "39522895", "HUBSPOT_CLIENT_SECRET": hubspotsim.DefaultSecret,
		"ZOHO_ACCOUNTS_URL": zohoServer.URL, "ZOHO_CLIENT_ID": zohosim.DefaultClientID,
		"ZOHO_CLIENT_SECRET": zohosim.DefaultClientSecret, "ZOHO_REFRESH_TOKEN": zohosim.DefaultRefreshToken,
		"ZOHO_WEBHOOK_TOKEN": "restart",
	}
	dir := t.TempDir()
	people := &crmUsers{hubspotServer.URL, zohoServer.URL, newLocalClient()}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := func(during func(s *scenario)) {
		t.Helper()
		s := newScenario(t, func(o *localStackOptions) {
			o.Sim, o.Dir = false, dir
			o.Getenv = func(name string) string { return env[name] }
		})
		s.crmUsers = people
		hubspot.SetWebhookURL(s.FunctionsURL + "/HubSpotWebhook")
		during(s)
		hubspot.SetWebhookURL("")
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var ref crm.Ref
	run(func(s *scenario) {
		zoho.Faults().Add(sim.Fault{Path: "/crm/", Status: http.StatusServiceUnavailable})
		ref = s.mustCreate(crm.HubSpot, crm.Contact, values{"email": "r@example.com", "lastname": "R"}, time.Time{})
		if err := hubspot.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	})
	zoho.Faults().Clear()
	run(func(s *scenario) {
		s.awaitIdle()
		s.findCounterpart(ref)
	})
	// The link is remembered too: an edit in Zoho arrives without a search.
	writes := len(hubspot.Recorder.Calls())
	run(func(s *scenario) {
		s.mustEdit(ref, values{"city": "Oslo"}, time.Time{})
		if err := hubspot.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		s.awaitIdle()
		s.checkValues(s.findCounterpart(ref), values{"Mailing_City": "Oslo"})
	})
	for _, c := range hubspot.Recorder.Calls()[writes:] {
		if strings.HasSuffix(c.Path, "/search") || strings.HasSuffix(c.Path, "/create") {
			t.Errorf("the link was forgotten: %s %s", c.Method, c.Path)
		}
	}
}
