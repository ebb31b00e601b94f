package main

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"testing"
)

// asCommand makes this test binary the command line that it tests.
const asCommand = "CONNECTOR_TEST_AS_COMMAND"

// parallelScenarios is how many scenarios run at the same time unless -parallel says
// otherwise. They mostly wait.
const parallelScenarios = "8"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	if err := flag.Set("test.parallel", parallelScenarios); err != nil {
		panic(err) // the flag is the testing package's
	}
	os.Exit(m.Run())
}

// startCommand runs the command line in a process of its own, for the scenario's
// local stack. The process is killed when ctx ends, without a chance to clean up.
func (s *scenario) startCommand(ctx context.Context, args ...string) (c *exec.Cmd, stdout, stderr *safeBuffer) {
	s.Helper()
	self, err := os.Executable()
	s.must(err)
	c = exec.CommandContext(ctx, self, args...)
	c.Env = append(c.Environ(), asCommand+"=1")
	for name := range s.localStack.env {
		c.Env = append(c.Env, name+"="+s.getenv(name))
	}
	stdout, stderr = &safeBuffer{}, &safeBuffer{}
	c.Stdout, c.Stderr = stdout, stderr
	return c, stdout, stderr
}
