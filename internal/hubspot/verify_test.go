package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	docSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
	docURL    = "https://www.example.com/webhook_uri"
	v1Body    = `[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]`
	ourSecret = "s3cr3t-é"
	ourURL    = "https://fn.example.com/hook?src=hs:app/v3&x=(a)"
	ourBody   = `[{"propertyValue":"Zoë – ☕ \"q\" <&>"}]`
)

type vector struct {
	version, secret, method, url, body, timestamp, digest string
}

// vectors are those that HubSpot publishes, and two of our own for the decoding
// of the address.
var vectors = map[string]vector{
	"v1":                       {SignatureV1, docSecret, "POST", docURL, v1Body, "", "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"},
	"v2 without a body":        {SignatureV2, docSecret, "GET", docURL, "", "", "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"},
	"v2":                       {SignatureV2, docSecret, "POST", docURL, `{"example_field":"example_value"}`, "", "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"},
	"v3":                       {SignatureV3, docSecret, "POST", docURL, `{'example_field':'example_value'}`, "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="},
	"v3 at another time":       {SignatureV3, docSecret, "POST", docURL, `{'example_field':'example_value'}`, "1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="},
	"v3 with a query":          {SignatureV3, ourSecret, "POST", ourURL, ourBody, "1790000004000", "HWPF5EMRH4xctF8YxaN9x5sQ8Gz9gSF8h4l0r3h74ZI="},
	"v3 with an escaped query": {SignatureV3, ourSecret, "POST", "https://fn.example.com/hook?src=hs%3Aapp%2Fv3&x=%28a%29", ourBody, "1790000004000", "HWPF5EMRH4xctF8YxaN9x5sQ8Gz9gSF8h4l0r3h74ZI="},
}

// header carries a signature the way HubSpot sends it.
func header(version, signature, timestamp string) http.Header {
	h := http.Header{}
	if version == SignatureV3 {
		h.Set("X-HubSpot-Signature-v3", signature)
		h.Set("X-HubSpot-Request-Timestamp", timestamp)
		return h
	}
	h.Set("X-HubSpot-Signature", signature)
	h.Set("X-HubSpot-Signature-Version", version)
	return h
}

func verifier(t testing.TB, url string, versions []string, secrets ...string) *Verifier {
	t.Helper()
	v, err := NewVerifier(VerifierConfig{Secrets: secrets, URL: url, Versions: versions})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func atAge(timestamp string) time.Time {
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return time.Unix(1790000000, 0)
	}
	return time.UnixMilli(ms)
}

func TestPublishedVectors(t *testing.T) {
	for name, d := range vectors {
		t.Run(name, func(t *testing.T) {
			if got := SignRequest(d.version, d.secret, d.method, d.url, []byte(d.body), d.timestamp); got != d.digest {
				t.Errorf("signature %s, want %s", got, d.digest)
			}
			v := verifier(t, d.url, []string{d.version}, d.secret)
			if err := v.Verify(d.method, header(d.version, d.digest, d.timestamp), []byte(d.body), atAge(d.timestamp)); err != nil {
				t.Errorf("verify: %v", err)
			}
			if err := v.Verify(d.method, header(d.version, d.digest, d.timestamp), []byte(d.body+" "), atAge(d.timestamp)); !errors.Is(err, ErrBadSignature) {
				t.Errorf("verify with another body: %v, want %v", err, ErrBadSignature)
			}
		})
	}
}

func TestTheQueryOfTheArrivingRequestIsSigned(t *testing.T) {
	d := vectors["v3 with a query"]
	tests := map[string]struct {
		url, query string
		want       error
	}{
		"as it was signed":                     {"https://fn.example.com/hook", "src=hs:app/v3&x=(a)", nil},
		"escaped in upper case":                {"https://fn.example.com/hook", "src=hs%3Aapp%2Fv3&x=%28a%29", nil},
		"escaped in lower case":                {"https://fn.example.com/hook", "src=hs%3aapp%2fv3&x=%28a%29", nil},
		"instead of the configured one":        {"https://fn.example.com/hook?old=1", "src=hs:app/v3&x=(a)", nil},
		"left out, as a proxy may":             {ourURL, "", nil},
		"added to the configured URL":          {ourURL, "other=1", nil},
		"in another order":                     {"https://fn.example.com/hook", "x=(a)&src=hs:app/v3", ErrBadSignature},
		"with an escape that is not decoded":   {"https://fn.example.com/hook", "src%3Dhs:app/v3&x=(a)", ErrBadSignature},
		"on another path":                      {"https://fn.example.com/other", "src=hs:app/v3&x=(a)", ErrBadSignature},
		"with the signed query on another URL": {"https://evil.example.com/hook", "src=hs:app/v3&x=(a)", ErrBadSignature},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := verifier(t, test.url, nil, ourSecret)
			err := v.VerifyURL(d.method, test.query, header(SignatureV3, d.digest, d.timestamp), []byte(d.body), atAge(d.timestamp))
			if !errors.Is(err, test.want) {
				t.Errorf("verify: %v, want %v", err, test.want)
			}
		})
	}
}

