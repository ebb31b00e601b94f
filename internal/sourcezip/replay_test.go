package sourcezip

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hubspot-zoho/connector/functions"
)

const root = "../.."

// generatedMain is what the buildpack writes for a root package that imports
// the functions framework.
const generatedMain = `package main

import (
	"log"
	"os"

	_ "github.com/hubspot-zoho/connector"

	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	port := "8080"
	if envPort := os.Getenv("PORT"); envPort != "" {
		port = envPort
	}
	if err := funcframework.Start(port); err != nil {
		log.Fatalf("funcframework.Start: %v\n", err)
	}
}
`

func TestTheUploadBuildsAndEveryFunctionAnswers(t *testing.T) {
	needsCheckout(t)
	dir := unpacked(t)
	oneRootPackage(t, dir)
	binary := build(t, dir)
	for _, target := range functions.EntryPoints() {
		t.Run(target, func(t *testing.T) { answers(t, binary, target) })
	}
	t.Run("an entry point that does not exist", func(t *testing.T) {
		cmd := function(t, binary, "NoSuchFunction", "0")
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) {
			t.Errorf("it ended with %v, want an exit status", err)
		}
	})
}

// unpacked makes the upload and unpacks its zip, as the builder does.
func unpacked(t *testing.T) string {
	t.Helper()
	files, err := ReadUpload(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := Zip(files)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range r.File {
		entry, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(entry)
		if err := errors.Join(err, entry.Close()); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, f.Name), data)
	}
	t.Logf("%d files, %d bytes in %s", len(r.File), len(packed), Name(packed))
	return dir
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// oneRootPackage is the buildpack's own first look at the root.
func oneRootPackage(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	framework := false
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		names[parsed.Name.Name] = true
		for _, spec := range parsed.Imports {
			framework = framework || spec.Path.Value == `"github.com/GoogleCloudPlatform/functions-framework-go/functions"`
		}
	}
	if len(names) != 1 || names["main"] {
		t.Fatalf("packages %v at the root, want one that is not main", slices.Collect(maps.Keys(names)))
	}
	if !framework {
		t.Fatal("the root package does not import the functions framework: the buildpack would look for a function in it")
	}
}

// build compiles the generated main. The buildpack runs "go mod tidy" before,
// which needs the network; that go.sum suffices without it is part of the test.
func build(t *testing.T, dir string) string {
	t.Helper()
	write(t, filepath.Join(dir, "functions.local", "app", "main.go"), []byte(generatedMain))
	binary := filepath.Join(t.TempDir(), "app")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", binary, "./functions.local/app")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-buildvcs=false", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// function returns the command that serves one function with an environment
// that holds nothing of ours.
func function(t *testing.T, binary, target, port string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "FUNCTION_TARGET=" + target, "PORT=" + port}
	return cmd
}

// answers starts one function without any configuration and asks it. Without
// its environment a function can do nothing, and must say so: a status below
// 500, or a 500 or 503 in JSON, while the log names what is missing.
func answers(t *testing.T, binary, target string) {
	port := freePort(t)
	cmd := function(t, binary, target, port)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // killed: its status tells nothing
	}
	res, body, err := ask(t.Context(), "http://127.0.0.1:"+port+"/")
	stop()
	if err != nil {
		t.Fatalf("no answer: %v\n%s", err, log.String())
	}
	t.Logf("%d %s", res.StatusCode, bytes.TrimSpace(body))
	if res.StatusCode < http.StatusInternalServerError {
		return
	}
	var problem struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Error == "" {
		t.Errorf("status %d with %q, want a problem in JSON", res.StatusCode, body)
	}
	named := slices.ContainsFunc(functions.EnvironmentNames(), func(name string) bool {
		return strings.Contains(problem.Error, name) || strings.Contains(log.String(), name)
	})
	if !named {
		t.Errorf("neither the answer %q nor the log names what is missing:\n%s", body, log.String())
	}
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }() // it accepted nothing
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// ask posts until something answers, for at most 20 s.
func ask(ctx context.Context, url string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		res, body, err := post(ctx, url)
		if err == nil {
			return res, body, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func post(ctx context.Context, url string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = res.Body.Close() }() // it is read to its end below
	body, err := io.ReadAll(res.Body)
	return res, body, err
}
