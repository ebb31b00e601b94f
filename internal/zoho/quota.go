package zoho

import (
	"net/http"
	"strconv"
)

// CreditsLeft reads how many credits of the last 24 hours are left. Zoho says so
// once half of them are used, and never of how many.
func CreditsLeft(h http.Header) (left, limit int, ok bool) {
	left, err := strconv.Atoi(h.Get("X-API-CREDITS-REMAINING"))
	return left, 0, err == nil
}
