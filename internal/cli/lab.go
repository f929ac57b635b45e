package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type labCmds struct {
	Apply labApplyCmd `cmd:"" help:"Make the backend match a lab file, and make the data folder if there is none. Stored gateways, the routing option and allocated VLANs of what stays are kept."`
	Show  labShowCmd  `cmd:"" help:"Print the lab that was declared last, as a lab file."`
}

type labApplyCmd struct {
	File   string   `arg:"" optional:"" help:"The lab file, in YAML (default: the built-in lab, whose jobs have had their first run in a fresh data folder)."`
	DryRun bool     `help:"Print what would be added, changed and removed, and change nothing."`
	Remove []string `sep:"none" placeholder:"NAME" help:"What may be removed, with all that belongs to it, because the file no longer has it: tenant:NAME, host:NAME, plan:NAME, subscription:TENANT/PLAN or network:TENANT/NETWORK, or the name alone where only one thing of that name goes. May be repeated."`

	lab vcc.Lab
}

// prepare reads the lab.
func (c *labApplyCmd) prepare() (err error) {
	if c.File == "" {
		c.lab, err = backend.BuiltInLab()
		return err
	}
	c.lab, err = backend.ReadLab(c.File)
	return err
}

// Run shows what the lab changes, and applies it if nothing stands in its way. At a
// served backend the passwords come from this process's environment.
func (c *labApplyCmd) Run(s *session) error {
	lab := c.lab
	if s.served {
		lab.Passwords = backend.LabPasswords(lab)
	}
	name := cmp.Or(c.File, "the built-in lab")
	refused := func(err error) error { return fmt.Errorf("%s cannot be applied: %w", name, err) }
	applied, err := s.client.PreviewLab(s.ctx, lab, c.Remove)
	if err != nil {
		return refused(err)
	}
	if !s.flags.JSON {
		for _, change := range applied.Changes {
			_, _ = fmt.Fprintln(s.stdout, change.Text)
		}
	}
	if applied.Refusal != "" {
		err = refused(errors.New(applied.Refusal))
	} else if !c.DryRun {
		if applied, err = c.apply(s, lab); err != nil {
			return refused(err)
		}
	}
	if s.flags.JSON {
		return errors.Join(s.print(applied, nil), err)
	}
	if err != nil {
		return err
	}
	if c.DryRun {
		return s.done("Nothing was changed: this was a dry run of %s\n", name)
	}
	if s.served { // an embedded backend needs no accounts
		for _, w := range applied.Warnings {
			_, _ = fmt.Fprintln(s.stderr, "Warning:", w.Message)
		}
	}
	return s.done("Applied %s\n", name)
}

// apply applies the lab to the backend, and to a data folder that it makes if there is none.
func (c *labApplyCmd) apply(s *session, lab vcc.Lab) (applied *httpapi.LabApplied, err error) {
	if s.fresh == nil {
		return s.client.PutLab(s.ctx, lab, c.Remove)
	}
	cfg := *s.fresh
	cfg.Bare = c.File != ""
	e, err := backend.OpenEmbedded(s.ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	_, _ = fmt.Fprintf(s.stderr, "Made the data folder %s\n", e.DataDir)
	if cfg.Bare {
		return e.Client.PutLab(s.ctx, lab, c.Remove)
	}
	return s.client.PutLab(s.ctx, lab, c.Remove)
}

type labShowCmd struct{}

// Run shows the lab.
func (labShowCmd) Run(s *session) error {
	lab, err := s.client.Lab(s.ctx)
	if err != nil {
		return err
	}
	if s.flags.JSON {
		encoder := json.NewEncoder(s.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(lab)
	}
	text, err := backend.FormatLab(lab.Lab)
	if err != nil {
		return err
	}
	_, err = s.stdout.Write(text)
	return err
}
