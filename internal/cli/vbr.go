package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vbr"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Where a script runs stands in the help of the command that prints it.
const runsWhere = "It runs where the console of Veeam Backup & Replication is installed: in Windows PowerShell 5.1 with version 12 and older, in PowerShell 7.4 with version 13. " +
	"On another machine than the backup server it needs -Server, and -Credential for another account than one's own."

type vbrCmds struct {
	ExportScript vbrExportScriptCmd `cmd:"" help:"Print a PowerShell script that reads a real backup server and writes one JSON document: its service providers, each with the routing option, default gateways and cloud networks."`
	Lab          vbrLabCmd          `cmd:"" help:"Print a lab file made of an export: hardware plans, cloud networks and hosts. What an export cannot know is a comment to fill in."`
	Import       vbrImportCmd       `cmd:"" help:"Take what the backup server has into the store, and print the differences. The next plan shows them as changes that came from there."`
	Script       vbrScriptCmd       `cmd:"" help:"Print a PowerShell script that brings the backup server from what was imported last to what is stored."`
	Status       vbrStatusCmd       `cmd:"" help:"Show what is stored and not yet on the backup server, as of the export that was imported last."`
}

// fileCommand is a command that needs no backend.
type fileCommand struct{}

func (fileCommand) sharedFlags() []string { return nil }
func (fileCommand) does() string          { return "needs no backend" }
func (fileCommand) withoutBackend()       {}

type vbrExportScriptCmd struct{ fileCommand }

// Help says where the script runs.
func (vbrExportScriptCmd) Help() string {
	return runsWhere + " The account has to see the window Default Gateways in the console. The script only reads: it calls no cmdlet that changes anything."
}

// Run prints the script.
func (vbrExportScriptCmd) Run(s *session) error {
	_, err := io.WriteString(s.stdout, vbr.ExportScript)
	return err
}

// exportFile is an export that a command reads.
type exportFile struct {
	File     string `arg:"" placeholder:"FILE" help:"The document that the export script wrote, or the output of Get-VBRDefaultGatewayConfiguration | ConvertTo-Json -Depth 5."`
	Provider string `placeholder:"NAME" help:"Name or ID of the service provider that is meant, where the file has several. The output of the cmdlet has no names: this gives it one."`
}

func (f exportFile) read() (vbr.Document, error) {
	file, err := os.Open(f.File)
	if err != nil {
		return vbr.Document{}, err
	}
	defer file.Close() //nolint:errcheck // what was read has been read
	d, err := vbr.Read(file)
	return d, f.refused(err)
}

// refused says that nothing came of a file.
func (f exportFile) refused(err error) error {
	if err == nil {
		return nil
	}
	if all := vcc.Errors(err); len(all) > 0 {
		text := make([]string, len(all))
		for i, e := range all {
			text[i] = e.Message
		}
		err = errors.New(vcc.FirstTen(text, "\n"))
	}
	return fmt.Errorf("%s is refused: %w", f.File, err)
}

type vbrLabCmd struct {
	fileCommand
	exportFile
}

// Run prints the lab file.
func (c vbrLabCmd) Run(s *session) error {
	d, err := c.read()
	if err != nil {
		return err
	}
	export, err := d.Select(c.Provider, nil)
	if err != nil {
		return c.refused(err)
	}
	lab, notes, err := vbr.Lab(d, export)
	if err != nil {
		return c.refused(err)
	}
	head := []string{
		"Made of the export of service provider " + vcc.Clip(export.Provider) + ", " + export.Actor() + ", " + export.When() + ".",
		"The export knows no more than this. Without the rest gateways can be stored, and reachability cannot be judged.",
	}
	text, err := labfile.FormatWithComments(lab.Lab(), labfile.Comments{
		Head: append(head, notes...),
		Hosts: []string{
			"There is one host for each platform. Networks on one host may not overlap: declare",
			"several hosts if the service provider has several.",
		},
		VLANs: []string{"These VLAN IDs are made up: the export has none."},
		Tenant: []string{
			"The name is made up. To be filled in, see the guide Your real site: appliances (their addresses outside),",
			"public_ips, production_networks, vms, replication_jobs and failover_plans.",
		},
	})
	if err != nil {
		return err
	}
	_, err = s.stdout.Write(text)
	return err
}

type vbrImportCmd struct {
	exportFile
	DryRun bool `help:"Only print the differences."`

	document vbr.Document
}

// Help says what an import does.
func (vbrImportCmd) Help() string {
	return "The history and the next plan name the backup server and the time of the export. A gateway that the server does not have is removed here. " +
		"An import is all or nothing: a file of another format, of another service provider, or with a network that is not there changes nothing."
}

// prepare reads the file.
func (c *vbrImportCmd) prepare() (err error) {
	c.document, err = c.read()
	return err
}

