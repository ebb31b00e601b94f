package main

import "time"

// prices are those of Google Cloud in us-central1, in US dollars, as published
// in November 2026: https://cloud.google.com/run/pricing,
// https://cloud.google.com/firestore/pricing, https://cloud.google.com/pubsub/pricing,
// https://cloud.google.com/scheduler/pricing, https://cloud.google.com/secret-manager/pricing
var prices = struct {
	vcpuSecond, gibSecond     float64
	request                   float64
	tebibyte                  float64 // through Pub/Sub, 1 kB a message at least
	documentRead, docWrite    float64
	logGibibyte               float64
	job, secretVersion        float64 // a month
	vcpus, gibs               float64 // of an instance
	leastMessage, messageSize float64 // bytes
}{
	vcpuSecond: 24e-6, gibSecond: 2.5e-6, request: 0.4e-6, tebibyte: 40,
	documentRead: 0.3e-6, docWrite: 0.9e-6, logGibibyte: 0.5, job: 0.1, secretVersion: 0.06,
	vcpus: 1, gibs: 0.5, leastMessage: 1000, messageSize: 400,
}

// usage is the use that a scenario made of Google Cloud.
type usage struct {
	operations    int
	processor     time.Duration // of the functions
	requests      int
	messages      int
	reads, writes int
	logged        int // bytes
}

// costPerMillion is the cost of a million operations. An instance is billed while
// it has a request; with many at once that is the time its processor works.
func (u usage) costPerMillion() float64 {
	if u.operations == 0 {
		return 0
	}
	p := prices
	cost := u.processor.Seconds() / p.vcpus * (p.vcpus*p.vcpuSecond + p.gibs*p.gibSecond)
	cost += float64(u.requests) * p.request
	// Each message is counted when it is published and when it is delivered.
	cost += float64(u.messages) * 2 * max(p.leastMessage, p.messageSize) / (1 << 40) * p.tebibyte
	cost += float64(u.reads)*p.documentRead + float64(u.writes)*p.docWrite
	cost += float64(u.logged) / (1 << 30) * p.logGibibyte
	return cost / float64(u.operations) * 1e6
}
