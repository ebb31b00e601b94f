package functions

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
)

// The configuration of each function is a struct of its own, made of those of the
// services that it reaches. It is read and checked at once, when the function is
// set up; nothing looks a variable up later.

// configuration is filled from the environment. Its bind names, for each of its
// fields, the variable that it comes from.
type configuration interface{ bind(r *reader) }

// private keeps the values of the struct that embeds it out of every log.
type private struct{}

// Format implements fmt.Formatter.
func (private) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[configuration]") }

// LogValue implements slog.LogValuer.
func (private) LogValue() slog.Value { return slog.StringValue("[configuration]") }

// MarshalJSON implements json.Marshaler.
func (private) MarshalJSON() ([]byte, error) { return []byte(`"[configuration]"`), nil }

// reader collects which variables fill which fields.
type reader struct {
	bound map[string][]func(text string) error
}

func (r *reader) bind(name string, set func(text string) error) {
	if r.bound == nil {
		r.bound = map[string][]func(string) error{}
	}
	r.bound[name] = append(r.bound[name], set)
}

func (r *reader) text(name string, to *string) {
	r.bind(name, func(text string) error { *to = text; return nil })
}

// list reads several values that are separated by commas.
func (r *reader) list(name string, to *[]string) {
	r.bind(name, func(text string) error { *to = splitList(text); return nil })
}

// on reads a switch: on or off.
func (r *reader) on(name string, to *bool) {
	r.bind(name, func(text string) error { *to = text == "on"; return nil })
}

// integer reads a whole number, 0 for none.
func (r *reader) integer(name string, to *int64) {
	r.bind(name, func(text string) (err error) {
		if text != "" {
			*to, err = strconv.ParseInt(text, 10, 64)
		}
		return err
	})
}

func (r *reader) share(name string, to *float64) {
	r.bind(name, func(text string) (err error) {
		*to, err = strconv.ParseFloat(text, 64)
		return err
	})
}

// mapping reads the mapping, or takes the built-in one.
func (r *reader) mapping(to **mapping.Mapping) {
	r.bind("MAPPING_YAML", func(text string) (err error) {
		if text == "" {
			*to = mapping.Default()
			return nil
		}
		*to, err = mapping.Parse([]byte(text))
		return err
	})
}

type firestoreConfig struct {
	private
	Project, Database, EmulatorHost string
}

func (c *firestoreConfig) bind(r *reader) {
	r.text("GOOGLE_CLOUD_PROJECT", &c.Project)
	r.text("FIRESTORE_DATABASE", &c.Database)
	r.text("FIRESTORE_EMULATOR_HOST", &c.EmulatorHost)
}

type pubsubConfig struct {
	private
	Project, EmulatorHost string
}

func (c *pubsubConfig) bind(r *reader) {
	r.text("GOOGLE_CLOUD_PROJECT", &c.Project)
	r.text("PUBSUB_EMULATOR_HOST", &c.EmulatorHost)
}

// topicsConfig names where operations are published, by what changed.
type topicsConfig struct {
	private
	PubSub                      pubsubConfig
	HubSpotChanges, ZohoChanges string
}

func (c *topicsConfig) bind(r *reader) {
	c.PubSub.bind(r)
	// What changed in HubSpot goes to Zoho, and the other way round.
	r.text("ZOHO_OPERATIONS_TOPIC", &c.HubSpotChanges)
	r.text("HUBSPOT_OPERATIONS_TOPIC", &c.ZohoChanges)
}

// hubspotConfig is how HubSpot's API is reached.
type hubspotConfig struct {
	private
	URL, Version, Token, AppID string
	Share                      float64 // of the account's quota
}

func (c *hubspotConfig) bind(r *reader) {
	r.text("HUBSPOT_API_URL", &c.URL)
	r.text("HUBSPOT_API_VERSION", &c.Version)
	r.text("HUBSPOT_ACCESS_TOKEN", &c.Token)
	r.text("HUBSPOT_APP_ID", &c.AppID)
	r.share("CRM_QUOTA_SHARE", &c.Share)
}

// zohoConfig is how Zoho's API is reached.
type zohoConfig struct {
	private
	AccountsURL string
	Share       float64 // of the account's quota
	// TokenURL is where access tokens come from; direct, which is no variable,
	// lets whoever holds the refresh token have them from Zoho itself.
	TokenURL string
	direct   bool
	Tokens   tokensConfig
}

func (c *zohoConfig) bind(r *reader) {
	r.text("ZOHO_ACCOUNTS_URL", &c.AccountsURL)
	r.share("CRM_QUOTA_SHARE", &c.Share)
	if c.direct {
		c.Tokens.bind(r)
	} else {
		r.text("ZOHO_TOKEN_URL", &c.TokenURL)
	}
}

// consentConfig names the client that a person consents to.
type consentConfig struct {
	private
	AccountsURL, ClientID, ClientSecret string
}

func (c *consentConfig) bind(r *reader) {
	r.text("ZOHO_ACCOUNTS_URL", &c.AccountsURL)
	r.text("ZOHO_CLIENT_ID", &c.ClientID)
	r.text("ZOHO_CLIENT_SECRET", &c.ClientSecret)
}

// tokensConfig is GetZohoToken's and RefreshZohoToken's.
type tokensConfig struct {
	private
	Firestore    firestoreConfig
	Client       consentConfig
	RefreshToken string
}

func (c *tokensConfig) bind(r *reader) {
	c.Firestore.bind(r)
	c.Client.bind(r)
	r.text("ZOHO_REFRESH_TOKEN", &c.RefreshToken)
}

