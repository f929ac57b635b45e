package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ServerConfig configures a served backend.
type ServerConfig struct {
	// Listen is the address to serve at, such as 127.0.0.1:9419.
	Listen string
	// Database is sqlite:PATH or postgres://...
	Database string
	// LabFile declares the lab, and may remove nothing (vcc.CheckRemovals). With no file a
	// database keeps its lab, and gets the built-in one if it has none.
	LabFile string
	// CertificateFile and KeyFile, PEM, are read again when they change.
	CertificateFile, KeyFile string
	// SelfSigned is a folder for a certificate authority of the server's own, "" for none.
	SelfSigned string
	// AllowPlaintext lets a server without TLS listen on other addresses than loopback.
	AllowPlaintext bool
	// MaxRequests is how many requests are at work at once, 0 for RequestsPerProcessor for each
	// processor, and MaxConnections how many connections there are, half of them from one address,
	// 0 for DefaultMaxConnections.
	MaxRequests, MaxConnections int
	// MetricsListen is an address for GET /metrics, /healthz and /readyz without an account and
	// without TLS, "" for none.
	MetricsListen string
	// Drain is how long a server that is told to stop serves on while it says that it is not ready.
	Drain time.Duration
	// Version is the program's version.
	Version string
	// Log receives an entry for each request and each event. nil discards them.
	Log *slog.Logger
}

// The defaults of what bounds a served backend.
const (
	RequestsPerProcessor  = 8 // more take memory, and are served no sooner
	DefaultMaxConnections = 4096
)

// The limits of a served backend.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	requestTimeout    = 100 * time.Second
	writeTimeout      = 120 * time.Second // longer than any request may take
	idleTimeout       = 2 * time.Minute
	stopTimeout       = 30 * time.Second
	maxHeaderBytes    = 32 << 10
	maxStreams        = 100 // of one HTTP/2 connection
)

// Server is a backend for many tenants, on a TCP address.
type Server struct {
	cfg       ServerConfig
	store     *store.Store
	readiness *store.Readiness
	stopping  atomic.Bool
	server    *http.Server
	listener  *connections
	// operations is what cfg.MetricsListen asks for, nil for nothing.
	operations *operations
	// settle is the lab whose passwords are still to be set, the zero value for none.
	settle vcc.ValidLab
	// missing is how many of its accounts are not made yet.
	missing atomic.Int64
}

