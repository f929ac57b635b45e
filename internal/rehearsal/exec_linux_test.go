package rehearsal_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	if err := mountsSysfs(t); err != nil {
		t.Logf("no sysfs can be mounted here (%v), and /sys is to be read-only", err)
		if s.run(": >> /sys/class/net/lo/mtu") == 0 { // which opens the file, and writes nothing
			t.Error("a program can write to this system's /sys")
		}
		return
	}
	if links := s.says("ls /sys/class/net"); links != "eth0\nlo\n" {
		t.Errorf("links in /sys:\n%s", links)
	}
}

// sysfsEnv is set for the process that finds out whether it can mount sysfs.
const sysfsEnv = "VCC_TEST_MOUNTS_SYSFS"

// mountsSysfs returns why sysfs cannot be mounted in new namespaces such as those of a rehearsal, nil if it can.
func mountsSysfs(t *testing.T) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), sysfsEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	said, err := cmd.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if err != nil {
		return errors.New(string(said))
	}
	return nil
}

// mountSysfs is all that such a process does.
func mountSysfs() {
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	if err != nil {
		fmt.Print(err)
		os.Exit(1)
	}
	os.Exit(0)
}
