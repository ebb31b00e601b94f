package hubspot

import (
	"net/http"
	"strconv"
)

// CallsLeft reads how many calls of the day are left, which HubSpot says to
// private apps, except after a search.
func CallsLeft(h http.Header) (left, limit int, ok bool) {
	left, err1 := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Daily-Remaining"))
	limit, err2 := strconv.Atoi(h.Get("X-HubSpot-RateLimit-Daily"))
	return left, limit, err1 == nil && err2 == nil
}
