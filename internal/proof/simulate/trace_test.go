package simulate

import (
	"testing"

	"github.com/hubspot-zoho/connector/internal/proof/tier"
)

func TestARunIsMadeByItsSeedAlone(t *testing.T) {
	tier.Long(t, "that 200 seeds take the same course a second time")
	for a := range runAll(1, 200) {
		b := Run(Options{Seed: a.Seed})
		if a.Hash != b.Hash || a.Steps != b.Steps {
			t.Errorf("seed %d: %x after %d steps, then %x after %d", a.Seed, a.Hash, a.Steps, b.Hash, b.Steps)
		}
	}
}

func TestTracingChangesNothing(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		plain, traced := Run(Options{Seed: seed}), Run(Options{Seed: seed, Trace: true, Field: "city"})
		if plain.Hash != traced.Hash {
			t.Errorf("seed %d takes another course when it is traced", seed)
		}
		if len(traced.Trace) == 0 {
			t.Errorf("seed %d leaves no trace", seed)
		}
	}
}
