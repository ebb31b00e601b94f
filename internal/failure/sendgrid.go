package failure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strings"

	"github.com/sendgrid/rest"
	"github.com/sendgrid/sendgrid-go"
	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/hubspot-zoho/connector/internal/crm"
)

const (
	sendPath      = "/v3/mail/send"
	maxMailAnswer = 64 << 10 // bytes that are read of an answer
	maxRecipients = 1000     // SendGrid's limit
	mailCategory  = "hubspot-zoho-connector-failures"
)

// SendGridConfig says how mails leave.
type SendGridConfig struct {
	// URL is the origin of the API, https://api.sendgrid.com, or
	// https://api.eu.sendgrid.com for subusers in the EU.
	URL string
	Key string
	// From is a verified sender; From and To may hold names:
	// "Connector <connector@example.com>".
	From string
	To   []string
	HTTP *http.Client // with a time-out of its own
}

// String keeps the key and the addresses out of logs.
func (SendGridConfig) String() string { return "SendGrid configuration" }

// GoString does as String does.
func (c SendGridConfig) GoString() string { return c.String() }

// SendGridMailer sends mails through SendGrid. It implements Mailer.
type SendGridMailer struct {
	config SendGridConfig
	from   *mail.Email
	to     []*mail.Email
}

var _ Mailer = (*SendGridMailer)(nil)

// String keeps the key and the addresses out of logs.
func (*SendGridMailer) String() string { return "SendGrid mailer" }

// GoString does as String does.
func (s *SendGridMailer) GoString() string { return s.String() }

// NewSendGrid returns a mailer, or everything that is wrong with c, without any
// address.
func NewSendGrid(c SendGridConfig) (*SendGridMailer, error) {
	var errs []error
	m := &SendGridMailer{config: c}
	m.config.URL = strings.TrimRight(c.URL, "/")
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs = append(errs, errors.New("the URL is not absolute"))
	}
	if c.Key == "" || strings.ContainsAny(c.Key, "\r\n") {
		errs = append(errs, errors.New("the API key is missing or has more than one line"))
	}
	if c.HTTP == nil {
		errs = append(errs, errors.New("the HTTP client is missing"))
	} else {
		client := *c.HTTP
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		m.config.HTTP = &client
	}
	var err error
	if m.from, err = address(c.From); err != nil {
		errs = append(errs, fmt.Errorf("the sender %w", err))
	}
	seen := map[string]bool{}
	for i, to := range c.To {
		a, err := address(to)
		if err != nil {
			errs = append(errs, fmt.Errorf("recipient %d %w", i+1, err))
			continue
		}
		// SendGrid refuses a mail that names one address twice.
		if key := strings.ToLower(a.Address); !seen[key] {
			seen[key] = true
			m.to = append(m.to, a)
		}
	}
	if len(c.To) == 0 || len(m.to) > maxRecipients {
		errs = append(errs, fmt.Errorf("there are %d recipients, want 1 to %d", len(m.to), maxRecipients))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("new SendGrid mailer: %w", err)
	}
	return m, nil
}

func address(s string) (*mail.Email, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		return nil, errors.New("is not an e-mail address")
	}
	return mail.NewEmail(sanitizeText(a.Name), a.Address), nil
}

// MailError is a mail that was not accepted. Its text holds no address.
type MailError struct {
	Status int    // 0 when there was no answer
	Field  string // the field of the request that SendGrid names
	Err    error  // a cause without personal data
}

func (e *MailError) Error() string {
	text := "sendgrid: the mail was not accepted"
	if e.Status != 0 {
		text += fmt.Sprintf(", status %d", e.Status)
	}
	if e.Field != "" {
		text += ", field " + e.Field
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *MailError) Unwrap() error { return e.Err }

func (e *MailError) kind() crm.ErrorKind {
	switch {
	case e.Status == 0, e.Status == http.StatusRequestTimeout, e.Status >= 500:
		return crm.Unavailable
	case e.Status == http.StatusTooManyRequests:
		return crm.RateLimited
	case e.Status == http.StatusUnauthorized:
		return crm.Unauthorized
	case e.Status == http.StatusForbidden:
		return crm.Forbidden
	}
	return crm.Refused
}

// Send hands m over to SendGrid. It succeeds on 202 alone: 200 means that the
// mail was checked and thrown away (sandbox mode). Every failure is a
// *MailError. An error without a status leaves open whether the mail was sent.
func (s *SendGridMailer) Send(ctx context.Context, m Mail) error {
	request := sendgrid.GetRequest(s.config.Key, sendPath, s.config.URL)
	request.Method = rest.Post
	request.Body = mail.GetRequestBody(s.message(m))
	hr, err := rest.BuildRequestObject(request)
	if err != nil {
		return &MailError{Err: errors.New("the request cannot be built")}
	}
	resp, err := s.config.HTTP.Do(hr.WithContext(ctx))
	if err != nil {
		return &MailError{Err: transportCause(err)}
	}
	defer func() { _ = resp.Body.Close() }() // read as far as it matters
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxMailAnswer))
	if resp.StatusCode == http.StatusAccepted {
		return nil
	}
	return &MailError{Status: resp.StatusCode, Field: refusedField(body)}
}

// message puts the text first: SendGrid wants the parts in that order, and so
// do mail programs. Nothing rewrites the links or tells who opened the mail.
func (s *SendGridMailer) message(m Mail) *mail.SGMailV3 {
	p := mail.NewPersonalization()
	p.AddTos(s.to...)
	message := mail.NewV3Mail()
	message.Subject = sanitizeText(m.Subject)
	return message.
		SetFrom(s.from).
		AddPersonalizations(p).
		AddContent(mail.NewContent("text/plain", m.Text), mail.NewContent("text/html", m.HTML)).
		AddCategories(mailCategory).
		SetTrackingSettings(mail.NewTrackingSettings().
			SetClickTracking(mail.NewClickTrackingSetting().SetEnable(false).SetEnableText(false)).
			SetOpenTracking(mail.NewOpenTrackingSetting().SetEnable(false)).
			SetSubscriptionTracking(mail.NewSubscriptionTrackingSetting().SetEnable(false)))
}

// fieldName is what the name of a request's field looks like; anything else
// might be an address.
var fieldName = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*$`)

// refusedField returns the field that an answer names. Its message is left out:
// it quotes addresses.
func refusedField(body []byte) string {
	var answer struct {
		Errors []struct {
			Field string `json:"field"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	for _, e := range answer.Errors {
		if fieldName.MatchString(e.Field) {
			return e.Field
		}
	}
	return ""
}

// transportCause keeps URLs and parts of answers out of the error.
func transportCause(err error) error {
	var timeout interface{ Timeout() bool }
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout():
		return context.DeadlineExceeded
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("no connection")
	}
	return errors.New("no answer")
}
