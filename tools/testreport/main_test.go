package main

import (
	"strings"
	"testing"
)

// stream fabricates what `go test -json` prints for a package a/b that builds.
func stream(events ...string) string {
	start := `{"Action":"start","Package":"a/b"}`
	return start + "\n" + strings.Join(events, "\n") + "\n"
}

func TestReport(t *testing.T) {
	const (
		passOne  = `{"Action":"run","Package":"a/b","Test":"TestOne"}` + "\n" + `{"Action":"pass","Package":"a/b","Test":"TestOne"}`
		runTwo   = `{"Action":"run","Package":"a/b","Test":"TestTwo"}`
		sayTwo   = `{"Action":"output","Package":"a/b","Test":"TestTwo","Output":"    b_test.go:9: why\n"}`
		passTwo  = `{"Action":"pass","Package":"a/b","Test":"TestTwo"}`
		skipTwo  = `{"Action":"skip","Package":"a/b","Test":"TestTwo"}`
		failTwo  = `{"Action":"fail","Package":"a/b","Test":"TestTwo"}`
		pass     = `{"Action":"pass","Package":"a/b","Elapsed":1.5}`
		fail     = `{"Action":"fail","Package":"a/b"}`
		noTests  = `{"Action":"skip","Package":"a/b"}`
		buildErr = `{"ImportPath":"a/b","Action":"build-output","Output":"b.go:1: syntax error\n"}`
	)
	for name, tc := range map[string]struct {
		stream string
		skips  string
		ok     bool
		want   []string // in the output, which ends with the last of them
	}{
		"all pass": {
			stream: stream(passOne, runTwo, sayTwo, passTwo, pass),
			ok:     true,
			want:   []string{"ok   a/b 1.5s\n", "2 passed, 0 failed, 0 skipped\n"},
		},
		"listed skip": {
			stream: stream(passOne, runTwo, skipTwo, pass),
			skips:  "# comment\n\na/b TestTwo needs a moon\n",
			ok:     true,
			want:   []string{"1 passed, 0 failed, 1 skipped\n"},
		},
		"unlisted skip": {
			stream: stream(passOne, runTwo, sayTwo, skipTwo, pass),
			want:   []string{"not on the list of skips: a/b TestTwo\n", "b_test.go:9: why", "1 passed, 0 failed, 1 skipped\n"},
		},
		"skip listed for another package": {
			stream: stream(passOne, runTwo, skipTwo, pass),
			skips:  "a/c TestTwo reason\n",
			want:   []string{"not on the list of skips: a/b TestTwo\n", "but not skipped: a/c TestTwo\n", "1 passed, 0 failed, 1 skipped\n"},
		},
		"listed, but passes": {
			stream: stream(passOne, runTwo, passTwo, pass),
			skips:  "a/b TestTwo reason\n",
			want:   []string{"on the list of skips, but not skipped: a/b TestTwo\n", "2 passed, 0 failed, 0 skipped\n"},
		},
		"listed, but did not run": {
			stream: stream(passOne, pass),
			skips:  "a/b TestTwo reason\n",
			want:   []string{"on the list of skips, but not skipped: a/b TestTwo\n", "1 passed, 0 failed, 0 skipped\n"},
		},
		"failed test": {
			stream: stream(passOne, runTwo, sayTwo, failTwo, fail),
			want:   []string{"b_test.go:9: why", "FAIL a/b", "failed: a/b TestTwo\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"failed once of two times": {
			stream: stream(runTwo, failTwo, runTwo, passTwo, fail),
			want:   []string{"failed: a/b TestTwo\n", "0 passed, 1 failed, 0 skipped\n"},
		},
		"package that fails by itself": {
			stream: stream(passOne, `{"Action":"output","Package":"a/b","Output":"exit status 7\n"}`, fail),
			want:   []string{"exit status 7\n", "failed: a/b\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"package that does not build": {
			stream: buildErr + "\n" + stream(fail) + stream(passOne, pass),
			want:   []string{"b.go:1: syntax error\n", "failed: a/b\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"test cut off by a panic": {
			stream: stream(runTwo, sayTwo, fail),
			want:   []string{"b_test.go:9: why", "failed: a/b TestTwo\n", "0 passed, 1 failed, 0 skipped\n"},
		},
		"stream cut off": {
			stream: stream(passOne),
			want:   []string{"unfinished when the stream ended: a/b\n", "1 passed, 1 failed, 0 skipped\n"},
		},
		"package without tests": {
			stream: stream(noTests),
			want:   []string{"-    a/b", "no test ran\n", "0 passed, 0 failed, 0 skipped\n"},
		},
		"package without tests beside another": {
			stream: stream(passOne, pass) + `{"Action":"skip","Package":"a/c"}` + "\n",
			ok:     true,
			want:   []string{"-    a/c", "1 passed, 0 failed, 0 skipped\n"},
		},
		"only skips": {
			stream: stream(runTwo, skipTwo, pass),
			skips:  "a/b TestTwo reason\n",
			want:   []string{"no test ran\n", "0 passed, 0 failed, 1 skipped\n"},
		},
		"empty stream": {
			want: []string{"no test ran\n", "0 passed, 0 failed, 0 skipped\n"},
		},
		"other lines are kept": {
			stream: "go: something\n" + stream(passOne, pass),
			ok:     true,
			want:   []string{"go: something\n", "1 passed, 0 failed, 0 skipped\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			skips, err := parseSkips(tc.skips)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			ok, err := report(strings.NewReader(tc.stream), &out, skips)
			if err != nil {
				t.Fatal(err)
			}
			if ok != tc.ok {
				t.Errorf("ok = %t, want %t", ok, tc.ok)
			}
			for _, want := range tc.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q", want)
				}
			}
			if last := tc.want[len(tc.want)-1]; !strings.HasSuffix(out.String(), "\n"+last) {
				t.Errorf("output does not end with %q", last)
			}
			if t.Failed() {
				t.Logf("output:\n%s", out.String())
			}
		})
	}
}

func TestParseSkipsWithoutReason(t *testing.T) {
	_, err := parseSkips("# two lines\na/b TestTwo\n")
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("err = %v, want one that names line 2", err)
	}
}
