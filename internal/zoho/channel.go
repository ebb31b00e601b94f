package zoho

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	// MaxChannelLife is the longest life that is requested. Zoho grants up to a
	// week, and a single hour to a request for more.
	MaxChannelLife = 6*24*time.Hour + 12*time.Hour
	maxNotifyURL   = 255
	maxToken       = 50
)

// channelPath is the path of the channels.
const channelPath = "/actions/watch"

// Channel is a subscription to changes.
type Channel struct {
	ID        string // a number that the connector chooses, below 2^63
	Events    []string
	NotifyURL string // https, at most 255 bytes
	Token     Secret // at most 50 bytes; comes back in every notification
	// Expiry is when Zoho stops to send. In a request it may be zero, for
	// MaxChannelLife from now; in an answer it is the time that Zoho granted.
	Expiry time.Time
}

// ChannelEvents returns the events to watch for kinds: created, edited and
// deleted.
func ChannelEvents(kinds ...crm.Kind) []string {
	var events []string
	for _, kind := range kinds {
		events = append(events, modules[kind]+".all")
	}
	return events
}

type channelBody struct {
	Watch []channelItem `json:"watch"`
	Info  *pageInfo     `json:"info,omitempty"` // of a list
}

// channelItem is a channel in JSON. The two switches are always sent: without
// them an edit of a contact notifies for its company too.
type channelItem struct {
	ChannelID lenientText `json:"channel_id"`
	Events    []string    `json:"events"`
	Expiry    string      `json:"channel_expiry"`
	Token     string      `json:"token"`
	NotifyURL string      `json:"notify_url"`
	Values    bool        `json:"return_affected_field_values"`
	Related   bool        `json:"notify_on_related_action"`
}

// OpenChannel opens a channel and returns it with the expiry that Zoho granted,
// which may be much earlier than the one requested.
func (c *Client) OpenChannel(ctx context.Context, ch Channel) (Channel, error) {
	return c.saveChannel(ctx, request{action: "watch", method: http.MethodPost, path: channelPath, write: true}, ch)
}

// RenewChannel replaces a channel and extends it, as OpenChannel does. An
// expired channel has to be opened again.
func (c *Client) RenewChannel(ctx context.Context, ch Channel) (Channel, error) {
	return c.saveChannel(ctx, request{action: "renew channel", method: http.MethodPut, path: channelPath, write: true}, ch)
}

func (c *Client) saveChannel(ctx context.Context, req request, ch Channel) (Channel, error) {
	if err := validateChannel(ch); err != nil {
		return ch, req.refusedError("BAD_CHANNEL", err)
	}
	expiry := c.now().Add(MaxChannelLife)
	if !ch.Expiry.IsZero() && ch.Expiry.Before(expiry) {
		expiry = ch.Expiry
	}
	// The token is a Secret that would encode itself redacted.
	req.body = channelBody{Watch: []channelItem{{
		ChannelID: lenientText(ch.ID), Events: ch.Events, Expiry: formatTime(expiry),
		Token: string(ch.Token), NotifyURL: ch.NotifyURL,
	}}}
	a, err := c.call(ctx, req)
	if err != nil {
		return ch, err
	}
	if err := req.checkResults(a); err != nil {
		return ch, err
	}
	ch.Expiry = time.Time{}
	for _, i := range a.resultItems("watch") {
		for _, granted := range i.Details.Events {
			if err := ch.lowerExpiry(granted.Expiry); err != nil {
				return ch, req.shapeError(a, err.Error())
			}
		}
	}
	if ch.Expiry.IsZero() {
		return ch, req.shapeError(a, "no channel_expiry")
	}
	return ch, nil
}

// validateChannel lists everything that Zoho would refuse, or accept without
// effect.
func validateChannel(ch Channel) error {
	var errs []error
	if n, err := strconv.ParseInt(ch.ID, 10, 64); err != nil || n <= 0 {
		errs = append(errs, errors.New("the id is not a positive number below 2^63"))
	}
	if len(ch.Events) == 0 {
		errs = append(errs, errors.New("there are no events"))
	}
	if ch.Token == "" || len(ch.Token) > maxToken {
		errs = append(errs, fmt.Errorf("the token is empty or longer than %d bytes", maxToken))
	}
	u, err := url.Parse(ch.NotifyURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && !isLoopback(u) || len(ch.NotifyURL) > maxNotifyURL {
		errs = append(errs, fmt.Errorf("the URL is not https or is longer than %d bytes", maxNotifyURL))
	}
	return errors.Join(errs...)
}

// lowerExpiry keeps the earliest expiry of a channel's modules.
func (ch *Channel) lowerExpiry(text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("channel_expiry is not a time")
	}
	if ch.Expiry.IsZero() || t.Before(ch.Expiry) {
		ch.Expiry = t
	}
	return nil
}

