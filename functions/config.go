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

// configuration is filled from the environment. its bindVariables names, for each of its
// fields, the variable that it comes from.
type configuration interface{ bindVariables(r *reader) }

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
	bound map[string][]func(bindText string) error
}

func (r *reader) bindVariables(name string, set func(text string) error) {
	if r.bound == nil {
		r.bound = map[string][]func(string) error{}
	}
	r.bound[name] = append(r.bound[name], set)
}

func (r *reader) bindText(name string, to *string) {
	r.bindVariables(name, func(text string) error { *to = text; return nil })
}

// bindList reads several values that are separated by commas.
func (r *reader) bindList(name string, to *[]string) {
	r.bindVariables(name, func(text string) error { *to = splitList(text); return nil })
}

// bindSwitch reads a switch: on or off.
func (r *reader) bindSwitch(name string, to *bool) {
	r.bindVariables(name, func(text string) error { *to = text == "on"; return nil })
}

// bindInteger reads a whole number, 0 for none.
func (r *reader) bindInteger(name string, to *int64) {
	r.bindVariables(name, func(text string) (err error) {
		if text != "" {
			*to, err = strconv.ParseInt(text, 10, 64)
		}
		return err
	})
}

func (r *reader) bindShare(name string, to *float64) {
	r.bindVariables(name, func(text string) (err error) {
		*to, err = strconv.ParseFloat(text, 64)
		return err
	})
}

