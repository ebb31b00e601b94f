package functions

import (
	"bytes"
	"context"
	"log/slog"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/batch"
	"github.com/hubspot-zoho/connector/internal/consumer"
	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/dryrun"
	"github.com/hubspot-zoho/connector/internal/reconcile"
	"github.com/hubspot-zoho/connector/internal/safeguard"
	"github.com/hubspot-zoho/connector/internal/syncer"
)

// safeguards tells of a syncer what must be the same whichever way one comes to it.
type safeguards struct {
	Safeguard, Unique, AtOnce, Suppressions bool
	Precise                                 map[crm.System]bool
	Erasers                                 int
	Batched, Limited                        bool // the CRMs
}

// unwrap returns what stands behind the CRM of a syncer, through what a dry run or
// a backfill puts before it.
func unwrap(c syncer.CRM) syncer.CRM {
	for {
		switch at := c.(type) {
		case *reconcile.Pages:
			c = at.CRM
		case interface{ Beneath() syncer.CRM }:
			c = at.Beneath()
		default:
			return at
		}
	}
}

// wiring makes the syncer of each way in, as the program does, in a process of its
// own, and returns the consumer that stands before those that write.
var wiring = map[string]func(ctx context.Context, h *deps) (*syncer.Syncer, *consumer.Consumer, error){
	"consumers": func(ctx context.Context, h *deps) (*syncer.Syncer, *consumer.Consumer, error) {
		c, err := newQueueConsumer(ctx, h)
		if err != nil {
			return nil, nil, err
		}
		return c.Applier.(*syncer.Syncer), c, nil
	},
	"backfill": func(ctx context.Context, h *deps) (*syncer.Syncer, *consumer.Consumer, error) {
		h.isOperator = true
		d := &Operator{h}
		clients, err := d.ConnectClients(ctx)
		if err != nil {
			return nil, nil, err
		}
		b, err := d.NewBackfillConfig(ctx, clients)
		if err != nil {
			return nil, nil, err
		}
		c := b.Worker.(*consumer.Consumer)
		return c.Applier.(*syncer.Syncer), c, nil
	},
	"plan": asOperator(func(ctx context.Context, d *Operator, c Clients) (*syncer.Syncer, error) {
		p, err := d.NewPlanConfig(ctx, c)
		return p.Syncer, err
	}),
	"explain": asOperator(func(ctx context.Context, d *Operator, c Clients) (*syncer.Syncer, error) {
		return d.NewExplainer(ctx, c)
	}),
	"drift": asOperator(func(ctx context.Context, d *Operator, c Clients) (*syncer.Syncer, error) {
		drift, err := d.NewDrift(ctx, c)
		if err != nil {
			return nil, err
		}
		return drift.Comparer.(*syncer.Syncer), nil
	}),
	"console": func(ctx context.Context, h *deps) (*syncer.Syncer, *consumer.Consumer, error) {
		c, err := newConsole(ctx, h)
		if err != nil {
			return nil, nil, err
		}
		return c.Records.(*syncer.Syncer), nil, nil
	},
}

func asOperator(get func(context.Context, *Operator, Clients) (*syncer.Syncer, error)) func(context.Context, *deps) (*syncer.Syncer, *consumer.Consumer, error) {
	return func(ctx context.Context, d *deps) (*syncer.Syncer, *consumer.Consumer, error) {
		d.isOperator = true
		o := &Operator{d}
		clients, err := o.ConnectClients(ctx)
		if err != nil {
			return nil, nil, err
		}
		s, err := get(ctx, o, clients)
		return s, nil, err
	}
}

// TestEveryWayInHasTheSameSafeguards holds that no command, page or function comes
// to a syncer that lacks what another one has, and that those which only look
// cannot write.
func TestEveryWayInHasTheSameSafeguards(t *testing.T) {
	want := safeguards{
		Safeguard: true, Unique: true, AtOnce: true, Suppressions: true, Erasers: 2, Batched: true, Limited: true,
		Precise: map[crm.System]bool{crm.HubSpot: true},
	}
	writes := map[string]bool{"consumers": true, "backfill": true}
	if len(waysIn) != len(wiring) {
		t.Errorf("%d ways in are declared, and the test makes %d", len(waysIn), len(wiring))
	}
	for _, way := range waysIn {
		t.Run(way.name, func(t *testing.T) {
			var log bytes.Buffer
			d := &deps{getenv: complete().get, logger: logTo(&log)}
			s, worker, err := wiring[way.name](t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			_, isSafeguard := s.Safeguard.(*safeguard.MassClear)
			got := safeguards{
				Safeguard: isSafeguard, Unique: s.Unique != nil, AtOnce: reflect.ValueOf(s.Parallel).Pointer() == reflect.ValueOf(batch.Parallel).Pointer(),
				Suppressions: s.Suppressions != nil, Erasers: len(s.Erasers), Precise: s.Precise, Batched: true, Limited: true,
			}
			for _, side := range crm.Systems {
				beneath := unwrap(s.CRMs[side])
				_, batched := beneath.(*batch.CRM)
				got.Batched = got.Batched && batched
				// One client for the process is one limiter for the account.
				got.Limited = got.Limited && beneath == d.clients.crms[side]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("safeguards (-want +got):\n%s", diff)
			}
			if dryrun.IsDryRun(s) == writes[way.name] {
				t.Errorf("it is a dry run: %t, and it writes: %t", dryrun.IsDryRun(s), writes[way.name])
			}
			if writes[way.name] && (worker == nil || worker.Counter == nil) {
				t.Error("what its operations come to is counted nowhere")
			}
		})
	}
}

// TestEveryFunctionOfAProcessHasTheSameLimiter: several clients of one account, each
// with a limiter, would together take several times its quota.
func TestEveryFunctionOfAProcessHasTheSameLimiter(t *testing.T) {
	d := &deps{getenv: complete().get, logger: slog.New(slog.DiscardHandler)}
	var hubspots, zohos []any
	for _, e := range entryPoints {
		if _, err := e.build(t.Context(), d); err != nil {
			t.Fatal(e.name, err)
		}
		if c := d.clients.hubspot; c != nil && !slices.Contains(hubspots, any(c)) {
			hubspots = append(hubspots, c)
		}
		if c := d.clients.zoho; c != nil && !slices.Contains(zohos, any(c)) {
			zohos = append(zohos, c)
		}
	}
	if len(hubspots) != 1 || len(zohos) != 1 {
		t.Errorf("%d clients of HubSpot and %d of Zoho", len(hubspots), len(zohos))
	}
}

func TestAPartOfTheQuotaIsAPartOfTheSharesOfBothCRMs(t *testing.T) {
	d := &Operator{&deps{getenv: complete().with("CRM_QUOTA_SHARE", "0.5").get, logger: slog.New(slog.DiscardHandler), isOperator: true}}
	before, err := d.ConnectClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.LimitQuotaShare(0.25)
	after, err := d.ConnectClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.HubSpot == after.HubSpot || before.Zoho == after.Zoho || d.deps.limitShare(after.config.HubSpot.Share) != 0.125 {
		t.Errorf("the clients have a share of %v, want 0.5 and a quarter of it", d.deps.limitShare(after.config.HubSpot.Share))
	}
}
