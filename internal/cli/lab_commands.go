package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type labCmds struct {
	Apply labApplyCmd `cmd:"" help:"Make the backend match a lab file, and make the data folder if there is none. Networks and tenants that stay keep their gateways, VLANs and routing option."`
	Show  labShowCmd  `cmd:"" help:"Print the lab that was declared last, as a lab file."`
}

// wholeLab is a command about the lab, which is of all tenants.
type wholeLab struct{}

func (wholeLab) sharedFlags() []string {
	return []string{"data-dir", "endpoint", "username", "password-file", "ca-certificate", "json"}
}

func (wholeLab) does() string { return "is about the lab of all tenants" }

type labApplyCmd struct {
	wholeLab
	File   string   `arg:"" optional:"" placeholder:"FILE" help:"The lab file, in YAML (default: the built-in lab, whose jobs have had their first run in a fresh data folder)."`
	DryRun bool     `help:"Only print the additions, changes and removals."`
	Remove []string `sep:"none" placeholder:"NAME" help:"Allow the removal of something that the file no longer has, with everything that belongs to it: tenant:NAME, host:NAME, plan:NAME, subscription:TENANT/PLAN, network:TENANT/NETWORK or account:NAME, or the name alone if only one thing of that name goes. May be repeated."`

	lab vcc.ValidLab
}

func (*labApplyCmd) makesFolder() {}

// prepare reads the lab.
func (c *labApplyCmd) prepare() (err error) {
	if c.File == "" {
		c.lab, err = labfile.BuiltIn()
		return err
	}
	c.lab, err = labfile.Read(c.File)
	return err
}

// Run shows what the lab changes, and applies it if nothing stands in its way. At a
// served backend the passwords come from this process's environment.
func (c *labApplyCmd) Run(s *session) error {
	name := cmp.Or(c.File, "the built-in lab")
	refused := func(err error) error { return fmt.Errorf("%s cannot be applied: %w", name, err) }
	lab := c.lab
	if s.served {
		var err error
		if lab, err = labfile.WithPasswords(lab); err != nil {
			return refused(err)
		}
	}
	outcome, refusal := s.lab("Comparing the lab with "+name, func() (vcc.LabOutcome, error) { return s.client.PreviewLab(s.ctx, lab, c.Remove) })
	if refusal != nil && vcc.Code(refusal) != vcc.CodeConflict {
		return refused(refusal)
	}
	if !s.flags.JSON {
		for _, change := range outcome.Changes {
			_, _ = fmt.Fprintln(s.stdout, change.Line())
		}
	}
	switch {
	case refusal != nil:
		err := refused(errors.New(refusal.Error()))
		if s.flags.JSON {
			err = errors.Join(s.print(httpapi.LabRefusal{LabOutcome: outcome, Message: refusal.Error()}, nil), err)
		}
		return err
	case !c.DryRun:
		var err error
		if outcome, err = c.apply(s, name, lab); err != nil {
			return refused(err)
		}
		if err := settlePasswords(s, lab, &outcome); err != nil {
			return err
		}
	}
	if s.flags.JSON {
		return s.print(outcome, nil)
	}
	accounts, plans := splitWarnings(outcome.Warnings)
	warnOf(s, plans, "failover plans")
	if c.DryRun {
		return s.done("Nothing was changed: this was a dry run of %s\n", name)
	}
	if s.served { // an embedded backend needs no accounts
		warnOf(s, accounts, "tenants")
	}
	return s.done("Applied %s\n", name)
}

// lab asks a backend about a lab, which can take long.
func (s *session) lab(what string, ask func() (vcc.LabOutcome, error)) (outcome vcc.LabOutcome, err error) {
	err = s.during(what, nothingCounted, func() (err error) {
		outcome, err = ask()
		return err
	})
	return outcome, err
}

// splitWarnings returns the warnings of a lab about tenants without an account, and those about failover
// plans that stay as somebody specified them.
func splitWarnings(warnings []vcc.Warning) (accounts, plans []vcc.Warning) {
	for _, w := range warnings {
		if w.Field == vcc.LabPlansField {
			plans = append(plans, w)
		} else {
			accounts = append(accounts, w)
		}
	}
	return accounts, plans
}

// warnOf prints the first warnings, and how many more there are of what.
func warnOf(s *session, warnings []vcc.Warning, what string) {
	for i, w := range warnings {
		if i == vcc.MaxListed {
			s.warn(fmt.Sprintf("there are %d more such %s", len(warnings)-i, what))
			break
		}
		s.warn(w.Message)
	}
}

// apply applies the lab to the backend, and to a data folder that it makes if there is none.
func (c *labApplyCmd) apply(s *session, name string, lab vcc.ValidLab) (outcome vcc.LabOutcome, err error) {
	to := s.client
	if s.fresh != nil {
		cfg := *s.fresh
		cfg.Bare = c.File != ""
		e, err := backend.OpenEmbedded(s.ctx, cfg)
		if err != nil {
			return outcome, err
		}
		defer func() { err = errors.Join(err, e.Close()) }()
		_, _ = fmt.Fprintf(s.stderr, "Made the data folder %s\n", e.DataDir)
		if cfg.Bare {
			to = e.Client
		}
	}
	return s.lab("Applying "+name, func() (vcc.LabOutcome, error) { return to.ApplyLab(s.ctx, lab, c.Remove) })
}

// settlePasswords declares a lab that was applied again until all its passwords are in force, and
// says how many are left: hashing ten thousand of them takes a server many minutes. It ends when
// somebody declares another lab meanwhile.
func settlePasswords(s *session, lab vcc.ValidLab, outcome *vcc.LabOutcome) error {
	for outcome.PasswordsLeft.Total() > 0 {
		left := passwordsLeft(outcome.PasswordsLeft)
		_, _ = fmt.Fprintln(s.stderr, "The lab is applied, except for its passwords:", left)
		next, err := s.client.PreviewLab(s.ctx, lab, nil)
		if err == nil && len(next.Changes) > 0 {
			err = errors.New("another lab was declared meanwhile, which stays")
		}
		if err == nil {
			next, err = s.lab("Hashing passwords", func() (vcc.LabOutcome, error) { return s.client.ApplyLab(s.ctx, lab, nil) })
		}
		if err != nil {
			return fmt.Errorf("the lab was applied, except for its passwords (%s): %w; apply it again to go on", left, err)
		}
		_, plans := splitWarnings(outcome.Warnings)
		outcome.Warnings, outcome.PasswordsLeft = append(next.Warnings, plans...), next.PasswordsLeft
	}
	return nil
}

// passwordsLeft says what the server has still to do.
func passwordsLeft(left vcc.PasswordsLeft) string {
	var parts []string
	if left.Missing > 0 {
		parts = append(parts, "accounts to make: "+strconv.Itoa(left.Missing))
	}
	if left.Unchecked > 0 {
		parts = append(parts, "passwords to compare: "+strconv.Itoa(left.Unchecked))
	}
	return strings.Join(parts, ", ")
}

type labShowCmd struct{ wholeLab }

// Run shows the lab.
func (labShowCmd) Run(s *session) error {
	lab, err := s.client.Lab(s.ctx)
	if err != nil {
		return err
	}
	if s.flags.JSON {
		return s.print(lab, nil)
	}
	text, err := labfile.Format(lab)
	if err != nil {
		return err
	}
	_, err = s.stdout.Write(text)
	return err
}