func TestAnAddressThatHubSpotSignedVerbatimIsAccepted(t *testing.T) {
	const url = "https://fn.example.com/hook?src=hs%3Aapp"
	mac := hmac.New(sha256.New, []byte(ourSecret))
	mac.Write([]byte("POST" + url + "[]" + "1790000004000"))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	v := verifier(t, "https://fn.example.com/hook", nil, ourSecret)
	if err := v.VerifyURL("POST", "src=hs%3Aapp", header(SignatureV3, signature, "1790000004000"), []byte("[]"), atAge("1790000004000")); err != nil {
		t.Errorf("verify: %v", err)
	}
}

func TestAQueryCannotTakeOverTheStartOfABody(t *testing.T) {
	const base = "https://fn.example.com/hook"
	signature := SignRequest(SignatureV3, ourSecret, "POST", base+"?a=1", []byte(`[{"x":[1]}]`), "1790000004000")
	v := verifier(t, base, nil, ourSecret)
	err := v.VerifyURL("POST", `a=1[{"x":`, header(SignatureV3, signature, "1790000004000"), []byte(`[1]}]`), atAge("1790000004000"))
	if !errors.Is(err, ErrBadSignature) {
		t.Errorf("verify: %v, want %v", err, ErrBadSignature)
	}
}

func TestOnlyAFreshSignatureIsAccepted(t *testing.T) {
	const signedAt = int64(1790000000000)
	tests := map[string]struct {
		now       int64
		timestamp string
		want      error
	}{
		"now":                          {signedAt, "1790000000000", nil},
		"5 minutes old to the ms":      {signedAt + 300_000, "1790000000000", nil},
		"a ms more than 5 minutes old": {signedAt + 300_001, "1790000000000", ErrStale},
		"a day old":                    {signedAt + 86_400_000, "1790000000000", ErrStale},
		"5 minutes ahead to the ms":    {signedAt - 300_000, "1790000000000", nil},
		"a ms more ahead":              {signedAt - 300_001, "1790000000000", ErrFuture},
		"in seconds":                   {signedAt, "1790000000", ErrStale},
		"without a time":               {signedAt, "", ErrBadSignature},
		"at no number":                 {signedAt, "soon", ErrBadSignature},
		"at a signed number":           {signedAt, "+1790000000000", ErrBadSignature},
		"at a fraction":                {signedAt, "1790000000000.0", ErrBadSignature},
		"beyond all numbers":           {signedAt, "99999999999999999999", ErrBadSignature},
		"at the last number":           {signedAt, "9223372036854775807", ErrFuture},
	}
	v := verifier(t, docURL, nil, docSecret)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			signature := SignRequest(SignatureV3, docSecret, "POST", docURL, []byte("[]"), test.timestamp)
			err := v.Verify("POST", header(SignatureV3, signature, test.timestamp), []byte("[]"), time.UnixMilli(test.now))
			if !errors.Is(err, test.want) {
				t.Errorf("verify: %v, want %v", err, test.want)
			}
			forged := SignRequest(SignatureV3, "guess", "POST", docURL, []byte("[]"), test.timestamp)
			err = v.Verify("POST", header(SignatureV3, forged, test.timestamp), []byte("[]"), time.UnixMilli(test.now))
			if !errors.Is(err, ErrBadSignature) {
				t.Errorf("verify of a forgery: %v, want %v", err, ErrBadSignature)
			}
		})
	}
}

