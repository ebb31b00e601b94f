package sourcezip

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Zip packs the files in the order given. Times, owners and modes of the
// machine are left out, and nothing is compressed, so that no other version of
// the compressor makes other bytes.
func Zip(files []File) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		header := &zip.FileHeader{Name: f.Name, Method: zip.Store}
		header.SetMode(0o644)
		entry, err := w.CreateHeader(header)
		if err == nil {
			_, err = entry.Write(f.Data)
		}
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}

// Name is the name of an upload's file: "connector-" and the SHA-256 of its
// bytes. Terraform checks the one against the other.
func Name(upload []byte) string {
	sum := sha256.Sum256(upload)
	return "connector-" + hex.EncodeToString(sum[:]) + ".zip"
}

// SaveUpload writes the upload to dir under its name and removes older ones, so that
// there is one to deploy. It returns the path.
func SaveUpload(upload []byte, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("save the upload: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "connector-*.zip"))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, Name(upload))
	for _, name := range old {
		if name == path {
			continue
		}
		if err := os.Remove(name); err != nil {
			return "", fmt.Errorf("remove an older upload: %w", err)
		}
	}
	if err := os.WriteFile(path, upload, 0o600); err != nil {
		return "", fmt.Errorf("save the upload: %w", err)
	}
	return path, nil
}
