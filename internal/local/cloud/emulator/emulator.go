// Package emulator runs Google's own emulators of Firestore and Pub/Sub, so that
// the embedded stand-ins can be held against them. Each Start function returns
// when the emulator answers; Stop ends it with everything it started.
//
// They need the Google Cloud CLI with the component of the emulator, and Java.
// Where one of these is missing the error is ErrNotInstalled, and a test skips:
//
//	em, err := emulator.StartFirestore(ctx)
//	if emulator.MaySkip(err) {
//		t.Skipf("SKIPPED, NOT PROVEN AGAINST GOOGLE'S EMULATOR: %v", err)
//	}
package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// ErrNotInstalled says that the CLI, a component of it or Java is missing.
var ErrNotInstalled = errors.New("emulator is not installed")

// MaySkip reports whether a test may skip because of err: the emulator is not
// installed, and CONNECTOR_REQUIRE_EMULATORS=1 does not say that it has to be.
func MaySkip(err error) bool {
	return errors.Is(err, ErrNotInstalled) && os.Getenv("CONNECTOR_REQUIRE_EMULATORS") != "1"
}

const (
	startLimit  = 60 * time.Second
	stopLimit   = 10 * time.Second
	askEvery    = 50 * time.Millisecond
	outputKept  = 4 << 10 // bytes of output that an error may quote
	answerLimit = 2 * time.Second
)

// product is what differs between the emulators.
type product struct {
	name      string
	component string // directory below the SDK's platform directory
	args      []string
}

var (
	firestore = product{"firestore", "cloud-firestore-emulator", []string{"emulators", "firestore", "start"}}
	pubsub    = product{"pubsub", "pubsub-emulator", []string{"beta", "emulators", "pubsub", "start", "--project=local"}}
)

// Emulator is a running emulator.
type Emulator struct {
	// Addr is the host and port it listens on, fit for FIRESTORE_EMULATOR_HOST or
	// PUBSUB_EMULATOR_HOST.
	Addr string

	cmd    *exec.Cmd
	output *tail
	data   string
	exited chan struct{} // closed when the process has ended

	stop    sync.Once
	stopErr error
}

// StartFirestore starts the Firestore emulator on a free port and returns when it
// answers, after a few seconds. The context bounds the start, not the life.
func StartFirestore(ctx context.Context) (*Emulator, error) { return start(ctx, firestore) }

// StartPubSub starts the Pub/Sub emulator in the same way.
func StartPubSub(ctx context.Context) (*Emulator, error) { return start(ctx, pubsub) }

func start(ctx context.Context, p product) (*Emulator, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	gcloud, err := find(ctx, p)
	if err != nil {
		return nil, err
	}
	e, err := launch(ctx, gcloud, p)
	if err != nil {
		return nil, fmt.Errorf("start %s emulator: %w", p.name, err)
	}
	if err := e.await(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s emulator: %w: %s", p.name, err, e.output), e.Stop())
	}
	return e, nil
}

// find returns the path of gcloud when everything that the product needs is there.
func find(ctx context.Context, p product) (gcloud string, err error) {
	for _, tool := range []string{"java", "gcloud"} {
		if gcloud, err = exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrNotInstalled, tool, err)
		}
	}
	out, err := exec.CommandContext(ctx, gcloud, "info", "--format=value(installation.sdk_root)").Output()
	if ctx.Err() != nil {
		return "", ctx.Err() // says nothing about what is installed
	}
	if err != nil {
		return "", fmt.Errorf("%w: ask gcloud where it is: %w", ErrNotInstalled, err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "platform", p.component)
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("%w: component %s: %w", ErrNotInstalled, p.component, err)
	}
	return gcloud, nil
}

func launch(ctx context.Context, gcloud string, p product) (*Emulator, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	e := &Emulator{Addr: addr, output: &tail{}, exited: make(chan struct{})}
	args := append(p.args[:len(p.args):len(p.args)], "--host-port="+addr)
	if p.name == pubsub.name {
		if e.data, err = os.MkdirTemp("", "pubsub-emulator-"); err != nil {
			return nil, err
		}
		args = append(args, "--data-dir="+e.data)
	}
	e.cmd = exec.CommandContext(context.WithoutCancel(ctx), gcloud, args...) // Stop ends it
	e.cmd.Env = append(os.Environ(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=1")
	e.cmd.Stdout, e.cmd.Stderr = e.output, e.output
	e.cmd.WaitDelay = stopLimit
	if err := startGroup(e.cmd); err != nil {
		return nil, errors.Join(err, e.removeData())
	}
	go func() {
		defer close(e.exited)
		_ = e.cmd.Wait() // it is ended by a signal; await quotes the output of one that fails
	}()
	return e, nil
}

// freeAddr finds a port that is free now.
func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// await asks until the emulator answers.
func (e *Emulator) await(ctx context.Context) error {
	client := &http.Client{Timeout: answerLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w", ctx.Err())
		case <-e.exited:
			return errors.New("it exited")
		case <-tick.C:
			if answers(ctx, client, "http://"+e.Addr+"/") {
				return nil
			}
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, outputKept)) // only the status counts
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// Stop ends the emulator and every process it started: it asks, waits for ten
// seconds, then kills. It may be called more than once.
func (e *Emulator) Stop() error {
	e.stop.Do(func() {
		e.stopErr = errors.Join(endGroup(e.cmd, e.exited, stopLimit), e.removeData())
	})
	return e.stopErr
}

func (e *Emulator) removeData() error {
	if e.data == "" {
		return nil
	}
	return os.RemoveAll(e.data)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if extra := len(t.buf) - outputKept; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
