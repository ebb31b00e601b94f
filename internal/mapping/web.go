package mapping

import "strings"

// webAddress is an address taken apart, its host in canonical form.
type webAddress struct {
	scheme string // "http" or "https", "" when none was given
	host   string
	port   string // as ":8080"
	rest   string // path, query and fragment as they were given
}

// parseWeb takes an address apart without decoding or encoding anything: a
// path is compared as it was typed.
func parseWeb(text string) (webAddress, bool) {
	var a webAddress
	if scheme, after, found := strings.Cut(text, "://"); found {
		a.scheme, text = strings.ToLower(scheme), after
		if a.scheme != "http" && a.scheme != "https" {
			return a, false
		}
	}
	authority := text
	if i := strings.IndexAny(text, "/?#"); i >= 0 {
		authority, a.rest = text[:i], text[i:]
	}
	if strings.ContainsAny(a.rest, " \t\n") {
		return a, false
	}
	host, port, _ := strings.Cut(authority, ":")
	if port = strings.TrimLeft(port, "0"); len(port) > 5 || strings.Trim(port, "0123456789") != "" {
		return a, false
	}
	if port != "" {
		a.port = ":" + port
	}
	var ok bool
	a.host, ok = canonHost(host)
	return a, ok
}

var defaultPorts = map[string]string{"http": ":80", "https": ":443"}

// canonURL completes an address to https unless it says otherwise. What is no
// web address stays as it was typed.
func canonURL(text string) string {
	a, ok := parseWeb(text)
	if !ok {
		return text
	}
	if a.scheme == "" {
		a.scheme = "https"
	}
	if a.port == defaultPorts[a.scheme] {
		a.port = ""
	}
	if !strings.ContainsAny(a.rest, "?#") {
		a.rest = strings.TrimRight(a.rest, "/")
	}
	return a.scheme + "://" + a.host + a.port + a.rest
}

// canonDomain reduces an address to its host: HubSpot keeps a company's domain
// where Zoho keeps its web site.
func canonDomain(text string) string {
	a, ok := parseWeb(text)
	if !ok {
		return text
	}
	for {
		host, found := strings.CutPrefix(a.host, "www.")
		if !found || !isHost(host) {
			return a.host
		}
		a.host = host
	}
}
