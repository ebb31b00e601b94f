// Package hubspotsim plays the part of HubSpot that concerns contacts and
// companies: records with property history, properties, search, merge,
// associations, owners, tokens, quotas and webhooks, all over HTTP.
//
// It promises to refuse whatever HubSpot is documented to refuse, with the same
// status and the same body, and to answer as inconveniently as HubSpot may:
// batch results come back shuffled and fewer, the search index lags, and
// webhooks come late, twice and out of order when configured so.
//
// A person's edits are made through the control API under /_sim/, which needs
// no token and counts as no API call. See docs/simulators.md.
package hubspotsim
