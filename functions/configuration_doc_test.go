package functions

import (
	"bytes"
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// configurationPage describes every variable for those who set them.
const configurationPage = "../docs/configuration.md"

var codeSpan = regexp.MustCompile("`([^`]*)`")

// readSection returns the rows of the tables under a heading of the page, without
// their heads.
func readSection(t *testing.T, heading string) [][]string {
	t.Helper()
	page, err := os.ReadFile(configurationPage)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", configurationPage, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 2 || !strings.HasPrefix(strings.TrimSpace(cells[0]), "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table under %q", configurationPage, heading)
	}
	return rows
}

// listSpans returns the texts of the code spans of a cell, sorted.
func listSpans(cell string) []string {
	var spans []string
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		spans = append(spans, m[1])
	}
	slices.Sort(spans)
	return spans
}

// recordReads returns a getenv that notes the names that are read, and the notes.
func recordReads() (func(string) string, func() []string) {
	var mu sync.Mutex
	read := map[string]bool{}
	getenv := func(name string) string {
		mu.Lock()
		defer mu.Unlock()
		read[name] = true
		return complete()[name]
	}
	return getenv, func() []string { return slices.Sorted(maps.Keys(read)) }
}

// listReaders returns, for each variable, the functions that read it.
func listReaders(t *testing.T) map[string][]string {
	t.Helper()
	readers := map[string][]string{}
	for _, e := range entryPoints {
		getenv, reads := recordReads()
		var log bytes.Buffer
		if _, err := e.build(t.Context(), &deps{getenv: getenv, logger: logTo(&log)}); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values(append(reads(), everyFunction...)))) {
			readers[name] = append(readers[name], e.name)
		}
	}
	for _, names := range readers {
		slices.Sort(names)
	}
	return readers
}

func TestTheConfigurationPageDescribesEveryVariableAsTheCodeReadsIt(t *testing.T) {
	readers := listReaders(t)
	rows := map[string][]string{}
	var got []string
	for _, cells := range readSection(t, "Variables of the functions") {
		if len(cells) != 6 {
			t.Fatalf("the row of %s has %d cells, want 6", cells[0], len(cells))
		}
		name := listSpans(cells[0])[0]
		got = append(got, name)
		rows[name] = cells
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(EnvironmentNames())), slices.Sorted(slices.Values(got))); diff != "" {
		t.Fatalf("variables (-code +page):\n%s", diff)
	}
	for _, s := range settings {
		cells := rows[s.name]
		fallback := "required"
		switch {
		case s.fallback != "":
			fallback = "`" + s.fallback + "`"
		case s.optional:
			fallback = "none"
		}
		if cells[3] != fallback {
			t.Errorf("%s: the page has the default %q, want %q", s.name, cells[3], fallback)
		}
		secret := map[bool]string{true: "secret", false: ""}[slices.Contains(Secrets, s.name)]
		if cells[4] != secret {
			t.Errorf("%s: the page has %q under secret, want %q", s.name, cells[4], secret)
		}
		want := readers[s.name]
		if len(want) == len(entryPoints) {
			want = nil
			if cells[5] != "all functions" {
				t.Errorf("%s: the page says that %q read it, want all functions", s.name, cells[5])
			}
		}
		if len(want) == 0 && len(readers[s.name]) == 0 && cells[5] != "the command line" {
			t.Errorf("%s: the page says that %q read it, want the command line", s.name, cells[5])
		}
		if diff := cmp.Diff(want, listSpans(cells[5])); diff != "" {
			t.Errorf("%s is read by (-code +page):\n%s", s.name, diff)
		}
	}
}

// commandConfigs are the parts of an Operator that each command sets up. A command
// that works on both CRMs sets them up first.
var commandConfigs = map[string]func(ctx context.Context, o *Operator, c Clients) error{
	"failures": func(ctx context.Context, o *Operator, _ Clients) error { _, err := o.OpenFailures(ctx); return err },
	"release":  func(ctx context.Context, o *Operator, _ Clients) error { _, err := o.OpenSafeguards(ctx); return err },
	"replay":   func(ctx context.Context, o *Operator, _ Clients) error { _, err := o.NewReplayer(ctx); return err },
	"reconcile": func(ctx context.Context, o *Operator, _ Clients) error {
		_, err := o.NewSweepConfig(ctx)
		return err
	},
	"explain": func(ctx context.Context, o *Operator, c Clients) error { _, err := o.NewExplainer(ctx, c); return err },
	"plan":    func(ctx context.Context, o *Operator, c Clients) error { _, err := o.NewPlanConfig(ctx, c); return err },
	"backfill": func(ctx context.Context, o *Operator, c Clients) error {
		_, err := o.NewBackfillConfig(ctx, c)
		return err
	},
	"check": func(ctx context.Context, o *Operator, c Clients) error {
		_, err := o.NewCheckConfig(ctx, c)
		return err
	},
	"reconcile --drift": func(ctx context.Context, o *Operator, c Clients) error {
		_, err := o.NewDrift(ctx, c)
		return err
	},
}

func TestTheConfigurationPageNamesTheVariablesOfEachCommand(t *testing.T) {
	withoutClients := []string{"failures", "release", "replay", "reconcile"}
	page := map[string][]string{}
	for _, cells := range readSection(t, "Variables of the commands") {
		for _, command := range listSpans(cells[0]) {
			page[command] = listSpans(cells[1])
		}
	}
	for command, setUp := range commandConfigs {
		getenv, reads := recordReads()
		// Without a refresh token the commands ask GetZohoToken.
		o := NewOperator(func(name string) string {
			if v := getenv(name); name != "ZOHO_REFRESH_TOKEN" {
				return v
			}
			return ""
		}, logTo(&bytes.Buffer{}))
		var c Clients
		var err error
		if !slices.Contains(withoutClients, command) {
			c, err = o.ConnectClients(t.Context())
		}
		if err == nil {
			err = setUp(t.Context(), o, c)
		}
		if err != nil {
			t.Errorf("%s: %v", command, err)
			continue
		}
		want := slices.DeleteFunc(reads(), func(name string) bool {
			return slices.Contains(localOnly, name) || name == "ZOHO_REFRESH_TOKEN"
		})
		if diff := cmp.Diff(want, page[command]); diff != "" {
			t.Errorf("connector %s reads (-code +page):\n%s", command, diff)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}
