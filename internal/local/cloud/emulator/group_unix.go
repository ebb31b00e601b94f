//go:build unix

package emulator

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// guarded runs its arguments beside a watcher that ends the group when standard
// input does, that is when this process is gone, however it went.
const guarded = `exec 3<&0; (cat <&3; kill -TERM -$$) >/dev/null 2>&1 & exec "$@" 3<&- </dev/null`

// startGroup starts the command in a process group of its own: gcloud is Python
// that starts a shell that starts Java, and a signal to the first alone leaves
// the others behind.
func startGroup(cmd *exec.Cmd) error {
	cmd.Args = append([]string{"sh", "-c", guarded, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := cmd.StdinPipe(); err != nil { // never written to
		return err
	}
	return cmd.Start()
}

// endGroup asks the group to end, and kills what has not after a while.
func endGroup(cmd *exec.Cmd, exited <-chan struct{}, limit time.Duration) error {
	group := -cmd.Process.Pid
	if err := syscall.Kill(group, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end emulator: %w", err)
	}
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if errors.Is(syscall.Kill(group, 0), syscall.ESRCH) {
				<-exited
				return nil
			}
		case <-deadline.C:
			if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill emulator: %w", err)
			}
			<-exited
			return nil
		}
	}
}
