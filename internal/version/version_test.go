package version

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestABuildKnowsItsCommit(t *testing.T) {
	checkout := func(version, revision, modified string) *debug.BuildInfo {
		b := &debug.BuildInfo{}
		b.Main.Version = version
		if revision != "" {
			b.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
		}
		return b
	}
	tests := map[string]struct {
		build  *debug.BuildInfo
		commit string
		want   string
	}{
		"a release":                   {checkout("v1.2.3", "", ""), unknown, "v1.2.3 (commit development, "},
		"a checkout":                  {checkout("(devel)", "abc", "false"), unknown, "development (commit abc, "},
		"a checkout that was changed": {checkout("v0.0.0-20261201", "abc", "true"), unknown, "v0.0.0-20261201 (commit abc-changed, "},
		"an upload":                   {checkout("", "", ""), "def", "development (commit def, "},
		"an upload of a checkout":     {checkout("", "abc", "true"), "def-changed", "development (commit def-changed, "},
		"nothing":                     {nil, unknown, "development (commit development, "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := describeBuild(tt.build, tt.commit).String()
			if !strings.HasPrefix(got, tt.want) || !strings.HasSuffix(got, runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+")") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := Read(); got.Version == "" || got.Commit == "" || got.Go == "" {
		t.Errorf("of this test: %+v", got)
	}
}
