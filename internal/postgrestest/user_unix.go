//go:build unix

package postgrestest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ordinaryUser is who runs the server where this process is root's: PostgreSQL refuses root.
const ordinaryUser = "nobody"

// credential is the ordinary user's if this process is root's, else nil.
func credential() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(ordinaryUser)
	if err != nil {
		return nil, err
	}
	uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(uidErr, gidErr)
}

func runAsOrdinaryUser(attr *syscall.SysProcAttr) (err error) {
	attr.Credential, err = credential()
	return err
}

func giveAway(path string) error {
	c, err := credential()
	if err != nil || c == nil {
		return err
	}
	return os.Chown(path, int(c.Uid), int(c.Gid))
}

func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

func freeze(pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) }

func thaw(pid int) { _ = syscall.Kill(pid, syscall.SIGCONT) }
