package terraformtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hubspot-zoho/connector/internal/logschema"
)

const root = "../../.."

func tables(t *testing.T) *Tables {
	t.Helper()
	tables, err := Read(filepath.Join(root, "terraform"))
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// TestEveryMetricReadsAnEntryThatTheCodeLogs: a renamed entry would silence an
// alert.
func TestEveryMetricReadsAnEntryThatTheCodeLogs(t *testing.T) {
	metrics, err := tables(t).Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for key, m := range metrics {
		if !slices.Contains(logschema.Messages(), m.Message) {
			t.Errorf("%s counts entries %q, which no code logs", key, m.Message)
		}
		for _, field := range m.Fields {
			if !slices.Contains(logschema.Fields(), field) {
				t.Errorf("%s reads the field %q, which no entry has", key, field)
			}
		}
	}
}

// TestEveryEntryOfTheLogSchemaIsLoggedByItsName: a constant without a use, or
// a literal in its place, would make the test above worthless.
func TestEveryEntryOfTheLogSchemaIsLoggedByItsName(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		// What plays Pub/Sub has a log of its own.
		if !strings.Contains(path, "logschema") && !strings.Contains(path, filepath.Join("local", "cloud")) {
			code.Write(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range logschema.Messages() {
		if strings.Contains(code.String(), `"`+message+`",`) {
			t.Errorf("%q is logged as a literal", message)
		}
	}
	for _, name := range []string{
		"OperationApplied", "OperationGivenUp", "MessageHeld", "DeliveryAccepted", "DeliveryRefused", "DeliveryNotPublished",
		"NotSetUp", "SecretsChanged", "TokenRefreshed", "TokenRefreshFailed", "ChannelKept", "ChannelNotKept", "DigestDone", "DigestNotSent", "Reconciled",
	} {
		if !strings.Contains(code.String(), "logschema."+name) {
			t.Errorf("no code logs logschema.%s", name)
		}
	}
}

func TestEveryAlertHasAPlaybookAndEveryPlaybookAnAlert(t *testing.T) {
	alerts, err := tables(t).Keys("alerts")
	if err != nil {
		t.Fatal(err)
	}
	want := append(alerts, "budget")
	slices.Sort(want)
	pages, err := filepath.Glob(filepath.Join(root, "docs/playbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"## What it means", "## What to look at", "## What to do"} {
			if !strings.Contains(string(data), "\n"+part+"\n") {
				t.Errorf("%s has no part %q", page, part)
			}
		}
		got = append(got, strings.TrimSuffix(filepath.Base(page), ".md"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("playbooks (-alerts +pages):\n%s", diff)
	}
}

func TestWhatIsNoTableIsAnError(t *testing.T) {
	read := tables(t)
	if _, err := read.Local("no_such_table"); err == nil || !strings.Contains(err.Error(), "no local.no_such_table") {
		t.Errorf("a table that is not there: %v", err)
	}
	if _, err := read.Local("urls"); err == nil || !strings.Contains(err.Error(), "local.urls is not a literal") {
		t.Errorf("a table that must be evaluated: %v", err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a directory without terraform is read")
	}
}
