package mapping

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hubspot-zoho/connector/internal/crm"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestProblemsAreReportedAllAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d texts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Parse(text)
			var problems Problems
			if !errors.As(err, &problems) || m != nil {
				t.Fatalf("got %v, %v, want problems alone", m, err)
			}
			got := problems.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			checkRemedies(t, problems)
		})
	}
}

// checkRemedies demands that every problem says what to do about it.
func checkRemedies(t *testing.T, problems Problems) {
	t.Helper()
	for _, p := range problems {
		if what, remedy, found := strings.Cut(p.Message, ": "); !found || what == "" || remedy == "" {
			t.Errorf("%s: no remedy", p)
		}
		if p.Line < 1 || p.Column < 1 {
			t.Errorf("%s: no position", p)
		}
	}
}

func TestAShortMappingIsCompletedByDefaults(t *testing.T) {
	m, err := Parse([]byte(`
region: DE
contacts:
  conflict: hubspot
  fields:
    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}
    email: {hubspot: email, zoho: Email, type: email, conflict: most_recent}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Mapping{Preferred: crm.Zoho, Region: "DE", Zone: "UTC", Objects: map[crm.Kind]*Object{crm.Contact: {
		Kind: crm.Contact, Direction: Both, Conflict: HubSpotWins,
		Create: map[crm.System]bool{crm.Zoho: true, crm.HubSpot: false},
		Match:  []string{"email"},
		Fields: []Field{
			{Name: "last_name", HubSpot: "lastname", Zoho: "Last_Name", Type: Text, Direction: Both, Conflict: HubSpotWins, Clear: Keep, Required: []crm.System{crm.Zoho}},
			{Name: "email", HubSpot: "email", Zoho: "Email", Type: Email, Direction: Both, Conflict: MostRecent, Clear: Propagate},
		},
	}}}
	if diff := cmp.Diff(want, m, cmpopts.IgnoreUnexported(Field{})); diff != "" {
		t.Errorf("mapping (-want +got):\n%s", diff)
	}
	phone := Field{Type: Phone, region: m.Objects[crm.Contact].Fields[0].region}
	if got := phone.Canon(crm.Zoho, "030 123456"); got != "+4930123456" {
		t.Errorf("the region did not reach the fields: %q", got)
	}
}

func TestTheFieldsForTheOthersIDMayBeCalledOtherwise(t *testing.T) {
	const rest = "\ncontacts:\n  fields:\n    last_name: {hubspot: lastname, zoho: Last_Name, required: zoho}\n    email: {hubspot: email, zoho: Email, type: email}\n"
	for text, want := range map[string]map[crm.System]string{
		"version: 1":                            nil,
		"ids: {hubspot: crm_ref, zoho: HS_Ref}": {crm.HubSpot: "crm_ref", crm.Zoho: "HS_Ref"},
		"ids: {zoho: HS_Ref}":                   {crm.Zoho: "HS_Ref"},
		"ids: {hubspot: zoho_id}":               {crm.HubSpot: "zoho_id"},
	} {
		m, err := Parse([]byte(text + rest))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, m.IDs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestAnObjectCreatesWhereItsDirectionWrites(t *testing.T) {
	tests := map[string]struct {
		lines string
		want  map[crm.System]bool
	}{
		"to HubSpot alone, by default nowhere": {"direction: to_hubspot", map[crm.System]bool{crm.HubSpot: false, crm.Zoho: false}},
		"to Zoho alone, by default there":      {"direction: to_zoho", map[crm.System]bool{crm.HubSpot: false, crm.Zoho: true}},
		"on both when told":                    {"create: [hubspot, zoho]", map[crm.System]bool{crm.HubSpot: true, crm.Zoho: true}},
		"nowhere when told":                    {"create: none", map[crm.System]bool{crm.HubSpot: false, crm.Zoho: false}},
		"nowhere for an empty list":            {"create: []", map[crm.System]bool{crm.HubSpot: false, crm.Zoho: false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := Parse([]byte("companies:\n  " + tt.lines + "\n  match: name\n  fields:\n    name: {hubspot: name, zoho: Account_Name}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, m.Object(crm.Company).Create); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOptionsKeepTheTextThatYAMLWouldTurnIntoSomethingElse(t *testing.T) {
	m, err := Parse([]byte(`
contacts:
  create: none
  fields:
    email: {hubspot: email, zoho: Email}
    stage: {hubspot: stage, zoho: Stage, type: picklist, values: {1: One, true: Yes, 0x10: "16", "no": 2.50}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []ValuePair{{"1", "One"}, {"true", "Yes"}, {"0x10", "16"}, {"no", "2.50"}}
	if diff := cmp.Diff(want, m.Object(crm.Contact).Field("stage").Values); diff != "" {
		t.Error(diff)
	}
}

func TestATextThatIsTooLongIsRefused(t *testing.T) {
	_, err := Parse(slices.Repeat([]byte("#"), maxText+1))
	if err == nil || !strings.Contains(err.Error(), "256 KiB") {
		t.Errorf("got %v", err)
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// A block of docs/mapping.md is a whole mapping, the fields of contacts when it
// begins with a comment "# under contacts: fields:", or likewise of companies.
func TestEveryExampleInTheDocumentationIsValid(t *testing.T) {
	doc, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := yamlBlock.FindAllSubmatch(doc, -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d examples", len(blocks))
	}
	for _, b := range blocks {
		text := string(b[1])
		for _, object := range []string{"contacts", "companies"} {
			if rest, found := strings.CutPrefix(text, "# under "+object+": fields:\n"); found {
				text = object + ":\n  create: none\n  match: key\n  fields:\n    key: {hubspot: key, zoho: Key}\n" + indent(rest)
			}
		}
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// Every word that the file knows is explained.
func TestTheDocumentationNamesEveryWord(t *testing.T) {
	doc, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	words := []string{
		"version", "preferred", "region", "contacts", "companies", "direction", "conflict", "create", "match", "fields",
		"hubspot", "zoho", "type", "clear", "required", "values", "ignore", "both", "to_zoho", "to_hubspot",
		"most_recent", "propagate", "keep", "none", "zone", "default", "unknown", "park", "pass", "shorten", "datetime",
	}
	for _, typ := range types {
		words = append(words, string(typ))
	}
	for _, w := range words {
		if !strings.Contains(string(doc), "`"+w+"`") {
			t.Errorf("docs/mapping.md does not explain %q", w)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(defaultText)
	files, err := filepath.Glob("testdata/problems/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		var problems Problems
		if (err == nil) != (m != nil) || err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatalf("got %v, %v", m, err)
		}
		checkRemedies(t, problems)
		if m == nil {
			return
		}
		for _, o := range m.Objects {
			for i := range o.Fields {
				checkLaws(t, &o.Fields[i], crm.Zoho, string(text[:min(len(text), 40)]))
			}
		}
	})
}
