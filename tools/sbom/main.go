// Sbom has syft write the bill of materials of an archive, in SPDX's JSON, such that two of the same archive are the
// same to the byte.
//
//	sbom ARCHIVE DOCUMENT TIME
//
// TIME, in RFC 3339, is when the document says that it was made: syft takes the time of its run. syft also draws
// the name of the document at random. Here it follows from what stands in the document.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"time"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom ARCHIVE DOCUMENT TIME")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, archive, document, made string) error {
	at, err := time.Parse(time.RFC3339, made)
	if err != nil {
		return err
	}
	syft := exec.CommandContext(ctx, "syft", "scan", "--quiet", "file:"+archive, "--output", "spdx-json="+document) //nolint:gosec // it is the caller who names files
	syft.Env = append(os.Environ(), "SYFT_CHECK_FOR_APP_UPDATE=false", "SYFT_FORMAT_PRETTY=true")
	syft.Stdout, syft.Stderr = os.Stderr, os.Stderr
	if err := syft.Run(); err != nil {
		return fmt.Errorf("syft: %w", err)
	}
	content, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	if content, err = settle(content, at); err != nil {
		return fmt.Errorf("%s: %w", document, err)
	}
	return os.WriteFile(document, content, 0o644) //nolint:gosec // everybody may read it
}

var (
	namespace = regexp.MustCompile(`("documentNamespace": *"[^"]*-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"`)
	created   = regexp.MustCompile(`("created": *")[^"]*"`)
)

// settle gives a document its time, and then the name that follows from all that stands in it.
func settle(content []byte, at time.Time) ([]byte, error) {
	if len(created.FindAll(content, -1)) != 1 || len(namespace.FindAll(content, -1)) != 1 {
		return nil, errors.New("it has not one time and one name at random, as the documents of syft have")
	}
	content = created.ReplaceAll(content, []byte("${1}"+at.UTC().Format(time.RFC3339)+`"`))
	sum := sha256.Sum256(namespace.ReplaceAll(content, []byte(`${1}"`)))
	id := fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return bytes.Clone(namespace.ReplaceAll(content, []byte("${1}"+id+`"`))), nil
}
