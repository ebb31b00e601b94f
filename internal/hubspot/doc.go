// Package hubspot contains all code that depends on HubSpot: the REST client, the
// check of webhook signatures and the reading of webhook events.
//
// The client speaks the dated object API (/crm/objects/2026-09/...). It reads
// records with their property histories in batches and matches results to
// requests by record id, never by position. Every failure is a crm.Error whose
// text contains codes and names of properties only. The client sends each request
// once: its callers decide whether and when to repeat one, because they know the
// budget and must read before they repeat a write that ended ambiguously.
//
// A webhook event is a hint that a record changed. ParseEvents keeps ids, times
// and names and drops values; ListChanges turns a delivery into one change per
// record.
//
// Source: https://developers.hubspot.com/docs/api-reference/error-handling and
// https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
package hubspot