func TestTheStrongestAcceptedVersionDecides(t *testing.T) {
	const timestamp = "1790000000000"
	body := []byte(`[{"a":1}]`)
	sign := func(version string) string { return SignRequest(version, docSecret, "POST", docURL, body, timestamp) }
	with := func(v3, other, version string) http.Header {
		h := http.Header{}
		for name, value := range map[string]string{HeaderSignatureV3: v3, HeaderTimestamp: timestamp, HeaderSignature: other, HeaderSignatureVersion: version} {
			if value != "" {
				h.Set(name, value)
			}
		}
		return h
	}
	tests := map[string]struct {
		versions []string
		header   http.Header
		want     error
	}{
		"v3 is the default":                    {nil, with(sign(SignatureV3), "", ""), nil},
		"v1 is not accepted by default":        {nil, with("", sign(SignatureV1), SignatureV1), ErrSignatureVersion},
		"v3 is chosen when both arrive":        {[]string{SignatureV1, SignatureV3}, with(sign(SignatureV3), sign(SignatureV1), SignatureV1), nil},
		"a wrong v3 is not saved by v1":        {[]string{SignatureV1, SignatureV3}, with(sign(SignatureV1), sign(SignatureV1), SignatureV1), ErrBadSignature},
		"v1 by configuration":                  {[]string{SignatureV1}, with(sign(SignatureV3), sign(SignatureV1), SignatureV1), nil},
		"v2 by configuration":                  {[]string{SignatureV3, SignatureV2}, with("", sign(SignatureV2), SignatureV2), nil},
		"v1 does not pass as v2":               {[]string{SignatureV1, SignatureV2}, with("", sign(SignatureV1), SignatureV2), ErrBadSignature},
		"v3 only, and only v1 is accepted":     {[]string{SignatureV1}, with(sign(SignatureV3), "", ""), ErrSignatureVersion},
		"a version that is not named":          {[]string{SignatureV1}, with("", sign(SignatureV1), ""), ErrSignatureVersion},
		"no signature":                         {[]string{SignatureV1, SignatureV2, SignatureV3}, with("", "", SignatureV1), ErrNoSignature},
		"v3 that is not base64":                {nil, with("!!!", "", ""), ErrBadSignature},
		"v3 without padding":                   {nil, with(strings.TrimRight(sign(SignatureV3), "="), "", ""), ErrBadSignature},
		"v3 with extra bits at its end":        {nil, with(withExtraBit(sign(SignatureV3)), "", ""), ErrBadSignature},
		"v3 cut short":                         {nil, with(sign(SignatureV3)[:40], "", ""), ErrBadSignature},
		"v1 that is not hex":                   {[]string{SignatureV1}, with("", "xyz", SignatureV1), ErrBadSignature},
		"the digest of v3 in the header of v1": {[]string{SignatureV1}, with("", sign(SignatureV3), SignatureV1), ErrBadSignature},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := verifier(t, docURL, test.versions, docSecret).Verify("POST", test.header, body, atAge(timestamp))
			if !errors.Is(err, test.want) {
				t.Errorf("verify: %v, want %v", err, test.want)
			}
		})
	}
}

// withExtraBit sets a bit of the last character that belongs to no byte.
func withExtraBit(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(signature) - 2
	return signature[:last] + string(alphabet[strings.IndexByte(alphabet, signature[last])|1]) + "="
}

func TestEachSecretIsAcceptedDuringARotation(t *testing.T) {
	d := vectors["v3"]
	for secrets, want := range map[[2]string]error{{docSecret, "new"}: nil, {"new", docSecret}: nil, {"old", "new"}: ErrBadSignature} {
		v := verifier(t, d.url, nil, secrets[:]...)
		if err := v.Verify(d.method, header(SignatureV3, d.digest, d.timestamp), []byte(d.body), atAge(d.timestamp)); !errors.Is(err, want) {
			t.Errorf("secrets %v: %v, want %v", secrets, err, want)
		}
	}
}

func TestTheMethodIsSigned(t *testing.T) {
	d := vectors["v3"]
	err := verifier(t, d.url, nil, d.secret).Verify("PUT", header(SignatureV3, d.digest, d.timestamp), []byte(d.body), atAge(d.timestamp))
	if !errors.Is(err, ErrBadSignature) {
		t.Errorf("verify: %v, want %v", err, ErrBadSignature)
	}
}

