// Package failure looks after what no retry heals. It tells which errors those
// are (Classify), says in words what to do about each, keeps one record for each
// record of a CRM and cause, mails what is new to the customer in one digest,
// takes in what Pub/Sub gave up, and repeats operations on request.
//
// Promises: a failure is mailed at least once, and marked as mailed only after
// the mail was accepted; the same failures are mailed again only when an answer
// of the mail service was lost. Nothing in a record or in a mail is the value of
// a field: both are made of ids, names, codes and sentences of this package.
package failure
