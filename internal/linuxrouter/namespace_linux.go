package linuxrouter

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace without a name. It lives as long as something refers to it:
// this value, a process or a socket in it. With the last of them the kernel takes away all that
// is in it. It is safe for concurrent use until it is closed.
type Namespace struct{ file *os.File }

// NewNamespace makes an empty network namespace with its loopback up. The process must be
// allowed to: as root, or in a user namespace of its own (see Supported).
func NewNamespace() (*Namespace, error) {
	var n Namespace
	err := onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("no network namespace can be made here: %w", err)
		}
		if err := setUp("lo"); err != nil {
			return err
		}
		n.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// FD returns the descriptor of the namespace, which stays the namespace's own. It is what
// netlink libraries and setns take.
func (n *Namespace) FD() int { return int(n.file.Fd()) }

// Do calls a function on a thread inside the namespace. Processes that it starts and sockets
// that it opens are and stay in the namespace; goroutines that it starts are not.
func (n *Namespace) Do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering a network namespace: %w", err)
		}
		return f()
	})
}

// Close lets go of the namespace.
func (n *Namespace) Close() error { return n.file.Close() }

// onThread calls a function on a thread that ends afterwards, so that nothing else of the
// program ever runs in a namespace that the function entered.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // without an Unlock: the thread ends with the goroutine
		done <- f()
	}()
	return <-done
}

// setUp brings a link of the thread's namespace up.
func setUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// Supported returns nil if this process can make network namespaces and write their settings,
// and otherwise an error that says what is in the way. It makes one to find out, and nothing stays.
// A process that is not root has to run in a user namespace in which it is (CLONE_NEWUSER
// together with CLONE_NEWNET when it is started); the message does not assume one.
func Supported() error {
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("this process may not make network namespaces (%w); run it as root, with sudo, or where user namespaces are allowed", err)
	case errors.Is(err, unix.EROFS), errors.Is(err, unix.EACCES):
		return fmt.Errorf("the network settings of a namespace cannot be written (%w); in a container /proc/sys has to be writable, as with --privileged", err)
	default:
		return fmt.Errorf("there are no network namespaces here: %w", err)
	}
}
