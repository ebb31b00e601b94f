package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/clock"
	"github.com/hubspot-zoho/connector/internal/logschema"
	"github.com/hubspot-zoho/connector/internal/proof/terraformtest"
)

// process is one function, alone in its process, as it is deployed.
type process struct {
	cmd *exec.Cmd
	log safeBuffer
}

// deployed is what terraform deploys, as processes of the plain functions
// framework: one for each function, with the variables that terraform gives it
// and no other. Only the address of the local cloud is added.
type deployed struct {
	t         *testing.T
	binary    string
	processes map[string]*process
}

func deploy(t *testing.T) *deployed {
	t.Helper()
	d := &deployed{t: t, binary: filepath.Join(t.TempDir(), "function"), processes: map[string]*process{}}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", d.binary, "../function").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return d
}

// startFunctions starts every process and returns handlers that pass requests on.
func (d *deployed) startFunctions(getenv func(string) string) (map[string]http.Handler, error) {
	tables, err := terraformtest.Read("../../../terraform")
	if err != nil {
		return nil, err
	}
	table, err := tables.Functions()
	if err != nil {
		return nil, err
	}
	handlers := map[string]http.Handler{}
	for name, f := range table {
		address, err := d.launchFunction(name, f.Environment, getenv)
		if err != nil {
			return nil, err
		}
		proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
		// On Cloud Run a function is the root of its own host.
		handlers[name] = http.StripPrefix("/"+name, proxy)
	}
	return handlers, nil
}

func (d *deployed) launchFunction(name string, variables []string, getenv func(string) string) (string, error) {
	address, err := freeAddress(d.t.Context())
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	p := &process{cmd: exec.CommandContext(context.WithoutCancel(d.t.Context()), d.binary)}
	p.cmd.Env = []string{"FUNCTION_TARGET=" + name, "PORT=" + port, "LOCAL_ONLY=true"}
	for _, v := range append([]string{"FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST"}, variables...) {
		if value := getenv(v); value != "" {
			p.cmd.Env = append(p.cmd.Env, v+"="+value)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		return "", err
	}
	d.processes[name] = p
	d.t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has ended, unless the test failed
	return address, listening(d.t.Context(), address)
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// listening waits until a server listens at the address.
func listening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if err := (clock.System{}).Sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("no server listens at %s: %w", address, err)
		}
	}
}

// stopFunctions sends every process SIGTERM and waits for its orderly end.
func (d *deployed) stopFunctions() error {
	var errs []error
	for name, p := range d.processes {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name, p := range d.processes {
		if err := p.cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("%s ended with %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// readLog returns the log of one function.
func (d *deployed) readLog(name string) string { return d.processes[name].log.String() }

func TestTheDemoCasesEndWellWithEachFunctionInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	s := newScenario(t, func(o *localStackOptions) { o.Functions = d.startFunctions })
	for _, demoCase := range demoCases() {
		if r := s.playCase(s.ctx, demoCase); r.err != nil {
			s.Errorf("%s: %v", demoCase.name, r.err)
		}
	}
	for name, message := range map[string]string{
		"HubSpotWebhook": logschema.DeliveryAccepted, "ZohoWebhook": logschema.DeliveryAccepted,
		"ZohoConsumer": logschema.OperationApplied, "HubSpotConsumer": logschema.OperationApplied,
		"GetZohoToken": logschema.TokenRefreshed, "RenewZohoChannels": logschema.ChannelKept,
	} {
		if !strings.Contains(d.readLog(name), message) {
			t.Errorf("%s did not log %q:\n%s", name, message, d.readLog(name))
		}
	}
	for name := range d.processes {
		if strings.Contains(d.readLog(name), logschema.NotSetUp) {
			t.Errorf("%s lacks something that terraform does not give it:\n%s", name, d.readLog(name))
		}
	}
	if err := d.stopFunctions(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
