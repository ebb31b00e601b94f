package mapping

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// A number may be followed by one extension. Anything else beside it, such as
// a second number or a remark, is not a number: reducing it to one would hide
// an edit of the rest.
var (
	phoneMain      = regexp.MustCompile(`^\+?[0-9 ()./\-]+$`)
	phoneExtension = regexp.MustCompile(`(?i)^(.*[0-9)])[ ,;]*(?:ext(?:ension|n)?\.?|x|#)[ :.=]*([0-9]{1,7})$`)
	phoneDashes    = strings.NewReplacer("\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2014", "-", "\u2212", "-", "\u00A0", " ", "\u00AD", "")
)

// maxPhoneLength is far beyond what a number with an extension needs, in bytes.
const maxPhoneLength = 100

func (f *Field) phoneRegion() string {
	if f.region == "" {
		return defaultRegion
	}
	return f.region
}

// canonPhone returns E.164, with ";ext=" and the extension if there is one.
func canonPhone(text, region string) string {
	c, ok := parsePhone(text, region)
	if !ok {
		return text
	}
	// Should the library not read its own form back as it wrote it, the number
	// stays as it was typed.
	if again, ok := parsePhone(c, region); !ok || again != c {
		return text
	}
	return c
}

func parsePhone(text, region string) (string, bool) {
	if len(text) > maxPhoneLength {
		return "", false
	}
	number := phoneDashes.Replace(norm.NFKC.String(text))
	extension := ""
	if m := phoneExtension.FindStringSubmatch(number); m != nil {
		number, extension = m[1], ";ext="+m[2]
	}
	if !phoneMain.MatchString(number) {
		return "", false
	}
	p, err := phonenumbers.Parse(number, region)
	if err != nil || phonenumbers.IsPossibleNumberWithReason(p) != phonenumbers.IS_POSSIBLE {
		return "", false
	}
	return phonenumbers.Format(p, phonenumbers.E164) + extension, true
}

// renderPhone writes the extension the way both CRMs accept it: Zoho allows 30
// characters, and letters and digits after single spaces. What is no number is
// written as it was typed.
func renderPhone(canon, region string) string {
	text := strings.Replace(canon, ";ext=", " ext ", 1)
	if canonPhone(text, region) != canon {
		return canon
	}
	return text
}
