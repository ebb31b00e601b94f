package mapping

import (
	"errors"
	"unicode/utf8"

	"github.com/hubspot-zoho/connector/internal/crm"
)

// CanonVersion is the version of the canonical forms. It is raised whenever
// one of them changes, since stored hashes are of canonical forms: a field
// whose hash has an older version is compared anew and not taken for edited.
const CanonVersion = 1

// ErrUnmappable is returned by Render for a value that the side cannot hold: an
// option without counterpart, a text where a number belongs. Its text never
// holds the value.
var ErrUnmappable = errors.New("value has no form on this side")

// defaultRegion is used for a field that belongs to no parsed mapping.
const defaultRegion = "US"

// defaultZone is that of a mapping that names none.
const defaultZone = "UTC"

// Canon returns the canonical form of a raw value read on s, "" when it is
// empty. It never fails: what does not look like the field's type is kept as
// text, so that it still differs from every other value.
//
//	text           NFC, line ends \n, no white space around
//	email          lower case, domain in ASCII
//	phone          +<digits>, ;ext=<digits>
//	url            scheme and host in lower case, no default port, no final /
//	domain         the host alone, without www., lower case, ASCII
//	country        ISO 3166 alpha-2
//	number         decimal, no exponent, no superfluous zeros
//	date           YYYY-MM-DD
//	datetime       YYYY-MM-DDThh:mm:ssZ
//	bool           true, false
//	picklist       the HubSpot option that stands for the pair
//	multipicklist  the same, sorted, joined with ;
//	owner          the e-mail address in HubSpot, lower case
//	company        the id on that side: only the links know which two are one
func (f *Field) Canon(s crm.System, raw string) string {
	text := canonText(raw)
	if text == "" || f.meansEmpty(text) {
		return ""
	}
	switch f.Type {
	case Email:
		return canonEmail(text)
	case Phone:
		return canonPhone(text, f.phoneRegion())
	case URL:
		return canonURL(text)
	case Domain:
		return canonDomain(text)
	case Country:
		return canonCountry(text)
	case Number, Integer, Currency:
		return canonNumber(text)
	case Date:
		return f.canonDate(s, text)
	case DateTime:
		return canonDateTime(text)
	case Bool:
		return canonBool(text)
	case Picklist:
		return f.canonOption(s, text)
	case MultiPicklist:
		return f.canonOptions(s, text)
	case Owner:
		return f.canonOwner(s, text)
	}
	return text
}

// meansEmpty reports whether a text that is not empty says that there is no
// value. A free text never does: some people are called Null.
func (f *Field) meansEmpty(text string) bool {
	switch f.Type {
	case Number, Integer, Currency, Date, DateTime, Bool:
		return text == "null"
	case Picklist, MultiPicklist:
		return text == "null" || text == "-None-" || text == "[]"
	}
	return false
}

// Render returns what is to be written on s so that Canon reads canon again, or
// what the mapping names in its place: see Stored. An empty canon renders to an
// empty value of the field's type, which clears the field. The error is
// ErrUnmappable.
func (f *Field) Render(s crm.System, canon string) (crm.Value, error) {
	v := crm.Value{Type: f.valueType(s)}
	if canon == "" {
		return v, nil
	}
	text, ok := f.exact(s, canon)
	if !ok {
		text, ok = f.substitute(s, canon)
	}
	if !ok {
		return crm.Value{}, ErrUnmappable
	}
	v.Text = text
	if f.Type == Owner && f.Unknown == UseDefault {
		v.Otherwise, _ = f.exact(s, f.Default)
	}
	return v, nil
}

// Stored returns the canonical form of what s holds after Render's value was
// written there: canon itself, unless s cannot hold it and the mapping says
// what to write in its place. Who has no account on a side is known to that
// side alone, so for an owner it is always canon.
func (f *Field) Stored(s crm.System, canon string) string {
	if f.Unknown != UseDefault && f.Shorten[s] == 0 {
		return canon
	}
	v, err := f.Render(s, canon)
	if err != nil || f.Type == Owner {
		return canon
	}
	return f.Canon(s, v.Text)
}

// exact is the text for s that reads back as canon, if there is one.
func (f *Field) exact(s crm.System, canon string) (string, bool) {
	text, ok := f.render(s, canon)
	if limit := f.Shorten[s]; limit > 0 && utf8.RuneCountInString(text) > limit {
		return "", false
	}
	return text, ok && f.Canon(s, text) == canon
}

// substitute is the text that the mapping names for a value that s cannot hold.
func (f *Field) substitute(s crm.System, canon string) (string, bool) {
	switch {
	case f.Shorten[s] > 0:
		return canonText(string([]rune(canon)[:min(f.Shorten[s], utf8.RuneCountInString(canon))])), true
	case f.Unknown != UseDefault:
		return "", false
	case f.Type == Picklist:
		return f.exact(s, f.Default)
	case f.Type == MultiPicklist:
		return f.renderOptions(s, canon)
	case f.Type == Owner:
		return canon, true // the side has another owner in place of one without account
	}
	return "", false
}

// render reports the text for s and whether the type has one. That the text
// reads back as canon is for Render to check.
func (f *Field) render(s crm.System, canon string) (string, bool) {
	switch f.Type {
	case Phone:
		return renderPhone(canon, f.phoneRegion()), true
	case Country:
		return renderCountry(canon), true
	case Number, Currency:
		return canon, isNumber(canon)
	case Integer:
		return canon, isInteger(canon)
	case Date:
		return f.renderDate(s, canon)
	case DateTime:
		return renderDateTime(s, canon)
	case Owner:
		return f.renderOwner(s, canon)
	case Bool:
		return canon, canon == "true" || canon == "false"
	case Picklist:
		return f.renderOption(s, canon)
	case MultiPicklist:
		return f.renderOptions(s, canon)
	}
	return canon, true
}

func (f *Field) valueType(s crm.System) crm.ValueType {
	switch f.Type {
	case Number, Integer, Currency:
		return crm.Number
	case Date:
		if f.timedOn(s) {
			return crm.DateTime
		}
		return crm.Date
	case DateTime:
		return crm.DateTime
	case Owner:
		return crm.OwnedBy
	case Bool:
		return crm.Bool
	case MultiPicklist:
		return crm.List
	case Company:
		return crm.Lookup
	}
	return crm.Text
}
