package console

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// window is a span of time to look back over.
type window struct {
	Name, Label string
	span, bar   time.Duration
	Here        bool
}

var windows = []window{
	{Name: "3h", Label: "3 hours", span: 3 * time.Hour, bar: stats.CellTime},
	{Name: "24h", Label: "24 hours", span: 24 * time.Hour, bar: time.Hour},
}

// overviewData says whether the connector is healthy.
type overviewData struct {
	Windows []window
	// Alerts need attention; without any the connector is healthy.
	Alerts []alert
	Chart  chart
	Totals []outcomeTotal
	Sum    stats.Cell
	Speed  []speed
	// Backlog is the delay of the operations of the newest minutes.
	Backlog  time.Duration
	LastSeen time.Time // the end of the newest cell with operations
	Open     int
	Token    health
	Channel  health
	Quotas   []quotaData
}

// alert is one fault that needs attention.
type alert struct{ Words, Page string }

// outcomeTotal is how many operations ended in one way.
type outcomeTotal struct {
	Outcome, Words string
	Count          int
}

// speed is the spread of one duration.
type speed struct {
	Name          string
	P50, P95, P99 time.Duration
}

// health is the state of a token or a channel, which has to be renewed.
type health struct {
	Good  bool
	Words string
	Until time.Time
}

type quotaData struct {
	System crm.System
	stats.Quota
	Known bool
}

// outcomes are the ways in which an operation ends, in words, in the order in
// which they are stacked.
var outcomes = []struct{ name, words string }{
	{string(syncer.Created), "created"},
	{string(syncer.Updated), "updated"},
	{string(syncer.Unchanged), "nothing to write"},
	{string(syncer.Covered), "already done"},
	{string(syncer.Ignored), "ignored as the mapping says"},
	{stats.Repeated, "waiting for another attempt"},
	{string(syncer.Parked), "refused, on record"},
	{stats.GivenUp, "given up, on record"},
}

func outcomeText(name string) string {
	for _, o := range outcomes {
		if o.name == name {
			return o.words
		}
	}
	return name
}

func (c *Console) overviewPage(v request) (shownPage, error) {
	ctx, name := v.Context(), cmp.Or(v.URL.Query().Get("window"), windows[0].Name)
	i := max(slices.IndexFunc(windows, func(w window) bool { return w.Name == name }), 0)
	hours, err := c.Stats.LoadHours(ctx, v.now.Add(-windows[i].span), false)
	if err != nil {
		return shownPage{}, err
	}
	open, err := c.Failures.CountFailures(ctx, "")
	if err != nil {
		return shownPage{}, err
	}
	token, err := c.Token.LoadToken(ctx)
	if err != nil {
		return shownPage{}, err
	}
	channels, err := c.Channels.LoadChannels(ctx)
	if err != nil {
		return shownPage{}, err
	}
	d := newOverview(windows[i], v.now, hours)
	d.Windows = slices.Clone(windows)
	d.Windows[i].Here = true
	d.Open, d.Token, d.Channel = open, tokenHealth(token, v.now), channelHealth(channels, v.now)
	d.addAlerts(v.now)
	return shownPage{"overview", "Overview", d}, nil
}

// newOverview adds up what all instances counted in a window.
func newOverview(w window, now time.Time, hours []stats.Hour) overviewData {
	var d overviewData
	first := now.Add(-w.span).Truncate(w.bar).Add(w.bar)
	bars := make([]stats.Cell, int(w.span/w.bar))
	newest := map[time.Time]*stats.Cell{}
	for _, h := range hours {
		for n, cell := range h.Cells {
			at := h.Start.Add(time.Duration(n) * stats.CellTime)
			i := int(at.Sub(first) / w.bar)
			if at.Before(first) || i >= len(bars) {
				continue
			}
			bars[i].Merge(cell)
			d.Sum.Merge(cell)
			if newest[at] == nil {
				newest[at] = &stats.Cell{}
			}
			newest[at].Merge(cell)
			if end := at.Add(stats.CellTime); end.After(d.LastSeen) {
				d.LastSeen = end
			}
		}
	}
	if cell := newest[d.LastSeen.Add(-stats.CellTime)]; cell != nil {
		d.Backlog = cell.Delay.Quantile(0.99)
	}
	d.Chart = newChart(first, w.bar, bars)
	for _, o := range outcomes {
		if n := d.Sum.Outcomes[o.name]; n > 0 {
			d.Totals = append(d.Totals, outcomeTotal{o.name, o.words, n})
		}
	}
	d.Speed = []speed{newSpeed("From the webhook to done", d.Sum.Delay), newSpeed("In the consumer", d.Sum.Took)}
	d.Quotas = latestQuotas(hours)
	return d
}

