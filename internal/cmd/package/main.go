// Command package makes the zip that terraform deploys from the checkout in the
// current directory and prints its path. "make package" runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hubspot-zoho/connector/internal/sourcezip"
)

func main() {
	dir := flag.String("to", "build", "directory for the zip; older ones in it are removed")
	flag.Parse()
	path, err := save(context.Background(), *dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
	fmt.Println(path)
}

func save(ctx context.Context, dir string) (string, error) {
	files, err := sourcezip.ReadUpload(ctx, ".")
	if err != nil {
		return "", err
	}
	upload, err := sourcezip.Zip(files)
	if err != nil {
		return "", err
	}
	return sourcezip.SaveUpload(upload, dir)
}
