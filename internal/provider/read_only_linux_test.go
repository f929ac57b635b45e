package provider_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// bound runs what starts processes that permissions bind, also where the tests run as root:
// without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)).
func bound(t *testing.T, run func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocks it, so that the thread ends with this
		for _, capability := range []uintptr{1, 2} {
			if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_CAPBSET_DROP, capability, 0); errno != 0 && os.Getuid() == 0 {
				t.Errorf("prctl: %v", errno)
				return
			}
		}
		run()
	}()
	<-done
}

// TestAccReadOnlyFolder: a plan on a data folder that may only be read works, whole and with what is
// stored, and an apply that would write is refused in words.
func TestAccReadOnlyFolder(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	unchanged := l.config(gateway(silver3, ipv4("172.17.54.1", "255.255.255.0")))
	w.write(unchanged)
	w.expect(0, nil, "apply", "-auto-approve")
	if err := os.Chmod(l.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(l.dir, 0o700) //nolint:errcheck // it goes anyway
	before := l.gateways()
	bound(t, func() {
		w.expect(0, nil, "plan", "-detailed-exitcode")
		w.write(l.config(gateway(silver3, ipv4("172.17.54.2", "255.255.255.0"))))
		w.expect(2, []string{"1 to change"}, "plan", "-detailed-exitcode")
		w.expect(1, []string{"vcc.db cannot be written; nothing was changed. Check the permissions of its folder"}, "apply", "-auto-approve")
		w.write(unchanged)
		w.expect(0, nil, "plan", "-detailed-exitcode")
	})
	expectUnchanged(t, l, before)
}
