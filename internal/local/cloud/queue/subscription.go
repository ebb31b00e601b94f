package queue

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Defaults of the service. Source: https://cloud.google.com/pubsub/docs/subscription-properties
const (
	defaultAckDeadline = 10 * time.Second
	defaultMinBackoff  = 100 * time.Millisecond // of push without a retry policy
	defaultMaxBackoff  = 60 * time.Second
	defaultAttempts    = 5
	defaultRetention   = 7 * 24 * time.Hour
	defaultMaxInFlight = 100
)

// Subscription says where the messages of a topic go and how. Zero values take
// the defaults of the service.
type Subscription struct {
	Name     string // an id, not the full name
	Topic    string // an id, created when it is not there
	Endpoint string // the URL that messages are posted to

	// AckDeadline is how long the endpoint may take, 10 s by default. A later
	// answer does not count. A pushed message's deadline cannot be extended.
	AckDeadline time.Duration

	// MinBackoff and MaxBackoff bound the wait before a message is delivered
	// again, 100 ms and 60 s by default.
	MinBackoff, MaxBackoff time.Duration

	// DeadLetterTopic is the id of the topic that takes a message after
	// MaxDeliveryAttempts failures (5 to 100, 5 by default). Empty: a message is
	// retried until its retention has passed.
	DeadLetterTopic     string
	MaxDeliveryAttempts int

	MaxInFlight int           // requests under way at once, 100 by default
	Ordered     bool          // whether ordering keys order
	Retention   time.Duration // how long an unacknowledged message is kept, 7 days by default
}

// resourceID is what the service allows as the id of a topic or subscription.
var resourceID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$`)

// validID reports whether the service would take id as a new name.
func validID(id string) bool { return resourceID.MatchString(id) && !strings.HasPrefix(id, "goog") }

// withDefaults fills in what was left out.
func (s Subscription) withDefaults() Subscription {
	fill := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	fill(&s.AckDeadline, defaultAckDeadline)
	fill(&s.MinBackoff, defaultMinBackoff)
	fill(&s.MaxBackoff, max(defaultMaxBackoff, s.MinBackoff))
	fill(&s.Retention, defaultRetention)
	if s.MaxInFlight == 0 {
		s.MaxInFlight = defaultMaxInFlight
	}
	if s.MaxDeliveryAttempts == 0 && s.DeadLetterTopic != "" {
		s.MaxDeliveryAttempts = defaultAttempts
	}
	return s
}

// Validate reports everything that is wrong, at once.
func (s Subscription) Validate() error {
	s = s.withDefaults()
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("subscription %q: "+format, append([]any{s.Name}, args...)...))
		}
	}
	check(validID(s.Name), "its name is not one that Pub/Sub takes")
	check(validID(s.Topic), "topic %q is not a name that Pub/Sub takes", s.Topic)
	u, err := url.Parse(s.Endpoint)
	check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", "its endpoint is not an http URL")
	check(s.AckDeadline > 0, "its ack deadline is negative")
	check(s.Retention > 0, "its retention is negative")
	check(s.MinBackoff > 0 && s.MinBackoff <= s.MaxBackoff, "backoff from %v to %v", s.MinBackoff, s.MaxBackoff)
	check(s.MaxInFlight > 0, "%d messages in flight", s.MaxInFlight)
	if s.DeadLetterTopic != "" {
		check(validID(s.DeadLetterTopic), "dead-letter topic %q is not a name that Pub/Sub takes", s.DeadLetterTopic)
		check(s.DeadLetterTopic != s.Topic, "its dead-letter topic is its own topic")
		check(s.MaxDeliveryAttempts >= 5 && s.MaxDeliveryAttempts <= 100, "%d delivery attempts are not 5 to 100", s.MaxDeliveryAttempts)
	}
	return errors.Join(errs...)
}

// prepare validates subscriptions and gives them their defaults.
func prepare(subs []Subscription) ([]Subscription, error) {
	var errs []error
	seen := map[string]bool{}
	ready := make([]Subscription, 0, len(subs))
	for _, s := range subs {
		if seen[s.Name] {
			errs = append(errs, fmt.Errorf("subscription %q is configured twice", s.Name))
		}
		seen[s.Name] = true
		errs = append(errs, s.Validate())
		ready = append(ready, s.withDefaults())
	}
	return ready, errors.Join(errs...)
}

// topicsOf lists every topic that the subscriptions name, once.
func topicsOf(subs []Subscription) []string {
	var topics []string
	seen := map[string]bool{"": true}
	for _, s := range subs {
		for _, t := range []string{s.Topic, s.DeadLetterTopic} {
			if !seen[t] {
				seen[t] = true
				topics = append(topics, t)
			}
		}
	}
	return topics
}

// unread lists the dead-letter topics without a subscription: the service, and
// this package, drop what is published to those.
func unread(subs []Subscription) []string {
	read := map[string]bool{}
	for _, s := range subs {
		read[s.Topic] = true
	}
	var topics []string
	for _, s := range subs {
		if s.DeadLetterTopic != "" && !read[s.DeadLetterTopic] {
			read[s.DeadLetterTopic] = true
			topics = append(topics, s.DeadLetterTopic)
		}
	}
	return topics
}
