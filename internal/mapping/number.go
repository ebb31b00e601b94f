package mapping

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	looseNumber  = regexp.MustCompile(`^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?$`)
	strictNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

// maxDigits bounds a number on both sides of its point, after its exponent was
// resolved. No field of either CRM comes near.
const maxDigits = 100

// canonNumber works on digits: a float would turn 0.1 or an amount of 17 digits
// into another number. A text with thousands separators stays as it is, since
// "1,234" may be large or small.
func canonNumber(text string) string {
	m := looseNumber.FindStringSubmatch(text)
	if m == nil || m[2] == "" && m[3] == "" || len(text) > 2*maxDigits {
		return text
	}
	whole, fraction := m[2], m[3]
	if m[4] != "" {
		exponent, err := strconv.Atoi(m[4])
		if err != nil || exponent > maxDigits || exponent < -maxDigits {
			return text
		}
		whole, fraction = shift(whole, fraction, exponent)
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if len(whole) > maxDigits || len(fraction) > maxDigits {
		return text
	}
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if m[1] == "-" && whole != "0" {
		return "-" + whole
	}
	return whole
}

// shift moves the decimal point n digits to the right, or to the left if n is
// negative.
func shift(whole, fraction string, n int) (string, string) {
	if n >= 0 {
		fraction += strings.Repeat("0", max(0, n-len(fraction)))
		return whole + fraction[:n], fraction[n:]
	}
	whole = strings.Repeat("0", max(0, -n-len(whole))) + whole
	cut := len(whole) + n
	return whole[:cut], whole[cut:] + fraction
}

func isNumber(s string) bool { return strictNumber.MatchString(s) }

func isInteger(s string) bool { return isNumber(s) && !strings.Contains(s, ".") }

func canonBool(text string) string {
	switch lower := strings.ToLower(text); lower {
	case "true", "false":
		return lower
	}
	return text
}
