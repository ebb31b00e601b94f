// Package connector keeps the contacts and companies of HubSpot and Zoho CRM in
// sync, as a handful of Cloud Functions. This comment is an overview of the packages.
//
// A webhook says that a record changed. Its handler
// ([github.com/hubspot-zoho/connector/internal/ingest]) verifies the caller,
// reduces the body to operations, one for each record, publishes them to Pub/Sub and
// answers when they are stored. An operation
// ([github.com/hubspot-zoho/connector/internal/op]) names the record and holds no
// value, because the connector reads the record when it applies the operation.
//
// A consumer ([github.com/hubspot-zoho/connector/internal/consumer]) applies one
// operation with a syncer ([github.com/hubspot-zoho/connector/internal/syncer]). The
// syncer reads the record, finds its counterpart, lets the latest edit of each field
// win ([github.com/hubspot-zoho/connector/internal/merge]) and writes the differences
// to either side or both. Which fields belong together, and in which direction, is
// configuration ([github.com/hubspot-zoho/connector/internal/mapping]).
//
// All code that depends on HubSpot is in
// [github.com/hubspot-zoho/connector/internal/hubspot], and all code that depends on
// Zoho in [github.com/hubspot-zoho/connector/internal/zoho]. Firestore is in
// [github.com/hubspot-zoho/connector/internal/store], and the rest of Google Cloud in
// [github.com/hubspot-zoho/connector/internal/gcp]. Their common vocabulary is
// [github.com/hubspot-zoho/connector/internal/crm]. Package
// [github.com/hubspot-zoho/connector/functions] registers the functions and connects
// these packages. For tests and local runs,
// [github.com/hubspot-zoho/connector/internal/local/cloud] serves as Google Cloud and
// [github.com/hubspot-zoho/connector/internal/local/sim] as both CRMs, over the real
// protocols; neither is ever deployed.
//
// The package itself exports nothing. It exists because the Go buildpack of
// Cloud Functions reads only the root of an upload: it expects one package there
// that imports the functions framework, and links it into the main that it
// generates.
package connector

import (
	_ "github.com/GoogleCloudPlatform/functions-framework-go/functions" // the buildpack looks for this import here

	_ "github.com/hubspot-zoho/connector/functions" // registers every function
)
