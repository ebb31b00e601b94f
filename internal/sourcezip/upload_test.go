package sourcezip

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// needsGit skips a test where the upload cannot be made: it is of what git has.
func needsGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED, git is not installed: " + packed)
	}
}

// needsCheckout is needsGit for the upload of this repository.
func needsCheckout(t *testing.T) {
	t.Helper()
	needsGit(t)
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("SKIPPED, this is no git checkout: " + packed)
	}
}

const packed = "that what is uploaded is made the same everywhere, builds, and answers as every function"

// checkout makes a repository with the files the upload cannot do without.
func checkout(t *testing.T) string {
	t.Helper()
	needsGit(t)
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/m\n", "go.sum": "", "connector.go": "package connector\n",
		commitFile: "development\n", "docs/page.md": "a page\n", ".gcloudignore": "/docs/\n.gcloudignore\n*_test.go\n",
		"connector_test.go": "package connector\n",
	} {
		write(t, filepath.Join(dir, name), []byte(content))
	}
	run(t, dir, "init", "--quiet")
	commit(t, dir, "first")
	return dir
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	args = append([]string{"-C", dir, "-c", "user.name=N", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"}, args...)
	out, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit records everything and returns the commit's name.
func commit(t *testing.T, dir, message string) string {
	t.Helper()
	run(t, dir, "add", "--all")
	run(t, dir, "commit", "--quiet", "--message", message)
	return run(t, dir, "rev-parse", "HEAD")
}

func pack(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := ReadUpload(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := Zip(files)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// commitIn returns what the upload of dir says of its commit.
func commitIn(t *testing.T, dir string) string {
	t.Helper()
	files, err := ReadUpload(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name == commitFile {
			return strings.TrimSpace(string(f.Data))
		}
	}
	t.Fatalf("%s is not in the upload", commitFile)
	return ""
}

func TestTheSameTreeMakesTheSameBytesWhereverAndWheneverItIsPacked(t *testing.T) {
	first := checkout(t)
	second := filepath.Join(t.TempDir(), "elsewhere")
	run(t, first, "clone", "--quiet", first, second)
	for _, name := range []string{"go.mod", "connector.go"} {
		if err := os.Chmod(filepath.Join(second, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, second, "config", "core.fileMode", "false")
	if a, b := pack(t, first), pack(t, second); !bytes.Equal(a, b) {
		t.Errorf("two checkouts make %s and %s", Name(a), Name(b))
	}
	write(t, filepath.Join(second, "connector.go"), []byte("package connector // changed\n"))
	if a, b := pack(t, first), pack(t, second); Name(a) == Name(b) {
		t.Error("another tree makes the same upload")
	}
}

func TestThisRepositoryPackedTwiceMakesTheSameBytes(t *testing.T) {
	needsCheckout(t)
	if a, b := pack(t, root), pack(t, root); !bytes.Equal(a, b) {
		t.Errorf("it makes %s and %s", Name(a), Name(b))
	}
}

func TestTheUploadNamesTheLastCommitThatChangedIt(t *testing.T) {
	dir := checkout(t)
	first := run(t, dir, "rev-parse", "HEAD")
	write(t, filepath.Join(dir, "docs/page.md"), []byte("another page\n"))
	if commit(t, dir, "docs"); commitIn(t, dir) != first {
		t.Error("a commit to the documentation makes another upload")
	}
	write(t, filepath.Join(dir, "connector.go"), []byte("package connector // better\n"))
	if got := commitIn(t, dir); got != first+"-changed" {
		t.Errorf("with a change that is not committed it says %q", got)
	}
	if second := commit(t, dir, "code"); commitIn(t, dir) != second {
		t.Error("a commit to the code does not show")
	}
}

func TestAnUploadThatCannotBuildIsNotMade(t *testing.T) {
	dir := checkout(t)
	write(t, filepath.Join(dir, ".gcloudignore"), []byte("go.sum\n"))
	if _, err := ReadUpload(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "go.sum is not in the upload: see .gcloudignore") {
		t.Errorf("got %v", err)
	}
	if _, err := ReadUpload(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "git checkout") {
		t.Errorf("outside of a checkout: got %v", err)
	}
}

func TestSavingAnUploadReplacesTheOlderOne(t *testing.T) {
	dir := t.TempDir()
	for _, upload := range []string{"one", "two", "two"} {
		if _, err := SaveUpload([]byte(upload), dir); err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{filepath.Join(dir, Name([]byte("two")))}, found); diff != "" {
		t.Error(diff)
	}
}

// TestTheUploadHoldsWhatIsLinkedAndNothingElse: a test, a simulator, a command
// or a page in it would be uploaded and never used.
func TestTheUploadHoldsWhatIsLinkedAndNothingElse(t *testing.T) {
	needsCheckout(t)
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		`{{if not .Standard}}{{$d := .ImportPath}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}`, ".")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/hubspot-zoho/connector/"
	want := []string{"LICENSE", "go.mod", "go.sum"}
	for line := range strings.Lines(string(out)) {
		if name, ours := strings.CutPrefix(strings.TrimSpace(line), module); ours {
			want = append(want, path.Clean(name))
		}
	}
	files, err := ReadUpload(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("upload (-linked +uploaded):\n%s", diff)
	}
}
