// Package gcp connects the connector to Google Cloud: it publishes to Pub/Sub and
// serves its pushes, reads secrets, checks and sends identity tokens, and shapes log
// entries. Package store has the documents in Firestore.
//
// It promises to the packages above: Publish has not succeeded before the
// topic holds every operation; a pushed message is acknowledged if, and only
// if, its handler returned nil; no secret, no token and no value of a field is
// in an error or a log entry made here.
//
// Clients are made on first use: most functions need few of them and a cold
// start should not pay for the rest.
package gcp