// NewServer listens, opens the database, and declares the lab without its passwords. Nothing is
// answered before Serve, which sets the passwords. Errors of the lab list everything that is wrong.
func NewServer(ctx context.Context, cfg ServerConfig) (_ *Server, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	tlsConfig, err := serverTLS(cfg)
	if err != nil {
		return nil, err
	}
	if err := checkListen(cfg, tlsConfig != nil); err != nil {
		return nil, err
	}
	if cfg.MaxRequests == 0 {
		cfg.MaxRequests = RequestsPerProcessor * runtime.GOMAXPROCS(0)
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = DefaultMaxConnections
	}
	s := &Server{cfg: cfg}
	// First: a server that cannot listen makes no database, and declares nothing there.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("the server cannot listen: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, listener.Close())
		}
	}()
	s.listener = boundConnections(listener, cfg.MaxConnections)
	if s.store, err = OpenStore(ctx, cfg.Database, true); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.store.Close())
		}
	}()
	if err := s.declareLab(ctx); err != nil {
		return nil, err
	}
	if s.readiness, err = s.store.Readiness(ctx); err != nil {
		return nil, err
	}
	services := NewServices(s.store)
	handler := httpapi.NewHandler(httpapi.ServerConfig{
		Services: services, Accounts: s.store, Sessions: s.store, Pages: pages(cfg, services, tlsConfig != nil), Ready: s.ready, MaxRequests: cfg.MaxRequests, Measure: s.measure,
		RequestTimeout: requestTimeout, Log: cfg.Log, Version: cfg.Version,
	})
	s.server = &http.Server{
		Handler:           handler,
		TLSConfig:         tlsConfig,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog: newConnectionLog(cfg.Log),
	}
	s.server.ConnState = s.listener.changed
	if cfg.MetricsListen != "" {
		if s.operations, err = listenForOperations(ctx, cfg, handler.Operations()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Store is an open database.
type Store = store.Store

// OpenStore opens a database for the work of its owner: accounts, backups. It
// needs no server, and may run beside some. Unless create says so, it makes no file.
func OpenStore(ctx context.Context, database string, create bool) (*Store, error) {
	if path, file := strings.CutPrefix(database, "sqlite:"); file && !create {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("the database cannot be opened: %s: %w", path, cause(err))
		}
	}
	s, err := store.Open(ctx, database)
	if err != nil {
		return nil, &ConfigError{Setting: "database", Err: fmt.Errorf("the database cannot be opened: %w", err)}
	}
	return s, nil
}

// checkListen refuses to send passwords over a network in clear.
func checkListen(cfg ServerConfig, secure bool) error {
	host, _, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return fmt.Errorf("%q is not an address to listen at; write it like 127.0.0.1:9419", cfg.Listen)
	}
	if secure || httpapi.IsLoopback(host) || cfg.AllowPlaintext {
		return nil
	}
	return fmt.Errorf("without TLS passwords and tokens would go over the network in clear: a server at %s needs a certificate and its key "+
		"(--tls-certificate, --tls-key), or --tls-self-signed for a lab, or --allow-plaintext behind a proxy that does TLS", cfg.Listen)
}

func (s *Server) declareLab(ctx context.Context) error {
	if s.cfg.LabFile != "" {
		lab, err := labfile.Read(s.cfg.LabFile)
		if err != nil {
			return err
		}
		if lab, err = labfile.WithPasswords(lab); err != nil {
			return fmt.Errorf("the lab %s cannot be applied: %w", s.cfg.LabFile, err)
		}
		// A flag that allows removals would stay in the unit of a service, and allow the next
		// one, too. So a server removes nothing as it starts.
		outcome, err := s.store.StartLab(ctx, lab)
		if vcc.CheckRemovals(outcome.Changes, nil) != nil {
			err = fmt.Errorf("%w. A server removes nothing as it starts: serve without --lab, and use backend lab apply", err)
		}
		if err != nil {
			return fmt.Errorf("the lab %s cannot be applied: %w", s.cfg.LabFile, err)
		}
		for _, c := range outcome.Changes {
			s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, httpapi.AuditLine, httpapi.LabChangeAttrs(c)...)
		}
		for _, w := range outcome.Warnings {
			if w.Field == vcc.LabPlansField { // tenants without an account are told below
				s.cfg.Log.WarnContext(ctx, w.Message)
			}
		}
		if outcome.PasswordsLeft.Total() > 0 {
			s.settle = lab
			s.missing.Store(int64(outcome.PasswordsLeft.Missing))
		}
	} else {
		lab, err := labfile.BuiltIn()
		if err != nil {
			return err
		}
		if lab, err = labfile.WithPasswords(lab); err != nil {
			return fmt.Errorf("the built-in lab cannot be declared: %w", err)
		}
		seeded, err := s.store.Seed(ctx, lab, true)
		if err != nil {
			return fmt.Errorf("the built-in lab cannot be declared: %w", err)
		}
		if seeded {
			s.settle = lab
			s.missing.Store(int64(len(lab.Passwords())))
			s.cfg.Log.WarnContext(ctx, "the database had no lab, and got the built-in one; declare your own with --lab or backend lab apply")
		}
	}
	without, err := s.store.TenantsWithoutAccount(ctx)
	if err != nil {
		return err
	}
	coming := map[string]bool{}
	for _, t := range s.settle.Lab().Tenants {
		_, coming[t.Name] = s.settle.Passwords()[t.Username]
	}
	without = slices.DeleteFunc(without, func(t vcc.Tenant) bool { return coming[t.Name] })
	for _, t := range without[:min(len(without), vcc.MaxListed)] {
		s.cfg.Log.WarnContext(ctx, "nobody can log in for this tenant: the variable that the lab names for its password is not set", "tenant", t.Name)
	}
	if more := len(without) - vcc.MaxListed; more > 0 {
		s.cfg.Log.WarnContext(ctx, "nobody can log in for more tenants", "tenants", more)
	}
	return nil
}

