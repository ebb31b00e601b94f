// Package plan tells what a backfill would do, without doing it. It lets the
// syncer that the consumers use work on every record, and keeps from the two
// CRMs and from the store all that it would write: a stage before each CRM
// answers creates and updates as the CRM would and shows them to later reads,
// and links are kept in memory over those that are stored.
//
// So its counts are what the backfill does, but for what nobody can know before
// it is tried: a value that a CRM refuses, and what people change meanwhile.
//
// It keeps about two kilobytes in memory for each pair.
package plan
