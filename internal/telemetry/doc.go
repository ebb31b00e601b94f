// Package telemetry tells a collector, over OTLP, what a function did: a span
// for each request, each message and each call to a CRM, and the times of
// requests and calls as histograms.
//
// It is off unless an endpoint is configured, and never in the way: what cannot
// be exported is dropped and logged, once in a while. What was recorded is sent
// before the last of the requests in flight is answered, because the CPU of a
// function stops then. Names, hosts, methods and statuses are recorded, paths,
// queries and bodies never: they hold what people typed.
package telemetry
