package rehearsal

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// helperName is what the helper is called in lists of processes, and how the program knows that it
// is one.
const helperName = "vcc-rehearsal"

// process is a helper that runs.
type process struct {
	ended chan struct{}
	err   error // once it has ended
}

// wait returns when the helper has ended, and its namespaces with it.
func (p *process) wait() error {
	<-p.ended
	return p.err
}

// namespaces are those of a helper, beside that for users.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// rootAsIs says that root needs no user namespace. Tests of what an ordinary user gets say otherwise.
var rootAsIs = true

// startHelper starts this program again as a helper, and returns the connection to it. Root needs
// no user namespace where it has its capabilities.
func startHelper(cfg Config) (*process, io.ReadWriteCloser, error) {
	if os.Geteuid() == 0 && rootAsIs {
		p, conn, err := startIn(cfg, namespaces)
		if !errors.Is(err, unix.EPERM) {
			return p, conn, err
		}
	}
	p, conn, err := startIn(cfg, namespaces|unix.CLONE_NEWUSER)
	if err != nil {
		return nil, nil, forbidden(err)
	}
	return p, conn, nil
}

// forbidden says why namespaces are not to be had, and what to do.
func forbidden(err error) error {
	if os.Geteuid() == 0 {
		return fmt.Errorf("this machine or container lets nobody make namespaces, which a rehearsal is made of: %w; run it on the host, or in a container with CAP_SYS_ADMIN", err)
	}
	return fmt.Errorf("this machine does not let an ordinary user make the namespaces that a rehearsal is made of: %w; run it with sudo", err)
}

// startIn starts a helper in new namespaces. It gets SIGKILL when the thread ends that started it,
// and so when this program does, whatever ends it.
func startIn(cfg Config, flags uintptr) (*process, io.ReadWriteCloser, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(ends[0]), "rehearsal"), os.NewFile(uintptr(ends[1]), "rehearsal") // #nosec G115 -- descriptors
	defer theirs.Close()                                                                                 //nolint:errcheck // the helper has its own
	conn, err := net.FileConn(ours)
	_ = ours.Close() // conn has its own
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // it ends with the connection
	cmd.Args = []string{helperName}
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = cfg.Stdin, cfg.Stdout, cfg.Stderr, []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: unix.SIGKILL}
	if flags&unix.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	p, started := &process{ended: make(chan struct{})}, make(chan error)
	go func() {
		runtime.LockOSThread() // the helper ends with this thread
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		defer close(p.ended)
		if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			p.err = err
		}
	}()
	if err := <-started; err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return p, conn, nil
}
