// Package console serves the operator's pages: the failures with their remedies,
// one record on both sides, the mapping, and the latest operations.
//
// Promises: a value is shown only as it is read from a CRM while the page is
// made, and is kept nowhere. Every change is a POST that carries a token of this
// console for this person, and the log names the person before and after it. Pages link by their query alone, so they work at every
// path: in the cloud the function owns all of them, in a local run one.
package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/stats"
	"github.com/hubspot-zoho/connector/internal/syncer"
	"github.com/hubspot-zoho/connector/internal/zoho"
)

// Gate identifies the caller of a request. An error refuses the request; its text
// is shown.
type Gate interface {
	IdentifyCaller(r *http.Request) (string, error)
}

// Explainer finds records and explains their state, without writing.
// *syncer.Syncer is one.
type Explainer interface {
	Explain(ctx context.Context, ref crm.Ref) (syncer.Explanation, error)
	FindRecords(ctx context.Context, kind crm.Kind, text string) ([]crm.Ref, error)
}

// Stats loads the counts of the consumers.
type Stats interface {
	LoadHours(ctx context.Context, since time.Time, latest bool) ([]stats.Hour, error)
}

// Token loads the state of Zoho's access token.
type Token interface {
	LoadToken(ctx context.Context) (zoho.TokenState, error)
}

// Channels loads the states of Zoho's notification channels.
type Channels interface {
	LoadChannels(ctx context.Context) ([]zoho.ChannelState, error)
}

// Schemer reads the fields of a CRM.
type Schemer interface {
	ReadSchema(ctx context.Context) (crm.Schema, error)
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Config is what a Console needs. Every field is required but Pages.
type Config struct {
	Gate     Gate
	Failures failure.Store
	Records  Explainer
	Stats    Stats
	Token    Token
	Channels Channels
	Mapping  *mapping.Mapping
	Schemas  map[crm.System]Schemer
	// Topics are the publishers by the system of the record that changed.
	Topics map[crm.System]failure.Publisher
	Pages  failure.Pages // of the two CRMs
	Clock  Clock
	NewID  func() string
	// Key keys the tokens of the forms.
	Key     []byte
	Version string
	Logger  *slog.Logger
}

func (c Config) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"gate": c.Gate == nil, "failures": c.Failures == nil, "records": c.Records == nil,
		"stats": c.Stats == nil, "token": c.Token == nil, "channels": c.Channels == nil, "mapping": c.Mapping == nil,
		"HubSpot's schema": c.Schemas[crm.HubSpot] == nil, "Zoho's schema": c.Schemas[crm.Zoho] == nil,
		"clock": c.Clock == nil, "ids": c.NewID == nil, "logger": c.Logger == nil,
		"topic of HubSpot's changes": c.Topics[crm.HubSpot] == nil, "topic of Zoho's changes": c.Topics[crm.Zoho] == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("%s missing", name))
		}
	}
	if len(c.Key) < 16 {
		errs = append(errs, errors.New("the key has fewer than 16 bytes"))
	}
	return errors.Join(errs...)
}

// Console serves the pages.
type Console struct {
	Config
	views   views
	tokens  tokens
	foreign *http.CrossOriginProtection
}

// New returns a Console, or all faults of its configuration.
func New(c Config) (*Console, error) {
	v, err := parseViews()
	if err := errors.Join(c.validate(), err); err != nil {
		return nil, fmt.Errorf("new console: %w", err)
	}
	return &Console{Config: c, views: v, tokens: newTokens(c.Key), foreign: http.NewCrossOriginProtection()}, nil
}

// pageError is an error that the page shows, with its status.
type pageError struct {
	status       int
	title, words string
}

func (p *pageError) Error() string { return p.title + ": " + p.words }

func notFound(words string) error {
	return &pageError{http.StatusNotFound, "Page not found", words}
}

func wrongInput(words string) error {
	return &pageError{http.StatusBadRequest, "Invalid request", words}
}

// request is one request of an identified caller.
type request struct {
	*http.Request
	caller string
	now    time.Time
}

// shownPage is a page and its data.
type shownPage struct {
	name, title string
	data        any
}

// pages are the pages by the name in the query.
var pages = map[string]func(*Console, request) (shownPage, error){
	"":         (*Console).overviewPage,
	"overview": (*Console).overviewPage,
	"failures": (*Console).failuresPage,
	"failure":  (*Console).failurePage,
	"record":   (*Console).recordPage,
	"mapping":  (*Console).mappingPage,
	"activity": (*Console).activityPage,
}

// ServeHTTP serves a page, an asset or an action.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurityHeaders(w.Header())
	if r.URL.Query().Has("asset") {
		serveAsset(w, r)
		return
	}
	who, err := c.Gate.IdentifyCaller(r)
	if err != nil {
		//nolint:contextcheck // the request carries it, here and below
		c.showError(w, request{r, "", c.Clock.Now()}, &pageError{http.StatusUnauthorized, "Not signed in", err.Error()})
		return
	}
	v := request{r, who, c.Clock.Now()}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		err = c.showPage(w, v)
	case http.MethodPost:
		err = c.handleAction(w, v) //nolint:contextcheck // the request carries it
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		err = &pageError{http.StatusMethodNotAllowed, "Invalid request", "Only GET and POST are known here."}
	}
	if err != nil {
		c.showError(w, v, err) //nolint:contextcheck // the request carries it
	}
}

// setSecurityHeaders forbids everything that the pages do not need.
func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func (c *Console) showPage(w http.ResponseWriter, v request) error {
	page, known := pages[v.URL.Query().Get("page")]
	if !known {
		return notFound("Choose one of the pages above.")
	}
	shown, err := page(c, v)
	if err != nil {
		return err
	}
	return c.renderPage(w, v, http.StatusOK, shown)
}

func (c *Console) renderPage(w http.ResponseWriter, v request, status int, shown shownPage) error {
	body, err := c.views.renderView(shown.name, layout{
		Title: shown.title, Page: shown.name, Who: v.caller, Version: c.Version, Now: v.now,
		Token: c.tokens.issueToken(v.caller, v.now), Notice: noticeOf(v.URL.Query()), Data: shown.data,
	})
	if err != nil {
		return fmt.Errorf("render %s: %w", shown.name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the person may have gone
	return nil
}

// errorData is the text of an error page.
type errorData struct{ Words string }

// showError shows an error. An error of the connector is logged, and the page shows
// its remedy alone.
func (c *Console) showError(w http.ResponseWriter, v request, err error) {
	var p *pageError
	if !errors.As(err, &p) {
		verdict := failure.Classify(err)
		c.Logger.ErrorContext(v.Context(), "console page failed", "page", v.URL.Query().Get("page"),
			"class", string(verdict.Class), "error", err.Error())
		p = &pageError{http.StatusServiceUnavailable, "Page not available", verdict.Remedy}
	}
	err = c.renderPage(w, v, p.status, shownPage{"failed", p.title, errorData{p.words}})
	if err != nil {
		c.Logger.ErrorContext(v.Context(), "console page failed", "page", "failed", "error", err.Error())
		http.Error(w, p.title, p.status)
	}
}
