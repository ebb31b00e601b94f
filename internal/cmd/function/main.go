// Command function serves one function, the one that FUNCTION_TARGET names, or
// all of them at /<EntryPoint>, with the plain functions framework. It is the
// main that the Go buildpack generates. PORT is 8080 unless set; LOCAL_ONLY=true
// listens on this machine only.
package main

import (
	"cmp"
	"log/slog"
	"os"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"

	_ "github.com/hubspot-zoho/connector" // registers every function
)

func main() {
	host := ""
	if os.Getenv("LOCAL_ONLY") == "true" {
		host = "127.0.0.1"
	}
	if err := funcframework.StartHostPort(host, cmp.Or(os.Getenv("PORT"), "8080")); err != nil {
		slog.Error("serve functions", "error", err.Error())
		os.Exit(1)
	}
}
