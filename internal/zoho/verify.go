package zoho

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// ErrForged means that a notification does not prove to come from Zoho.
var ErrForged = errors.New("zoho notification: wrong or missing token")

// VerifierConfig contains the tokens and channels that a genuine notification
// carries.
type VerifierConfig struct {
	// Tokens are all accepted: one, or the old and the new one during a
	// rotation. None may be empty.
	Tokens []string
	// Channels, unless empty, are the only channels that are accepted. A
	// notification of a workflow rule has no channel and needs just the token.
	Channels []string
}

// Format keeps the tokens out of every verb of fmt.
func (VerifierConfig) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue keeps the tokens out of logs.
func (VerifierConfig) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON keeps the tokens out of logs that encode a struct around it.
func (VerifierConfig) MarshalJSON() ([]byte, error) { return Secret("").MarshalJSON() }

// Verifier accepts notifications that Zoho sent and refuses others. Zoho does
// not sign them: the only proof is a token that Zoho repeats.
type Verifier struct {
	digests  [][sha256.Size]byte
	channels []string
}

// NewVerifier returns a verifier. It is an error to accept no token or an empty
// one.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	if len(cfg.Tokens) == 0 {
		return nil, errors.New("zoho verifier: there is no token")
	}
	v := &Verifier{channels: slices.Clone(cfg.Channels)}
	for i, token := range cfg.Tokens {
		if strings.TrimSpace(token) == "" {
			return nil, fmt.Errorf("zoho verifier: token %d is empty", i+1)
		}
		v.digests = append(v.digests, sha256.Sum256([]byte(token)))
	}
	return v, nil
}

// Verify returns the index of the token that n carries, so that the end of a
// rotation can be seen, or ErrForged. Its duration does not depend on how much
// of a token was guessed.
func (v *Verifier) Verify(n Notification) (int, error) {
	got := sha256.Sum256([]byte(n.Token))
	match := -1
	for i, want := range v.digests {
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && match < 0 {
			match = i
		}
	}
	if match < 0 {
		return -1, ErrForged
	}
	if len(v.channels) > 0 && n.ChannelID != "" && !slices.Contains(v.channels, n.ChannelID) {
		return -1, fmt.Errorf("%w: unknown channel", ErrForged)
	}
	return match, nil
}
