// Package soak holds no code but a test: it runs the connector and both
// simulated CRMs as separate processes that talk over HTTP, lets people work in
// both CRMs while calls fail and the connector is killed again and again, and
// then asks whether anything was lost or done twice.
//
// It takes minutes and runs only when it is asked for:
//
//	go test ./internal/proof/soak -run TestSoak -soak -timeout 20m -v
//
// Flags make it smaller (-edits 2000 -contacts 200 -companies 40) or harsher
// (-kills 100 -faults 0.15), lose webhooks for the sweep to find (-lose 0.05),
// or lose the database with each kill (-forget -kills 6). With -dir the logs and
// the data of the connector stay for a look at them.
package soak
