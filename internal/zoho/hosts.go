package zoho

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// apiHosts and accountsHosts list Zoho's data centres. The secrets of the
// connector are posted to the accounts server and its token to the API host,
// so both are compared in full, never by a suffix that anyone could register.
// Source: https://www.zoho.com/crm/developer/docs/api/v8/multi-dc.html; ae and
// sg are served but not listed there.
var (
	apiHosts = buildHostSet([]string{"www.zohoapis.", "sandbox.zohoapis.", "developer.zohoapis."},
		"com", "eu", "in", "com.au", "jp", "ca", "sa", "uk", "com.cn", "ae", "sg")
	accountsHosts = buildHostSet([]string{"accounts.zoho."},
		"com", "eu", "in", "com.au", "jp", "sa", "uk", "com.cn", "ae", "sg")
)

const accountsHostCanada = "accounts.zohocloud.ca"

func buildHostSet(prefixes []string, tlds ...string) map[string]bool {
	set := make(map[string]bool, len(prefixes)*len(tlds))
	for _, p := range prefixes {
		for _, t := range tlds {
			set[p+t] = true
		}
	}
	return set
}

// CheckAPIDomain reports why apiDomain, as an answer of the accounts server
// gives it, must not receive an access token. It accepts the hosts of Zoho's
// data centres over https. A simulator, that is plain http on this machine, is
// accepted only if the accounts server is one as well.
func CheckAPIDomain(apiDomain, accountsURL string) error {
	u, err := parseOrigin(apiDomain)
	if err != nil {
		return fmt.Errorf("api_domain %w", err)
	}
	if u.Scheme == "https" && apiHosts[u.Host] {
		return nil
	}
	if accounts, err := parseOrigin(accountsURL); err == nil && isLoopback(accounts) && isLoopback(u) {
		return nil
	}
	return errors.New("api_domain is not a host of the Zoho API")
}

// CheckAccountsURL reports why accountsURL must not receive the client secret.
func CheckAccountsURL(accountsURL string) error {
	u, err := parseOrigin(accountsURL)
	if err != nil {
		return fmt.Errorf("accounts URL %w", err)
	}
	if u.Scheme == "https" && (accountsHosts[u.Host] || u.Host == accountsHostCanada) || isLoopback(u) {
		return nil
	}
	return errors.New("accounts URL is not an accounts server of Zoho")
}

// parseOrigin parses a URL that consists of a scheme and a host only.
func parseOrigin(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	if u.Host == "" || u.User != nil || u.Opaque != "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("is not a scheme and a host")
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// isLoopback reports whether u is plain http on this machine.
func isLoopback(u *url.URL) bool {
	if u.Scheme != "http" {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}
