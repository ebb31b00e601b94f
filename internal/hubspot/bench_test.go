package hubspot

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkVerify checks the signature of a body of about 100 events.
func BenchmarkVerify(b *testing.B) {
	body := []byte("[" + strings.Repeat(v1Body[1:len(v1Body)-1]+",", 99) + v1Body[1:])
	now := time.UnixMilli(1_790_000_004_000)
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	v := verifier(b, docURL, []string{SignatureV3}, docSecret)
	h := header(SignatureV3, SignRequest(SignatureV3, docSecret, http.MethodPost, docURL, body, timestamp), timestamp)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify(http.MethodPost, h, body, now); err != nil {
			b.Fatal(err)
		}
	}
}
