// Package queue is a Pub/Sub for one process: a publish server that the
// unchanged cloud.google.com/go/pubsub/v2 client talks to, and a gateway that
// pushes every message to an HTTP endpoint the way the service does.
//
// There are two sources of messages and one delivery engine.
//
//	New       an embedded Pub/Sub. Publish answers when the message is in the
//	          log, and a restart delivers again whatever was not acknowledged.
//	OpenPull  ordered pull subscriptions of a real Pub/Sub endpoint, such as
//	          Google's emulator, whose own push is slow, ignores the retry policy
//	          and breaks when ordering meets dead letters.
//
// What the engine promises for each subscription:
//
//   - A message is delivered until the endpoint acknowledges it, it is moved to
//     the dead-letter topic, or its retention has passed: at least once.
//   - Messages of one ordering key are delivered in the order of publishing, one
//     at a time. A key waits while its first message is retried, with a delay
//     that grows from MinBackoff to MaxBackoff; no other key waits with it.
//   - At most MaxInFlight requests are under way. A waiting message costs memory
//     for itself, and neither a goroutine nor a timer.
//
// It is deliberately quicker than the service in two ways: a nack does not slow
// the whole subscription down, and the number of requests in flight does not
// start small.
//
// Source for what the service does: https://cloud.google.com/pubsub/docs/push,
// .../ordering, .../handling-failures and .../quotas.
package queue
