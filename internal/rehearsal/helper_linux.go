package rehearsal

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/linuxrouter"
)

// Inside returns in every process but a helper, which it is the whole life of. Programs that start
// rehearsals call it before anything else.
func Inside() {
	if len(os.Args) == 0 || os.Args[0] != helperName {
		return
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
	os.Exit(0) // and with it every process and every namespace of the rehearsal ends
}

// serve is the life of a helper: until the program that started it closes the connection.
func serve() error {
	const fd = 3 // the first of the files beside the standard ones
	unix.CloseOnExec(fd)
	file := os.NewFile(fd, "rehearsal")
	conn, err := net.FileConn(file)
	if err != nil {
		return err
	}
	_ = file.Close() // conn has its own
	// What a terminal sends to all of its programs is for those on the machines. These do not
	// inherit a signal that is taken, as they would one that is ignored.
	taken := make(chan os.Signal, 1)
	signal.Notify(taken, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		for range taken { //nolint:revive // it is over with them
		}
	}()
	server := rpc.NewServer()
	h := &helper{children: newChildren()}
	h.news.L = &h.mu
	if err := server.RegisterName("Helper", h); err != nil {
		return err
	}
	server.ServeConn(lifeline{conn})
	return nil
}

// lifeline is a connection whose end ends the helper at once, whatever it is doing: with programs that
// run a server would wait for them.
type lifeline struct{ net.Conn }

// Read implements io.Reader.
func (l lifeline) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if err != nil {
		os.Exit(0)
	}
	return n, err
}

// helper is what a program may ask of the process that holds the namespaces.
type helper struct {
	world    *world
	children *children

	mu       sync.Mutex
	news     sync.Cond
	notices  []Notice
	finished bool
}

// Up builds a scene.
func (h *helper) Up(scene Scene, _ *struct{}) error {
	if err := ownFiles(scene); err != nil {
		return refused(err)
	}
	var err error
	h.world, err = newWorld(scene, h.notify)
	return refused(err)
}

// refused says what a system lacks where it lets a user have namespaces with nothing in them, as
// AppArmor does on some.
func refused(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS) {
		return fmt.Errorf("this machine gives the namespaces that a rehearsal is made of, and forbids to set them up: %w; run it with sudo, or on the host where this is a container", err)
	}
	return err
}

// Update configures the appliances. broken says why one of them is good for nothing any more, "" where all are good: of an error
// the other process gets no more than the text.
func (h *helper) Update(scene Scene, broken *string) error {
	err := h.world.update(scene)
	if errors.Is(err, linuxrouter.ErrBroken) {
		*broken = err.Error()
		return nil
	}
	return err
}

// Try tries ways of checks.
func (h *helper) Try(tries []Try, outcomes *[]TryOutcome) (err error) {
	*outcomes, err = h.world.try(tries)
	return err
}

func (h *helper) notify(n Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notices = append(h.notices, n)
	h.news.Broadcast()
}

// Notices waits for notices. The error is io.EOF after the last ones.
func (h *helper) Notices(_ struct{}, notices *[]Notice) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.notices) == 0 && !h.finished {
		h.news.Wait()
	}
	if len(h.notices) == 0 {
		return io.EOF
	}
	*notices, h.notices = h.notices, nil
	return nil
}

// Finish makes the next notices the last ones.
func (h *helper) Finish(_ struct{}, _ *struct{}) error {
	if h.world != nil {
		h.world.settle()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finished = true
	h.news.Broadcast()
	return nil
}

// What a shell says of a program that it cannot run, or that a signal ended.
const (
	statusNotRunnable = 126
	statusNotFound    = 127
	statusSignaled    = 128
)

// Exec runs a program on a machine.
func (h *helper) Exec(args ExecArgs, status *int) error {
	m, err := h.world.host(args.Machine)
	if err != nil {
		return err
	}
	if len(args.Program) == 0 {
		return errors.New("no program is named")
	}
	return m.Do(func() error {
		// The name and the view of /sys are those of one program's namespaces, which end with it.
		if err := unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := errors.Join(unix.Sethostname([]byte(hostName(m.name))), ownLinks()); err != nil {
			return err
		}
		cmd := exec.Command(args.Program[0], args.Program[1:]...) //nolint:gosec,noctx // the user names it, and it ends with the rehearsal
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if args.Input {
			cmd.Stdin = os.Stdin
		}
		ended, err := h.children.run(cmd)
		switch {
		case err == nil && ended.Signaled():
			*status = statusSignaled + int(ended.Signal())
		case err == nil:
			*status = ended.ExitStatus()
		case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
			*status = statusNotFound
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.name, err)
		default:
			*status = statusNotRunnable
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.name, err)
		}
		return nil
	})
}

// ownLinks makes /sys that of the calling thread's network namespace. The system's own has the links of this
// machine, which root could change there. Where another one is forbidden, as in some containers, nobody may
// change anything below it.
func ownLinks() error {
	const sys = "/sys"
	err := unix.Mount("sysfs", sys, "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err == nil || errors.Is(err, unix.ENOENT) { // a system without it needs none
		return nil
	}
	if err = unix.Mount(sys, sys, "", unix.MS_BIND|unix.MS_REC, ""); err == nil {
		err = unix.MountSetattr(unix.AT_FDCWD, sys, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	}
	// Linux before 5.12 does not know that call, and some containers refuse it. The links are in what is mounted
	// at /sys itself. The other flags may be locked in a user namespace, and then have to stay.
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		err = unix.Mount("", sys, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	if err != nil {
		return fmt.Errorf("a view of %s without the links of this machine: %w", sys, err)
	}
	return nil
}

// hostName is a name as a system may have it, and as a file of hosts can.
func hostName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r == '-' || r == '.' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') {
			return r
		}
		return '-'
	}, name[:min(len(name), 63)])
}

// ownFiles gives the rehearsal a view of the file system in which its names resolve, and nothing
// else asks for any. The files are in memory, and no other process sees them.
func ownFiles(scene Scene) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("a view of the file system: %w", err)
	}
	// Every system has a /proc, and this process needs another one anyway.
	const scratch = "/proc"
	if err := unix.Mount("tmpfs", scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=4m,mode=0755"); err != nil {
		return fmt.Errorf("files in memory: %w", err)
	}
	for _, f := range []struct{ path, content string }{
		{"/etc/hosts", scene.hosts()},
		{"/etc/resolv.conf", "# A rehearsal: names are in /etc/hosts alone.\noptions timeout:1 attempts:1\n"},
		{"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\nprotocols: files\nservices: files\n"},
	} {
		own := scratch + "/" + strings.ReplaceAll(strings.TrimPrefix(f.path, "/"), "/", "-")
		if err := os.WriteFile(own, []byte(f.content), 0o644); err != nil { // #nosec G306 -- every program reads it
			return err
		}
		err := unix.Mount(own, f.path, "", unix.MS_BIND, "")
		if err != nil && (f.path == "/etc/hosts" || !errors.Is(err, unix.ENOENT)) { // a system without the others needs none
			return fmt.Errorf("%s of the rehearsal: %w", f.path, err)
		}
	}
	if err := unix.Unmount(scratch, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("files in memory: %w", err)
	}
	// Where this is forbidden, as in some containers, the processes of the outer namespace show.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	return nil
}
