// Package postgrestest starts PostgreSQL servers for tests, from the programs that the
// system has: on a socket in a temporary folder, as an ordinary user. Its commits are
// durable unless a test says that it needs no such thing. It is for tests only.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrNotInstalled says that the system has no PostgreSQL server.
var ErrNotInstalled = errors.New("there is no PostgreSQL server in PATH or under /usr/lib/postgresql; on Debian, install the package postgresql")

// NotDurable are the settings of a server for tests that do not end it. A commit waits for no
// disk, and no process looks through hundreds of databases for something to vacuum.
var NotDurable = []string{"fsync=off", "full_page_writes=off", "autovacuum=off"}

// startTimeout is how long a server may take until it answers.
const startTimeout = 30 * time.Second

// Server is a PostgreSQL server. Its methods are safe for concurrent use, but for
// Start and Kill.
type Server struct {
	bin, folder string
	settings    []string // NAME=VALUE
	fileCopy    bool     // NewDatabase copies the files of its template
	run         *exec.Cmd
	log         bytes.Buffer
	databases   atomic.Int64
}

// New makes a server's folder and starts it with settings, each like fsync=off. The error
// is ErrNotInstalled where the system has none. Close ends it.
func New(settings ...string) (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	// The path of a socket must be short.
	folder, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, folder: folder, settings: settings}
	err = errors.Join(os.Mkdir(s.data(), 0o700), giveAway(folder), giveAway(s.data()))
	if err == nil {
		_, err = s.command("initdb", "--pgdata", s.data(), "--username", "vcc", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	}
	if err == nil {
		err = s.chooseFastWays()
	}
	if err == nil {
		err = s.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return s, nil
}

func find() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "initdb")); err == nil {
				return filepath.Dir(path), nil
			}
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", ErrNotInstalled
	}
	return filepath.Dir(slices.Max(found)), nil
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// chooseFastWays looks what this release of PostgreSQL has. Where no disk is waited for,
// copying a template's files is the faster way to make a database. And a server that starts
// after Kill syncs its files first: on Linux the whole file system in one call, instead of
// a thousand files one by one.
func (s *Server) chooseFastWays() error {
	help, err := s.command("createdb", "--help")
	if err != nil {
		return err
	}
	s.fileCopy = slices.Contains(s.settings, "fsync=off") && bytes.Contains(help, []byte("--strategy"))
	known, err := s.command("postgres", "--describe-config")
	if runtime.GOOS == "linux" && bytes.Contains(known, []byte("recovery_init_sync_method")) {
		s.settings = append(slices.Clone(s.settings), "recovery_init_sync_method=syncfs")
	}
	return err
}

func (s *Server) prepare(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...) //nolint:gosec // the names are those in this file
	cmd.Dir = s.folder
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	endWithParent(cmd.SysProcAttr)
	return cmd, runAsOrdinaryUser(cmd.SysProcAttr)
}

func (s *Server) command(name string, args ...string) ([]byte, error) {
	cmd, err := s.prepare(name, args...)
	if err != nil {
		return nil, err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return out, err
}

// Start starts the server, also again after Kill, and waits until it answers.
func (s *Server) Start() error {
	args := []string{"-D", s.data(), "-k", s.folder}
	for _, setting := range append([]string{"listen_addresses=", "max_connections=200"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	cmd, err := s.prepare("postgres", args...)
	if err != nil {
		return err
	}
	s.log.Reset()
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	// Started from a thread that ends with its goroutine it would end with that.
	if err := startOnLastingThread(cmd); err != nil {
		return err
	}
	s.run = cmd
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if s.isReady() {
			return nil
		}
		time.Sleep(2 * time.Millisecond) // the server tells nobody when it is ready
	}
	s.Kill()
	return fmt.Errorf("the server does not get ready: %s", &s.log)
}

// isReady reports whether the server takes connections, as its own file says: the first line
// is the process, the eighth its state (since PostgreSQL 10), which for a standby is another.
func (s *Server) isReady() bool {
	content, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	lines := bytes.Split(content, []byte("\n"))
	return err == nil && len(lines) > 7 && string(lines[0]) == strconv.Itoa(s.run.Process.Pid) && slices.Contains([]string{"ready", "standby"}, string(bytes.TrimSpace(lines[7])))
}

// Kill ends the server and all its processes at once, as a crash of the machine's
// power would but for the disk.
func (s *Server) Kill() {
	if s.run == nil {
		return
	}
	children := s.children()
	_ = s.run.Process.Kill()
	for _, pid := range children {
		kill(pid)
	}
	_ = s.run.Wait()
	s.run = nil
}

// children are the processes that the server has started.
func (s *Server) children() (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.run.Process.Pid))
	for _, task := range tasks {
		content, _ := os.ReadFile(task)
		for _, field := range bytes.Fields(content) {
			if pid, err := strconv.Atoi(string(field)); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	s.Kill()
	return os.RemoveAll(s.folder)
}

// URL is the address of a database.
func (s *Server) URL(database string) string {
	q := url.Values{"host": {s.folder}, "sslmode": {"disable"}}
	return "postgres://vcc@/" + database + "?" + q.Encode()
}

// NewDatabase makes a database, a copy of template if that is not "", and returns its
// name.
func (s *Server) NewDatabase(template string) (string, error) {
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	args := []string{"-h", s.folder, "-U", "vcc", name}
	if template != "" {
		args = append(args, "--template", template)
	}
	if s.fileCopy {
		args = append(args, "--strategy", "file_copy")
	}
	_, err := s.command("createdb", args...)
	return name, err
}