// ready returns why the server cannot work now.
func (s *Server) ready(ctx context.Context) error {
	if s.stopping.Load() {
		return &vcc.Error{Code: vcc.CodeUnavailable, Message: "the server is stopping"}
	}
	if missing := s.missing.Load(); missing > 0 {
		return &vcc.Error{Code: vcc.CodeUnavailable, Message: fmt.Sprintf("accounts of the lab are still being made: %d are left", missing)}
	}
	return s.readiness.Check(ctx)
}

// Addr is the address that the server listens at.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers requests until ctx ends. Then it says that it is not ready, and serves on for as long as
// ServerConfig.Drain says. After that it takes no more requests, finishes those
// that it took, within 30 seconds, and closes the database. It may be called once.
func (s *Server) Serve(ctx context.Context) error {
	finish := s.settlePasswords(ctx)
	failed := make(chan error, 2)
	secure := s.server.TLSConfig != nil // which net/http sets in any case once it serves
	// Before the first answer: whoever has one finds the line. Connections are taken since NewServer.
	s.cfg.Log.InfoContext(ctx, "serving", "address", s.Addr().String(), "tls", secure, "version", s.cfg.Version)
	go func() {
		if secure {
			failed <- s.server.ServeTLS(s.listener, "", "")
		} else {
			failed <- s.server.Serve(s.listener)
		}
	}()
	if s.operations != nil {
		s.cfg.Log.InfoContext(ctx, "serving metrics", "metricsAddress", s.MetricsAddr().String())
		go func() { failed <- s.operations.serve() }()
	}
	var err error
	select {
	case err = <-failed:
		err = errors.Join(err, s.server.Close())
	case <-ctx.Done():
		s.cfg.Log.InfoContext(ctx, "stopping", "drain", s.cfg.Drain)
		s.stopping.Store(true)
		select {
		case err = <-failed:
		case <-time.After(s.cfg.Drain): // so that who sends requests here notices, and sends no more
		}
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if cut := s.server.Shutdown(deadline); cut != nil {
			err = errors.Join(err, fmt.Errorf("requests that took longer than %s were cut off: %w", stopTimeout, cut), s.server.Close())
		}
	}
	finish()
	if s.operations != nil { // to the end, so that the end is seen
		err = errors.Join(err, s.operations.Close())
	}
	return errors.Join(err, s.store.Close())
}

// serverTLS returns how a server does TLS, nil for not at all.
func serverTLS(cfg ServerConfig) (*tls.Config, error) {
	var certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	switch {
	case cfg.SelfSigned != "" && (cfg.CertificateFile != "" || cfg.KeyFile != ""):
		return nil, errors.New("a certificate is either given or self-signed, not both")
	case cfg.SelfSigned != "":
		own, err := newOwnCertificate(cfg.SelfSigned, cfg.Listen, cfg.Log)
		if err != nil {
			return nil, fmt.Errorf("no self-signed certificate can be made: %w", err)
		}
		certificate = own.get
	case (cfg.CertificateFile == "") != (cfg.KeyFile == ""):
		return nil, errors.New("a certificate needs its key, and a key its certificate")
	case cfg.CertificateFile != "":
		files := &certificateFiles{certificate: cfg.CertificateFile, key: cfg.KeyFile, log: cfg.Log}
		if err := files.load(); err != nil {
			return nil, err
		}
		certificate = files.get
	default:
		return nil, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate}, nil
}
