package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "github.com/hubspot-zoho/connector" // registers every function

	"github.com/hubspot-zoho/connector/internal/clock"
)

// roleVariable makes this program serve the functions, as a process of its own.
const (
	roleVariable  = "BENCH_ROLE"
	roleFunctions = "functions"
)

// goMemory is what Go's runtime keeps to in a deployed function. A test compares
// it with terraform's.
const goMemory = "200MiB"

// profileVariable names the file that the functions' processor profile goes to.
const profileVariable = "BENCH_PROFILE"

func serveFunctions() {
	if path := os.Getenv(profileVariable); path != "" {
		if err := startProfile(path); err != nil {
			slog.Error("profile", "error", err.Error())
		}
	}
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		slog.Error("serve functions", "error", err.Error())
		os.Exit(1)
	}
}

// startProfile writes the profile when the process is asked to end.
func startProfile(path string) error {
	f, err := os.Create(path) //nolint:gosec // the person who starts a benchmark names the file
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		pprof.StopCPUProfile()
		_ = f.Close() // it is written
		os.Exit(0)
	}()
	return nil
}

// process is the functions while they run.
type process struct {
	cmd   *exec.Cmd
	url   string
	began time.Time
	// first is how long after its start the process gave its first answer.
	first time.Duration

	mu       sync.Mutex
	outcomes map[string]int // of operations
	logged   int            // bytes
	read     chan struct{}
}

// startFunctions returns when a function has answered.
func startFunctions(ctx context.Context, port string, env map[string]string, verbose io.Writer) (*process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{url: "http://127.0.0.1:" + port, outcomes: map[string]int{}, read: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, program)
	p.cmd.Env = append(os.Environ(), roleVariable+"="+roleFunctions, "PORT="+port, "GOMEMLIMIT="+goMemory)
	for name, value := range env {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the functions: %w", err)
	}
	go p.readLog(stderr, verbose)
	if err := p.waitForAnswer(ctx); err != nil {
		p.stopProcess()
		return nil, err
	}
	return p, nil
}

// waitForAnswer waits for the first answer, of a function that has to be set up for it.
func (p *process) waitForAnswer(ctx context.Context) error {
	client := &http.Client{Timeout: 10 * time.Second}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/HubSpotWebhook", nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil { // not listening yet
			if err := (clock.System{}).Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusInternalServerError {
			return errors.New("the functions are not set up: run with -v")
		}
		p.first = time.Since(p.began)
		return nil
	}
	return fmt.Errorf("the functions do not answer: %w", context.Cause(ctx))
}

// readLog reads the log and counts how operations ended.
func (p *process) readLog(r io.Reader, verbose io.Writer) {
	defer close(p.read)
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		_, _ = verbose.Write(line) // for a person who looks on
		p.mu.Lock()
		p.logged += len(line)
		if _, rest, found := bytes.Cut(line, []byte(`"outcome":"`)); found {
			outcome, _, _ := bytes.Cut(rest, []byte(`"`))
			p.outcomes[string(outcome)]++
		}
		p.mu.Unlock()
	}
}

// summarizeLog returns how operations ended so far, and how much was logged.
func (p *process) summarizeLog() (outcomes map[string]int, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	outcomes = map[string]int{}
	for name, n := range p.outcomes {
		outcomes[name] = n
	}
	return outcomes, p.logged
}

func (p *process) stopProcess() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	timer := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.read
	_ = p.cmd.Wait() // it was killed
}

// ticks is the unit of processor time in /proc, the same on every Linux.
const ticks = 100

// processorTime is how much processor time the process has used.
func (p *process) processorTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name, in brackets, may hold blanks.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var sum int
	for _, i := range []int{11, 12} { // user and system
		if i < len(fields) {
			n, _ := strconv.Atoi(fields[i]) // 0 where there is no /proc as we know it
			sum += n
		}
	}
	return time.Duration(sum) * time.Second / ticks
}

// peakMemory is the most memory that the process had at once, in MiB.
func (p *process) peakMemory() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64) // 0 where it is written otherwise
			return kib / 1024
		}
	}
	return 0
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
