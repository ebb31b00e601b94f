package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The versions of the signature that HubSpot puts on requests. SignatureV3
// covers the time and is the one to use. SignatureV1 covers only the body, so
// that a request can be replayed at any time; it exists for legacy private
// apps. SignatureV2 belongs to workflow actions.
const (
	SignatureV1 = "v1"
	SignatureV2 = "v2"
	SignatureV3 = "v3"
)

// The headers that carry a signature.
const (
	HeaderSignatureV3      = "X-HubSpot-Signature-v3"
	HeaderTimestamp        = "X-HubSpot-Request-Timestamp" // milliseconds since 1970
	HeaderSignature        = "X-HubSpot-Signature"
	HeaderSignatureVersion = "X-HubSpot-Signature-Version" // of HeaderSignature: v1 or v2
)

// MaxSkew is how far the time of a v3 signature may be from now, to either
// side. Exactly 300,000 ms is still accepted: HubSpot's rule rejects older
// ones.
const MaxSkew = 5 * time.Minute

// The reasons to refuse a signature.
var (
	// ErrNoSignature: the request carries no signature at all.
	ErrNoSignature = errors.New("the request is not signed")
	// ErrSignatureVersion: it carries signatures of versions that are not
	// accepted only.
	ErrSignatureVersion = errors.New("the signature has a version that is not accepted")
	// ErrBadSignature: the signature is malformed, or not ours.
	ErrBadSignature = errors.New("the signature does not match")
	// ErrStale: the signature is right and more than MaxSkew old.
	ErrStale = errors.New("the signature is too old")
	// ErrFuture: the signature is right and more than MaxSkew ahead.
	ErrFuture = errors.New("the signature is from the future")
)

// VerifierConfig contains the secrets and the address that signatures are
// checked with.
type VerifierConfig struct {
	// Secrets are the client secrets of the app: one, or two during a rotation.
	Secrets []string
	// URL is the address that HubSpot calls, byte for byte the target URL of
	// the subscriptions. The host that a request names is not used.
	URL string
	// Versions lists the accepted signature versions; empty means SignatureV3 only.
	Versions []string
}

// String leaves the secrets out.
func (c VerifierConfig) String() string {
	return fmt.Sprintf("%d secrets %s for %s, versions %v", len(c.Secrets), redacted, c.URL, c.Versions)
}

// GoString leaves the secrets out of %#v too.
func (c VerifierConfig) GoString() string { return c.String() }