func TestNewVerifierReportsEveryProblemAtOnce(t *testing.T) {
	tests := map[string]struct {
		cfg  VerifierConfig
		want string
	}{
		"no secret": {VerifierConfig{URL: docURL}, "no secret is given"},
		"all at once": {VerifierConfig{Secrets: []string{"a", " "}, URL: "/hook", Versions: []string{"v4"}},
			"secret 2 is empty\nurl: want an absolute http or https URL\nversion \"v4\" is unknown: want v3, v2 or v1"},
		"a fragment": {VerifierConfig{Secrets: []string{"a"}, URL: docURL + "#x"}, "url: it contains a fragment or credentials"},
		"no scheme":  {VerifierConfig{Secrets: []string{"a"}, URL: "www.example.com/x"}, "url: want an absolute http or https URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewVerifier(test.cfg)
			if want := "hubspot webhook signature: " + test.want; err == nil || err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
		})
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	cfg := VerifierConfig{Secrets: []string{docSecret}, URL: docURL}
	v := verifier(t, docURL, nil, docSecret)
	printed := fmt.Sprintf("%v %+v %#v %v %+v %#v %v", cfg, cfg, cfg, v, v, v, cfg.LogValue())
	if strings.Contains(printed, docSecret) {
		t.Errorf("the secret is printed: %s", printed)
	}
}

func TestSignRequestRefusesOtherVersions(t *testing.T) {
	if got := SignRequest("v4", docSecret, "POST", docURL, nil, "1"); got != "" {
		t.Errorf("signature %q, want none", got)
	}
}

// FuzzVerify: every accepted request has the signature of a secret, over
// exactly the body that arrived, and no other request can be made from a signed
// one.
func FuzzVerify(f *testing.F) {
	for _, d := range vectors {
		f.Add(d.version, d.method, "", d.body, d.timestamp, d.digest)
	}
	f.Add(SignatureV3, "POST", "a=%3A", "[]", "1790000000000", SignRequest(SignatureV3, docSecret, "POST", docURL+"?a=%3A", []byte("[]"), "1790000000000"))
	f.Add(SignatureV1, "POST", "", "[]", "", SignRequest(SignatureV1, docSecret, "POST", docURL, []byte("[]"), ""))
	v, err := NewVerifier(VerifierConfig{Secrets: []string{docSecret}, URL: docURL, Versions: []string{SignatureV3, SignatureV2, SignatureV1}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, version, method, query, body, timestamp, signature string) {
		h := header(version, signature, timestamp)
		if v.VerifyURL(method, query, h, []byte(body), atAge(timestamp)) == nil && !signedBySecret(h, method, query, body, timestamp) {
			t.Errorf("accepted %s signature %q that no secret made", version, signature)
		}
		own := header(SignatureV3, SignRequest(SignatureV3, docSecret, method, docURL, []byte(body), "1790000000000"), "1790000000000")
		if err := v.Verify(method, own, []byte(body), atAge("1790000000000")); err != nil {
			t.Errorf("refused a signed request: %v", err)
		}
		if v.Verify(method, own, []byte(body+"]"), atAge("1790000000000")) == nil {
			t.Error("accepted a body with something added")
		}
	})
}

// signedBySecret checks independently of the verifier whether the secret makes
// the signature from the request.
func signedBySecret(h http.Header, method, query, body, timestamp string) bool {
	addresses := []string{docURL}
	if query != "" {
		addresses = append(addresses, docURL+"?"+query, decodeURL(docURL+"?"+query))
	}
	for _, address := range addresses {
		mac := hmac.New(sha256.New, []byte(docSecret))
		mac.Write([]byte(method + address + body + timestamp))
		v2 := sha256.Sum256([]byte(docSecret + method + address + body))
		v1 := sha256.Sum256([]byte(docSecret + body))
		hexed := strings.ToLower(h.Get(HeaderSignature))
		if h.Get(HeaderSignatureV3) == base64.StdEncoding.EncodeToString(mac.Sum(nil)) ||
			hexed == hex.EncodeToString(v2[:]) || hexed == hex.EncodeToString(v1[:]) {
			return true
		}
	}
	return false
}
