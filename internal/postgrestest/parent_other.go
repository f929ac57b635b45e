//go:build !linux

package postgrestest

import (
	"os/exec"
	"syscall"
)

func endWithParent(*syscall.SysProcAttr) {}

func startOnLastingThread(cmd *exec.Cmd) error { return cmd.Start() }
