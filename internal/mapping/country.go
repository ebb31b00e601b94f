package mapping

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed countries.txt
var countriesText string

// countryTable finds a country by any of its names.
type countryTable struct {
	code map[string]string // by countryKey
	name map[string]string // by code
}

var countries = sync.OnceValue(func() countryTable {
	t := countryTable{code: map[string]string{}, name: map[string]string{}}
	for line := range strings.Lines(countriesText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		names := strings.Split(strings.TrimSpace(line), "|")
		t.name[names[0]] = names[2]
		for _, name := range names {
			t.code[countryKey(name)] = names[0]
		}
	}
	return t
})

// maxCountryLength bounds what is looked up, in bytes.
const maxCountryLength = 200

// canonCountry returns the alpha-2 code; a country that the table does not
// know stays as it was typed.
func canonCountry(text string) string {
	if len(text) > maxCountryLength {
		return text
	}
	if code, ok := countries().code[countryKey(text)]; ok {
		return code
	}
	return text
}

// renderCountry returns the English name: both CRMs keep a country as text.
func renderCountry(canon string) string {
	if name, ok := countries().name[canon]; ok {
		return name
	}
	return canon
}

// countryKey reduces a name to its words: lower case, no accents, no
// punctuation, no leading "the".
func countryKey(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ReplaceAll(name, "&", " and ")) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		case unicode.IsSpace(r) || r == '-':
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	if len(words) > 1 && words[0] == "the" {
		words = words[1:]
	}
	return strings.Join(words, " ")
}
