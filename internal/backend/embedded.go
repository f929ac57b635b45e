// Package backend puts the reference backend together: it opens a store, puts
// the services on the wire, and embeds the server in a process or serves it.
package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// DefaultDataDir is the data folder of an embedded backend that names none.
const DefaultDataDir = ".vcc"

// EmbeddedConfig configures an embedded backend. The zero value is
// the built-in lab in DefaultDataDir of the working directory.
type EmbeddedConfig struct {
	// DataDir holds the database. It is created if it does not exist, and finished if its
	// making was interrupted.
	DataDir string
	// Existing opens a folder only if it has a backend: ErrNoBackend otherwise, and nothing
	// is left behind.
	Existing bool
	// LabFile declares the lab of a fresh data folder. A folder that has a lab keeps it, and
	// Embedded.LabChanges lists the differences. With no file a fresh folder gets
	// the built-in lab, whose jobs have had their first run.
	LabFile string
	// Bare leaves a fresh data folder without a lab, for a caller that declares one next.
	// There may be no tenant to act for then.
	Bare bool
	// Tenant is the name or ID of the tenant to act for: the lab's first if empty.
	Tenant string
	// Program is recorded in the history beside the name of the user.
	Program string
	// Version is the program's version.
	Version string
	// Log receives the details of failures; nil discards them.
	Log *slog.Logger
}

// Embedded is a backend inside this process: the same server as a served one,
// over a connection in memory. No port is opened, and whoever may open the data
// folder needs no credentials. Several processes may embed one data folder at once.
type Embedded struct {
	// Client talks to the server.
	Client *httpapi.Client
	// DataDir is the folder in use, absolute.
	DataDir string
	// Created says that the folder had no backend before and got one.
	Created bool
	// LabChanges lists the changes that declaring the lab file would make to a folder that
	// had a lab.
	LabChanges []vcc.LabChange
	// Actor is the name in the history for writes of this backend's client.
	Actor string

	store    *store.Store
	services *Services
	tenant   string // the ID of the one to act for, "" for none
	log      *slog.Logger
	server   *http.Server
	listener *pipeListener
}

// ConfigError is an error about one of the values in EmbeddedConfig.
type ConfigError struct {
	// Setting is "dataDir", "labFile", "tenant" or, outside the embedded backend, "database".
	Setting string
	Err     error
}

func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// ErrNoBackend says that a folder has no backend.
var ErrNoBackend = errors.New("no backend")

// noBackend is ErrNoBackend in words.
type noBackend string

func (e noBackend) Error() string { return string(e) }

// Unwrap returns ErrNoBackend.
func (e noBackend) Unwrap() error { return ErrNoBackend }

// checkBackend refuses a folder that has no database.
func checkBackend(name, dir string) error {
	const makes = "it is made by backend lab apply (with a lab file, or with none for the built-in lab), and by Terraform's first plan on it"
	_, err := os.Stat(filepath.Join(dir, databaseFile))
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the data folder %s cannot be read: %w", name, cause(err))
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return noBackend(fmt.Sprintf("there is no data folder %s; %s", name, makes))
	}
	return noBackend(fmt.Sprintf("the folder %s has no backend; %s", name, makes))
}

// databaseFile is the database in a data folder.
const databaseFile = "vcc.db"

// OpenEmbedded opens, and on first use creates, the backend in a data folder.
// The errors are *ConfigError.
func OpenEmbedded(ctx context.Context, cfg EmbeddedConfig) (_ *Embedded, err error) {
	if cfg.DataDir == "" {
		cfg.DataDir = DefaultDataDir
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var lab vcc.ValidLab
	if cfg.LabFile != "" {
		if lab, err = labfile.Read(cfg.LabFile); err != nil {
			return nil, &ConfigError{"labFile", err}
		}
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, &ConfigError{"dataDir", err}
	}
	if cfg.Existing {
		err = checkBackend(cfg.DataDir, dir)
	} else if err = os.MkdirAll(dir, 0o700); err != nil {
		err = fmt.Errorf("the data folder %s cannot be created: %w", cfg.DataDir, cause(err))
	}
	if err != nil {
		return nil, &ConfigError{"dataDir", err}
	}
	s, err := store.OpenSQLite(ctx, filepath.Join(dir, databaseFile))
	if err != nil {
		return nil, &ConfigError{"dataDir", fmt.Errorf("the data folder %s cannot be used: %w", cfg.DataDir, err)}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	created, changes, err := prepareLab(ctx, s, cfg, lab)
	if err != nil {
		return nil, err
	}
	tenant := ""
	if !cfg.Bare {
		if tenant, err = findTenant(ctx, s, cfg.Tenant); err != nil {
			if hasTenant(lab.Lab(), cfg.Tenant) {
				err = &ConfigError{"tenant", fmt.Errorf("the lab of %s has no tenant %q yet, though %s has: run %s to declare it",
					cfg.DataDir, cfg.Tenant, cfg.LabFile, applyCommand(cfg.LabFile, dir))}
			}
			return nil, err
		}
	}
	e := &Embedded{DataDir: dir, Created: created, LabChanges: changes, Actor: actorName(cfg.Program), store: s, services: NewServices(s), tenant: tenant, log: cfg.Log, listener: newPipeListener()}
	e.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelError)}
	go func() { // to register all operations takes longer than the rest, and a client waits for this by itself
		e.server.Handler = httpapi.NewHandler(httpapi.ServerConfig{
			Services:      e.services,
			Authenticator: httpapi.Always{Role: vcc.RoleOperator, TenantID: tenant, Username: e.Actor},
			Log:           cfg.Log,
			Version:       cfg.Version,
		})
		_ = e.server.Serve(e.listener) // ends with Close
	}()
	e.Client, err = httpapi.NewClient(httpapi.ClientConfig{
		Endpoint:  "http://embedded.invalid", // never resolved: RFC 6761 reserves the name
		UserAgent: cfg.Program + "/" + cfg.Version,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return e.listener.dial(ctx)
		},
	})
	if err != nil {
		return nil, errors.Join(err, e.server.Close())
	}
	return e, nil
}

