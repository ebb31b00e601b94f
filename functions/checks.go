package functions

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hubspot-zoho/connector/internal/gcp"
)

// The checks of variables. None of the errors holds the value, which may
// be a secret in the wrong place.

func checkURL(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("is not an absolute http or https URL")
	}
	return nil
}

func checkOrigin(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return errors.New("is not the http or https address of a host alone")
	}
	return nil
}

func checkDigits(v string) error {
	if strings.Trim(v, "0123456789") != "" {
		return errors.New("is not a number")
	}
	return nil
}

var yearMonthForm = regexp.MustCompile(`^20[0-9]{2}-(0[1-9]|1[0-2])$`)

func checkYearMonth(v string) error {
	if !yearMonthForm.MatchString(v) {
		return errors.New("is not of the form YYYY-MM")
	}
	return nil
}

// checkCredential checks a credential that goes into a header. A pasted value often
// brings a line break or a quotation mark along.
func checkCredential(v string) error {
	if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\'' }) {
		return errors.New("holds a space, a line break, a quotation mark or a character outside of ASCII")
	}
	return nil
}

func checkSignatureVersions(v string) error {
	for _, version := range splitList(v) {
		if !slices.Contains([]string{"v1", "v2", "v3"}, version) {
			return errors.New("names a version that is none of v1, v2 and v3")
		}
	}
	return nil
}

// checkChannelTokens: Zoho takes 50 characters.
func checkChannelTokens(v string) error {
	for _, token := range splitList(v) {
		if len(token) > 50 {
			return errors.New("has more than the 50 characters that Zoho repeats")
		}
	}
	return nil
}

func checkMailAddress(v string) error {
	if _, err := mail.ParseAddress(v); err != nil {
		return errors.New("is not an e-mail address")
	}
	return nil
}

func checkMailAddresses(v string) error {
	for i, address := range splitList(v) {
		if checkMailAddress(address) != nil {
			return fmt.Errorf("has something else than an e-mail address in place %d", i+1)
		}
	}
	return nil
}

func checkSwitch(v string) error {
	if v != "on" && v != "off" {
		return errors.New("is neither on nor off")
	}
	return nil
}

func checkShare(v string) error {
	if f, err := strconv.ParseFloat(v, 64); err != nil || !(f > 0 && f <= 1) {
		return errors.New("is not a number above 0 and up to 1")
	}
	return nil
}

func checkLength(v string) error {
	if len(v) < 16 {
		return errors.New("has fewer than 16 characters")
	}
	return nil
}

func checkAccess(v string) error {
	if _, err := gcp.NewAuthenticator(v); err != nil {
		return errors.New("is none of iam, local and an audience that begins with /projects/")
	}
	return nil
}
