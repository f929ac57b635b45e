package cli

import (
	"errors"
	"log/slog"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
)

// database is the flag of the commands that work on a database.
type database struct {
	Database string `required:"" env:"VCC_DATABASE" placeholder:"ADDRESS" help:"sqlite:PATH, or postgres://USER@HOST:5432/DATABASE. A password belongs into PGPASSWORD or PGPASSFILE."`
}

func (database) sharedFlags() []string { return []string{"json"} }

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
	Listen         string `default:"127.0.0.1:9419" placeholder:"HOST:PORT" help:"Address to serve at (default: ${default})."`
	File           string `name:"lab" placeholder:"FILE" help:"The lab file to declare at the start (default: what the database has, else the built-in lab). Passwords come from the variables that it names."`
	TLSCertificate string `placeholder:"FILE" help:"Certificate with its chain, in PEM. Read again when it changes."`
	TLSKey         string `placeholder:"FILE" help:"Key of the certificate, in PEM."`
	TLSSelfSigned  string `placeholder:"DIR" help:"For labs: keep a certificate authority in a folder, whose ca.pem the provider's ca_certificate takes."`
	AllowPlaintext bool   `help:"Serve without TLS at an address that is not loopback, behind a proxy that does TLS."`
}

func (serveCmd) sharedFlags() []string { return nil }

// Run serves until the program is told to stop.
func (c serveCmd) Run(s *session) error {
	server, err := backend.NewServer(s.ctx, backend.ServerConfig{
		Listen: c.Listen, Database: c.Database, LabFile: c.File,
		CertificateFile: c.TLSCertificate, KeyFile: c.TLSKey, SelfSigned: c.TLSSelfSigned, AllowPlaintext: c.AllowPlaintext,
		Version: s.version, Log: slog.New(slog.NewJSONHandler(s.stderr, nil)),
	})
	if err != nil {
		return err
	}
	return server.Serve(s.ctx)
}
