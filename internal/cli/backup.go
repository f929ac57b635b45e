package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
)

type backupCmd struct {
	database
	File string `arg:"" placeholder:"FILE" help:"The file to write. It must not exist, and has the hashes of passwords."`
}

// Run writes the backup. A file that is not complete is removed.
func (c backupCmd) Run(s *session) error {
	return c.on(s, func(store *backend.Store) error { return c.write(s, store) })
}

func (c backupCmd) write(s *session, store *backend.Store) error {
	file, err := os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the backup cannot be written: %w", err)
	}
	written := &counter{Writer: file}
	backup := func() error { return store.Backup(s.ctx, written) }
	err = s.during("Writing "+c.File, written.done, backup)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("the backup was not written: %w", err), os.Remove(c.File))
	}
	return s.done("Wrote %s\n", c.File)
}

type restoreCmd struct {
	database
	File string `arg:"" placeholder:"FILE" help:"The file that backup wrote."`
}

// Run fills the database.
func (c restoreCmd) Run(s *session) error {
	file, err := os.Open(c.File)
	if err != nil {
		return fmt.Errorf("the backup cannot be read: %w", err)
	}
	defer file.Close() //nolint:errcheck // what was read has been read
	return c.onNew(s, func(store *backend.Store) error {
		read := counted(file)
		restore := func() error { return store.Restore(s.ctx, read) }
		if err := s.during("Restoring "+c.File, read.done, restore); err != nil {
			return err
		}
		return s.done("Restored %s\n", c.File)
	})
}

// done says in a line that something was done, unless objects are asked for.
func (s *session) done(format string, args ...any) error {
	if s.flags.JSON {
		return nil
	}
	_, err := fmt.Fprintf(s.stdout, format, args...)
	return err
}
