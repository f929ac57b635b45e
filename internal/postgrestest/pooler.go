package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// ErrNoPooler says that the system has no PgBouncer.
var ErrNoPooler = errors.New("there is no pgbouncer in PATH or in /usr/sbin; on Debian, install the package pgbouncer")

// Pooler is a PgBouncer before a server.
type Pooler struct {
	folder string
	run    *exec.Cmd
	log    bytes.Buffer
}

// NewPooler starts a PgBouncer before a server, with a pool mode such as transaction. The error is
// ErrNoPooler where the system has none. Close ends it.
func NewPooler(s *Server, mode string) (*Pooler, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(path); err != nil {
		return nil, ErrNoPooler
	}
	folder, err := os.MkdirTemp("", "pgb")
	if err != nil {
		return nil, err
	}
	p := &Pooler{folder: folder}
	users, config := filepath.Join(folder, "users.txt"), filepath.Join(folder, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s port=5432\n[pgbouncer]\nunix_socket_dir = %s\nlisten_port = 5432\nauth_type = trust\nauth_file = %s\npool_mode = %s\n",
		s.folder, folder, users, mode)
	err = errors.Join(giveAway(folder), os.WriteFile(users, []byte("\"vcc\" \"\"\n"), 0o644), os.WriteFile(config, []byte(text), 0o644)) //nolint:gosec // another user reads them
	if err == nil {
		p.run = exec.CommandContext(context.Background(), path, config) //nolint:gosec // found above
		p.run.Dir, p.run.SysProcAttr = folder, &syscall.SysProcAttr{}
		p.run.Stdout, p.run.Stderr = &p.log, &p.log
		endWithParent(p.run.SysProcAttr)
		err = runAsOrdinaryUser(p.run.SysProcAttr)
	}
	if err == nil {
		err = startOnLastingThread(p.run)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	for end := time.Now().Add(startTimeout); ; {
		// The socket is there before anybody listens.
		if conn, err := new(net.Dialer).DialContext(context.Background(), "unix", filepath.Join(folder, ".s.PGSQL.5432")); err == nil {
			return p, conn.Close()
		}
		if time.Now().After(end) {
			return nil, errors.Join(p.Close(), fmt.Errorf("pgbouncer does not get ready: %s", &p.log))
		}
		time.Sleep(2 * time.Millisecond) // it tells nobody when it is ready
	}
}

// URL is the address of a database by way of the pooler.
func (p *Pooler) URL(database string) string {
	return "postgres://vcc@/" + database + "?" + url.Values{"host": {p.folder}, "sslmode": {"disable"}}.Encode()
}

// Close ends the pooler and removes its folder.
func (p *Pooler) Close() error {
	_ = p.run.Process.Kill()
	_ = p.run.Wait()
	return os.RemoveAll(p.folder)
}
