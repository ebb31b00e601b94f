// Package version knows which commit the running code was built from. It is
// written into the upload when that is made; see internal/buildpack.
package version

import (
	_ "embed"
	"strings"
)

//go:embed commit.txt
var commit string

// Commit is the last commit that changed what is deployed, "-changed" added when
// it was deployed with other changes, or "development" when this was not built
// from an upload.
func Commit() string { return strings.TrimSpace(commit) }