// LogValue leaves the secrets out of structured logs.
func (c VerifierConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Verifier accepts requests that HubSpot signed and refuses others.
type Verifier struct {
	secrets  []string
	url      string
	versions []string // strongest first
}

// String leaves the secrets out.
func (v *Verifier) String() string { return "hubspot signatures for " + v.url }

// GoString leaves the secrets out of %#v too.
func (v *Verifier) GoString() string { return v.String() }

// NewVerifier returns a verifier, or an error that lists everything that is
// wrong with cfg.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	var errs []error
	if len(cfg.Secrets) == 0 {
		errs = append(errs, errors.New("no secret is given"))
	}
	for i, secret := range cfg.Secrets {
		if strings.TrimSpace(secret) == "" {
			errs = append(errs, fmt.Errorf("secret %d is empty", i+1))
		}
	}
	if u, err := url.Parse(cfg.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		errs = append(errs, errors.New("url: want an absolute http or https URL"))
	} else if strings.Contains(cfg.URL, "#") || u.User != nil {
		errs = append(errs, errors.New("url: it contains a fragment or credentials"))
	}
	versions := cfg.Versions
	if len(versions) == 0 {
		versions = []string{SignatureV3}
	}
	for _, version := range versions {
		if version != SignatureV1 && version != SignatureV2 && version != SignatureV3 {
			errs = append(errs, fmt.Errorf("version %q is unknown: want v3, v2 or v1", version))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("hubspot webhook signature: %w", errors.Join(errs...))
	}
	ordered := slices.Clone(versions)
	slices.Sort(ordered)
	slices.Reverse(ordered)
	return &Verifier{secrets: slices.Clone(cfg.Secrets), url: cfg.URL, versions: slices.Compact(ordered)}, nil
}

// Verify checks the signature of a request that arrived without a query.
func (v *Verifier) Verify(method string, header http.Header, body []byte, now time.Time) error {
	return v.VerifyURL(method, "", header, body, now)
}

// VerifyURL checks the signature of a request that arrived with the raw query
// given, exactly as in its request line. The signature must cover the
// configured URL, either as it is or with that query.
//
// Of the signatures that a request carries, the one of the strongest accepted
// version decides. The time is checked after the signature, so that ErrStale
// and ErrFuture mean clocks and delays and not forgeries.
func (v *Verifier) VerifyURL(method, rawQuery string, header http.Header, body []byte, now time.Time) error {
	version, signature, err := v.chooseSignature(header)
	if err != nil {
		return err
	}
	timestamp := ""
	if version == SignatureV3 {
		timestamp = header.Get(HeaderTimestamp)
	}
	if !v.matchesAnySecret(version, signature, method, rawQuery, body, timestamp) {
		return ErrBadSignature
	}
	if version == SignatureV3 {
		return checkTime(timestamp, now)
	}
	return nil
}

// chooseSignature picks the signature of the strongest accepted version.
func (v *Verifier) chooseSignature(header http.Header) (version string, signature []byte, err error) {
	v3, other := header.Get(HeaderSignatureV3), header.Get(HeaderSignature)
	if v3 == "" && other == "" {
		return "", nil, ErrNoSignature
	}
	for _, version := range v.versions {
		switch {
		case version == SignatureV3 && v3 != "":
			signature, err = base64.StdEncoding.Strict().DecodeString(v3)
		case version != SignatureV3 && other != "" && header.Get(HeaderSignatureVersion) == version:
			signature, err = hex.DecodeString(other)
		default:
			continue
		}
		if err != nil {
			return "", nil, ErrBadSignature
		}
		return version, signature, nil
	}
	return "", nil, ErrSignatureVersion
}

// matchesAnySecret compares the signature with the digest of each secret over
// each address that HubSpot may have signed. It does not stop at the first
// match.
func (v *Verifier) matchesAnySecret(version string, signature []byte, method, rawQuery string, body []byte, timestamp string) bool {
	found := 0
	for _, address := range v.signedAddresses(rawQuery) {
		for _, secret := range v.secrets {
			if hmac.Equal(signature, computeDigest(version, secret, method, address, body, timestamp)) {
				found++
			}
		}
	}
	return found > 0
}

// queryCharacters are those that a query may contain. Address and body are
// signed without anything between them, so a query that could contain the start
// of a body would let an attacker move the border.
const queryCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:@/?[]|"

// signedAddresses lists the addresses that HubSpot may have signed. The
// documented form has some escapes decoded; the verbatim one is accepted too
// since none of HubSpot's own helpers decodes anything.
func (v *Verifier) signedAddresses(rawQuery string) []string {
	list := []string{v.url}
	if rawQuery != "" && strings.Trim(rawQuery, queryCharacters) == "" {
		base, _, _ := strings.Cut(v.url, "?")
		list = append(list, base+"?"+rawQuery)
	}
	for _, address := range slices.Clone(list) {
		list = append(list, decodeURL(address))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// checkTime checks that a timestamp is within MaxSkew of now.
func checkTime(timestamp string, now time.Time) error {
	if strings.Trim(timestamp, "0123456789") != "" {
		return ErrBadSignature
	}
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return ErrBadSignature
	}
	switch age := now.UnixMilli() - ms; {
	case age > MaxSkew.Milliseconds():
		return ErrStale
	case age < -MaxSkew.Milliseconds():
		return ErrFuture
	}
	return nil
}

// SignRequest makes the signature that HubSpot puts on a request: base64 for
// SignatureV3, hex for the others. The timestamp is the text of HeaderTimestamp
// and is used for SignatureV3 only, method and address for SignatureV3 and
// SignatureV2. An unknown version gives "".
func SignRequest(version, secret, method, address string, body []byte, timestamp string) string {
	sum := computeDigest(version, secret, method, decodeURL(address), body, timestamp)
	switch version {
	case SignatureV3:
		return base64.StdEncoding.EncodeToString(sum)
	case SignatureV1, SignatureV2:
		return hex.EncodeToString(sum)
	}
	return ""
}

func computeDigest(version, secret, method, address string, body []byte, timestamp string) []byte {
	h := sha256.New()
	switch version {
	case SignatureV3:
		h = hmac.New(sha256.New, []byte(secret))
		h.Write([]byte(method + address))
		h.Write(body)
		h.Write([]byte(timestamp))
	case SignatureV2:
		h.Write([]byte(secret + method + address))
		h.Write(body)
	case SignatureV1:
		h.Write([]byte(secret))
		h.Write(body)
	default:
		return nil
	}
	return h.Sum(nil)
}

// urlEscapes are the escapes that HubSpot decodes before it signs, and no
// others. The lower-case spellings are not documented.
var urlEscapes = strings.NewReplacer(
	"%3A", ":", "%3a", ":", "%2F", "/", "%2f", "/", "%3F", "?", "%3f", "?",
	"%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")",
	"%2A", "*", "%2a", "*", "%2C", ",", "%2c", ",", "%3B", ";", "%3b", ";",
)

func decodeURL(address string) string { return urlEscapes.Replace(address) }