// syncerConfig is that of everything that works on records.
type syncerConfig struct {
	private
	Firestore firestoreConfig
	HubSpot   hubspotConfig
	Zoho      zohoConfig
	Mapping   *mapping.Mapping
	HashKey   string
	Batching  bool
}

func (c *syncerConfig) bind(r *reader) {
	c.Firestore.bind(r)
	c.HubSpot.bind(r)
	c.Zoho.bind(r)
	r.mapping(&c.Mapping)
	r.text("HASH_KEY", &c.HashKey)
	r.on("CALL_BATCHING", &c.Batching)
}

// consumerConfig is ZohoConsumer's and HubSpotConsumer's.
type consumerConfig struct {
	private
	Syncer syncerConfig
	Topics topicsConfig
}

func (c *consumerConfig) bind(r *reader) {
	c.Syncer.bind(r)
	c.Topics.bind(r)
}

// pagesConfig names the pages of the two CRMs.
type pagesConfig struct {
	private
	HubSpotPortal, HubSpotPages, ZohoAccountsURL string
}

func (c *pagesConfig) bind(r *reader) {
	r.text("HUBSPOT_PORTAL_ID", &c.HubSpotPortal)
	r.text("HUBSPOT_PAGES_URL", &c.HubSpotPages)
	r.text("ZOHO_ACCOUNTS_URL", &c.ZohoAccountsURL)
}

// pages are where people look at records. Without the account's id there are no
// links to HubSpot.
func (c pagesConfig) pages() failure.Pages {
	return failure.Pages{HubSpot: c.HubSpotPages, HubSpotPortal: c.HubSpotPortal, Zoho: failure.ZohoPages(c.ZohoAccountsURL)}
}

// consoleConfig is Console's.
type consoleConfig struct {
	private
	Syncer syncerConfig
	Topics topicsConfig
	Pages  pagesConfig
	Access string
}

func (c *consoleConfig) bind(r *reader) {
	c.Syncer.bind(r)
	c.Topics.bind(r)
	c.Pages.bind(r)
	r.text("CONSOLE_ACCESS", &c.Access)
}

// reconcileConfig is Reconcile's.
type reconcileConfig struct {
	private
	Firestore firestoreConfig
	Topics    topicsConfig
	HubSpot   hubspotConfig
	Zoho      zohoConfig
	Mapping   *mapping.Mapping
}

func (c *reconcileConfig) bind(r *reader) {
	c.Firestore.bind(r)
	c.Topics.bind(r)
	c.HubSpot.bind(r)
	c.Zoho.bind(r)
	r.mapping(&c.Mapping)
}

// channelsConfig is RenewZohoChannels'.
type channelsConfig struct {
	private
	Firestore     firestoreConfig
	PubSub        pubsubConfig
	Zoho          zohoConfig
	Mapping       *mapping.Mapping
	ZohoChanges   string // topic
	NotifyURL     string
	WebhookTokens []string
}

func (c *channelsConfig) bind(r *reader) {
	c.Firestore.bind(r)
	c.PubSub.bind(r)
	c.Zoho.bind(r)
	r.mapping(&c.Mapping)
	r.text("HUBSPOT_OPERATIONS_TOPIC", &c.ZohoChanges)
	r.text("ZOHO_WEBHOOK_URL", &c.NotifyURL)
	r.list("ZOHO_WEBHOOK_TOKEN", &c.WebhookTokens)
}

// hubspotWebhookConfig is HubSpotWebhook's.
type hubspotWebhookConfig struct {
	private
	PubSub            pubsubConfig
	Topic             string
	Secrets, Versions []string
	URL               string
	Portal            int64 // 0 is any
}

func (c *hubspotWebhookConfig) bind(r *reader) {
	c.PubSub.bind(r)
	r.text("ZOHO_OPERATIONS_TOPIC", &c.Topic)
	r.list("HUBSPOT_CLIENT_SECRET", &c.Secrets)
	r.text("HUBSPOT_WEBHOOK_URL", &c.URL)
	r.list("HUBSPOT_SIGNATURE_VERSIONS", &c.Versions)
	r.integer("HUBSPOT_PORTAL_ID", &c.Portal)
}

// zohoWebhookConfig is ZohoWebhook's.
type zohoWebhookConfig struct {
	private
	PubSub pubsubConfig
	Topic  string
	Tokens []string
}

func (c *zohoWebhookConfig) bind(r *reader) {
	c.PubSub.bind(r)
	r.text("HUBSPOT_OPERATIONS_TOPIC", &c.Topic)
	r.list("ZOHO_WEBHOOK_TOKEN", &c.Tokens)
}

// digestConfig is SendFailureDigest's.
type digestConfig struct {
	private
	Firestore firestoreConfig
	Key, URL  string // SendGrid's
	From      string
	To        []string
	Heartbeat bool
	Pages     pagesConfig
}

func (c *digestConfig) bind(r *reader) {
	c.Firestore.bind(r)
	r.text("SENDGRID_API_KEY", &c.Key)
	r.text("SENDGRID_URL", &c.URL)
	r.text("FAILURE_MAIL_FROM", &c.From)
	r.list("FAILURE_MAIL_TO", &c.To)
	r.on("FAILURE_MAIL_HEARTBEAT", &c.Heartbeat)
	c.Pages.bind(r)
}

// telemetryConfig is every function's, beside its own.
type telemetryConfig struct {
	private
	Endpoint string
}

func (c *telemetryConfig) bind(r *reader) { r.text("OTEL_EXPORTER_OTLP_ENDPOINT", &c.Endpoint) }
