// Package syncer applies one operation: it brings the record that changed and its
// counterpart on the other side in sync. It knows neither vendor, nor HTTP, nor
// Google; every effect goes through an interface of ports.go.
//
// # The six steps
//
// File sync.go is the one to read first. Its syncOnce takes an operation through
// these steps, and converge repeats the last four until nothing is left to write:
//
//  1. Load: read the link of the record, the record itself, and its counterpart
//     (load.go). Most operations end here: a later read has seen the change already,
//     or the record shows nothing new, as the echo of a write of ours does.
//  2. Match: find the counterpart of a record that has none (match.go), or create it
//     (create.go).
//  3. Decide: merge field by field, so that the most recent edit wins (decide.go).
//     decide is a pure function. It names what it needs, the histories and the links
//     of companies, and the attempt fetches that.
//  4. Plan: turn the decisions into at most one write for each side, and into
//     rejections of what a side cannot hold (plan.go, also pure).
//  5. Write: store the decision together with a lease, write, and read back what the
//     side shows after that (write.go).
//  6. Finish: save the link, close failures that are resolved, and fan out to the
//     contacts of a company that was linked (finish.go).
//
// The special ways have files of their own: merged.go, deleted.go and erased.go.
// Package company resolves the company of a contact.
//
// # The states of a link
//
//	no link  --(step 2 finds the counterpart)------------------->  complete
//	no link  --(step 5 stores the decision to create)----------->  intent
//	intent   --(step 5 creates the counterpart)----------------->  complete
//	intent   --(the other side refuses the record)-------------->  no link
//	complete --(one of the two records is deleted)-------------->  tombstone
//	tombstone--(it is restored, or another takes its place)----->  complete
//
// A link is dropped when its record is erased, and when it was merged into one that
// has a better link.
//
// # Why an operation may be applied twice
//
// An operation may come twice, late, out of order, or be cut off between any two
// steps: the next one to arrive finishes the work. The decision is stored before
// anything is written, a lease keeps two handlers from writing to one pair, every
// write is read back, and a record is created under an id that the other side refuses
// to take twice. What a try learns is in a value, the state, that each step takes and
// returns; an error of type Retry starts the operation over.
//
// docs/glossary.md explains the words, docs/merge-rules.md the rules R1 to R12.
package syncer
