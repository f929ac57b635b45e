package wiretest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// runInside runs a test again, as root of a user namespace, and fails it if it fails there. It returns an
// error if it cannot run there.
func runInside(t *testing.T) error {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], append(flags(), "-test.run=^"+t.Name()+"$", "-test.count=1")...) // #nosec G204 G702 -- ourselves
	c.Env = append(os.Environ(), inside+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := c.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case bytes.Contains(out, []byte(nowhere)):
		return errors.New(string(out))
	case errors.As(err, &failed):
		t.Fatalf("in a user namespace:\n%s", out)
	case err != nil:
		return err
	}
	t.Logf("in a user namespace:\n%s", out)
	return nil
}
