package gcp_test

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// TestMain lets the test binary be a server that drains.
func TestMain(m *testing.M) {
	if os.Getenv("GCP_TEST_DRAIN") != "" {
		drained()
	}
	os.Exit(m.Run())
}

// drained serves one slow page and prints its address, and a line once a
// request is in flight.
func drained() {
	d := &gcp.Drain{Logger: slog.New(slog.DiscardHandler)}
	slow := d.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		println("in flight")
		<-time.After(500 * time.Millisecond)
		_, _ = w.Write([]byte("done"))
	}))
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	println(listener.Addr().String())
	panic((&http.Server{Handler: slow, ReadHeaderTimeout: time.Second}).Serve(listener))
}

func TestARequestInFlightIsAnsweredAfterSIGTERM(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "GCP_TEST_DRAIN=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended by itself
	lines := bufio.NewScanner(stderr)
	lines.Scan()
	address := lines.Text()
	answered := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, http.NoBody)
		if err == nil {
			var res *http.Response
			if res, err = (&http.Client{}).Do(req); err == nil {
				err = res.Body.Close()
			}
		}
		answered <- err
	}()
	lines.Scan() // in flight
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the request was cut off: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v, want status 0", err)
	}
}
