package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
)

// screen is a terminal: what is written to it can be read, and who is at it types.
type screen struct {
	t        *testing.T
	terminal *os.File // for a program
	person   *os.File

	mu    sync.Mutex
	shown bytes.Buffer
	ended chan struct{}
}

func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	ok(t, err)
	fd := int(person.Fd())
	ok(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	ok(t, err)
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	ok(t, err)
	ok(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	s := &screen{t: t, terminal: terminal, person: person, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		buffer := make([]byte, 4096)
		for {
			n, err := person.Read(buffer)
			s.mu.Lock()
			s.shown.Write(buffer[:n])
			s.mu.Unlock()
			if err != nil { // EIO once nobody has the terminal
				return
			}
		}
	}()
	t.Cleanup(func() { _, _ = terminal.Close(), person.Close() })
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.shown.String(), "\r\n", "\n")
}

// all is what is shown at the end.
func (s *screen) all() string {
	s.t.Helper()
	ok(s.t, s.terminal.Close())
	<-s.ended
	return s.text()
}

// waits waits until something is shown after what was shown before.
func (s *screen) waits(before int, what string) {
	s.t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if text := s.text(); strings.Contains(text[min(before, len(text)):], what) {
			return
		}
		if time.Since(begin) > patience {
			s.t.Fatalf("%q is not shown:\n%q", what, s.text())
		}
	}
}

func (s *screen) types(keys string) {
	s.t.Helper()
	_, err := io.WriteString(s.person, keys)
	ok(s.t, err)
}

// shownAt is what a command shows on a terminal of a width.
func shownAt(t *testing.T, columns uint16, args ...string) string {
	t.Helper()
	s := newScreen(t, columns)
	cli.Run(t.Context(), args, strings.NewReader(""), s.terminal, s.terminal, "1.2.3")
	return s.all()
}

// Tables fit the terminal, with all that is in them.
func TestTablesFitTheTerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "yes")
	builtIn(t)
	for _, args := range [][]string{{"networks"}, {"gateway", "list"}, {"gateway", "history", "VMware Silver network 1 (internet)"}, {"failover", "status"}} {
		args = append([]string{"backend"}, args...)
		wide := shownAt(t, 300, args...)
		for _, columns := range []uint16{80, 60} {
			narrow := shownAt(t, columns, args...)
			for line := range strings.Lines(narrow) {
				if n := utf8.RuneCountInString(line) - 1; n > int(columns) {
					t.Errorf("%v: %d columns: %s", args, n, line)
				}
			}
			// No word is lost, although other words may stand between its parts.
			letters := func(s string) map[rune]int {
				counts := map[rune]int{}
				for _, r := range s {
					counts[r]++
				}
				delete(counts, ' ')
				delete(counts, '\n')
				return counts
			}
			equal(t, fmt.Sprint("the letters of ", args, " at ", columns), letters(narrow), letters(wide))
		}
	}
	equal(t, "no terminal", done(t, "backend networks"), shownAt(t, 300, "backend", "networks"))
	narrow := shownAt(t, 40, "backend", "lab", "apply", "--help")
	for line := range strings.Lines(narrow) {
		if n := utf8.RuneCountInString(line) - 1; n > 60 { // some words are long
			t.Errorf("a line of the help has %d columns: %s", n, line)
		}
	}
}

// A problem is red, if the terminal wants that, and nothing is elsewhere.
func TestColours(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	builtIn(t)
	test := []string{"backend", "failover", "test", "Whole site"}
	const inRed = "\x1b[31mProblem:\x1b[0m no default gateway"
	if text := shownAt(t, 300, test...); strings.Count(text, inRed) != 3 {
		t.Errorf("it shows %q", text)
	}
	wrong := []string{"backend", "replicate", "\x1b[31m"}
	if text := shownAt(t, 80, wrong...); !strings.HasPrefix(text, "\x1b[31mError:\x1b[0m there is no") || strings.Count(text, "\x1b") != 2 {
		t.Errorf("it shows %q", text)
	}
	// Each test has a report of its own.
	report := regexp.MustCompile(`(session) \S+\n$`)
	plain := report.ReplaceAllString(done(t, "backend failover test 'Whole site'"), "$1\n")
	if strings.Contains(plain, "\x1b") {
		t.Errorf("it prints %q", plain)
	}
	for name, value := range map[string]string{"NO_COLOR": "1", "TERM": "dumb"} {
		t.Setenv(name, value)
		equal(t, name, report.ReplaceAllString(shownAt(t, 300, test...), "$1\n"), plain)
		t.Setenv(name, "")
	}
}

