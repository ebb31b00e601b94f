// Package zohosim plays Zoho CRM over HTTP: the accounts server that gives
// tokens, and the part of the CRM API v8 that concerns contacts and accounts,
// with its limits, notifications, timeline and recycle bin.
//
// It is stricter than life: what the documentation refuses is refused, and
// where the documentation is silent the answer is the one that is harder on the
// client, or a switch in Config. Under /_sim/ is a control API that plays the
// hands of people in Zoho's user interface.
//
// A Server holds everything in memory and is safe for concurrent use.
package zohosim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// What a zero Config gives.
const (
	DefaultClientID     = "1000.SIMULATEDCLIENT"
	DefaultClientSecret = "simulated-client-secret"
	DefaultRefreshToken = "1000.simulated.refresh"
	DefaultUserID       = "5725767000000225001"
	DefaultPersonID     = "5725767000000225002"
	OrganisationID      = "5725767000000020001"
)

// DefaultScopes is what a consent carries when Config names no scopes: the
// least that a connector needs.
var DefaultScopes = []string{
	"ZohoCRM.modules.contacts.ALL", "ZohoCRM.modules.accounts.ALL", "ZohoCRM.notifications.ALL",
	"ZohoCRM.settings.fields.READ", "ZohoCRM.settings.modules.READ", "ZohoCRM.coql.READ",
	"ZohoCRM.users.READ", "ZohoCRM.org.READ",
}

// What is done with field names that a module does not have.
const (
	UnknownIgnore = "ignore"
	UnknownRefuse = "refuse"
)

// User is a user of the organisation.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	// Inactive users keep their records and get no more.
	Inactive bool `json:"inactive"`
}

// WorkflowWebhook is a workflow rule that calls a URL when a record is created
// or edited, unless the write said "trigger":[].
type WorkflowWebhook struct {
	URL    string
	Module string // only records of this module; empty: of both
	Header string // name of the header that carries Secret; empty: no header
	Secret string
	// Body is raw JSON of at most 500 characters with merge fields such as
	// ${!Contacts.Id}; a merge field of another module is empty. When Body is
	// empty it is {"module":"Contacts","id":"<id>","operation":"create"}, or
	// Accounts and update.
	Body string
}

// Config says how a Server behaves. The zero value is useful.
type Config struct {
	ClientID, ClientSecret, RefreshToken string

	// APIDomain is named in token answers. Empty: the scheme and host of the
	// token request. See also Server.SetAPIDomain.
	APIDomain string
	Scopes    []string // of the consent; nil: DefaultScopes

	// User gave the consent: API writes carry its id. Its zero fields get
	// defaults.
	User  User
	Users []User // other users; nil: one person, DefaultPersonID

	Edition      string // free, standard, professional, enterprise (default) or ultimate
	Quotas       bool   // play credits, concurrency and sub-concurrency limits
	DailyCredits int    // 0: by edition

	Seed       uint64
	Clock      *sim.Clock    // nil: a new one
	TimeOffset time.Duration // of every time in an answer from UTC, whole minutes
	Latency    time.Duration // before each API answer

	// SearchLag is how long the search index trails the records. COQL and reads
	// by id do not lag.
	SearchLag time.Duration

	DeliveryDelay time.Duration // before a notification is sent
	Retries       int           // further attempts of a notification; 0: 2, negative: none
	RetryBase     time.Duration // before the first retry; 0: 1 min

	SilentTrigger bool // "trigger":[] silences notifications too
	QuietNoOp     bool // a write that changes nothing neither moves Modified_Time nor notifies
	BareCreation  bool // the timeline's entry of a creation has no field history
	AcceptBearer  bool // take "Bearer" for "Zoho-oauthtoken"
	SearchScope   bool // search wants the scope ZohoSearch.securesearch.READ too
	FuzzyEquals   bool // search criteria: equals on text means contains

	UnknownFields string              // UnknownIgnore (default) or UnknownRefuse
	ExtraFields   map[string][]Field  // more fields per module
	UniqueFields  map[string][]string // further unique fields per module, such as Contacts: Email

	WorkflowWebhook *WorkflowWebhook
	RecordBodies    bool // keep the bodies of calls for /_sim/calls
}

// Server plays one organisation in one data centre. Create it with New.
type Server struct {
	cfg   Config
	clock *sim.Clock
	zone  *time.Location

	accounts, api http.Handler
	recorder      *sim.Recorder
	faults        *sim.Faults
	deliverer     *sim.Deliverer

	users   map[string]*User
	me      *User
	modules map[string]*module
	hooks   hooks
	limits  limits

	domainMu sync.Mutex
	domain   string

	auth grants

	mu       sync.RWMutex // guards what follows
	tables   map[string]*table
	channels map[string]*channel
	lastID   int64
}

// New returns a Server that needs no further setting up. It panics only on a
// Config that contradicts itself.
func New(cfg Config) *Server {
	s, err := newServer(cfg)
	if err != nil {
		panic(fmt.Sprintf("zohosim: %v", err))
	}
	return s
}

