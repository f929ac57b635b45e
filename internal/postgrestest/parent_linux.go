package postgrestest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// endWithParent makes a process end with the one that started it, however that ends.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// startOnLastingThread starts a command from a thread that lasts as long as this
// process: to Linux the thread is the parent.
func startOnLastingThread(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		select {}
	}()
	return <-started
}
