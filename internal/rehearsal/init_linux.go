package rehearsal

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// children waits for every process that ends below the helper: it is the first of its namespace, and so
// it inherits those that programs leave behind, which stay zombies until somebody waits for them. Nobody
// else waits for any process: what one wait takes another one does not see. It is safe for concurrent use.
type children struct {
	mu      sync.Mutex
	awaited map[int]chan unix.WaitStatus // by number, of those that were started here
}

// newChildren begins to wait.
func newChildren() *children {
	c := &children{awaited: map[int]chan unix.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD) // one signal may stand for several ends
	go func() {
		for range ended {
			c.reap()
		}
	}()
	return c
}

// reap takes all that have ended.
func (c *children) reap() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR { //nolint:errorlint // a bare errno
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		c.mu.Lock() // which whoever starts one holds until it is awaited
		if ended := c.awaited[pid]; ended != nil {
			ended <- status
			delete(c.awaited, pid)
		}
		c.mu.Unlock()
	}
}

// run runs a program to its end. Its files are handed on as they are: with others there would be
// something to wait for beside the process. The error is that of a program that did not start.
func (c *children) run(cmd *exec.Cmd) (unix.WaitStatus, error) {
	c.mu.Lock()
	err := cmd.Start()
	if err != nil {
		c.mu.Unlock()
		return 0, err
	}
	ended := make(chan unix.WaitStatus, 1)
	c.awaited[cmd.Process.Pid] = ended
	c.mu.Unlock()
	status := <-ended
	return status, cmd.Process.Release()
}
