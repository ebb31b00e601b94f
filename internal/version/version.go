// Package version says which commit the running code was built from. The commit is
// written into the upload when the upload is made, see internal/sourcezip; a build from a
// checkout has it from the go command.
package version

import (
	_ "embed"
	"runtime"
	"runtime/debug"
	"strings"
)

//go:embed commit.txt
var commit string

// unknown is the version and the commit of a build that carries neither.
const unknown = "development"

// Commit is the last commit that changed what is deployed, "-changed" added when
// it was deployed with other changes, or "development" when this was not built
// from an upload.
func Commit() string { return strings.TrimSpace(commit) }

// Info describes a build.
type Info struct {
	// Version is that of the module, as the go command stamps it, or
	// "development".
	Version string `json:"version"`
	// Commit is as Commit says, or else that of the checkout.
	Commit string `json:"commit"`
	// Go is the version of Go, the system and the processor.
	Go string `json:"go"`
}

// String is the build in one line.
func (i Info) String() string { return i.Version + " (commit " + i.Commit + ", " + i.Go + ")" }

// Read describes the running program.
func Read() Info {
	build, _ := debug.ReadBuildInfo()
	return describeBuild(build, Commit())
}

func describeBuild(build *debug.BuildInfo, commit string) Info {
	i := Info{Version: unknown, Commit: commit, Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	if build == nil {
		return i
	}
	if v := build.Main.Version; v != "" && v != "(devel)" {
		i.Version = v
	}
	if commit != unknown {
		return i
	}
	settings := map[string]string{}
	for _, s := range build.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		if i.Commit = revision; settings["vcs.modified"] == "true" {
			i.Commit += "-changed"
		}
	}
	return i
}