func newServer(cfg Config) (*Server, error) {
	cfg = withDefaults(cfg)
	s := &Server{
		cfg: cfg, clock: cfg.Clock, domain: strings.TrimSuffix(cfg.APIDomain, "/"),
		zone:     time.FixedZone("", int(cfg.TimeOffset/time.Second)),
		users:    map[string]*User{},
		modules:  map[string]*module{},
		tables:   map[string]*table{},
		channels: map[string]*channel{},
		lastID:   1_000_000,
		faults:   sim.NewFaults(cfg.Seed),
		recorder: &sim.Recorder{Clock: cfg.Clock, Bodies: cfg.RecordBodies},
	}
	s.deliverer = sim.NewDeliverer(sim.DelivererConfig{
		Retries: max(cfg.Retries, 0), RetryBase: cfg.RetryBase, Seed: cfg.Seed, Clock: cfg.Clock,
	})
	for _, u := range append([]User{cfg.User}, cfg.Users...) {
		if s.users[u.ID] != nil {
			return nil, fmt.Errorf("two users have the id %s", u.ID)
		}
		s.users[u.ID] = &u
	}
	s.me = s.users[cfg.User.ID]
	if err := s.addModules(); err != nil {
		return nil, err
	}
	if err := s.limits.setUp(cfg); err != nil {
		return nil, err
	}
	if err := s.hooks.setUp(cfg.WorkflowWebhook); err != nil {
		return nil, err
	}
	s.auth.setUp(cfg)
	s.accounts = s.recorder.Wrap(s.faults.Wrap(s.accountsHandler()))
	s.api = s.apiHandler()
	return s, nil
}

func withDefaults(cfg Config) Config {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&cfg.ClientID, DefaultClientID)
	fill(&cfg.ClientSecret, DefaultClientSecret)
	fill(&cfg.RefreshToken, DefaultRefreshToken)
	fill(&cfg.User.ID, DefaultUserID)
	fill(&cfg.User.Name, "Connector Integration")
	fill(&cfg.User.Email, "connector@example.com")
	fill(&cfg.Edition, "enterprise")
	fill(&cfg.UnknownFields, UnknownIgnore)
	if cfg.Users == nil {
		cfg.Users = []User{{ID: DefaultPersonID, Name: "Patricia Boyle", Email: "patricia@example.com"}}
	}
	if cfg.Scopes == nil {
		cfg.Scopes = DefaultScopes
	}
	if cfg.Clock == nil {
		cfg.Clock = sim.NewClock()
	}
	if cfg.Retries == 0 {
		cfg.Retries = 2
	}
	return cfg
}

func (s *Server) addModules() error {
	specs := []struct {
		api, singular, system string
		number                int64
		fields                []Field
	}{
		{Contacts, "Contact", "Email", 2_000, contactFields()},
		{Accounts, "Account", "Account_Name", 3_000, accountFields()},
	}
	for _, spec := range specs {
		m, err := newModule(spec.api, spec.singular, spec.system, spec.number, append(spec.fields, s.cfg.ExtraFields[spec.api]...))
		if err != nil {
			return err
		}
		for _, name := range s.cfg.UniqueFields[spec.api] {
			if m.byName[name] == nil {
				return fmt.Errorf("unique field %s.%s does not exist", spec.api, name)
			}
			m.byName[name].Unique = true
		}
		s.modules[spec.api] = m
		s.tables[spec.api] = newTable(m)
	}
	return nil
}

// SetAPIDomain sets what token answers name as api_domain, such as
// "http://127.0.0.1:8081", once the listener is known.
func (s *Server) SetAPIDomain(domain string) {
	s.domainMu.Lock()
	defer s.domainMu.Unlock()
	s.domain = strings.TrimSuffix(domain, "/")
}

func (s *Server) apiDomain(r *http.Request) string {
	s.domainMu.Lock()
	defer s.domainMu.Unlock()
	if s.domain != "" {
		return s.domain
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// Accounts serves the accounts server: /oauth/v2/token and its neighbours.
func (s *Server) Accounts() http.Handler { return s.accounts }

// API serves api_domain: /crm/v8/ and the control API /_sim/.
func (s *Server) API() http.Handler { return s.api }

// ServeHTTP serves both from one listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/oauth/") {
		s.accounts.ServeHTTP(w, r)
		return
	}
	s.api.ServeHTTP(w, r)
}

// Clock is the clock that the server lives by.
func (s *Server) Clock() *sim.Clock { return s.clock }

// Faults are played in front of the accounts server and the API.
func (s *Server) Faults() *sim.Faults { return s.faults }

// Recorder holds the calls of both.
func (s *Server) Recorder() *sim.Recorder { return s.recorder }

// Deliverer sends the notifications and workflow webhooks.
func (s *Server) Deliverer() *sim.Deliverer { return s.deliverer }

// Close stops the sending of notifications. It waits at most ten seconds.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.deliverer.Close(ctx); err != nil {
		return errors.Join(errors.New("close zohosim"), err)
	}
	return nil
}
