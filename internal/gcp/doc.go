// Package gcp is the only room of the deployed connector that knows Google
// Cloud: the documents in Firestore, publishing to and being pushed by Pub/Sub,
// secrets, identity tokens and the shape of a log entry.
//
// What it promises to the rooms above: Publish has not succeeded before the
// topic holds every operation; a pushed message is acknowledged if, and only
// if, its handler returned nil; no secret, no token and no value of a field is
// in an error or a log entry made here.
//
// Clients are made on first use: most functions need few of them and a cold
// start should not pay for the rest.
package gcp
