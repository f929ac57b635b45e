package cli

import (
	"encoding/json"
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type labCmds struct {
	Apply labApplyCmd `cmd:"" help:"Make the backend match a lab file. Stored gateways, the routing option and allocated VLANs stay as they are."`
	Show  labShowCmd  `cmd:"" help:"Print the lab that was declared last, as a lab file."`
}

type labApplyCmd struct {
	File   string   `arg:"" help:"The lab file, in YAML."`
	Remove []string `placeholder:"NAME" help:"Tenant, hardware plan or network that may be removed with its stored gateways, because the file no longer has it. May be repeated."`

	lab vcc.Lab
}

// prepare reads the lab.
func (c *labApplyCmd) prepare() (err error) {
	c.lab, err = backend.ReadLab(c.File)
	return err
}

// Run applies the lab. At a served backend the passwords come from this process's
// environment.
func (c *labApplyCmd) Run(s *session) error {
	lab := c.lab
	if s.served {
		lab.Passwords = backend.LabPasswords(lab)
	}
	warnings, err := s.client.PutLab(s.ctx, lab, c.Remove)
	if err != nil {
		return fmt.Errorf("the lab %s cannot be applied: %w", c.File, err)
	}
	if s.served { // an embedded backend needs no accounts
		for _, w := range warnings {
			_, _ = fmt.Fprintln(s.stderr, "Warning:", w.Message)
		}
	}
	return s.done("Applied %s\n", c.File)
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
