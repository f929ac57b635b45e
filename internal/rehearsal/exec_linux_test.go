package rehearsal_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
)

// shell runs scripts on a machine of a rehearsal.
type shell struct {
	t  *testing.T
	r  *rehearsal.Rehearsal
	in *os.File // what they write
}

func newShell(t *testing.T) *shell {
	t.Helper()
	name := filepath.Join(t.TempDir(), "output")
	out, err := os.Create(name)
	ok(t, err)
	in, err := os.Open(name)
	ok(t, err)
	r := start(t, scene(t), rehearsal.Config{Stdout: out, Stderr: os.Stderr})
	t.Cleanup(func() {
		ok(t, r.Close())
		ok(t, in.Close())
		ok(t, out.Close())
	})
	return &shell{t, r, in}
}

// run runs a script, and returns its exit status.
func (s *shell) run(script string) int {
	status, err := s.r.Exec(s.t.Context(), "vm11", []string{"sh", "-c", script}, false)
	if err != nil {
		s.t.Error(err)
	}
	return status
}

// says runs a script, and returns what it writes.
func (s *shell) says(script string) string {
	s.run(script)
	text, err := io.ReadAll(s.in)
	ok(s.t, err)
	return string(text)
}

// What programs leave behind is no zombie once it has ended, and takes nobody's exit status away.
func TestExec_leftBehind(t *testing.T) {
	s := newShell(t)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			// The inner shells end at once, and leave their processes to the first one of the namespace.
			script := fmt.Sprintf("for i in 1 2 3; do sh -c '(sleep 0.0%d; exit 9) & (exit 8) &'; done; exit %d", i%10, i)
			if got := s.run(script); got != i {
				t.Errorf("program %d ended with %d", i, got)
			}
		})
	}
	all.Wait()
	if got := s.run("kill -TERM $$"); got != 128+15 {
		t.Errorf("a program that a signal ended has the status %d", got)
	}
	zombies := func() []string {
		text := s.says("for f in /proc/[0-9]*/stat; do read -r line < $f && echo \"$line\"; done 2>/dev/null; true")
		return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return !strings.Contains(line, ") Z ") })
	}
	left := zombies()
	for end := time.Now().Add(10 * time.Second); len(left) > 0 && time.Now().Before(end); left = zombies() { // the last ones sleep for 90 ms
		time.Sleep(50 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Errorf("zombies:\n%s", strings.Join(left, "\n"))
	}
}

// A program sees the links of its machine in /sys. Where the system does not let it, it changes none of this system's.
func TestExec_sys(t *testing.T) {
	s := newShell(t)
	if links := s.says("ls /sys/class/net"); links != "eth0\nlo\n" && s.run("grep -q ' /sys .* ro[, ]' /proc/self/mounts") != 0 {
		t.Errorf("links in /sys:\n%s", links)
	}
}
