package cli

import (
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
)

// database is the flag of the commands that work on a database.
type database struct {
	Database string `required:"" env:"VCC_DATABASE" placeholder:"ADDRESS" help:"sqlite:PATH or postgres://USER@HOST:5432/DB, with the password in PGPASSWORD or PGPASSFILE."`
}

func (database) sharedFlags() []string { return []string{"json"} }

func (database) does() string { return "works on a database" }

func (database) withoutBackend() {}

// on carries something out on the database, which there has to be.
func (d database) on(s *session, do func(*backend.Store) error) error { return d.open(s, false, do) }

// onNew carries something out on the database, and makes its file if there is none.
func (d database) onNew(s *session, do func(*backend.Store) error) error { return d.open(s, true, do) }

func (d database) open(s *session, create bool, do func(*backend.Store) error) (err error) {
	store, err := backend.OpenStore(s.ctx, d.Database, create)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return do(store)
}

type serveCmd struct {
	database
	Listen         string        `default:"127.0.0.1:9419" placeholder:"HOST:PORT" help:"Address to serve at (default: ${default})."`
	File           string        `name:"lab" placeholder:"FILE" help:"Lab file to declare at the start (default: what the database has, else the built-in lab)."`
	TLSCertificate string        `placeholder:"FILE" help:"Certificate with its chain, in PEM. May change."`
	TLSKey         string        `placeholder:"FILE" help:"Key of the certificate, in PEM."`
	TLSSelfSigned  string        `placeholder:"DIR" help:"For labs: folder of a certificate authority, whose ca.pem the provider's ca_certificate takes."`
	MetricsListen  string        `placeholder:"HOST:PORT" help:"Address for /metrics, /healthz and /readyz, without an account and without TLS."`
	MaxRequests    int           `placeholder:"N" help:"Requests at work at once, a quarter of them of one tenant (default: 8 for each processor)."`
	MaxConnections int           `default:"4096" placeholder:"N" help:"Connections at once, half of them from one address (default: ${default})."`
	Drain          time.Duration `default:"5s" placeholder:"DURATION" help:"How long to serve on after SIGTERM while /readyz says 503 (default: ${default})."`
	AllowPlaintext bool          `help:"Serve without TLS beyond loopback, behind a proxy."`
}

func (serveCmd) sharedFlags() []string { return nil }

// Run serves until the program is told to stop.
func (c serveCmd) Run(s *session) error {
	if c.MaxRequests < 0 || c.MaxConnections < 1 || c.Drain < 0 {
		return usageError("--max-requests and --drain cannot be negative, and --max-connections is 1 at least")
	}
	limitMemory()
	server, err := backend.NewServer(s.ctx, backend.ServerConfig{
		Listen: c.Listen, Database: c.Database, LabFile: c.File,
		CertificateFile: c.TLSCertificate, KeyFile: c.TLSKey, SelfSigned: c.TLSSelfSigned, AllowPlaintext: c.AllowPlaintext,
		MetricsListen: c.MetricsListen, MaxRequests: c.MaxRequests, MaxConnections: c.MaxConnections, Drain: c.Drain,
		Version: s.version, Log: slog.New(slog.NewJSONHandler(s.stderr, nil)),
	})
	if err != nil {
		return err
	}
	return server.Serve(s.ctx)
}

// limitMemory has the garbage collector work harder from a size on that a server reaches only in a crowd: the
// hashing of two passwords takes 128 MiB, and the requests at work, more of them with each processor, fit into the
// rest. The variable GOMEMLIMIT says something else.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(256<<20 + int64(runtime.GOMAXPROCS(0))*64<<20)
	}
}