// bindMapping reads the mapping, or takes the built-in one.
func (r *reader) bindMapping(to **mapping.Mapping) {
	r.bindVariables("MAPPING_YAML", func(text string) (err error) {
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

func (c *firestoreConfig) bindVariables(r *reader) {
	r.bindText("GOOGLE_CLOUD_PROJECT", &c.Project)
	r.bindText("FIRESTORE_DATABASE", &c.Database)
	r.bindText("FIRESTORE_EMULATOR_HOST", &c.EmulatorHost)
}

type pubsubConfig struct {
	private
	Project, EmulatorHost string
}

func (c *pubsubConfig) bindVariables(r *reader) {
	r.bindText("GOOGLE_CLOUD_PROJECT", &c.Project)
	r.bindText("PUBSUB_EMULATOR_HOST", &c.EmulatorHost)
}

// topicsConfig names where operations are published, by what changed.
type topicsConfig struct {
	private
	PubSub                      pubsubConfig
	HubSpotChanges, ZohoChanges string
}

func (c *topicsConfig) bindVariables(r *reader) {
	c.PubSub.bindVariables(r)
	// What changed in HubSpot goes to Zoho, and the other way round.
	r.bindText("ZOHO_OPERATIONS_TOPIC", &c.HubSpotChanges)
	r.bindText("HUBSPOT_OPERATIONS_TOPIC", &c.ZohoChanges)
}

// hubspotConfig is how HubSpot's API is reached.
type hubspotConfig struct {
	private
	URL, Version, Token, AppID string
	Share                      float64 // of the account's quota
}

func (c *hubspotConfig) bindVariables(r *reader) {
	r.bindText("HUBSPOT_API_URL", &c.URL)
	r.bindText("HUBSPOT_API_VERSION", &c.Version)
	r.bindText("HUBSPOT_ACCESS_TOKEN", &c.Token)
	r.bindText("HUBSPOT_APP_ID", &c.AppID)
	r.bindShare("CRM_QUOTA_SHARE", &c.Share)
}

// zohoConfig is how Zoho's API is reached.
type zohoConfig struct {
	private
	AccountsURL string
	Share       float64 // of the account's quota
	// TokenURL is where access tokens come from; direct, which is no variable,
	// lets a holder of the refresh token get them from Zoho itself.
	TokenURL string
	direct   bool
	Tokens   tokensConfig
}

func (c *zohoConfig) bindVariables(r *reader) {
	r.bindText("ZOHO_ACCOUNTS_URL", &c.AccountsURL)
	r.bindShare("CRM_QUOTA_SHARE", &c.Share)
	if c.direct {
		c.Tokens.bindVariables(r)
	} else {
		r.bindText("ZOHO_TOKEN_URL", &c.TokenURL)
	}
}

// consentConfig names the client that a person consents to.
type consentConfig struct {
	private
	AccountsURL, ClientID, ClientSecret string
}

func (c *consentConfig) bindVariables(r *reader) {
	r.bindText("ZOHO_ACCOUNTS_URL", &c.AccountsURL)
	r.bindText("ZOHO_CLIENT_ID", &c.ClientID)
	r.bindText("ZOHO_CLIENT_SECRET", &c.ClientSecret)
}

// tokensConfig is GetZohoToken's and RefreshZohoToken's.
type tokensConfig struct {
	private
	Firestore    firestoreConfig
	Client       consentConfig
	RefreshToken string
}

func (c *tokensConfig) bindVariables(r *reader) {
	c.Firestore.bindVariables(r)
	c.Client.bindVariables(r)
	r.bindText("ZOHO_REFRESH_TOKEN", &c.RefreshToken)
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

func (c *syncerConfig) bindVariables(r *reader) {
	c.Firestore.bindVariables(r)
	c.HubSpot.bindVariables(r)
	c.Zoho.bindVariables(r)
	r.bindMapping(&c.Mapping)
	r.bindText("HASH_KEY", &c.HashKey)
	r.bindSwitch("CALL_BATCHING", &c.Batching)
}

// consumerConfig is ZohoConsumer's and HubSpotConsumer's.
type consumerConfig struct {
	private
	Syncer syncerConfig
	Topics topicsConfig
}

func (c *consumerConfig) bindVariables(r *reader) {
	c.Syncer.bindVariables(r)
	c.Topics.bindVariables(r)
}

// pagesConfig names the pages of the two CRMs.
type pagesConfig struct {
	private
	HubSpotPortal, HubSpotPages, ZohoAccountsURL string
}

func (c *pagesConfig) bindVariables(r *reader) {
	r.bindText("HUBSPOT_PORTAL_ID", &c.HubSpotPortal)
	r.bindText("HUBSPOT_PAGES_URL", &c.HubSpotPages)
	r.bindText("ZOHO_ACCOUNTS_URL", &c.ZohoAccountsURL)
}

// recordPages are where people look at records. Without the account's id there are no
// links to HubSpot.
func (c pagesConfig) recordPages() failure.Pages {
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

func (c *consoleConfig) bindVariables(r *reader) {
	c.Syncer.bindVariables(r)
	c.Topics.bindVariables(r)
	c.Pages.bindVariables(r)
	r.bindText("CONSOLE_ACCESS", &c.Access)
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

func (c *reconcileConfig) bindVariables(r *reader) {
	c.Firestore.bindVariables(r)
	c.Topics.bindVariables(r)
	c.HubSpot.bindVariables(r)
	c.Zoho.bindVariables(r)
	r.bindMapping(&c.Mapping)
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

func (c *channelsConfig) bindVariables(r *reader) {
	c.Firestore.bindVariables(r)
	c.PubSub.bindVariables(r)
	c.Zoho.bindVariables(r)
	r.bindMapping(&c.Mapping)
	r.bindText("HUBSPOT_OPERATIONS_TOPIC", &c.ZohoChanges)
	r.bindText("ZOHO_WEBHOOK_URL", &c.NotifyURL)
	r.bindList("ZOHO_WEBHOOK_TOKEN", &c.WebhookTokens)
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

func (c *hubspotWebhookConfig) bindVariables(r *reader) {
	c.PubSub.bindVariables(r)
	r.bindText("ZOHO_OPERATIONS_TOPIC", &c.Topic)
	r.bindList("HUBSPOT_CLIENT_SECRET", &c.Secrets)
	r.bindText("HUBSPOT_WEBHOOK_URL", &c.URL)
	r.bindList("HUBSPOT_SIGNATURE_VERSIONS", &c.Versions)
	r.bindInteger("HUBSPOT_PORTAL_ID", &c.Portal)
}

// zohoWebhookConfig is ZohoWebhook's.
type zohoWebhookConfig struct {
	private
	PubSub pubsubConfig
	Topic  string
	Tokens []string
}

func (c *zohoWebhookConfig) bindVariables(r *reader) {
	c.PubSub.bindVariables(r)
	r.bindText("HUBSPOT_OPERATIONS_TOPIC", &c.Topic)
	r.bindList("ZOHO_WEBHOOK_TOKEN", &c.Tokens)
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

func (c *digestConfig) bindVariables(r *reader) {
	c.Firestore.bindVariables(r)
	r.bindText("SENDGRID_API_KEY", &c.Key)
	r.bindText("SENDGRID_URL", &c.URL)
	r.bindText("FAILURE_MAIL_FROM", &c.From)
	r.bindList("FAILURE_MAIL_TO", &c.To)
	r.bindSwitch("FAILURE_MAIL_HEARTBEAT", &c.Heartbeat)
	c.Pages.bindVariables(r)
}

// telemetryConfig is every function's, beside its own.
type telemetryConfig struct {
	private
	Endpoint string
}

func (c *telemetryConfig) bindVariables(r *reader) {
	r.bindText("OTEL_EXPORTER_OTLP_ENDPOINT", &c.Endpoint)
}
