// Package failure records the operations that no retry can help. It classifies
// errors (Classify), gives each its remedy, keeps one record for each record of a CRM
// and cause, mails the new ones in one digest, records the messages that Pub/Sub gave
// up, and replays operations on request.
//
// Promises: a failure is mailed at least once, and marked as mailed only after
// the mail was accepted; the same failures are mailed again only when an answer
// of the mail service was lost. Nothing in a record or in a mail is the value of
// a field: both are made of ids, names, codes and sentences of this package.
package failure