// Whoever waits at a terminal reads what for, and finds no trace of it at the end.
func TestProgressAtATerminal(t *testing.T) {
	builtIn(t)
	capture, err := os.ReadFile(filepath.Join(sources, "../../examples/rehearsal/capture.pcapng"))
	ok(t, err)
	s := newScreen(t, 80)
	from, to := io.Pipe()
	go func() {
		_, err := to.Write(capture)
		for err == nil && !strings.Contains(s.text(), " KiB, 2 s") && t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		_ = to.CloseWithError(err)
	}()
	var stdout bytes.Buffer
	equal(t, "status", cli.Run(t.Context(), []string{"backend", "replay", "-"}, from, &stdout, s.terminal, "1.2.3"), 0)
	text := s.all()
	if !strings.HasPrefix(text, "\rReplaying the standard input: ") || !strings.HasSuffix(text, " \r") {
		t.Errorf("it shows %q", text)
	}
	if !strings.HasPrefix(stdout.String(), "the standard input: ") {
		t.Errorf("it prints %q", stdout.String())
	}
}

// Shells, and how they start with nothing configured. They say READY> when they wait for a command.
var shells = map[string]struct {
	args  []string
	setUp string
}{
	"bash": {[]string{"--norc", "--noprofile", "-i"}, "PS1='READY''> '; source <(terraform-provider-vcc completion bash)\n"},
	"zsh":  {[]string{"-f", "-i"}, "PS1='READY''> '; autoload -U compinit; compinit -D; source <(terraform-provider-vcc completion zsh)\n"},
	"fish": {[]string{"--no-config", "-i"}, "function fish_prompt; echo -n 'READY''> '; end; terraform-provider-vcc completion fish | source\n"},
}

// TestCompletionInShells types a part of a command, the tabulator, and the return key. What the command prints shows what
// the shell has made of it.
func TestCompletionInShells(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	program, err := rehearsable()
	ok(t, err)
	for name, shell := range shells {
		t.Run(name, func(t *testing.T) {
			path, err := exec.LookPath(name)
			if errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "" {
				t.Skipf("%v; install Debian's package %s", err, name)
			}
			ok(t, err)
			folder := t.TempDir()
			ok(t, os.WriteFile(filepath.Join(folder, "my lab.yaml"), nil, 0o600))
			ok(t, os.Mkdir(filepath.Join(folder, "somewhere"), 0o700))
			s := newScreen(t, 200)
			command := exec.CommandContext(t.Context(), path, shell.args...)
			command.Dir = folder
			command.Env = []string{"HOME=" + folder, "TERM=xterm", "PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH"), "NO_COLOR=1", "HISTFILE="}
			command.Stdin, command.Stdout, command.Stderr = s.terminal, s.terminal, s.terminal
			command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			ok(t, command.Start())
			t.Cleanup(func() {
				_ = command.Process.Kill()
				_ = command.Wait()
			})
			s.types(shell.setUp)
			s.waits(0, "READY>")
			for _, test := range []struct{ keys, want string }{
				{"backend gat\trem\t--help", "Remove a default gateway."},
				{"completion b\t", "# Completion of terraform-provider-vcc for bash"},
				{"help backend vbr exp\t", "Usage: terraform-provider-vcc backend vbr export-script"},
				{"backend account add x --data\tsqlite:x --ten\ty --role op\t", "an operator belongs to no tenant"},
				{"backend account add x --database=sqlite:x --tenant y --role=op\t", "an operator belongs to no tenant"},
				{"backend vbr lab my\t", "my lab.yaml is refused"},
				{"backend networks --data-dir some\t", "the folder somewhere"},
			} {
				before := len(s.text())
				s.types("terraform-provider-vcc " + test.keys + "\r")
				s.waits(before, test.want)
				s.waits(before+strings.Index(s.text()[before:], test.want), "READY>")
			}
		})
	}
}
