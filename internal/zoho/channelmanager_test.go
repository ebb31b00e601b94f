package zoho

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const notifyURL = "https://fn.example.com/ZohoWebhook"

// zohoChannels is the part of Zoho that a channel manager uses: a channel ends
// at its expiry, and a request for more than the limit gets less time without
// an error.
type zohoChannels struct {
	now     func() time.Time
	granted time.Duration
	open    map[string]Channel
	calls   []string
	fail    error
}

func (z *zohoChannels) ListChannels(context.Context) (map[string]Channel, error) {
	z.calls = append(z.calls, "list")
	maps.DeleteFunc(z.open, func(_ string, ch Channel) bool { return !z.now().Before(ch.Expiry) })
	return maps.Clone(z.open), z.fail
}

func (z *zohoChannels) save(detail string, ch Channel) (Channel, error) {
	z.calls = append(z.calls, detail)
	if z.fail != nil {
		return ch, z.fail
	}
	ch.Expiry = z.now().Add(z.granted)
	z.open[ch.ID] = ch
	return ch, nil
}

func (z *zohoChannels) OpenChannel(_ context.Context, ch Channel) (Channel, error) {
	return z.save("watch", ch)
}

func (z *zohoChannels) RenewChannel(_ context.Context, ch Channel) (Channel, error) {
	if have, ok := z.open[ch.ID]; !ok || !z.now().Before(have.Expiry) {
		return ch, &crm.Error{System: crm.Zoho, Action: "renew channel", Kind: crm.Invalid, Code: "INVALID_DATA"}
	}
	return z.save("renew", ch)
}

func (z *zohoChannels) CloseChannels(_ context.Context, ids ...string) error {
	z.calls = append(z.calls, "disable")
	for _, id := range ids {
		if _, ok := z.open[id]; !ok {
			return &crm.Error{System: crm.Zoho, Kind: crm.Refused, Code: "NOT_SUBSCRIBED"}
		}
		delete(z.open, id)
	}
	return nil
}

// channelStates keeps the states that a channel manager saves, and may fail
// after some saves.
type channelStates struct {
	all   map[string]ChannelState
	saves int
	cut   int // no save beyond this many, unless 0
}

var errCut = errors.New("killed here")

func (s *channelStates) LoadChannels(context.Context) ([]ChannelState, error) {
	return slices.Collect(maps.Values(s.all)), nil
}

func (s *channelStates) SaveChannel(_ context.Context, c ChannelState) error {
	if s.saves++; s.cut > 0 && s.saves > s.cut {
		return errCut
	}
	s.all[c.ID] = c
	return nil
}

func (s *channelStates) DropChannel(_ context.Context, id string) error {
	delete(s.all, id)
	return nil
}

type sweepCount struct {
	n    int
	fail error
}

func (s *sweepCount) Sweep(context.Context) error {
	if s.fail == nil {
		s.n++
	}
	return s.fail
}

type channelFixture struct {
	*ChannelManager
	t      *testing.T
	at     time.Time
	zoho   *zohoChannels
	states *channelStates
	sweeps *sweepCount
}

func (w *channelFixture) Now() time.Time { return w.at }

func (w *channelFixture) Sleep(_ context.Context, d time.Duration) error {
	w.at = w.at.Add(d)
	return nil
}

