// Command testreport reads the stream of `go test -json` from standard input and
// prints what a person wants to know of it: a line for each package, the output
// of what failed, and the totals. It exits with status 1 unless tests ran, all
// of them passed, and exactly the tests in the given file were skipped.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ./... | testreport SKIPS")
		os.Exit(2)
	}
	ok, err := run(os.Args[1], os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(skipsFile string, in io.Reader, out io.Writer) (bool, error) {
	list, err := os.ReadFile(skipsFile)
	if err != nil {
		return false, err
	}
	skips, err := parseSkips(string(list))
	if err != nil {
		return false, fmt.Errorf("%s: %w", skipsFile, err)
	}
	return report(in, out, skips)
}

// test names a test or a subtest; with an empty name, its package.
type test struct{ pkg, name string }

func (t test) String() string { return strings.TrimSpace(t.pkg + " " + t.name) }

func compare(a, b test) int {
	return cmp.Or(strings.Compare(a.pkg, b.pkg), strings.Compare(a.name, b.name))
}

// parseSkips reads lines of package, test and reason. Empty lines and lines that
// begin with # are comments.
func parseSkips(list string) (map[test]bool, error) {
	skips := make(map[test]bool)
	n := 0
	for line := range strings.Lines(list) {
		n++
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d: want a package, a test and a reason", n)
		}
		skips[test{fields[0], fields[1]}] = true
	}
	return skips, nil
}

// event is a line of the stream, see `go doc test2json` and `go help buildjson`.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// result is how a test stands. When a test runs several times, the highest counts.
type result int

const (
	running result = iota
	passed
	skipped
	failed
)

// reporter follows the stream. Its maps hold packages, too, as tests without a name.
type reporter struct {
	out     io.Writer
	results map[test]result
	output  map[test][]string // of what has not passed yet
}

// report copies the stream in readable form to out and says whether all is well.
func report(in io.Reader, out io.Writer, skips map[test]bool) (bool, error) {
	r := reporter{out, make(map[test]result), make(map[test][]string)}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, err
		}
	}
	return r.summary(skips), nil
}

func (r *reporter) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil || e.Action == "" {
		fmt.Fprintf(r.out, "%s\n", bytes.TrimRight(line, "\n")) // of make, or of a broken build
		return
	}
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "start", "run":
		if _, ok := r.results[t]; !ok {
			r.results[t] = running
		}
	case "output":
		if !noise(e.Output) {
			r.output[t] = append(r.output[t], e.Output)
		}
	case "pass":
		r.end(t, passed, e.Elapsed)
	case "skip":
		r.end(t, skipped, e.Elapsed)
	case "fail":
		r.end(t, failed, e.Elapsed)
	}
}

// noise says whether a line of output only repeats what the events say.
func noise(s string) bool {
	for _, prefix := range []string{"=== ", "PASS\n", "FAIL\n", "FAIL\t", "ok  \t", "?   \t"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func (r *reporter) end(t test, res result, elapsed float64) {
	r.results[t] = max(r.results[t], res)
	if t.name == "" {
		// Whatever still runs when its package ends was cut off: by a panic, or by the time limit.
		for _, other := range r.tests(running) {
			if other.pkg == t.pkg {
				r.end(other, failed, 0)
			}
		}
		word := map[result]string{passed: "ok  ", skipped: "-   ", failed: "FAIL"}[res]
		fmt.Fprintf(r.out, "%s %s %.1fs\n", word, t.pkg, elapsed)
	}
	if res == failed {
		r.printOutput(t)
	}
	if res != skipped {
		delete(r.output, t)
	}
}

func (r *reporter) printOutput(t test) {
	if lines := r.output[t]; len(lines) > 0 {
		fmt.Fprintf(r.out, "---- output of %s\n%s----\n", t, strings.Join(lines, ""))
	}
}

// tests returns what stands at res, in order.
func (r *reporter) tests(res result) []test {
	var ts []test
	for t, got := range r.results {
		if got == res {
			ts = append(ts, t)
		}
	}
	slices.SortFunc(ts, compare)
	return ts
}

func (r *reporter) summary(skips map[test]bool) bool {
	fmt.Fprintln(r.out)
	ok := true
	complain := func(format string, args ...any) {
		ok = false
		fmt.Fprintf(r.out, format+"\n", args...)
	}
	for _, t := range r.tests(running) {
		r.results[t] = failed
		complain("unfinished when the stream ended: %s", t)
	}

	count := make(map[result]int)
	hasFailed := make(map[test]bool) // packages, by a test of theirs
	for t, res := range r.results {
		if t.name != "" {
			count[res]++
			hasFailed[test{pkg: t.pkg}] = hasFailed[test{pkg: t.pkg}] || res == failed
		}
	}
	if count[passed]+count[failed] == 0 {
		complain("no test ran")
	}
	for _, t := range r.tests(failed) {
		complain("failed: %s", t)
		if t.name == "" && !hasFailed[t] {
			count[failed]++ // it did not build, or ended by itself
		}
	}
	for _, t := range r.tests(skipped) {
		if t.name != "" && !skips[t] {
			complain("skipped, but not on the list of skips: %s", t)
			r.printOutput(t)
		}
	}
	for _, t := range slices.SortedFunc(maps.Keys(skips), compare) {
		if r.results[t] != skipped {
			complain("on the list of skips, but not skipped: %s", t)
		}
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", count[passed], count[failed], count[skipped])
	return ok
}
