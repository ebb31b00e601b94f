// Package simulate runs the real handlers in a simulated world: two CRMs with
// people who edit in both, webhooks that come late, twice or never, a queue
// that delivers again, a store that conflicts, and processes that are killed
// between any two steps. Nothing that is deployed imports it.
//
// A run is made by its seed alone. There is one goroutine and one source of
// random numbers; every operation is a coroutine that comes back to the
// scheduler before each of its effects, so the order of all effects is drawn,
// and killing an operation there is what the end of a process is to it. Time
// is a number that the scheduler moves.
//
// The queue's messages are those of the wire, and what takes them is the real
// consumer: it counts attempts, gives up what no repetition heals, and holds
// what concerns every operation alike; what the queue gives up goes to the real
// handler of dead letters. Jobs sweep, mail what failed, and replay it.
//
// People also operate the connector, with the commands and pages that they have: they
// explain, compare, plan, backfill, replay, release, and look and act in the console,
// while everything goes wrong. A safeguard that another instance put on holds
// clears for hours, and a handler that clears a value then has bypassed it: see operator.
//
// People never stop at anything, but at some point they stop. Then every fault
// is healed, what was put aside is replayed, and the world is given time to
// come to rest. An oracle that saw every edit judges what is left: see check.
// It also keeps account: every operation that was accepted has an outcome, every
// failure was mailed with its last news and no more often than it had any, and
// no mail and no line of the log holds anything that a person typed. Then people's
// commands are held to it: an explanation agrees with what is stored and shown, and
// comes true; drift is empty; a plan counts what the backfill after it does: see
// atRest.
//
// Even seeds lose no webhook and never sweep, so the queue alone has to bring
// both sides together; odd ones lose one webhook in twenty, and the sweep has
// to find what was lost. Without the split the sweep would hide whatever the
// queue forgets. Odd seeds alone have reads that are answered from a copy of a
// few seconds ago: a webhook whose read shows the record as it was before the
// event is done with, and the sweep is what heals that.
package simulate