// latestQuotas returns what each CRM said last of its quota.
func latestQuotas(hours []stats.Hour) []quotaData {
	latest := map[crm.System]stats.Quota{}
	for _, h := range hours {
		for s, q := range h.Quotas {
			if q.At.After(latest[s].At) {
				latest[s] = q
			}
		}
	}
	var all []quotaData
	for _, s := range crm.Systems {
		q, known := latest[s]
		all = append(all, quotaData{s, q, known})
	}
	return all
}

func newSpeed(name string, h stats.Histogram) speed {
	return speed{name, h.Quantile(0.5), h.Quantile(0.95), h.Quantile(0.99)}
}

// CallsPerOperation is what an operation cost on average.
func (d overviewData) CallsPerOperation() string {
	n := d.Sum.CountOperations()
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", float64(d.Sum.Calls)/float64(n))
}

// Percent is how much of the calls is left, 0 where the limit is not known.
func (q quotaData) Percent() int {
	if q.Limit == 0 {
		return 0
	}
	return 100 * q.Left / q.Limit
}

// lowQuota is the share of the day's calls below which a person is warned.
const lowQuota = 10

// addAlerts lists the faults that need attention, the worst first.
func (d *overviewData) addAlerts(now time.Time) {
	add := func(words, page string) { d.Alerts = append(d.Alerts, alert{words, page}) }
	if !d.Token.Good {
		add(d.Token.Words, "")
	}
	if !d.Channel.Good {
		add(d.Channel.Words, "")
	}
	if d.Backlog > time.Minute && now.Sub(d.LastSeen) < time.Hour {
		add("Operations wait longer than a minute: "+formatDuration(d.Backlog)+".", "activity")
	}
	for _, q := range d.Quotas {
		if q.Known && q.Limit > 0 && q.Percent() < lowQuota {
			add(fmt.Sprintf("%s has %s calls left today.", systemName(q.System), formatNumber(q.Left)), "")
		}
	}
	switch {
	case d.Open == 1:
		add("One failure is open.", "failures")
	case d.Open > 1:
		add(formatNumber(d.Open)+" failures are open.", "failures")
	}
}

func tokenHealth(t zoho.TokenState, now time.Time) health {
	h := health{Until: t.Token.Expiry}
	switch {
	case t.Token.AccessToken == "":
		h.Words = "No access token of Zoho is stored yet."
		h.Good = t.FailedAt.IsZero() // it was never requested
	case !now.Before(t.Token.Expiry):
		h.Words = "Zoho's access token has expired."
	default:
		h.Good, h.Words = true, "valid for "+formatDuration(t.Token.Expiry.Sub(now))
	}
	if t.FailedAt.After(t.RefreshedAt) {
		h.Good, h.Words = false, "Zoho refused to renew the access token ("+t.Failure+"): look into the log of RefreshZohoToken."
	}
	return h
}

// channelHealth describes the channel that ends first. Without a channel, a workflow
// rule may report the changes.
func channelHealth(channels []zoho.ChannelState, now time.Time) health {
	if len(channels) == 0 {
		return health{Good: true, Words: "no channel is open; workflow rules or the sweep report changes in Zoho"}
	}
	first := slices.MinFunc(channels, func(a, b zoho.ChannelState) int { return a.Expiry.Compare(b.Expiry) })
	switch {
	case !now.Before(first.Expiry):
		return health{Words: "Zoho's notification channel has expired: changes in Zoho are found by the sweep only.", Until: first.Expiry}
	case !first.GapSince.IsZero():
		return health{Words: "Zoho's notification channel was closed for a while; the sweep reads the changes that it missed.", Until: first.Expiry}
	}
	return health{Good: true, Words: "open for " + formatDuration(first.Expiry.Sub(now)), Until: first.Expiry}
}
