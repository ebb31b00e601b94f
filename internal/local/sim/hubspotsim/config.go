package hubspotsim

import (
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// Defaults of Config.
const (
	DefaultAppID       = 39522895
	DefaultPortalID    = 48975575
	DefaultAccessToken = "pat-sim-hubspot"
	DefaultSecret      = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
	DefaultClientID    = "sim-client-id"
	DefaultRefresh     = "na1-sim-refresh-token"
)

const defaultUser = 47812075 // the person behind the control API

// Config says which HubSpot account is played. The zero value is useful.
type Config struct {
	AppID        int64  // 0 = DefaultAppID
	PortalID     int64  // 0 = DefaultPortalID
	AccessToken  string // static token that is accepted; "" = DefaultAccessToken
	ClientID     string // of the OAuth endpoints; "" = DefaultClientID
	ClientSecret string // of OAuth and of webhook signatures; "" = DefaultSecret
	RefreshToken string // that OAuth accepts; "" = DefaultRefresh
	// Scopes that the app was granted; nil = all.
	Scopes []string

	// WebhookURL is the targetUrl; "" = no deliveries.
	WebhookURL string
	// Subscriptions; nil = DefaultSubscriptions.
	Subscriptions []Subscription
	// GenericFormat delivers object.* events with objectTypeId.
	GenericFormat bool
	// DeliveryDelay is how long events gather before they are sent; 0 = 10 ms.
	DeliveryDelay time.Duration
	// RetryBase is the delay before the first of 10 retries, doubled for each;
	// 0 = 1 min.
	RetryBase time.Duration
	// SignNow dates the signatures; nil = wall clock, whatever Clock says.
	SignNow func() time.Time

	Seed  uint64     // of everything that is left to chance
	Clock *sim.Clock // nil = a new one

	// Quotas enforces 190 calls (110 with an OAuth token) in 10 s, DailyLimit
	// calls a day and 5 searches a second.
	Quotas     bool
	DailyLimit int // 0 = 625,000
	// SearchLag is the age a change has before searches see it.
	SearchLag time.Duration
	// Latency passes before each answer of the API.
	Latency time.Duration

	// Version200 answers batches with errors on 2026-09 paths with the status
	// of success instead of 207.
	Version200 bool
	// KeepMergedID lets a merge keep the primary record's id instead of making
	// a new one.
	KeepMergedID bool
	// BatchReadFollowsMerge lets a batch read of a merged-away id return the
	// survivor instead of OBJECT_NOT_FOUND.
	BatchReadFollowsMerge bool
	// Required names properties, by object type ("contacts", "companies"), that
	// a create on 2026-09 paths must set.
	Required map[string][]string
	// MaxLength holds validation rules that an administrator set: the most
	// characters of a property, by object type and name. They bind writes of the
	// API too.
	MaxLength map[string]map[string]int
	// Bodies records the bodies of calls too.
	Bodies bool
}

func (c Config) withDefaults() Config {
	def(&c.AppID, DefaultAppID)
	def(&c.PortalID, DefaultPortalID)
	def(&c.AccessToken, DefaultAccessToken)
	def(&c.ClientID, DefaultClientID)
	def(&c.ClientSecret, DefaultSecret)
	def(&c.RefreshToken, DefaultRefresh)
	def(&c.DeliveryDelay, 10*time.Millisecond)
	def(&c.RetryBase, time.Minute)
	def(&c.DailyLimit, 625_000)
	if c.Clock == nil {
		c.Clock = sim.NewClock()
	}
	if c.SignNow == nil {
		c.SignNow = time.Now
	}
	if c.Subscriptions == nil {
		c.Subscriptions = DefaultSubscriptions()
	}
	return c
}

func def[T comparable](v *T, or T) {
	var zero T
	if *v == zero {
		*v = or
	}
}
