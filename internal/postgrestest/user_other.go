//go:build !unix

package postgrestest

import "syscall"

// Elsewhere New finds no server, and the tests say so.

func runAsOrdinaryUser(*syscall.SysProcAttr) error { return nil }

func giveAway(string) error { return nil }

func kill(int) {}

func freeze(int) {}

func thaw(int) {}
