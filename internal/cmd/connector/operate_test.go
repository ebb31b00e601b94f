package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// readManual reads docs/operate.md: the commands that have a section, and the
// flags of each.
func readManual(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string][]string{}
	flag := regexp.MustCompile("^\\| `--([a-z0-9-]+)")
	name := ""
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, "### connector "); ok {
			name = strings.Fields(rest)[0]
			commands[name] = []string{}
		} else if strings.HasPrefix(line, "#") {
			name = ""
		}
		if m := flag.FindStringSubmatch(line); m != nil && name != "" {
			commands[name] = append(commands[name], m[1])
		}
	}
	for _, flags := range commands {
		slices.Sort(flags)
	}
	return commands
}

func listCommands(t *testing.T) []*cobra.Command {
	t.Helper()
	all := slices.DeleteFunc(rootCommand().Commands(), func(c *cobra.Command) bool { return c.Name() == "help" || c.Name() == "completion" })
	if len(all) == 0 {
		t.Fatal("there are no commands")
	}
	return all
}

func TestTheManualHasEveryCommandWithEveryFlagAndNoOther(t *testing.T) {
	want := map[string][]string{}
	for _, c := range listCommands(t) {
		want[c.Name()] = []string{}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				want[c.Name()] = append(want[c.Name()], f.Name)
			}
		})
		slices.Sort(want[c.Name()])
	}
	if diff := cmp.Diff(want, readManual(t)); diff != "" {
		t.Errorf("docs/operate.md (-code +manual):\n%s", diff)
	}
}

// commandLine is a command in the code of a document: in a span, or run by go.
var commandLine = regexp.MustCompile("(?:`|go run \\./internal/cmd/)connector ([a-z]+)([^`\n]*)")

// TestTheDocumentsNameCommandsFlagsAndOutputsThatExist: a reader who follows them word
// by word is not refused.
func TestTheDocumentsNameCommandsFlagsAndOutputsThatExist(t *testing.T) {
	commands := map[string]*cobra.Command{}
	for _, c := range listCommands(t) {
		commands[c.Name()] = c
	}
	outputs, err := os.ReadFile("../../../terraform/outputs.tf")
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob("../../../" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	named := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commandLine.FindAllStringSubmatch(string(text), -1) {
			named++
			c := commands[m[1]]
			if c == nil {
				t.Errorf("%s: there is no command %q", page, "connector "+m[1])
				continue
			}
			for _, flag := range regexp.MustCompile(`--([a-z0-9-]+)`).FindAllStringSubmatch(m[2], -1) {
				if c.Flags().Lookup(flag[1]) == nil {
					t.Errorf("%s: connector %s has no flag --%s", page, m[1], flag[1])
				}
			}
		}
		for _, m := range regexp.MustCompile(`terraform (?:-chdir=terraform )?output (?:-[a-z]+ )?([a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
			named++
			if !strings.Contains(string(outputs), `output "`+m[1]+`"`) {
				t.Errorf("%s: terraform has no output %s", page, m[1])
			}
		}
	}
	if named < 30 {
		t.Errorf("%d commands are named: they are not written as this test reads them", named)
	}
}

func TestEveryCommandHasHelpWithAnExampleAndNeedsNothingForIt(t *testing.T) {
	for _, c := range listCommands(t) {
		t.Run(c.Name(), func(t *testing.T) {
			r := rootCommandFor(func(name string) string { t.Errorf("the help reads %s", name); return "" })
			out := &safeBuffer{}
			r.SetOut(out)
			r.SetArgs([]string{c.Name(), "--help"})
			if err := r.Execute(); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"Usage:", "Examples:", "  connector " + c.Name()} {
				if !strings.Contains(out.String(), part) {
					t.Errorf("the help has no %q:\n%s", part, out)
				}
			}
			if c.Short == "" || len(c.Long) <= len(c.Short) {
				t.Error("the help says no more than the list of commands")
			}
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" {
					t.Errorf("--%s has no description", f.Name)
				}
			})
		})
	}
}

// A command without its environment says at once all that it lacks, and how to
// give it.
func TestACommandWithoutItsEnvironmentNamesTheVariablesToSet(t *testing.T) {
	for _, line := range []string{"failures", "replay --all", "explain contact 1"} {
		t.Run(line, func(t *testing.T) {
			r := rootCommandFor(func(string) string { return "" })
			r.SetOut(&safeBuffer{})
			r.SetErr(&safeBuffer{})
			r.SetArgs(strings.Fields(line))
			err := r.Execute()
			if err == nil || !strings.Contains(err.Error(), "is missing: set it to") {
				t.Errorf("got %v", err)
			}
		})
	}
}
