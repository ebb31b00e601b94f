package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// buildFile is a build of Cloud Build. Unknown keys are errors.
type buildFile struct {
	Steps []struct {
		ID         string   `yaml:"id"`
		Name       string   `yaml:"name"`
		Entrypoint string   `yaml:"entrypoint"`
		Args       []string `yaml:"args"`
		SecretEnv  []string `yaml:"secretEnv"`
		WaitFor    []string `yaml:"waitFor"`
	} `yaml:"steps"`
	Artifacts struct {
		Objects struct {
			Location string   `yaml:"location"`
			Paths    []string `yaml:"paths"`
		} `yaml:"objects"`
	} `yaml:"artifacts"`
	Substitutions    map[string]string `yaml:"substitutions"`
	AvailableSecrets struct {
		SecretManager []struct {
			VersionName string `yaml:"versionName"`
			Env         string `yaml:"env"`
		} `yaml:"secretManager"`
	} `yaml:"availableSecrets"`
	ServiceAccount string `yaml:"serviceAccount"`
	Timeout        string `yaml:"timeout"`
	Options        struct {
		Logging     string   `yaml:"logging"`
		MachineType string   `yaml:"machineType"`
		Env         []string `yaml:"env"`
	} `yaml:"options"`
}

func buildFiles(t *testing.T) map[string]buildFile {
	t.Helper()
	files := map[string]buildFile{}
	for _, name := range []string{"cloudbuild.yaml", "cloudbuild-apply.yaml"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		var b buildFile
		if err := yaml.UnmarshalWithOptions(data, &b, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(b.Steps) == 0 {
			t.Fatalf("%s has no steps", name)
		}
		files[name] = b
	}
	return files
}

var pinned = regexp.MustCompile(`^[a-z0-9./-]+:[0-9]+\.[0-9]+\.[0-9]+(-[a-z]+)?$`)

func TestEveryStepOfABuildIsAMakeTargetInAPinnedImage(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range buildFiles(t) {
		for _, s := range b.Steps {
			if !pinned.MatchString(s.Name) {
				t.Errorf("%s: step %s runs in %s, which is not pinned to a release", name, s.ID, s.Name)
			}
			if s.ID == "tools" && s.Entrypoint == "install" || s.ID == "fetch" && s.Entrypoint == "gcloud" {
				continue // they bring what the others need and hold no logic
			}
			if s.Entrypoint != "make" || len(s.Args) == 0 {
				t.Errorf("%s: step %s is no make target", name, s.ID)
			}
			for _, target := range s.Args {
				if !strings.Contains(string(makefile), "\n"+target+":") {
					t.Errorf("%s: step %s makes %s, which is not a target", name, s.ID, target)
				}
			}
		}
	}
}

func TestTheStepsOfABuildWaitForOneAnother(t *testing.T) {
	for name, b := range buildFiles(t) {
		before := ""
		for _, s := range b.Steps {
			if s.ID == "" || before != "" && !slices.Equal(s.WaitFor, []string{before}) {
				t.Errorf("%s: step %q waits for %v, want the one before it, %s", name, s.ID, s.WaitFor, before)
			}
			before = s.ID
		}
	}
}

func TestTheSubstitutionsOfABuildAreDeclaredAndUsed(t *testing.T) {
	for name, b := range buildFiles(t) {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, m := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(string(data), -1) {
			used[m[1]] = true
			if _, ok := b.Substitutions[m[1]]; !ok && m[1] != "PROJECT_ID" && m[1] != "COMMIT_SHA" {
				t.Errorf("%s uses ${%s}, which is not declared", name, m[1])
			}
		}
		for declared := range b.Substitutions {
			if !used[declared] {
				t.Errorf("%s declares %s and does not use it", name, declared)
			}
		}
		if b.ServiceAccount == "" || b.Options.Logging != "CLOUD_LOGGING_ONLY" {
			t.Errorf("%s: a service account of one's own wants logging: CLOUD_LOGGING_ONLY", name)
		}
		for _, s := range b.Steps {
			for _, secret := range s.SecretEnv {
				if len(b.AvailableSecrets.SecretManager) != 1 || b.AvailableSecrets.SecretManager[0].Env != secret {
					t.Errorf("%s: step %s wants the secret %s, which is not available", name, s.ID, secret)
				}
			}
		}
	}
}

// TestWhatIsAppliedIsWhatWasPlanned: one build leaves the zip and the plan under
// the commit, the other takes them from there and makes neither.
func TestWhatIsAppliedIsWhatWasPlanned(t *testing.T) {
	files := buildFiles(t)
	planned, applied := files["cloudbuild.yaml"], files["cloudbuild-apply.yaml"]
	if !slices.Equal(planned.Artifacts.Objects.Paths, []string{"build/connector-*.zip", "build/plan.tfplan"}) {
		t.Errorf("it leaves %v", planned.Artifacts.Objects.Paths)
	}
	for _, s := range applied.Steps {
		if slices.Contains(s.Args, "plan") || slices.Contains(s.Args, "package") {
			t.Errorf("step %s makes another plan, or another zip", s.ID)
		}
		if s.ID == "fetch" && !slices.Contains(s.Args, planned.Artifacts.Objects.Location+"*") {
			t.Errorf("it fetches %v, not what the other build left", s.Args)
		}
	}
	for _, s := range planned.Steps {
		if slices.Contains(s.Args, "apply") {
			t.Error("it applies without an approval")
		}
	}
}
