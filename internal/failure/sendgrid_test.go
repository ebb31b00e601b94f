package failure_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hubspot-zoho/connector/internal/failure"
	"github.com/hubspot-zoho/connector/internal/local/sim"
)

func TestAWrongConfigurationIsReportedAtOnce(t *testing.T) {
	_, err := failure.NewDigest(failure.Config{Pages: failure.Pages{HubSpotPortal: "4711/x", Zoho: "javascript:alert(1)"}})
	for _, part := range []string{"store, mailer", "portal", "pages"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not speak of %s", err, part)
		}
	}
	_, err = failure.NewSendGrid(failure.SendGridConfig{URL: "sendgrid", From: "planted", To: []string{"planted\r\nBcc: x@example.com"}})
	for _, part := range []string{"URL", "key", "HTTP", "sender", "recipient 1"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not speak of %s", err, part)
		}
	}
	if err != nil && strings.Contains(err.Error(), "planted") {
		t.Errorf("an address shows in %v", err)
	}
	if _, err := failure.NewSendGrid(failure.SendGridConfig{URL: "https://x", Key: "k", From: "a@example.com", HTTP: http.DefaultClient}); err == nil {
		t.Error("a mailer without recipients was made")
	}
}

func TestNothingPrintsTheKey(t *testing.T) {
	h := newScenario(t)
	c := failure.SendGridConfig{Key: "SG.planted", From: "planted@example.com", To: []string{"planted@example.com"}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		text := fmt.Sprintf(format+format+format, c, h.mailer, failure.Config{Mailer: h.mailer})
		if strings.Contains(text, "SG.") || strings.Contains(text, "@example") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestNothingIsSentToARedirect(t *testing.T) {
	h := newScenario(t)
	h.record(t, failed("a", "1"))
	h.mails.Faults.Add(sim.Fault{Status: 307, Header: map[string]string{"Location": "/v3/mail/send"}, Count: 1})
	if _, err := h.digest(t).Send(t.Context()); err == nil {
		t.Error("the redirect was followed")
	}
	if n := len(h.mails.Mails()); n != 0 {
		t.Errorf("%d mails, want none", n)
	}
}
