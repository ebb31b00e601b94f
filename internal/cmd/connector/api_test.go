package main

import (
	"net/http"
	"time"
)

// noTime is now.
var noTime time.Time

// hubspotAPI calls HubSpot with the connector's credentials.
func (s *scenario) hubspotAPI(method, path string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.ctx, method, s.HubSpotURL+path, nil)
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+s.getenv("HUBSPOT_ACCESS_TOKEN"))
	res, err := newLocalClient().Do(req)
	s.must(err)
	s.must(res.Body.Close())
	if res.StatusCode > 299 {
		s.Fatalf("%s %s answers %s", method, path, res.Status)
	}
}
