package hubspot

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/owners"
)

// DefaultVersion is the API version used when none is configured. HubSpot
// supports each version for 18 months.
const DefaultVersion = "2026-09"

// DefaultCounterpartField is the property that holds the Zoho id of a record.
// It must exist on contacts and companies with hasUniqueValue set.
const DefaultCounterpartField = "zoho_id"

// redacted is printed in place of a secret.
const redacted = "[redacted]"

// Config contains the address of HubSpot, the credentials and the properties to
// read.
type Config struct {
	// URL is the API's address, such as https://api.hubapi.com.
	URL string
	// Version is the API version in YYYY-MM form; empty means DefaultVersion.
	Version string
	// Token is a static app token or an access token, sent as a bearer.
	Token string
	// AppID is the number of the app that the token belongs to. History entries
	// that this app made count as the connector's own.
	AppID string
	// CounterpartField is the property for the Zoho id; empty means
	// DefaultCounterpartField.
	CounterpartField string
	// Fields lists the properties to read of each kind, beside those that the
	// client needs itself.
	Fields map[crm.Kind][]string
	// Owners lists those of Fields that hold an owner: a record shows the
	// e-mail address in place of the id.
	Owners map[crm.Kind][]string
	// Share is the part of the account's quotas that this client may use, above
	// 0; 0 means all of them.
	Share float64
	// HTTP carries the calls, within its own timeouts. Redirects are never
	// followed, whatever its CheckRedirect says.
	HTTP *http.Client
	// Logger receives one debug line per call; nil means none.
	Logger *slog.Logger
}

// String leaves the token out.
func (c Config) String() string {
	return fmt.Sprintf("hubspot %s version %s app %s", c.URL, c.Version, c.AppID)
}

// GoString leaves the token out of %#v too.
func (c Config) GoString() string { return c.String() }

// LogValue leaves the token out of structured logs.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("url", c.URL), slog.String("version", c.Version),
		slog.String("app_id", c.AppID), slog.String("token", redacted))
}

// Client reads and writes the contacts and companies of one HubSpot account.
// It is safe for concurrent use and keeps nothing between calls but the list of
// owners.
type Client struct {
	base             string // scheme, host and path prefix, without a trailing slash
	version          string
	token            string
	appID            string
	counterpartField string
	fields           map[crm.Kind][]string // read into Record.Fields
	ownerFields      map[crm.Kind][]string // those of fields that hold an owner
	owners           *owners.Directory
	http             *http.Client
	log              *slog.Logger
	limiter          *rateLimiter
}

// String leaves the token out.
func (c *Client) String() string { return "hubspot client for " + c.base }

// GoString leaves the token out of %#v too.
func (c *Client) GoString() string { return c.String() }

var (
	versionPattern  = regexp.MustCompile(`^\d{4}-\d{2}$`)
	propertyPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	digitsPattern   = regexp.MustCompile(`^[0-9]{1,64}$`)
)

// New returns a client, or an error that lists everything that is wrong with
// cfg.
func New(cfg Config) (*Client, error) {
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.CounterpartField == "" {
		cfg.CounterpartField = DefaultCounterpartField
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("hubspot configuration: %w", err)
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	mapped := make(map[crm.Kind][]string, len(cfg.Fields))
	for kind, names := range cfg.Fields {
		sorted := slices.Clone(names)
		slices.Sort(sorted)
		mapped[kind] = slices.Compact(sorted)
	}
	c := &Client{
		base:             strings.TrimRight(cfg.URL, "/"),
		version:          cfg.Version,
		token:            cfg.Token,
		appID:            cfg.AppID,
		counterpartField: cfg.CounterpartField,
		fields:           mapped,
		ownerFields:      cfg.Owners,
		http:             withoutRedirects(cfg.HTTP),
		log:              log,
		limiter:          newRateLimiter(cmp.Or(cfg.Share, 1)),
	}
	c.owners = owners.New(c.ListOwners, time.Now)
	return c, nil
}

// withoutRedirects returns a copy of c that follows no redirect, so that the
// token reaches only the address that it is sent to.
func withoutRedirects(c *http.Client) *http.Client {
	clone := *c
	clone.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &clone
}

func (c Config) validate() error {
	var errs []error
	if err := checkURL(c.URL); err != nil {
		errs = append(errs, fmt.Errorf("url: %w", err))
	}
	if !versionPattern.MatchString(c.Version) {
		errs = append(errs, errors.New("version: want the form YYYY-MM"))
	}
	switch {
	case c.Token == "":
		errs = append(errs, errors.New("token is empty"))
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		errs = append(errs, errors.New("token contains a space, a line break or a character outside of ASCII"))
	}
	if !digitsPattern.MatchString(c.AppID) {
		errs = append(errs, errors.New("app id is not a number"))
	}
	if !propertyPattern.MatchString(c.CounterpartField) {
		errs = append(errs, fmt.Errorf("counterpart field %q is not the name of a property", c.CounterpartField))
	}
	if c.Share < 0 || c.Share > 1 {
		errs = append(errs, errors.New("share of the quotas is not between 0 and 1"))
	}
	if c.HTTP == nil {
		errs = append(errs, errors.New("http client is missing"))
	}
	return errors.Join(append(errs, c.validateFields()...)...)
}

func (c Config) validateFields() []error {
	var errs []error
	for kind := range c.Fields {
		if err := kind.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("fields: %w", err))
		}
	}
	for _, kind := range crm.Kinds {
		for _, name := range c.Fields[kind] {
			if !propertyPattern.MatchString(name) {
				errs = append(errs, fmt.Errorf("fields: %q of %s is not the name of a property", name, kind))
			}
		}
	}
	return errs
}

// checkURL reports whether s can be the base of API calls. The error does not
// repeat s, which may contain credentials.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("want an absolute http or https URL")
	case u.Host == "":
		return errors.New("the host is missing")
	case u.User != nil:
		return errors.New("it contains credentials")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it contains a query or a fragment")
	}
	return nil
}
