// Deadlinks reports links between the documents of a repository that lead nowhere.
//
//	go run ./deadlinks DIR
//
// It reads each Markdown file under DIR that git knows. A link to a file must lead to a file or a folder,
// one to a heading must have that heading. Addresses of other sites are not looked up: a check must
// not fail because somebody else's server is down. The exit status is 1 if a link is dead.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: deadlinks DIR")
		os.Exit(2)
	}
	dead, err := check(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	for _, line := range dead {
		fmt.Println(line)
	}
	if len(dead) > 0 {
		os.Exit(1)
	}
}

// check returns a line for each dead link.
func check(ctx context.Context, root string) (dead []string, err error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	documents := map[string]*document{}
	read := func(name string) (*document, error) {
		if documents[name] == nil {
			content, err := os.ReadFile(filepath.Join(root, name))
			if err != nil {
				return nil, err
			}
			documents[name] = parse(content)
		}
		return documents[name], nil
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if strings.HasPrefix(name, "templates/") {
			continue // its links are those of the page in docs that is made of it
		}
		d, err := read(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // it was removed, and is not committed yet
		}
		if err != nil {
			return nil, err
		}
		for _, link := range d.links {
			why, err := follow(root, name, link, read)
			if err != nil {
				return nil, err
			}
			if why != "" {
				dead = append(dead, fmt.Sprintf("%s: %s: %s", name, link, why))
			}
		}
	}
	return dead, nil
}

// follow says why a link of a document is dead, "" if it is not.
func follow(root, from, link string, read func(name string) (*document, error)) (why string, err error) {
	to, err := url.Parse(link)
	if err != nil {
		return "it is no address", nil //nolint:nilerr // the finding says it
	}
	if to.Scheme != "" || to.Host != "" {
		return "", nil
	}
	name := from
	if to.Path != "" {
		name = filepath.Join(filepath.Dir(from), filepath.FromSlash(to.Path))
	}
	if _, err := os.Stat(filepath.Join(root, name)); err != nil {
		return "there is no such file", nil //nolint:nilerr // as above
	}
	if to.Fragment == "" || filepath.Ext(name) != ".md" {
		return "", nil
	}
	d, err := read(name)
	if err == nil && !d.anchors[to.Fragment] {
		why = "the document has no such heading"
	}
	return why, err
}

// document is what links concern of one.
type document struct {
	links   []string
	anchors map[string]bool
}

// anchorTag is an anchor in HTML, as generated pages have them.
var anchorTag = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)

func parse(content []byte) *document {
	d := &document{anchors: map[string]bool{}}
	if bytes.HasPrefix(content, []byte("---\n")) { // front matter
		if _, rest, found := bytes.Cut(content[4:], []byte("\n---\n")); found {
			content = rest
		}
	}
	markdown := goldmark.New(goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	_ = ast.Walk(markdown.Parser().Parse(text.NewReader(content)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			d.links = append(d.links, string(n.Destination))
		case *ast.Image:
			d.links = append(d.links, string(n.Destination))
		case *ast.Heading:
			if id, has := n.AttributeString("id"); has {
				d.anchors[string(id.([]byte))] = true
			}
		}
		return ast.WalkContinue, nil
	})
	for _, match := range anchorTag.FindAllSubmatch(content, -1) {
		d.anchors[string(match[1])] = true
	}
	return d
}