// checkResults returns an error for the first result in the list of channels
// that is no success.
func (req request) checkResults(a answer) error {
	items := a.resultItems("watch")
	for _, i := range items {
		if i.Status != "success" {
			return req.unexpectedError(a, "a result without success or code")
		}
	}
	if len(items) == 0 || a.status >= 300 {
		return req.unexpectedError(a, "no results")
	}
	return nil
}

// ReadChannel returns a channel as Zoho has it. It is an error of kind NotFound
// if Zoho has none of that id, or no longer.
func (c *Client) ReadChannel(ctx context.Context, id string) (Channel, error) {
	req := request{action: "read channel", method: http.MethodGet, path: channelPath}
	if !isID(id) {
		return Channel{}, req.refusedError("BAD_CHANNEL", nil)
	}
	all, _, err := c.readChannelPage(ctx, req, url.Values{"channel_id": {id}}, 1)
	if err != nil {
		return Channel{}, err
	}
	ch, found := all[id]
	if !found {
		return Channel{}, req.newError(crm.NotFound, "", nil)
	}
	slices.Sort(ch.Events)
	return *ch, nil
}

// maxChannelPages limits how many pages of channels are read.
const maxChannelPages = 20

// ListChannels returns every channel that Zoho shows to our user, by id,
// including those of other programs.
func (c *Client) ListChannels(ctx context.Context) (map[string]Channel, error) {
	req := request{action: "list channels", method: http.MethodGet, path: channelPath}
	channels := map[string]Channel{}
	for number := 1; number <= maxChannelPages; number++ {
		page, more, err := c.readChannelPage(ctx, req, url.Values{}, number)
		if err != nil {
			return nil, err
		}
		for id, ch := range page {
			if known, split := channels[id]; split { // its modules stand on two pages
				ch.Events = appendNew(ch.Events, known.Events...)
				if known.Expiry.Before(ch.Expiry) {
					ch.Expiry = known.Expiry
				}
			}
			slices.Sort(ch.Events)
			channels[id] = *ch
		}
		if !more {
			return channels, nil
		}
	}
	return nil, req.refusedError("TOO_MANY_CHANNELS", nil)
}

// readChannelPage reads a page of channels, which appear once for each module.
func (c *Client) readChannelPage(ctx context.Context, req request, query url.Values, number int) (map[string]*Channel, bool, error) {
	query.Set("page", strconv.Itoa(number))
	query.Set("per_page", "200")
	req.query = query
	a, err := c.call(ctx, req)
	if err != nil || a.status == http.StatusNoContent {
		return nil, false, err
	}
	var body channelBody
	if a.status != http.StatusOK || decodeJSON(a.body, &body) != nil || body.Watch == nil {
		return nil, false, req.unexpectedError(a, "no list of channels")
	}
	channels := map[string]*Channel{}
	for _, w := range body.Watch {
		id := string(w.ChannelID)
		ch := channels[id]
		if ch == nil {
			ch = &Channel{ID: id}
			channels[id] = ch
		}
		ch.Events = appendNew(ch.Events, w.Events...)
		ch.NotifyURL, ch.Token = w.NotifyURL, Secret(w.Token)
		if err := ch.lowerExpiry(w.Expiry); err != nil {
			return nil, false, req.shapeError(a, err.Error())
		}
	}
	return channels, body.Info != nil && body.Info.MoreRecords, nil
}

// CloseChannels closes channels.
func (c *Client) CloseChannels(ctx context.Context, ids ...string) error {
	req := request{
		action: "disable channel", method: http.MethodDelete, path: channelPath, write: true,
		query: url.Values{"channel_ids": {strings.Join(ids, ",")}},
	}
	if len(ids) == 0 || slices.ContainsFunc(ids, func(id string) bool { return !isID(id) }) {
		return req.refusedError("BAD_CHANNEL", nil)
	}
	a, err := c.call(ctx, req)
	if err != nil {
		return err
	}
	return req.checkResults(a)
}

// ChannelID returns the id of the channel for a webhook URL. Every run uses the
// same id, and another installation on the same organisation another one.
func ChannelID(notifyURL string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(notifyURL)) // a hash never fails
	return strconv.FormatUint(h.Sum64()>>2|1<<61, 10)
}
