package syncer

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/hubspot-zoho/connector/internal/crm"
	"github.com/hubspot-zoho/connector/internal/mapping"
	"github.com/hubspot-zoho/connector/internal/merge"
)

// hasher makes the hashes that stand for values where values must not be kept.
// They are keyed, since a plain hash of a telephone number is soon guessed.
type hasher struct{ key []byte }

// keyID names the key and the canonical forms, without telling the key. Hashes of
// another id cannot be compared.
func (h hasher) keyID() string {
	mac := hmac.New(sha256.New, h.key)
	fmt.Fprintf(mac, "canonical forms %d", mapping.CanonVersion)
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// hashBytes is how much of the digest is kept: 128 bits.
const hashBytes = 16

func (h hasher) hashValue(kind crm.Kind, field, canonical string) merge.Value {
	if canonical == "" {
		return merge.Value{}
	}
	return merge.Value{Text: canonical, Hash: merge.Hash(h.hashOf(string(kind), field, canonical))}
}

func (h hasher) hashOf(parts ...string) string {
	mac := hmac.New(sha256.New, h.key)
	for _, part := range parts {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return hex.EncodeToString(mac.Sum(nil)[:hashBytes])
}
