package archtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// committed lists the files of the repository: those that git has, and those
// that it would take.
func committed(t *testing.T) []string {
	t.Helper()
	const lost = "what every file is held to: no place on one machine, no dead link, no message that the log does not have"
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED, git is not installed: " + lost)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("SKIPPED, this is no git checkout: " + lost)
	}
	// A checkout may belong to another user than the one who tests.
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "-c", "safe.directory=*",
		"ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
}

// someonesHome matches a home directory of a named person.
var someonesHome = regexp.MustCompile(`/(?:home|Users)/[A-Za-z][A-Za-z0-9._-]*/|[A-Z]:\\Users\\`)

// machinePaths returns the places of this machine that no file should name.
func machinePaths(t *testing.T) []string {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{here}
	if home, err := os.UserHomeDir(); err == nil && home != "/" {
		paths = append(paths, home+"/")
	}
	// The directory above, unless it is one that every machine has.
	ordinary := []string{"/", "/app", "/build", "/builds", "/home", "/mnt", "/opt", "/src", "/srv", "/tmp", "/usr", "/usr/src", "/workspace", "/workspaces"}
	if above := filepath.Dir(here); !slices.Contains(ordinary, above) {
		paths = append(paths, above+"/")
	}
	return paths
}

func TestNoFileNamesAPlaceOnOneMachine(t *testing.T) {
	paths := machinePaths(t)
	for _, name := range committed(t) {
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, not yet committed
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if bytes.IndexByte(data, 0) >= 0 {
			continue // not a text
		}
		for i, line := range strings.Split(string(data), "\n") {
			if found := place(line, paths); found != "" {
				t.Errorf("%s:%d names %s", name, i+1, found)
			}
		}
	}
}

// place returns the machine's path in line that stands at the start of a path,
// or "".
func place(line string, paths []string) string {
	for _, path := range paths {
		for rest := line; ; {
			before, after, found := strings.Cut(rest, path)
			if !found {
				break
			}
			if before == "" || !strings.ContainsAny(before[len(before)-1:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~}") {
				return path
			}
			rest = after
		}
	}
	return someonesHome.FindString(line)
}

func TestTheSearchForPlacesFindsThem(t *testing.T) {
	somebody := "/" + "home/ada/"
	tests := map[string]string{
		"see /checkout/main/x":       "/checkout/",
		"https://host/checkout/main": "",
		"${DIR}/checkout/main":       "",
		"cd " + somebody + "src":     somebody,
		"/home, sweet home":          "",
	}
	for line, want := range tests {
		if got := place(line, []string{"/checkout/"}); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// relativeLink matches a Markdown link that is not absolute: a file, or none for
// the page itself, and the name of a heading.
var relativeLink = regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)

// headings are the names under which the headings of a page can be linked to.
func headings(page string) map[string]bool {
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := strings.ToLower(strings.ReplaceAll(m[1], " ", "-"))
		names[regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(name, "")] = true
	}
	return names
}

func TestEveryLinkOfADocumentLeadsToAFileAndItsHeading(t *testing.T) {
	links := 0
	for _, name := range committed(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range relativeLink.FindAllStringSubmatch(string(data), -1) {
			links++
			target := filepath.Join(filepath.Dir(name), m[1])
			if m[1] == "" {
				target = name
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			} else if m[2] != "" && !headings(readFile(t, target))[m[2]] {
				t.Errorf("%s links to %s#%s, and there is no such heading", name, m[1], m[2])
			}
		}
	}
	if links == 0 {
		t.Error("no link was found")
	}
}
