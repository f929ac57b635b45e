package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// target are the flags that say which backend is meant.
type target struct {
	DataDir       string `env:"VCC_DATA_DIR" placeholder:"DIR" help:"Data folder of the embedded backend (default: .vcc). Only lab apply makes one."`
	Endpoint      string `env:"VCC_ENDPOINT" placeholder:"URL" help:"Address of a served backend, such as https://sp.example.net:9419, instead of a data folder."`
	Username      string `env:"VCC_USERNAME" placeholder:"NAME" help:"Account at a served backend. The password comes from --password-file, from VCC_PASSWORD, or from a prompt."`
	PasswordFile  string `placeholder:"FILE" help:"File whose first line is the password of the account."`
	CACertificate string `placeholder:"FILE" help:"File with the certificate authority of a served backend, in PEM; or set VCC_CA_CERTIFICATE to its content."`
	Tenant        string `placeholder:"NAME" help:"Name or ID of the tenant to act for (default: the lab's first; at a served backend, only an operator needs one); or set VCC_TENANT."`
	JSON          bool   `help:"Print API objects in JSON."`
}

// connect opens the backend that is meant. What is said on the command line wins over
// the environment, and that over the default folder. applies says that the command applies
// a lab, which a data folder need not have before.
func (s *session) connect(explicit map[string]bool, applies bool) (end func() error, err error) {
	f := s.flags.target
	// Of the flag alone, an account is added for a tenant: the variable is for who acts for one.
	f.Tenant = cmp.Or(f.Tenant, os.Getenv("VCC_TENANT"))
	served := f.Endpoint != ""
	switch {
	case explicit["endpoint"] && explicit["data-dir"]:
		return nil, usageError("--endpoint and --data-dir exclude each other: one means a served backend, the other an embedded one")
	case explicit["endpoint"] && !served: // as of a variable that is not set: no folder was meant
		return nil, usageError("--endpoint is empty; write it like https://sp.example.net:9419")
	case explicit["data-dir"]:
		served = false
	case !explicit["endpoint"] && f.Endpoint != "" && f.DataDir != "":
		return nil, usageError("VCC_ENDPOINT and VCC_DATA_DIR are both set: say which is meant with --endpoint or --data-dir")
	}
	if served {
		return s.connectServed(f)
	}
	for _, flag := range []string{"username", "password-file", "ca-certificate"} {
		if explicit[flag] {
			return nil, usageError("--" + flag + " belongs to a served backend, and no --endpoint is given")
		}
	}
	cfg := backend.EmbeddedConfig{DataDir: f.DataDir, Existing: true, Tenant: f.Tenant, Bare: applies, Program: s.program, Version: s.version}
	e, err := backend.OpenEmbedded(s.ctx, cfg)
	if applies && errors.Is(err, backend.ErrNoBackend) {
		return s.rehearse(cfg)
	}
	if err != nil {
		return nil, err
	}
	s.client, s.embedded = e.Client, e
	return e.Close, nil
}

// rehearse opens a backend in a scratch folder, so that one that is to be made is made only
// once it is known that it can be.
func (s *session) rehearse(cfg backend.EmbeddedConfig) (end func() error, err error) {
	cfg.Existing = false
	s.fresh = &cfg
	scratch, err := os.MkdirTemp("", "vcc-lab")
	if err != nil {
		return nil, err
	}
	empty := cfg
	empty.DataDir = scratch
	e, err := backend.OpenEmbedded(s.ctx, empty)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(scratch))
	}
	s.client = e.Client
	return func() error { return errors.Join(e.Close(), os.RemoveAll(scratch)) }, nil
}

func (s *session) connectServed(f target) (end func() error, err error) {
	if f.Username == "" {
		return nil, usageError("a served backend needs an account: give --username, or set VCC_USERNAME")
	}
	authority := os.Getenv("VCC_CA_CERTIFICATE")
	if f.CACertificate != "" {
		content, err := os.ReadFile(f.CACertificate)
		if err != nil {
			return nil, fmt.Errorf("--ca-certificate: %w", err)
		}
		authority = string(content)
	}
	skip, err := strconv.ParseBool(cmp.Or(os.Getenv("VCC_INSECURE_SKIP_VERIFY"), "false"))
	if err != nil {
		return nil, usageError("VCC_INSECURE_SKIP_VERIFY is neither true nor false")
	}
	password, err := s.password("--password-file", f.PasswordFile, "VCC_PASSWORD", "Password of "+f.Username)
	if err != nil {
		return nil, err
	}
	s.client, err = httpapi.NewClient(httpapi.ClientConfig{
		Endpoint: f.Endpoint, Username: f.Username, Password: password,
		CACertificate: authority, InsecureSkipVerify: skip, MaxRetries: 4,
		UserAgent: programName + "/" + s.version + " (command line)",
	})
	if err != nil {
		return nil, flagError(err)
	}
	s.served, s.as = true, vcc.Actor{TenantID: f.Tenant}
	return func() error { s.client.Close(); return nil }, nil
}

// password returns a password from a file, which a flag named, or else from a variable, or else from who
// types it. It is never an argument, which every user of the machine could read.
func (s *session) password(flag, file, variable, prompt string) (string, error) {
	if file != "" {
		opened, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", flag, err)
		}
		defer opened.Close() //nolint:errcheck // what was read has been read
		line, err := bufio.NewReader(io.LimitReader(opened, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("%s: %w", flag, err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", fmt.Errorf("%s: the first line of %s is empty", flag, file)
		}
		return line, nil
	}
	if password := os.Getenv(variable); password != "" {
		return password, nil
	}
	terminal, ok := s.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) { //nolint:gosec // a small number
		return "", usageError("there is no password: give " + flag + ", or set " + variable)
	}
	_, _ = fmt.Fprint(s.stderr, prompt+": ")
	fd := int(terminal.Fd()) //nolint:gosec // a small number
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		typed []byte
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		typed, err := term.ReadPassword(fd)
		answered <- answer{typed, err}
	}()
	var a answer
	select {
	case a = <-answered:
	case <-s.ctx.Done(): // a signal does not end the reading
		a.err = errors.Join(s.ctx.Err(), term.Restore(fd, before))
	}
	_, _ = fmt.Fprintln(s.stderr)
	return string(a.typed), a.err
}
