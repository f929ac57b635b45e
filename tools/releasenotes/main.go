// Releasenotes prints the section of the changelog that is about a version, for the release's page.
//
//	go run ./releasenotes CHANGELOG v1.2.3
//
// It fails if there is no such section, or an empty one: a release that says nothing is not made.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: releasenotes CHANGELOG VERSION")
		os.Exit(2)
	}
	content, err := os.ReadFile(os.Args[1])
	if err == nil {
		var text string
		if text, err = notes(string(content), os.Args[2]); err == nil {
			fmt.Print(text)
			return
		}
	}
	fmt.Fprintln(os.Stderr, "Error:", err)
	os.Exit(1)
}

// notes returns what stands below the heading of a version, "## [1.2.3]" with whatever follows, such as a date.
func notes(changelog, tag string) (string, error) {
	version, found := strings.CutPrefix(tag, "v")
	if !found || version == "" {
		return "", fmt.Errorf("%q is no tag of a release; write it like v1.2.3", tag)
	}
	_, section, found := strings.Cut("\n"+changelog, "\n## ["+version+"]")
	if !found {
		return "", fmt.Errorf("the changelog has no section ## [%s]: rename Unreleased to that, with the date, and commit it before the tag", version)
	}
	_, section, _ = strings.Cut(section, "\n")
	section, _, _ = strings.Cut("\n"+section, "\n## ")
	if section = strings.TrimSpace(section); section == "" {
		return "", errors.New("the changelog's section of this version is empty")
	}
	return section + "\n", nil
}
