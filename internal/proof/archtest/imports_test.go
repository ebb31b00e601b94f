package archtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/hubspot-zoho/connector"

// root is the directory of the module, seen from this package.
const root = "../../.."

// pkg is what "go list" says of a package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	EmbedFiles []string
	Imports    []string // of the files that are not tests
	Deps       []string // everything below, the standard library included
}

// packages lists the module's packages, once for all tests.
var packages = sync.OnceValues(func() (map[string]pkg, error) {
	cmd := exec.CommandContext(context.Background(), "go", "list", "-e", "-json=ImportPath,Dir,GoFiles,EmbedFiles,Imports,Deps", "./...")
	cmd.Dir = root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	all := map[string]pkg{}
	for decoder := json.NewDecoder(&stdout); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
})

func allPackages(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, name := range []string{"", "functions", "internal/crm", "internal/syncer", "internal/gcp"} {
		if len(all[name].GoFiles) == 0 {
			t.Fatalf("package %q is not there: the rules below would hold for nothing", name)
		}
	}
	return all
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

func withinAny(path string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return within(path, dir) })
}

// local turns an import path of this module into the form the rules use.
func local(path string) string { return strings.TrimPrefix(path, module+"/") }

// TestNoPackageImportsWhatItMustNotKnow: direct imports, tests excepted.
func TestNoPackageImportsWhatItMustNotKnow(t *testing.T) {
	rules := []struct {
		why  string
		from []string // packages and what is below them
		not  []string
	}{
		{"the vocabulary knows nothing else", []string{"internal/crm"}, []string{"internal", "functions"}},
		{"an operation is said in the vocabulary alone", []string{"internal/op"},
			[]string{"internal/hubspot", "internal/zoho", "internal/gcp", "internal/store", "internal/syncer", "internal/merge", "internal/mapping", "net/http"}},
		{"merge, mapping and lint are pure", []string{"internal/merge", "internal/mapping", "internal/lint"},
			[]string{"context", "net/http", "os", "log", "log/slog", "math/rand", "math/rand/v2",
				"internal/hubspot", "internal/zoho", "internal/gcp", "internal/store", "internal/syncer"}},
		{"the syncer knows neither vendor, nor HTTP, nor Google", []string{"internal/syncer"},
			[]string{"net/http", "os", "internal/hubspot", "internal/zoho", "internal/gcp", "internal/store", "cloud.google.com", "google.golang.org"}},
		{"package hubspot does not know Zoho", []string{"internal/hubspot"}, []string{"internal/zoho", "internal/gcp", "internal/store"}},
		{"package zoho does not know HubSpot", []string{"internal/zoho"}, []string{"internal/hubspot", "internal/gcp", "internal/store"}},
		{"a simulator meets the code over the wire only", []string{"internal/local/sim"},
			[]string{"internal/hubspot", "internal/zoho", "internal/crm", "internal/op", "functions"}},
		{"the embedded cloud serves Google's client, not ours", []string{"internal/local/cloud"},
			[]string{"internal/hubspot", "internal/zoho", "internal/syncer", "internal/gcp", "internal/store", "functions"}},
	}
	all := allPackages(t)
	for _, rule := range rules {
		for name, p := range all {
			if !withinAny(name, rule.from) {
				continue
			}
			for _, imported := range p.Imports {
				if withinAny(local(imported), rule.not) && !withinAny(local(imported), rule.from) {
					t.Errorf("%s imports %s: %s", name, local(imported), rule.why)
				}
			}
		}
	}
}

// TestPackagesThatFewMayImport is the same seen from below.
func TestPackagesThatFewMayImport(t *testing.T) {
	rules := []struct {
		why      string
		imported string
		by       []string
	}{
		{"only these packages know Google", "cloud.google.com", []string{"internal/gcp", "internal/store", "internal/local/cloud"}},
		{"nothing stands above the entry points but what starts them", "functions", []string{"", "internal/cmd"}},
		{"only what starts functions needs all of them", module, []string{"internal/cmd"}},
		{"simulators are for local runs", "internal/local/sim", []string{"internal/local/sim", "internal/cmd"}},
		{"the embedded cloud is for local runs", "internal/local/cloud", []string{"internal/local/cloud", "internal/cmd"}},
		{"the framework is used by the entry points alone", "github.com/GoogleCloudPlatform/functions-framework-go",
			[]string{"", "functions", "internal/cmd"}},
	}
	all := allPackages(t)
	for _, rule := range rules {
		for name, p := range all {
			allowed := slices.ContainsFunc(rule.by, func(dir string) bool {
				return name == dir || dir != "" && within(name, dir)
			})
			for _, imported := range p.Imports {
				isRule := within(local(imported), rule.imported) && (rule.imported != module || imported == module)
				if !allowed && isRule {
					t.Errorf("%q imports %s: %s", name, imported, rule.why)
				}
			}
		}
	}
}

// TestWhatIsDeployedLinksNothingMadeForTests looks at everything below the root
// package, which is what the buildpack links.
func TestWhatIsDeployedLinksNothingMadeForTests(t *testing.T) {
	for _, dep := range allPackages(t)[""].Deps {
		never := []string{"testing", "net/http/httptest", "internal/local", "internal/proof", "internal/cmd"}
		if withinAny(local(dep), never) {
			t.Errorf("what is deployed links %s", local(dep))
		}
	}
}

// TestNoCommandLinksLibrariesOfTests: terraform's language and the test harness
// serve tests alone, so no program may carry them.
func TestNoCommandLinksLibrariesOfTests(t *testing.T) {
	commands := 0
	for name, p := range allPackages(t) {
		if !within(name, "internal/cmd") {
			continue
		}
		commands++
		for _, dep := range p.Deps {
			if withinAny(local(dep), []string{"internal/proof", "github.com/hashicorp/hcl", "github.com/zclconf/go-cty"}) {
				t.Errorf("%s links %s", name, local(dep))
			}
		}
	}
	if commands == 0 {
		t.Error("no command was found")
	}
}

// TestTheBuildpackFindsOnePackageAtTheRoot: it reads the Go files of the root,
// tests included, wants one name among them and the import of the framework.
func TestTheBuildpackFindsOnePackageAtTheRoot(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	frameworks := 0
	for _, file := range files {
		parsed := parse(t, file)
		if parsed.Name.Name != "connector" {
			t.Errorf("%s is of package %s, want connector", filepath.Base(file), parsed.Name.Name)
		}
		for _, spec := range parsed.Imports {
			if spec.Path.Value == `"github.com/GoogleCloudPlatform/functions-framework-go/functions"` {
				frameworks++
			}
		}
	}
	if frameworks != 1 {
		t.Errorf("%d files of the root import the functions framework, want 1", frameworks)
	}
}