// prepareLab declares a lab in a folder that has none. In any other it only compares what the
// lab file has otherwise.
func prepareLab(ctx context.Context, s *store.Store, cfg EmbeddedConfig, lab vcc.ValidLab) (created bool, changes []vcc.LabChange, err error) {
	failed := func(setting, format string, args ...any) error {
		return &ConfigError{setting, fmt.Errorf(format, args...)}
	}
	declared, err := s.IsDeclared(ctx)
	switch {
	case err != nil:
		return false, nil, &ConfigError{"dataDir", err}
	case !declared && cfg.Existing:
		return false, nil, &ConfigError{"dataDir", noBackend(fmt.Sprintf(
			"the data folder %s has no lab: its making was interrupted; backend lab apply finishes it, and so does Terraform's next plan on it", cfg.DataDir))}
	case declared || cfg.Bare:
	case cfg.LabFile != "":
		if created, err = s.Seed(ctx, lab, false); err != nil {
			return false, nil, failed("labFile", "the lab %s cannot be put into %s: %w", cfg.LabFile, cfg.DataDir, err)
		}
	default:
		builtIn, err := labfile.BuiltIn()
		if err != nil {
			return false, nil, err
		}
		if created, err = s.Seed(ctx, builtIn, true); err != nil {
			return false, nil, failed("dataDir", "the built-in lab cannot be put into %s: %w", cfg.DataDir, err)
		}
	}
	if cfg.LabFile != "" && !created {
		if changes, err = s.CompareLab(ctx, lab); err != nil {
			return false, nil, failed("labFile", "the lab %s cannot be compared with that of %s: %w", cfg.LabFile, cfg.DataDir, err)
		}
	}
	return created, changes, nil
}

// hasTenant reports whether a lab has a tenant of a name.
func hasTenant(lab vcc.Lab, name string) bool {
	return slices.ContainsFunc(lab.Tenants, func(t vcc.LabTenant) bool { return t.Name == name })
}

// ApplyCommand returns the command that makes a file's lab the lab of this backend.
func (e *Embedded) ApplyCommand(labFile string) string { return applyCommand(labFile, e.DataDir) }

func applyCommand(labFile, dataDir string) string {
	return fmt.Sprintf("terraform-provider-vcc backend lab apply %s --data-dir %s", vcc.ShellQuote(labFile), vcc.ShellQuote(dataDir))
}

// Close stops the server and closes the store.
func (e *Embedded) Close() error {
	e.Client.Close()
	return errors.Join(e.server.Close(), e.store.Close())
}

var _ io.Closer = (*Embedded)(nil)

// findTenant returns the ID of the tenant of a name or ID, of the first if that is empty.
func findTenant(ctx context.Context, s *store.Store, nameOrID string) (string, error) {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return "", &ConfigError{"dataDir", err}
	}
	if nameOrID == "" && len(tenants) > 0 {
		return tenants[0].ID, nil
	}
	t, found := vcc.Find(tenants, nameOrID, func(t vcc.Tenant) (id, name string) { return t.ID, t.Name })
	if !found {
		names := make([]string, len(tenants))
		for i, t := range tenants {
			names[i] = t.Name
		}
		return "", &ConfigError{"tenant", fmt.Errorf("there is no tenant %s in this lab; %s", vcc.Clip(nameOrID), vcc.DidYouMean(nameOrID, names))}
	}
	return t.ID, nil
}

// actorName returns the name in the history: the system's user, who needs no other
// credentials than access to the data folder, and the program they used.
func actorName(program string) string {
	name := "unknown user"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return name + " (" + program + ")"
}

// cause returns an error of the file system without the path, for messages that
// name it themselves.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
