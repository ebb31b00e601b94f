package emulator

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// startGroup starts the command; taskkill finds the children by their parent.
func startGroup(cmd *exec.Cmd) error { return cmd.Start() }

// endGroup ends the command and its children.
func endGroup(cmd *exec.Cmd, exited <-chan struct{}, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := exec.CommandContext(ctx, "taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("end emulator: still running: %w", err)
	}
}
