package sendgridsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hubspot-zoho/connector/internal/local/sim"
)

// DefaultKey is the API key that works unless another is configured.
const DefaultKey = "SG.simulated-key-id.simulated-key-secret"

const (
	sendPath = "/v3/mail/send"
	// maxRequest is SendGrid's limit of a mail with everything in it.
	maxRequest = 30 << 20
	// keptMails is how many mails are kept, the latest.
	keptMails = 1000
)

// Config says what the account allows. Zero values take the defaults.
type Config struct {
	Key string
	// Senders are the verified addresses, or whole domains ("@example.com").
	// Empty: every address is.
	Senders []string
	Seed    uint64
	Clock   *sim.Clock
	// Bodies keeps the bodies of the calls too.
	Bodies bool
}

// Mail is one accepted mail.
type Mail struct {
	ID       string    `json:"id"` // X-Message-Id
	Accepted time.Time `json:"accepted"`
	From     string    `json:"from"`
	To       []string  `json:"to"`
	Subject  string    `json:"subject"`
	Text     string    `json:"text"`
	HTML     string    `json:"html"`
}

// Server is a simulated SendGrid account. It is safe for concurrent use.
type Server struct {
	cfg     Config
	handler http.Handler

	Faults   *sim.Faults
	Recorder *sim.Recorder

	mu    sync.Mutex
	count int
	mails []Mail
}

// New returns a running simulator. It has nothing to close.
func New(cfg Config) *Server {
	if cfg.Key == "" {
		cfg.Key = DefaultKey
	}
	if cfg.Clock == nil {
		cfg.Clock = sim.NewClock()
	}
	s := &Server{
		cfg:      cfg,
		Faults:   sim.NewFaults(cfg.Seed),
		Recorder: &sim.Recorder{Clock: cfg.Clock, Bodies: cfg.Bodies},
	}
	control := http.NewServeMux()
	s.mountControl(control)
	api := s.Recorder.Wrap(s.Faults.Wrap(http.HandlerFunc(s.serveAPI)))
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sim.IsControl(r) {
			control.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
	return s
}

// ServeHTTP answers the API, and the control API under /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Mails returns the accepted mails, the oldest first.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	mails := slices.Clone(s.mails)
	for i := range mails {
		mails[i].To = slices.Clone(mails[i].To)
	}
	return mails
}

// Reset forgets the mails.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = nil
}

// apiError is one refusal.
type apiError struct {
	status  int
	Message string `json:"message"`
	Field   any    `json:"field"` // a string, or null
	Help    any    `json:"help"`
}

func (e *apiError) Error() string { return e.Message }

func refusal(status int, message string) *apiError {
	return &apiError{status: status, Message: message}
}

// badField is a 400 about one field of the request.
func badField(field, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...), Field: field,
		Help: "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message." + field,
	}
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	id, err := s.send(r)
	if err != nil {
		var refused *apiError
		if !errors.As(err, &refused) {
			refused = refusal(http.StatusInternalServerError, "An error occurred on a SendGrid server.")
		}
		sim.WriteJSON(w, refused.status, map[string]any{"errors": []*apiError{refused}})
		return
	}
	if id != "" {
		w.Header().Set("X-Message-Id", id)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.WriteHeader(http.StatusOK) // sandbox: checked and thrown away
}

// send checks a request in the order of the real service: address, key, form,
// content, sender. It returns the id of the mail, "" in sandbox mode.
func (s *Server) send(r *http.Request) (string, error) {
	if r.URL.Path != sendPath {
		return "", refusal(http.StatusNotFound, "not found")
	}
	if r.Method != http.MethodPost {
		return "", refusal(http.StatusMethodNotAllowed, "method not allowed")
	}
	switch key, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); {
	case !found || key == "":
		return "", refusal(http.StatusUnauthorized, "Permission denied, wrong credentials")
	case key != s.cfg.Key:
		return "", refusal(http.StatusUnauthorized, "The provided authorization grant is invalid, expired, or revoked")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "", refusal(http.StatusUnsupportedMediaType, "Content-Type should be application/json.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		return "", err
	}
	if len(body) > maxRequest {
		return "", refusal(http.StatusRequestEntityTooLarge, "Payload too large")
	}
	var m message
	if refused := decode(body, &m); refused != nil {
		return "", refused
	}
	if refused := m.validate(); refused != nil {
		return "", refused
	}
	if !s.verified(m.From.Email) {
		e := refusal(http.StatusForbidden, "The from address does not match a verified Sender Identity. "+
			"Mail cannot be sent until this error is resolved. Visit "+
			"https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements")
		e.Field = "from"
		return "", e
	}
	if m.MailSettings.Sandbox.Enable {
		return "", nil
	}
	return s.accept(m), nil
}

func (s *Server) verified(from string) bool {
	from = strings.ToLower(from)
	return len(s.cfg.Senders) == 0 || slices.ContainsFunc(s.cfg.Senders, func(sender string) bool {
		sender = strings.ToLower(sender)
		return sender == from || strings.HasPrefix(sender, "@") && strings.HasSuffix(from, sender)
	})
}

// accept keeps one mail for each personalization, as each is a mail of its own.
func (s *Server) accept(m message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	id := fmt.Sprintf("simulated-%06d", s.count)
	for _, p := range m.Personalizations {
		mail := Mail{ID: id, Accepted: s.cfg.Clock.Now(), From: m.From.Email, Subject: p.Subject}
		if mail.Subject == "" {
			mail.Subject = m.Subject
		}
		for _, to := range slices.Concat(p.To, p.CC, p.BCC) {
			mail.To = append(mail.To, to.Email)
		}
		for _, c := range m.Content {
			switch c.Type {
			case "text/plain":
				mail.Text = c.Value
			case "text/html":
				mail.HTML = c.Value
			}
		}
		s.mails = append(s.mails, mail)
	}
	s.mails = s.mails[max(0, len(s.mails)-keptMails):]
	return id
}

// decode reads the body, strictly: SendGrid refuses fields that it does not
// know.
func decode(body []byte, m *message) *apiError {
	if !json.Valid(body) {
		return refusal(http.StatusBadRequest, "Bad Request")
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	err := dec.Decode(m)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return badField(wrong.Field, "Invalid type. Expected: %s, given: %s.", wrong.Type, wrong.Value)
	}
	name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
	return badField(name, "Additional property %s is not allowed", name)
}
