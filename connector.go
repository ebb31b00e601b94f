// Package connector keeps the contacts and companies of HubSpot and Zoho CRM
// telling the same truth, as a handful of Cloud Functions. This comment is the
// tour of the house.
//
// A webhook says that a record changed. The door that hears it
// ([github.com/hubspot-zoho/connector/internal/ingest]) verifies the caller,
// reduces the body to operations, one per record, publishes them to Pub/Sub and
// answers when they are stored. An operation
// ([github.com/hubspot-zoho/connector/internal/op]) names the record and never
// a value: the CRM is the truth, and is read when the operation is applied.
//
// A consumer applies one operation
// ([github.com/hubspot-zoho/connector/internal/syncer]): it reads the record,
// finds its counterpart, lets the latest edit of each field win
// ([github.com/hubspot-zoho/connector/internal/merge]) and writes what differs,
// to either side or both. Which fields belong together, and which way they may
// go, is configuration ([github.com/hubspot-zoho/connector/internal/mapping]).
//
// All that knows HubSpot is in [github.com/hubspot-zoho/connector/internal/hubspot],
// all that knows Zoho in [github.com/hubspot-zoho/connector/internal/zoho], all
// that knows Google in [github.com/hubspot-zoho/connector/internal/gcp]; what
// they have in common is said in the words of
// [github.com/hubspot-zoho/connector/internal/crm]. The functions are registered
// and joined in [github.com/hubspot-zoho/connector/functions]. For tests and
// local runs, [github.com/hubspot-zoho/connector/internal/local/cloud] plays
// Google Cloud and [github.com/hubspot-zoho/connector/internal/local/sim] the two CRMs,
// over the real protocols; neither is ever deployed.
//
// The package itself exports nothing. It exists because the Go buildpack of
// Cloud Functions reads the root of an upload only: it wants one package there
// that imports the functions framework itself, and then links it into the main
// that it generates.
package connector

import (
	_ "github.com/GoogleCloudPlatform/functions-framework-go/functions" // the buildpack looks for this import here

	_ "github.com/hubspot-zoho/connector/functions" // registers every function
)
