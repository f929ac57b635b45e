package postgrestest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// NewStandby makes a standby of a server and waits until that confirms no commit before the standby
// has it on disk. Close ends it.
func NewStandby(primary *Server) (*Server, error) {
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: primary.bin, folder: folder, settings: primary.settings}
	if err := errors.Join(giveAway(folder), s.Follow(primary)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Follow makes a server, which is killed, a standby of another as NewStandby does, with a copy of what
// that has.
func (s *Server) Follow(primary *Server) error {
	s.Kill()
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	_, err := s.command("pg_basebackup", "--pgdata", s.data(), "-h", primary.folder, "-U", "vcc", "--checkpoint", "fast", "--write-recovery-conf", "--no-sync")
	if err == nil {
		err = s.Start()
	}
	if err == nil {
		_, err = primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
	}
	if err == nil {
		_, err = primary.sql("SELECT pg_reload_conf()")
	}
	for end := time.Now().Add(startTimeout); err == nil; {
		var state string
		if state, err = primary.sql("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"); state == "sync" {
			// The process that does a checkpoint is the one that makes commits wait.
			_, err = primary.sql("CHECKPOINT")
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the standby does not follow: %s", &s.log)
		}
		time.Sleep(10 * time.Millisecond) // the server tells nobody
	}
	return err
}

// Promote makes a standby a primary, which has no standby yet, and waits until it is one.
func (s *Server) Promote() error {
	_, err := s.command("pg_ctl", "promote", "--pgdata", s.data())
	return err
}

// CutOff keeps from a standby whatever its primary does from now on, until Thaw of the standby.
func (s *Server) CutOff(standby *Server) error {
	standby.Freeze()
	_, err := s.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
	return err
}

// Freeze stops a server and all its processes as they are: connections stay, new ones are taken by
// the system, and nothing is ever answered. Thaw lets them go on, and Kill ends them.
func (s *Server) Freeze() { s.signal(freeze) }

// Thaw undoes Freeze.
func (s *Server) Thaw() { s.signal(thaw) }

func (s *Server) signal(send func(pid int)) {
	send(s.run.Process.Pid)
	for _, pid := range s.children() {
		send(pid)
	}
}

// sql runs a statement and returns the first column of its rows.
func (s *Server) sql(statement string) (string, error) {
	out, err := s.command("psql", "-h", s.folder, "-U", "vcc", "-d", "postgres", "-XAtqc", statement)
	return strings.TrimSpace(string(out)), err
}

// URLOf is the address of a database on whichever of some servers is the primary.
func URLOf(database string, servers ...*Server) string {
	var hosts, ports []string
	for _, s := range servers {
		hosts, ports = append(hosts, s.folder), append(ports, "5432")
	}
	q := url.Values{"host": {strings.Join(hosts, ",")}, "port": {strings.Join(ports, ",")}, "target_session_attrs": {"read-write"}, "sslmode": {"disable"}}
	return "postgres://vcc@/" + database + "?" + q.Encode()
}
