//go:build !linux

package rehearsal

import "io"

// process is for Linux alone.
type process struct{}

func (*process) wait() error { return nil }

func startHelper(Config) (*process, io.ReadWriteCloser, error) { return nil, nil, ErrSystem }

// Inside is for Linux alone.
func Inside() {}
