// Command smoke checks a deployment through its triggers. It reads "terraform
// output -json" on standard input and sends unsigned requests to the public webhooks,
// which must refuse them, and to a private function, which must be closed. Given
// HUBSPOT_CLIENT_SECRET, it also sends HubSpotWebhook a signed delivery. "make smoke"
// runs it.
//
// With SMOKE_CONTACT, the id of a contact in HubSpot, the delivery reports a change of
// that contact, so that a consumer synchronises it; without it the delivery is empty.
// Either way it writes only values that a person wrote.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hubspot-zoho/connector/internal/hubspot"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

// notification is one of Zoho's with a wrong token.
const notification = `{"module":"Contacts","operation":"update","ids":["1"],"channel_id":"1","token":"wrong"}`

// terraformOutputs are the outputs of terraform that name the triggers.
type terraformOutputs struct {
	HubSpot struct{ Value string }            `json:"hubspot_webhook_url"`
	Zoho    struct{ Value string }            `json:"zoho_webhook_url"`
	URLs    struct{ Value map[string]string } `json:"function_urls"`
}

func run(ctx context.Context, in io.Reader, out io.Writer, getenv func(string) string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var o terraformOutputs
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read terraform's outputs: %w", err)
	}
	if o.HubSpot.Value == "" || o.Zoho.Value == "" || o.URLs.Value["GetZohoToken"] == "" {
		return errors.New("terraform's outputs lack hubspot_webhook_url, zoho_webhook_url or function_urls: is it applied?")
	}
	checks := []check{
		{"HubSpotWebhook refuses an unsigned request", o.HubSpot.Value, nil, []byte("[]"), http.StatusUnauthorized},
		{"ZohoWebhook refuses a wrong token", o.Zoho.Value, nil, []byte(notification), http.StatusUnauthorized},
		{"GetZohoToken refuses an anonymous request", o.URLs.Value["GetZohoToken"], nil, []byte("{}"), http.StatusForbidden},
	}
	// During a rotation there are two secrets.
	if secret, _, _ := strings.Cut(getenv("HUBSPOT_CLIENT_SECRET"), ","); secret != "" {
		delivery, err := newSignedDelivery(o.HubSpot.Value, secret, getenv("SMOKE_CONTACT"), time.Now())
		if err != nil {
			return err
		}
		checks = append(checks, delivery)
	} else {
		fmt.Fprintln(out, "SKIPPED: no signed delivery without HUBSPOT_CLIENT_SECRET")
	}
	var errs []error
	for _, c := range checks {
		err := c.sendRequest(ctx)
		if err == nil {
			fmt.Fprintln(out, "ok:", c.name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// check is one request and the status that it must have.
type check struct {
	name   string
	url    string
	header http.Header
	body   []byte
	want   int
}

// newSignedDelivery returns a delivery with the signature of HubSpot.
func newSignedDelivery(url, secret, contact string, now time.Time) (check, error) {
	events := []map[string]any{}
	if contact != "" {
		id, err := strconv.ParseInt(contact, 10, 64)
		if err != nil {
			return check{}, errors.New("SMOKE_CONTACT is not the id of a contact")
		}
		events = append(events, map[string]any{
			"eventId": 1, "subscriptionId": 1, "appId": 1, "attemptNumber": 0, "occurredAt": now.UnixMilli(),
			"subscriptionType": "contact.propertyChange", "objectId": id, "propertyName": "lastname",
		})
	}
	body, err := json.Marshal(events)
	if err != nil {
		return check{}, err
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	header := http.Header{}
	header.Set(hubspot.HeaderTimestamp, timestamp)
	header.Set(hubspot.HeaderSignatureV3, hubspot.SignRequest(hubspot.SignatureV3, secret, http.MethodPost, url, body, timestamp))
	return check{"HubSpotWebhook accepts a signed delivery", url, header, body, http.StatusOK}, nil
}

func (c check) sendRequest(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(c.body))
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	if c.header != nil {
		req.Header = c.header
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	defer res.Body.Close()
	if res.StatusCode != c.want {
		return fmt.Errorf("%s: status %d, want %d: see the function's log", c.name, res.StatusCode, c.want)
	}
	return nil
}