// Run imports the export.
func (c *vbrImportCmd) Run(s *session) error {
	last, err := s.client.LastExport(s.ctx, s.as)
	if err != nil && vcc.Code(err) != vcc.CodeNotFound {
		return err
	}
	export, err := c.document.Select(c.Provider, last)
	if err != nil {
		return c.refused(err)
	}
	for _, f := range c.document.Failures() {
		s.warn(f)
	}
	outcome, err := s.client.ImportServerExport(s.ctx, s.as, export, c.DryRun)
	if err != nil {
		if code := vcc.Code(err); code == vcc.CodeInvalidValue || code == vcc.CodeConflict {
			err = c.refused(err)
		}
		return err
	}
	if len(outcome.Unknown) > 0 {
		s.warn("the lab has no such networks, which have no default gateway on the server: " + vcc.QuoteNames(outcome.Unknown))
	}
	if len(outcome.Absent) > 0 {
		s.warn("the export does not have these networks of the lab: " + vcc.QuoteNames(outcome.Absent))
	}
	if err := s.print(outcome, func(w io.Writer) { printChanges(w, outcome.Changes) }); err != nil || s.flags.JSON {
		return err
	}
	if c.DryRun {
		return s.done("Nothing was changed: this was a dry run of %s\n", c.File)
	}
	return s.done("Imported %s: service provider %q, %s, export %s\n", c.File, export.Provider, export.Actor(), export.When())
}

func (s *session) warn(text string) {
	tell(s.stderr, "Warning: "+vcc.Printable(text))
}

// findings are the columns of what an import changes.
var findings = map[vcc.ExportFinding]string{
	vcc.ExportFound: "first import", vcc.ExportChanged: "changed on the server", vcc.ExportUnchanged: "unchanged on the server",
}

func printChanges(w io.Writer, changes []vcc.ImportChange) {
	if len(changes) == 0 {
		row(w, "No differences: what is stored is what the backup server has.")
		return
	}
	row(w, "WHAT", "STORED", "BACKUP SERVER", "SINCE THE LAST IMPORT")
	for _, c := range changes {
		if c.RoutingEnabled != nil {
			row(w, "routing option", onOff(!*c.RoutingEnabled), onOff(*c.RoutingEnabled), findings[c.Finding])
			continue
		}
		row(w, c.NetworkName, describeOrNone(c.Before), describeOrNone(c.After), findings[c.Finding])
	}
}

func describeOrNone(g *vcc.GatewaySettings) string {
	if g == nil {
		return "None"
	}
	return describe(*g)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// lastExport is what both script and status begin with.
type lastExport struct {
	Provider string `placeholder:"NAME" help:"Name or ID of the service provider whose export was imported. It is refused if that is another one."`
}

// status compares what is stored with the export that was imported last.
func (c lastExport) status(s *session) (status httpapi.ExportStatus, err error) {
	last, err := s.client.LastExport(s.ctx, s.as)
	if vcc.Code(err) == vcc.CodeNotFound {
		return status, errors.New("no export of a backup server was imported yet; import one with backend vbr import")
	}
	if err != nil {
		return status, err
	}
	if c.Provider != "" && !vcc.SameName(c.Provider, last.Provider) && !strings.EqualFold(c.Provider, last.ProviderID) {
		return status, fmt.Errorf("--provider: what was imported last is of service provider %q, and not of %s", last.Provider, vcc.Clip(c.Provider))
	}
	gateways, err := vcc.All(func(p vcc.Page) ([]vcc.DefaultGateway, int, error) { return s.client.DefaultGateways(s.ctx, s.as, p) })
	if err != nil {
		return status, err
	}
	routing, err := s.client.NetworkRouting(s.ctx, s.as)
	if err != nil {
		return status, err
	}
	return httpapi.ExportStatus{LastExport: *last, Pending: last.Pending(gateways, routing.Enabled)}, nil
}

type vbrScriptCmd struct{ lastExport }

func (vbrScriptCmd) sharedFlags() []string {
	return []string{"data-dir", "endpoint", "username", "password-file", "ca-certificate", "tenant"}
}

func (vbrScriptCmd) does() string { return "prints a script" }

// Help says where the script runs, and what it does.
func (vbrScriptCmd) Help() string {
	return runsWhere + " The account has to edit Default Gateways in the console. Run it with -WhatIf first. The script changes nothing if the server has anything " +
		"that is neither what was imported last nor what is stored, and it removes gateways with -AllowRemoval only. It may run twice. Export and import again afterwards."
}

// Run prints the script.
func (c vbrScriptCmd) Run(s *session) error {
	status, err := c.status(s)
	if err != nil {
		return err
	}
	for _, advice := range vbr.Advice(status.Pending) {
		s.warn(advice)
	}
	if len(status.Pending) == 0 {
		_, _ = fmt.Fprintln(s.stderr, "There is nothing to do, and the script does nothing: "+upToDate(status))
	}
	return vbr.WriteScript(s.stdout, status.LastExport, status.Pending)
}

func upToDate(status httpapi.ExportStatus) string {
	return vcc.Printable(fmt.Sprintf("%s had what is stored, by the export %s", status.Actor(), status.When()))
}

type vbrStatusCmd struct{ lastExport }

// Run shows what is pending.
func (c vbrStatusCmd) Run(s *session) error {
	status, err := c.status(s)
	if err != nil {
		return err
	}
	return s.print(status, func(w io.Writer) {
		if len(status.Pending) == 0 {
			row(w, "Nothing is pending: "+upToDate(status)+".")
			return
		}
		row(w, "WHAT", "BACKUP SERVER", "STORED")
		for _, p := range status.Pending {
			if p.RoutingEnabled != nil {
				row(w, "routing option", onOff(status.RoutingEnabled), onOff(*p.RoutingEnabled))
				continue
			}
			row(w, p.Name, describeOrNone(p.Server), describeOrNone(p.Stored))
		}
		row(w, fmt.Sprintf("By the export %s of service provider %q, %s.", status.When(), status.LastExport.Provider, status.Actor()))
	})
}
