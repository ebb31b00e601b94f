// Package sim holds what the CRM simulators have in common: a clock that can
// be moved, faults on demand, a record of every call, a background sender of
// webhooks, and the control API under /_sim/ that steers them.
//
// A simulator is an http.Handler that speaks its vendor's protocol, stricter
// than life where that finds more mistakes. Everything in this package is safe
// for concurrent use, and all chance comes from seeds.
//
// The usual order of the layers, outermost first:
//
//	recorder.Wrap(faults.Wrap(handler))
//
// so that the record shows what the client saw. Requests to the control API
// pass both untouched.
package sim

import (
	"net/http"
	"strings"
)

// ControlPrefix is the path prefix of the control API.
const ControlPrefix = "/_sim/"

// IsControl tells whether a request is for the control API. Such requests are
// neither recorded nor given faults.
func IsControl(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, ControlPrefix)
}
