// Package hubspot is all that knows HubSpot: its REST client, the check of its
// webhook signatures and the reading of its webhook events.
//
// The client speaks the dated object API (/crm/objects/2026-09/...). It reads
// records with their property histories in batches, joins every answer to its
// question by record id and never by position, and turns whatever HubSpot says
// into a crm.Error whose text holds codes and names of properties only. It
// sends each request once: whether, when and how fast to repeat one is decided
// by its callers, who know the budget, and who must read before they repeat a
// write that ended ambiguously.
//
// A webhook event is a hint that a record changed. ParseEvents keeps ids, times
// and names and drops values; ListChanges turns a delivery into one change per
// record.
//
// Source: https://developers.hubspot.com/docs/api-reference/error-handling and
// https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation
package hubspot
