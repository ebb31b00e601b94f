// Package store keeps the documents of the connector in Firestore, one file per
// collection:
//
//	collection     file              document
//	links          links.go          a pair of records: ids, bases, decisions, lease
//	failures       failures.go       an operation that could not succeed
//	tokens         tokens.go         Zoho's access token and the lease of its renewal
//	channels       channels.go       a notification channel of Zoho
//	cursors        cursors.go        how far a sweep or a backfill has come
//	safeguards     safeguards.go     a stop of what looks like a mistake
//	suppressions   suppressions.go   the keyed hash of an erased record's id
//	stats          stats.go          what one instance counted in one hour
//	job_leases     digestlease.go    which run of a job is at work
//
// Each type implements the interface that its reader owns: package syncer asks
// for links, package failure for failures, and so on.
package store
