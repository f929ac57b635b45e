package postgrestest

import (
	"errors"
	"os"
	"path/filepath"
)

// Demote makes a server that was killed a standby from its next Start on, one that nobody sends
// anything to: it can be read, and not written.
func (s *Server) Demote() error {
	path := filepath.Join(s.data(), "standby.signal")
	return errors.Join(os.WriteFile(path, nil, 0o600), giveAway(path))
}