func newChannelFixture(t *testing.T) *channelFixture {
	t.Helper()
	w := &channelFixture{t: t, at: mustTime(t, "2026-11-23T10:00:00Z"), states: &channelStates{all: map[string]ChannelState{}}, sweeps: &sweepCount{}}
	w.zoho = &zohoChannels{now: w.Now, granted: MaxChannelLife, open: map[string]Channel{}}
	var err error
	w.ChannelManager, err = NewChannelManager(ChannelManagerConfig{
		API: w.zoho, Store: w.states, Sweeper: w.sweeps, Clock: w, Kinds: crm.Kinds[:], NotifyURL: notifyURL, Token: "tok",
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ensureAfter runs the job after some time and returns its report and its calls.
func (w *channelFixture) ensureAfter(after time.Duration) (ChannelReport, []string) {
	w.t.Helper()
	w.at, w.zoho.calls = w.at.Add(after), nil
	r, err := w.EnsureChannel(w.t.Context())
	if err != nil {
		w.t.Fatalf("renew: %v", err)
	}
	return r, w.zoho.calls
}

func TestTheChannelIsOpenedOnceAndRenewedAtHalfItsLife(t *testing.T) {
	w := newChannelFixture(t)
	half := MaxChannelLife / 2
	for _, step := range []struct {
		name  string
		after time.Duration
		want  ChannelAction
		calls []string
	}{
		{"there is none", 0, ChannelOpened, []string{"list", "watch"}},
		{"it is young", time.Hour, ChannelKept, []string{"list"}},
		{"it is nearly half way", half - 2*time.Hour, ChannelKept, []string{"list"}},
		{"it is half way", time.Hour, ChannelRenewed, []string{"list", "renew"}},
		{"it is young again", half - time.Minute, ChannelKept, []string{"list"}},
	} {
		got, calls := w.ensureAfter(step.after)
		if got.Action != step.want || !slices.Equal(calls, step.calls) {
			t.Errorf("%s: %s by %v, want %s by %v", step.name, got.Action, calls, step.want, step.calls)
		}
		if got.Short || len(got.Removed) > 0 {
			t.Errorf("%s: %+v", step.name, got)
		}
	}
	if w.sweeps.n != 1 {
		t.Errorf("%d sweeps, want the one of the first time", w.sweeps.n)
	}
}

func TestABrokenChannelIsRepairedAndItsGapIsSwept(t *testing.T) {
	for name, harm := range map[string]func(w *channelFixture, id string, ch Channel){
		"it expired":                func(w *channelFixture, _ string, _ Channel) { w.at = w.at.Add(8 * 24 * time.Hour) },
		"another program closed it": func(w *channelFixture, id string, _ Channel) { delete(w.zoho.open, id) },
		"it posts to another URL":   func(w *channelFixture, id string, ch Channel) { ch.NotifyURL += "2"; w.zoho.open[id] = ch },
		"it watches contacts only": func(w *channelFixture, id string, ch Channel) {
			ch.Events = ChannelEvents(crm.Contact)
			w.zoho.open[id] = ch
		},
		"it ends while it is looked": func(w *channelFixture, id string, ch Channel) { ch.Expiry = w.at; w.zoho.open[id] = ch },
	} {
		t.Run(name, func(t *testing.T) {
			w := newChannelFixture(t)
			first, _ := w.ensureAfter(0)
			w.ensureAfter(time.Hour)
			seen := w.at
			harm(w, first.ChannelID, w.zoho.open[first.ChannelID])
			got, _ := w.ensureAfter(30 * time.Minute)
			if !got.GapSince.Equal(seen) {
				t.Errorf("the gap is since %s, want %s, when the channel was last open", got.GapSince, seen)
			}
			if w.sweeps.n != 2 {
				t.Errorf("%d sweeps, want a second one", w.sweeps.n)
			}
			ch := w.zoho.open[first.ChannelID]
			if ch.NotifyURL != notifyURL || !slices.Equal(ch.Events, ChannelEvents(crm.Kinds[:]...)) || !ch.Expiry.After(w.at) {
				t.Errorf("the channel is %v", ch)
			}
			if again, _ := w.ensureAfter(time.Minute); !again.GapSince.IsZero() || w.sweeps.n != 2 {
				t.Errorf("swept again: %+v", again)
			}
		})
	}
}

func TestARotatedTokenReachesZohoWithoutAGap(t *testing.T) {
	w := newChannelFixture(t)
	w.ensureAfter(0)
	w.Token = "new"
	got, calls := w.ensureAfter(time.Minute)
	if got.Action != ChannelRenewed || !got.GapSince.IsZero() || !slices.Equal(calls, []string{"list", "renew"}) {
		t.Errorf("%+v by %v", got, calls)
	}
	if ch := w.zoho.open[got.ChannelID]; ch.Token != "new" {
		t.Error("Zoho has the old token")
	}
}

// Zoho grants an hour, without an error, to a request for more than a week.
func TestAShortExpiryIsReportedAndRespected(t *testing.T) {
	w := newChannelFixture(t)
	w.zoho.granted = time.Hour
	for i := range 20 {
		got, _ := w.ensureAfter(30 * time.Minute)
		if !got.Short {
			t.Errorf("run %d: nothing says that the channel is short", i)
		}
		if i > 0 && got.Action != ChannelRenewed {
			t.Errorf("run %d: %s", i, got.Action)
		}
	}
	if w.sweeps.n != 1 {
		t.Errorf("%d sweeps: the channel lapsed", w.sweeps.n)
	}
	w.zoho.granted = MaxChannelLife
	w.ensureAfter(30 * time.Minute)
	if got, _ := w.ensureAfter(time.Minute); got.Short {
		t.Error("the channel is long again, and reported short")
	}
}

func TestUnwantedChannelsOfOursAreClosedAndNoOthers(t *testing.T) {
	w := newChannelFixture(t)
	later := w.at.Add(time.Hour)
	for id, url := range map[string]string{"5": notifyURL, "6": "https://fn.example.com/old", "7": "https://another.example.com"} {
		w.zoho.open[id] = Channel{ID: id, NotifyURL: url, Events: []string{"Contacts.all"}, Expiry: later}
	}
	w.states.all["6"] = ChannelState{ID: "6"} // the connector opened it at another URL
	w.states.all["8"] = ChannelState{ID: "8"} // and this one, which is closed already
	got, _ := w.ensureAfter(0)
	if diff := cmp.Diff([]string{"5", "6"}, got.Removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{got.ChannelID, "7"}, slices.Sorted(maps.Keys(w.zoho.open))); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{got.ChannelID}, slices.Collect(maps.Keys(w.states.all))); diff != "" {
		t.Errorf("remembered (-want +got):\n%s", diff)
	}
}

// Wherever a run stops, a later one sweeps the gap.
func TestAGapIsSweptWhereverARunStops(t *testing.T) {
	for cut := 1; cut <= 3; cut++ {
		for _, sweepFails := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d saves, sweep fails: %t", cut, sweepFails), func(t *testing.T) {
				w := newChannelFixture(t)
				w.ensureAfter(0)
				seen := w.at
				clear(w.zoho.open)
				w.at = w.at.Add(time.Hour)
				w.states.saves, w.states.cut = 0, cut
				if sweepFails {
					w.sweeps.fail = errCut
				}
				_, err := w.EnsureChannel(t.Context())
				if (cut < 3 || sweepFails) && !errors.Is(err, errCut) {
					t.Fatalf("got %v", err)
				}
				w.states.cut, w.sweeps.fail = 0, nil
				w.ensureAfter(time.Minute)
				if w.sweeps.n < 2 {
					t.Errorf("the gap since %s was never swept", seen)
				}
				if got := w.states.all[ChannelID(notifyURL)].GapSince; !got.IsZero() {
					t.Errorf("a gap since %s is left", got)
				}
			})
		}
	}
}

