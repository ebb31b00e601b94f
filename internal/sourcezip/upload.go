package sourcezip

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// commitFile is the file of the upload that says which commit it was made of.
// The repository's own copy says "development".
const commitFile = "internal/version/commit.txt"

// File is one file of the upload. Name uses slashes and is relative to the root
// of the repository.
type File struct {
	Name string
	Data []byte
}

// ReadUpload reads the files that are to be uploaded from the checkout at root,
// sorted by name, with commitFile filled in.
func ReadUpload(ctx context.Context, root string) ([]File, error) {
	names, err := listUploaded(ctx, root)
	if err != nil {
		return nil, err
	}
	commit, err := lastCommit(ctx, root, names)
	if err != nil {
		return nil, err
	}
	files := make([]File, 0, len(names))
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return nil, fmt.Errorf("read for the upload: %w", err)
		}
		if name == commitFile {
			data = []byte(commit + "\n")
		}
		files = append(files, File{name, data})
	}
	for _, needed := range []string{"go.mod", "go.sum", "connector.go", commitFile} {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Name == needed }) {
			return nil, fmt.Errorf("%s is not in the upload: see .gcloudignore", needed)
		}
	}
	return files, nil
}

// listUploaded lists what git has, or would take, without what .gcloudignore names.
func listUploaded(ctx context.Context, root string) ([]string, error) {
	rules, err := filepath.Abs(filepath.Join(root, ".gcloudignore"))
	if err != nil {
		return nil, err
	}
	files, err := listNames(ctx, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	ignored, err := listNames(ctx, root, "ls-files", "-z", "--cached", "--others", "--ignored", "--exclude-from="+rules)
	if err != nil {
		return nil, err
	}
	for name := range ignored {
		delete(files, name)
	}
	return slices.Sorted(maps.Keys(files)), nil
}

// lastCommit names the last commit that changed one of the files, so that a
// commit to the documentation makes no other upload. "-changed" is added when
// the files differ from it.
func lastCommit(ctx context.Context, root string, names []string) (string, error) {
	out, err := runGit(ctx, root, append([]string{"log", "-1", "--format=%H", "--"}, names...)...)
	if err != nil {
		return "", err
	}
	commit := strings.TrimSpace(out)
	changed, err := runGit(ctx, root, append([]string{"status", "--porcelain", "--"}, names...)...)
	if err != nil {
		return "", err
	}
	if changed != "" {
		commit += "-changed"
	}
	return commit, nil
}

// listNames runs a git command that prints names, each with a zero byte after it.
func listNames(ctx context.Context, root string, args ...string) (map[string]bool, error) {
	out, err := runGit(ctx, root, args...)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(strings.TrimRight(out, "\x00"), "\x00") {
		names[name] = true
	}
	return names, nil
}

func runGit(ctx context.Context, root string, args ...string) (string, error) {
	// A checkout may belong to another user than the one who packages.
	args = append([]string{"-C", root, "-c", "safe.directory=*"}, args...)
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("git: %w: %s (the upload is made from a git checkout)", err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("git: %w", err)
	}
	return string(out), nil
}
