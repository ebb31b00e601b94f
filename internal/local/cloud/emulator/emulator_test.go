package emulator_test

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"testing"

	"github.com/hubspot-zoho/connector/internal/local/cloud/emulator"
	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

func TestEmulatorAnswersUntilItIsStopped(t *testing.T) {
	tier.Long(t, "that Google's emulators start and end")
	for name, start := range map[string]func(context.Context) (*emulator.Emulator, error){
		"firestore": emulator.StartFirestore,
		"pubsub":    emulator.StartPubSub,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			em, err := start(t.Context())
			if emulator.MaySkip(err) {
				t.Skipf("SKIPPED: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := dial(t, em.Addr); err != nil {
				t.Errorf("a started emulator refuses a connection: %v", err)
			}
			for range 2 {
				if err := em.Stop(); err != nil {
					t.Fatalf("Stop: %v", err)
				}
			}
			if err := dial(t, em.Addr); err == nil {
				t.Error("a stopped emulator takes a connection")
			}
		})
	}
}

func TestStartSaysWhatIsNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := emulator.StartFirestore(t.Context()); !errors.Is(err, emulator.ErrNotInstalled) {
		t.Errorf("StartFirestore without tools = %v, want ErrNotInstalled", err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := emulator.StartPubSub(ctx)
	if !installed(t) {
		t.Skip("SKIPPED, java or gcloud is not installed: that the start of an emulator gives up with its context")
	}
	if !errors.Is(err, context.Canceled) || errors.Is(err, emulator.ErrNotInstalled) {
		t.Fatalf("StartPubSub with an ended context = %v, want %v alone", err, context.Canceled)
	}
}

// installed tells whether the tools are there at all.
func installed(t *testing.T) bool {
	t.Helper()
	_, javaErr := exec.LookPath("java")
	_, gcloudErr := exec.LookPath("gcloud")
	return javaErr == nil && gcloudErr == nil
}

func dial(t *testing.T, addr string) error {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