func TestChannelsNeverLapseInTwoWeeks(t *testing.T) {
	w := newChannelFixture(t)
	w.ensureAfter(0)
	end := w.at.Add(14 * 24 * time.Hour)
	renewals := 0
	for w.at.Before(end) {
		// Zoho is unavailable for a day, twice.
		w.zoho.fail = nil
		if day := int(end.Sub(w.at) / (24 * time.Hour)); day == 4 || day == 10 {
			w.zoho.fail = &crm.Error{System: crm.Zoho, Kind: crm.Unavailable}
		}
		w.at = w.at.Add(30 * time.Minute)
		r, err := w.EnsureChannel(t.Context())
		if (err != nil) != (w.zoho.fail != nil) {
			t.Fatalf("at %s: %v", w.at, err)
		}
		if err == nil && r.Action == ChannelRenewed {
			renewals++
		}
		if len(w.zoho.open) != 1 || !w.zoho.open[ChannelID(notifyURL)].Expiry.After(w.at) {
			t.Fatalf("at %s no channel is open", w.at)
		}
	}
	if w.sweeps.n != 1 {
		t.Errorf("%d sweeps: the channel lapsed", w.sweeps.n)
	}
	if renewals < 4 || renewals > 5 {
		t.Errorf("%d renewals in two weeks, want one at each half of %s", renewals, MaxChannelLife)
	}
}

func TestTwoInstallationsHaveTwoChannels(t *testing.T) {
	seen := map[string]string{}
	for _, url := range []string{"", notifyURL, notifyURL + "2", strings.Repeat("x", 300)} {
		id := ChannelID(url)
		ch := testChannel()
		ch.ID = id
		if err := validateChannel(ch); err != nil || !isID(id) {
			t.Errorf("%q is no channel id: %v", id, err)
		}
		if other, ok := seen[id]; ok || id != ChannelID(url) {
			t.Errorf("%q and %q have the channel %s", url, other, id)
		}
		seen[id] = url
	}
}

func TestAChannelManagerReportsAllThatIsMissingWithoutSecrets(t *testing.T) {
	_, err := NewChannelManager(ChannelManagerConfig{NotifyURL: "http://planted.example.com", Token: Secret(strings.Repeat("planted", 9))})
	for _, part := range []string{"store", "events", "token", "https"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not mention the %s", err, part)
		}
	}
	text := fmt.Sprintf("%v %+v %#v %s", err, ChannelManagerConfig{NotifyURL: "planted", Token: "planted"}, ChannelManagerConfig{Token: "planted"}, ChannelManagerConfig{Token: "planted"})
	if strings.Contains(text, "planted") {
		t.Errorf("a secret is shown: %s", text)
	}
}
