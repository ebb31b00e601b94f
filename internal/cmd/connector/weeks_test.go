package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/cloud"
	"github.com/hubspot-zoho/connector/internal/local/sim"
	"github.com/hubspot-zoho/connector/internal/local/sim/sendgridsim"
	"github.com/hubspot-zoho/connector/internal/local/sim/zohosim"
	"github.com/hubspot-zoho/connector/internal/op"
	"github.com/hubspot-zoho/connector/internal/store"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// weeksClock is the simulators' clock for the connector.
type weeksClock struct{ *sim.Clock }

func (c weeksClock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

// weeks are the jobs of the scheduler over a real store and both services, on a
// clock that is moved.
type weeks struct {
	clock   weeksClock
	tokens  *zoho.TokenService
	client  *zoho.Client
	manager *zoho.ChannelManager
	digest  *failure.Digest
	fails   *store.Failures
	mails   *sendgridsim.Server
	sweeps  int
}

func (w *weeks) Sweep(context.Context) error { w.sweeps++; return nil }

func serveTest(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func newWeeks(t *testing.T) *weeks {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &weeks{clock: weeksClock{sim.NewManualClock(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}}
	cloud, err := cloud.Start(t.Context(), cloud.Options{Project: "weeks", Logger: slog.New(slog.DiscardHandler)})
	must(err)
	t.Cleanup(func() { must(cloud.Close(context.Background())) })
	db, err := store.Connect(t.Context(), "weeks", "(default)", cloud.FirestoreHost)
	must(err)
	t.Cleanup(func() { must(db.Close()) })

	zohoServer := zohosim.New(zohosim.Config{Clock: w.clock.Clock})
	t.Cleanup(func() { must(zohoServer.Close()) })
	zohoURL := serveTest(t, zohoServer)
	zohoServer.SetAPIDomain(zohoURL)
	w.mails = sendgridsim.New(sendgridsim.Config{Clock: w.clock.Clock})

	ids := 0
	newID := func() string { ids++; return fmt.Sprint("id-", ids) }
	w.tokens, err = zoho.NewTokenService(zoho.TokenServiceConfig{
		AccountsURL: zohoURL, ClientID: zohosim.DefaultClientID, ClientSecret: zohosim.DefaultClientSecret, RefreshToken: zohosim.DefaultRefreshToken,
		Store: store.NewTokens(db), HTTP: newLocalClient(), Clock: w.clock, NewID: newID, Logger: slog.New(slog.DiscardHandler),
	})
	must(err)
	w.client, err = zoho.New(zoho.Config{Tokens: stored{w.tokens, store.NewTokens(db)}, HTTP: newLocalClient(), AccountsURL: zohoURL, Now: w.clock.Now})
	must(err)
	w.manager, err = zoho.NewChannelManager(zoho.ChannelManagerConfig{API: w.client, Store: store.NewChannels(db), Sweeper: w, Clock: w.clock, Kinds: crm.Kinds[:],
		NotifyURL: "https://fn.example.com/ZohoWebhook", Token: "tok"})
	must(err)
	mailer, err := failure.NewSendGrid(failure.SendGridConfig{URL: serveTest(t, w.mails), Key: sendgridsim.DefaultKey,
		From: "connector@example.com", To: []string{"operator@example.com"}, HTTP: newLocalClient()})
	must(err)
	w.fails = store.NewFailures(db)
	w.digest, err = failure.NewDigest(failure.Config{Store: w.fails, Mailer: mailer, Clock: w.clock, NewID: newID})
	must(err)
	return w
}

// stored hands out the stored token as it is, and never renews it: a caller that
// uses it would notice that it had lapsed.
type stored struct {
	tokens *zoho.TokenService
	store  *store.Tokens
}

func (s stored) Token(ctx context.Context, _ string) (zoho.Token, error) {
	state, err := s.store.LoadToken(ctx)
	return state.Token, err
}

// Two weeks of the scheduler: the token never lapses, nor does the channel, and
// each failure is mailed once, within the hour.
func TestTwoWeeksOnATestClock(t *testing.T) {
	t.Parallel()
	w := newWeeks(t)
	ctx := t.Context()
	if _, err := w.tokens.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	const minutes = 14 * 24 * 60
	failed, renewals := 0, 0
	for minute := 0; minute < minutes; minute += 15 {
		if minute%45 == 0 {
			if _, err := w.tokens.Refresh(ctx); err != nil {
				t.Fatalf("minute %d: refresh: %v", minute, err)
			}
		}
		if minute%30 == 0 {
			r, err := w.manager.EnsureChannel(ctx)
			if err != nil {
				t.Fatalf("minute %d: the channel: %v", minute, err)
			}
			if r.Action == zoho.ChannelRenewed {
				renewals++
			}
		}
		if minute%(24*60) == 15 {
			failed++
			o := op.Operation{ID: fmt.Sprint("op-", failed), Ref: crm.Ref{System: crm.HubSpot, Kind: crm.Contact, RecordID: fmt.Sprint(failed)}, Change: op.Updated}
			if err := w.fails.Record(ctx, failure.NewParkedRecord(o, &crm.Error{System: crm.Zoho, Action: "create", Kind: crm.Missing, Code: "MANDATORY_NOT_FOUND"}, w.clock.Now())); err != nil {
				t.Fatal(err)
			}
		}
		if minute%60 == 0 {
			if _, err := w.digest.Send(ctx); err != nil {
				t.Fatalf("minute %d: the mail: %v", minute, err)
			}
			if got := len(w.mails.Mails()); got != failed {
				t.Fatalf("minute %d: %d mails, want %d", minute, got, failed)
			}
		}
		if minute%(6*60) == 0 { // the token is good, and so is the channel
			all, err := w.client.ListChannels(ctx)
			if err != nil {
				t.Fatalf("minute %d: %v", minute, err)
			}
			if ch := all[zoho.ChannelID("https://fn.example.com/ZohoWebhook")]; len(all) != 1 || !ch.Expiry.After(w.clock.Now()) {
				t.Fatalf("minute %d: the channels are %v", minute, all)
			}
		}
		w.clock.Advance(15 * time.Minute)
	}
	if w.sweeps != 1 || renewals < 4 {
		t.Errorf("%d sweeps over gaps, want the one of the first time; %d renewals", w.sweeps, renewals)
	}
}
