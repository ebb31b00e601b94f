// Package plan tells what a backfill would do, without doing it: it lets the
// backfill's own syncer, as a dry run, work on every record that the backfill
// walks, and counts. So its counts are what the backfill does, except for what cannot be
// known before it is tried: see package dryrun, which also says what it keeps in
// memory.
package plan
