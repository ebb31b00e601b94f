package zoho

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/crm"
)

func testChannel() Channel {
	return Channel{
		ID: "1000000068001", Events: ChannelEvents(crm.Contact, crm.Company), NotifyURL: "https://fn.example.com/ZohoWebhook", Token: "tok",
	}
}

// grantedChannel is the answer to a channel of two modules.
func grantedChannel(contacts, accounts string) string {
	event := func(module, expiry string) string {
		return `{"channel_expiry":"` + expiry + `","resource_uri":"https://www.zohoapis.com/crm/v2/` + module +
			`","resource_id":"554023000000000129","resource_name":"` + module + `","channel_id":"1000000068001"}`
	}
	return `{"watch":[{"code":"SUCCESS","details":{"events":[` + event("Contacts", contacts) + `,` + event("Accounts", accounts) +
		`]},"message":"Successfully subscribed for actions-watch of the given module","status":"success"}]}`
}

func TestAChannelExpiresWhenZohoSays(t *testing.T) {
	tests := []struct {
		name, asked, method string
		expiry              time.Time
		open                func(*Client, *testing.T, Channel) (Channel, error)
	}{
		{"Watch asks for six and a half days", "2026-11-29T22:00:00+00:00", "POST", time.Time{},
			func(c *Client, t *testing.T, ch Channel) (Channel, error) { return c.OpenChannel(t.Context(), ch) }},
		{"Renew asks for no more", "2026-11-29T22:00:00+00:00", "PUT", mustTime(t, "2027-01-01T00:00:00Z"),
			func(c *Client, t *testing.T, ch Channel) (Channel, error) { return c.RenewChannel(t.Context(), ch) }},
		{"a shorter life is asked for without fractions", "2026-11-24T10:00:00+01:00", "POST", mustTime(t, "2026-11-24T10:00:00.75+01:00"),
			func(c *Client, t *testing.T, ch Channel) (Channel, error) { return c.OpenChannel(t.Context(), ch) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(201, grantedChannel("2026-11-23T12:30:00+01:00", "2026-11-23T12:00:00+01:00")))
			ch := testChannel()
			ch.Expiry = tt.expiry
			got, err := tt.open(newTestClient(t, f), t, ch)
			if err != nil {
				t.Fatal(err)
			}
			ch.Expiry = mustTime(t, "2026-11-23T11:00:00Z")
			if diff := cmp.Diff(ch, got); diff != "" {
				t.Errorf("channel (-want +got):\n%s", diff)
			}
			want := []sentRequest{{Method: tt.method, Path: "/actions/watch", Token: "Zoho-oauthtoken 1000.a", Body: map[string]any{
				"watch": []any{map[string]any{
					"channel_id": "1000000068001", "events": []any{"Contacts.all", "Accounts.all"}, "channel_expiry": tt.asked,
					"token": "tok", "notify_url": "https://fn.example.com/ZohoWebhook",
					"return_affected_field_values": false, "notify_on_related_action": false,
				}},
			}}}
			if diff := cmp.Diff(want, f.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAChannelThatZohoWouldRefuseIsNotSent(t *testing.T) {
	f := newFakeAPI(t, always(500, ""))
	c := newTestClient(t, f)
	for name, change := range map[string]func(*Channel){
		"no id":              func(ch *Channel) { ch.ID = "" },
		"an id that is huge": func(ch *Channel) { ch.ID = "9223372036854775808" },
		"no events":          func(ch *Channel) { ch.Events = nil },
		"no token":           func(ch *Channel) { ch.Token = "" },
		"a long token":       func(ch *Channel) { ch.Token = Secret(strings.Repeat("x", 51)) },
		"a plain http URL":   func(ch *Channel) { ch.NotifyURL = "http://fn.example.com" },
		"a URL that is long": func(ch *Channel) { ch.NotifyURL = "https://x/" + strings.Repeat("x", 255) },
		"a URL without host": func(ch *Channel) { ch.NotifyURL = "fn" },
	} {
		ch := testChannel()
		change(&ch)
		if _, err := c.OpenChannel(t.Context(), ch); !crm.IsKind(err, crm.Refused) {
			t.Errorf("%s: got error %v, want refused", name, err)
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("%d calls were made, want 0", len(f.calls))
	}
}

func TestAChannelThatFailsIsAnError(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   crm.Error
	}{
		{"a missing field", 400, `{"watch":[` + failedAnswer("MANDATORY_NOT_FOUND", `{"api_name":"channel_id","json_path":"$.watch[0].channel_id"}`, "x") + `]}`,
			crm.Error{Kind: crm.Missing, Code: "MANDATORY_NOT_FOUND", Fields: []crm.FieldError{{Field: "channel_id", Code: "MANDATORY_NOT_FOUND"}}}},
		{"a mixed answer", 207, `{"watch":[{"code":"SUCCESS","details":{},"status":"success"},` + failedAnswer("INVALID_DATA", `{"api_name":"channel_expiry"}`, "x") + `]}`,
			crm.Error{Kind: crm.Invalid, Code: "INVALID_DATA", Fields: []crm.FieldError{{Field: "channel_expiry", Code: "INVALID_DATA"}}}},
		{"a missing scope", 401, failedAnswer("OAUTH_SCOPE_MISMATCH", "{}", "Unauthorized"), crm.Error{Kind: crm.Forbidden, Code: "OAUTH_SCOPE_MISMATCH"}},
		{"no expiry", 201, `{"watch":[{"code":"SUCCESS","details":{"events":[]},"status":"success"}]}`, crm.Error{Kind: crm.Refused, Code: "UNKNOWN_SHAPE", Ambiguous: true}},
		{"an expiry that is no time", 201, grantedChannel("soon", "soon"), crm.Error{Kind: crm.Refused, Code: "UNKNOWN_SHAPE", Ambiguous: true}},
		{"no result", 201, `{"watch":[]}`, crm.Error{Kind: crm.Refused, Code: "UNKNOWN_SHAPE", Ambiguous: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAPI(t, always(tt.status, tt.body))
			_, err := newTestClient(t, f).OpenChannel(t.Context(), testChannel())
			tt.want.System, tt.want.Action, tt.want.Status = crm.Zoho, "watch", tt.status
			if diff := cmp.Diff(tt.want, wantError(t, err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadChannelJoinsTheModulesOfAChannel(t *testing.T) {
	part := func(id, event, expiry string) string {
		return `{"channel_id":"` + id + `","events":["` + event + `"],"channel_expiry":"` + expiry +
			`","notify_url":"https://fn.example.com/ZohoWebhook","token":"tok","fields":null,"notification_condition":null}`
	}
	f := newFakeAPI(t, always(200, `{"watch":[`+part("1000000068001", "Contacts.all", "2026-11-29T22:00:00+01:00")+`,`+
		part("1000000068001", "Accounts.all", "2026-11-29T21:00:00+01:00")+`,`+part("5", "Leads.all", "2026-11-25T22:00:00+01:00")+`],"info":{"more_records":false}}`))
	got, err := newTestClient(t, f).ReadChannel(t.Context(), "1000000068001")
	if err != nil {
		t.Fatal(err)
	}
	want := testChannel()
	want.Events, want.Expiry = []string{"Accounts.all", "Contacts.all"}, mustTime(t, "2026-11-29T20:00:00Z")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("channel (-want +got):\n%s", diff)
	}
	if got := f.calls[0].Query; got != "channel_id=1000000068001&page=1&per_page=200" {
		t.Errorf("query is %s", got)
	}
}

func TestReadChannelOfAClosedChannelIsNotFound(t *testing.T) {
	for status, body := range map[int]string{204: "", 200: `{"watch":[]}`} {
		f := newFakeAPI(t, always(status, body))
		if _, err := newTestClient(t, f).ReadChannel(t.Context(), "1"); !crm.IsKind(err, crm.NotFound) {
			t.Errorf("status %d: got error %v, want not found", status, err)
		}
	}
}

func TestCloseChannelsNamesEveryChannel(t *testing.T) {
	f := newFakeAPI(t, always(200, `{"watch":[{"code":"SUCCESS","details":{"resource_id":"1","channel_id":"1"},"message":"x","status":"success"}]}`))
	c := newTestClient(t, f)
	if err := c.CloseChannels(t.Context(), "1", "2"); err != nil {
		t.Fatal(err)
	}
	want := []sentRequest{{Method: "DELETE", Path: "/actions/watch", Query: "channel_ids=1%2C2", Token: "Zoho-oauthtoken 1000.a"}}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if err := c.CloseChannels(t.Context()); err == nil {
		t.Error("no channel was closed without an error")
	}
}

func TestChannelsAreListedPageByPage(t *testing.T) {
	part := func(id, event, expiry string) string {
		return `{"channel_id":"` + id + `","events":["` + event + `"],"channel_expiry":"` + expiry + `","notify_url":"` + notifyURL + `","token":"tok"}`
	}
	pages := []string{
		part("5", "Contacts.all", "2026-11-29T22:00:00+01:00") + "," + part("6", "Contacts.all", "2026-11-29T22:00:00+01:00"),
		part("6", "Accounts.all", "2026-11-29T21:00:00+01:00"),
	}
	f := newFakeAPI(t, func(n int, _ sentRequest) (int, string) {
		return 200, `{"watch":[` + pages[n-1] + `],"info":{"more_records":` + fmt.Sprint(n < len(pages)) + `}}`
	})
	got, err := newTestClient(t, f).ListChannels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	channel := func(id string, expiry string, events ...string) Channel {
		return Channel{ID: id, Events: events, NotifyURL: notifyURL, Token: "tok", Expiry: mustTime(t, expiry)}
	}
	want := map[string]Channel{
		"5": channel("5", "2026-11-29T21:00:00Z", "Contacts.all"),
		"6": channel("6", "2026-11-29T20:00:00Z", "Accounts.all", "Contacts.all"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
	none := newFakeAPI(t, always(204, ""))
	if got, err := newTestClient(t, none).ListChannels(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("without channels: %v, %v", got, err)
	}
}
