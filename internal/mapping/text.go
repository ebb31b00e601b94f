package mapping

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// canonText is the form of free text, and the first step for every other type.
// Only characters that are not typed on purpose are removed: the two CRMs trim and encode
// differently. Spaces within the text stay.
func canonText(raw string) string {
	if isPlain(raw) {
		return strings.TrimSpace(raw)
	}
	s := strings.ToValidUTF8(raw, "\uFFFD")
	s = norm.NFC.String(lineEnds.Replace(s))
	return strings.TrimFunc(s, isInvisible)
}

// isPlain reports whether s is ASCII on one line, as most values are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] == '\r' {
			return false
		}
	}
	return true
}

// isInvisible reports white space, the zero-width space and the byte order
// mark that copying from a web page or a file leaves at the ends.
func isInvisible(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200B' || r == '\uFEFF'
}

// canonEmail lower-cases the whole address: HubSpot does, and no mail system
// of weight tells cases apart.
func canonEmail(text string) string {
	s := norm.NFC.String(strings.ToLower(text))
	at := strings.LastIndexByte(s, '@')
	if at <= 0 {
		return s
	}
	host, ok := canonHost(s[at+1:])
	if !ok {
		return s
	}
	return s[:at+1] + host
}

// canonHost returns a host name in lower-case ASCII without a final dot, and
// whether it is one with at least two labels.
func canonHost(host string) (string, bool) {
	host = strings.TrimSuffix(host, ".")
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || !isHost(ascii) {
		return "", false
	}
	return ascii, true
}

// isHost reports whether s is a canonical host name.
func isHost(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}
