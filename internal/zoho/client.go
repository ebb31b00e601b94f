package zoho

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/owners"
)

// DefaultCounterpartField is the unique field that holds the HubSpot id of a
// record.
const DefaultCounterpartField = "HubSpot_ID"

// modules maps each kind to its module, as the API spells it.
var modules = map[crm.Kind]string{crm.Contact: "Contacts", crm.Company: "Accounts"}

// apiNamePattern is the form of the API name of a field. No other name is put
// into a query.
var apiNamePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,99}$`)

// Config contains the dependencies of a Client and the fields to read.
type Config struct {
	// Tokens and HTTP are required. Time-outs are those of HTTP and of the
	// context of each call.
	Tokens TokenSource
	HTTP   *http.Client
	// AccountsURL is the origin of the accounts server. It matters only for
	// local runs: if it is a simulator, the token may lead to a simulator too.
	AccountsURL string
	// CounterpartField is the field that holds the HubSpot id;
	// DefaultCounterpartField if empty.
	CounterpartField string
	// Fields are the API names to read, by kind.
	Fields map[crm.Kind][]string
	// Owners are those of Fields that hold an owner: a record shows the e-mail
	// address in place of the id.
	Owners map[crm.Kind][]string
	// Share is the part of the organisation's limits that this client may use,
	// above 0; 0 means all of them.
	Share float64
	// Now returns the time, for the expiry of channels; time.Now if nil.
	Now func() time.Time
}

// Client reads and writes the contacts and companies of one Zoho CRM
// organisation. It is safe for concurrent use, and keeps its calls within the
// limits.
type Client struct {
	tokens           TokenSource
	http             *http.Client
	accountsURL      string
	counterpartField string
	fields           map[crm.Kind][]string
	ownerFields      map[crm.Kind][]string // those of fields that hold an owner
	owners           *owners.Directory
	now              func() time.Time
	limiter          *rateLimiter

	userTurn chan struct{} // held while our own user is read
	userMu   sync.Mutex
	userID   string
}

// New returns a client, or an error that lists everything that is wrong with
// cfg.
func New(cfg Config) (*Client, error) {
	if cfg.CounterpartField == "" {
		cfg.CounterpartField = DefaultCounterpartField
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("zoho client: %w", err)
	}
	fields := make(map[crm.Kind][]string, len(cfg.Fields))
	for kind, names := range cfg.Fields {
		fields[kind] = slices.Clone(names)
	}
	c := &Client{
		tokens: cfg.Tokens, http: withoutRedirects(cfg.HTTP), accountsURL: cfg.AccountsURL,
		counterpartField: cfg.CounterpartField, fields: fields, ownerFields: cfg.Owners, now: cfg.Now,
		limiter: newRateLimiter(cmp.Or(cfg.Share, 1)), userTurn: make(chan struct{}, 1),
	}
	c.owners = owners.New(c.ListOwners, cfg.Now)
	return c, nil
}

func (c Config) validate() error {
	var errs []error
	if c.Tokens == nil {
		errs = append(errs, errors.New("token source is missing"))
	}
	if c.HTTP == nil {
		errs = append(errs, errors.New("HTTP client is missing"))
	}
	if c.Share < 0 || c.Share > 1 {
		errs = append(errs, errors.New("share of the limits is not between 0 and 1"))
	}
	if !apiNamePattern.MatchString(c.CounterpartField) {
		errs = append(errs, fmt.Errorf("counterpart field %q is not an API name", c.CounterpartField))
	}
	return errors.Join(append(errs, c.validateFields()...)...)
}

func (c Config) validateFields() []error {
	var errs []error
	for _, kind := range slices.Sorted(maps.Keys(c.Fields)) {
		if modules[kind] == "" {
			errs = append(errs, fmt.Errorf("fields of unknown kind %q", string(kind)))
		}
		for _, name := range c.Fields[kind] {
			if !apiNamePattern.MatchString(name) {
				errs = append(errs, fmt.Errorf("field %q of %s is not an API name", name, kind))
			}
		}
	}
	return errs
}

// withoutRedirects returns a copy of c that follows no redirect, so that a
// secret reaches only the address that it is sent to.
func withoutRedirects(c *http.Client) *http.Client {
	clone := *c
	clone.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &clone
}
