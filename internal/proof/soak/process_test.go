package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// startTime bounds a start, endTime an orderly end.
const startTime, endTime = time.Minute, 40 * time.Second

// build compiles the connector, unless there is a binary already, and returns
// the path of the binary.
func build(t *testing.T) string {
	t.Helper()
	if *ready != "" {
		return *ready
	}
	binary := filepath.Join(t.TempDir(), "connector")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/connector").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// freeAddress finds a free port.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// program is how one process is started.
type program struct {
	binary string
	args   []string
	env    []string
	log    *os.File // its standard error, over all starts
}

// process is a running program.
type process struct {
	cmd   *exec.Cmd
	ready chan map[string]any // gets the first line of standard output
	gone  chan error          // gets the end
}

// start starts the program, for as long as ctx lasts at most.
func (p program) start(ctx context.Context) (*process, error) {
	cmd := exec.CommandContext(ctx, p.binary, p.args...)
	cmd.Env, cmd.Stderr = p.env, p.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	running := &process{cmd: cmd, ready: make(chan map[string]any, 1), gone: make(chan error, 1)}
	go func() {
		line, _ := bufio.NewReader(stdout).ReadBytes('\n') // no line: it has ended, as Wait tells
		var ready map[string]any
		if json.Unmarshal(line, &ready) == nil {
			running.ready <- ready
		}
		running.gone <- cmd.Wait()
	}()
	return running, nil
}

// isReady waits for the line that says so.
func (p *process) isReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case <-p.ready:
		return nil
	case err := <-p.gone:
		p.gone <- err
		return fmt.Errorf("ended before it was ready: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end asks the process to end, and kills it when it does not.
func (p *process) end() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(endTime)
	defer timer.Stop()
	select {
	case err := <-p.gone:
		return err
	case <-timer.C:
		return errors.Join(errors.New("did not end after SIGTERM"), p.kill())
	}
}

// kill ends the process without a warning.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.gone
	return err
}

// supervisor keeps a program running and kills it at random moments.
type supervisor struct {
	program
	kills  int           // how many there shall be
	every  time.Duration // on average
	rng    *rand.Rand
	giveUp func(error) // is called when the program ends by itself
	loses  string      // a directory that is lost with each kill; empty: none

	done    chan struct{} // closed when all kills are done
	stop    chan struct{}
	stopped chan struct{}
	// Written by run alone, to be read after stopped is closed.
	killed   int
	early    int // kills before the process was ready
	restarts int // it ended by itself before it was ready, and was started again
	broken   error
}

func newSupervisor(p program, kills int, every time.Duration, rng *rand.Rand, giveUp func(error)) *supervisor {
	k := &supervisor{program: p, kills: kills, every: every, rng: rng, giveUp: giveUp,
		done: make(chan struct{}), stop: make(chan struct{}), stopped: make(chan struct{})}
	if kills == 0 {
		close(k.done)
	}
	return k
}

// run takes over a running process, until close is called or the process ends
// by itself after it was ready.
func (k *supervisor) run(ctx context.Context, running *process) {
	defer close(k.stopped)
	for ready := true; ; ready = false {
		again, err := k.accompany(running, ready)
		if again {
			err = k.pause(ctx)
			if err == nil {
				running, err = k.start(ctx)
			}
		}
		if err != nil {
			k.giveUp(err)
		}
		if !again || err != nil {
			k.broken = err
			return
		}
	}
}

// pause is the time without a process, up to a second.
func (k *supervisor) pause(ctx context.Context) error {
	if k.loses != "" {
		if err := os.RemoveAll(k.loses); err != nil {
			return err
		}
	}
	return wait(ctx, time.Duration(k.rng.Int64N(int64(time.Second))))
}

// accompany lives with one process until it ends, and says whether it is to be
// started again.
func (k *supervisor) accompany(running *process, ready bool) (again bool, err error) {
	var fate <-chan time.Time
	if k.killed < k.kills {
		timer := time.NewTimer(k.lifetime())
		defer timer.Stop()
		fate = timer.C
	}
	for {
		select {
		case <-running.ready:
			ready = true
		case <-fate:
			k.count(ready)
			return true, running.kill()
		case err := <-running.gone:
			if ready {
				return false, fmt.Errorf("the connector ended by itself: %w", err)
			}
			k.restarts++
			return true, nil
		case <-k.stop:
			return false, running.end()
		}
	}
}

// lifetime is one in four times so short that it ends within the start.
func (k *supervisor) lifetime() time.Duration {
	if k.rng.IntN(4) == 0 {
		return time.Duration(k.rng.Int64N(int64(400 * time.Millisecond)))
	}
	return k.every/4 + time.Duration(k.rng.Int64N(int64(2*k.every)))
}

func (k *supervisor) count(ready bool) {
	k.killed++
	if !ready {
		k.early++
	}
	if k.killed == k.kills {
		close(k.done)
	}
}

// close ends the process in order. It may be called more than once.
func (k *supervisor) close() error {
	select {
	case <-k.stopped:
	case k.stop <- struct{}{}:
	}
	<-k.stopped
	return k.broken
}
