// Package cli is the command line. Most of it is that of the reference backend, which stands for the
// console and the PowerShell cmdlets: it is how gateways are changed behind
// Terraform's back, and how one looks at what is stored. The rest installs the program, and has shells complete it.
package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The exit statuses.
const (
	exitDone         = 0
	exitRefused      = 1
	exitUsage        = 2
	exitNotReachable = 3
)

type commands struct {
	Version kong.VersionFlag `help:"Print the version."`
	Backend backendCommands  `cmd:"" help:"Look at and change a reference backend. It does what the console and the PowerShell cmdlets do."`

	Install      installCmd    `cmd:"" help:"Put this program where terraform and tofu init find it."`
	Uninstall    uninstallCmd  `cmd:"" help:"Remove what install put there, of all versions."`
	Completion   completionCmd `cmd:"" help:"Print a script that has a shell complete commands."`
	Help         helpCmd       `cmd:"" help:"Show the help of a command."`
	PrintVersion versionCmd    `cmd:"" name:"version" help:"Print the version."`
	Complete     completeCmd   `cmd:"" name:"__complete" hidden:"" passthrough:""`
}

type backendCommands struct {
	target

	Networks     networksCmd     `cmd:"" help:"List the cloud networks."`
	Gateway      gatewayCmds     `cmd:"" help:"List, set and remove default gateways; show their history."`
	Routing      routingCmds     `cmd:"" help:"Show and set \"Route traffic between these networks\"."`
	Replicate    replicateCmd    `cmd:"" help:"Run a replication job. Its first run detects default gateways."`
	Failover     failoverCmds    `cmd:"" help:"Start, undo and test full site failover, and keep the failover plans."`
	Trace        traceCmd        `cmd:"" help:"Trace a packet as after full site failover. Says whether it would get through, and why. The exit status is 3 if not."`
	Reachability reachabilityCmd `cmd:"" help:"Show who reaches whom after full site failover. The table has VMs and the internet."`
	Replay       replayCmd       `cmd:"" help:"Replay captured traffic as after full site failover. Says what would get through, and what would break, and why."`
	Lab          labCmds         `cmd:"" help:"Declare the lab, and show it."`
	VBR          vbrCmds         `cmd:"" name:"vbr" help:"Exchange files with a real backup server. They say what it has, and scripts change it."`
	Window       windowCmd       `cmd:"" help:"Serve the Default Gateways window for a browser. It shows a data folder; a served backend has the window at its address."`

	Serve   serveCmd    `cmd:"" help:"Serve a backend for many tenants over the network."`
	Account accountCmds `cmd:"" help:"Add, list and remove the accounts of a served backend."`
	Backup  backupCmd   `cmd:"" help:"Write a copy of a database to a file. The copy is of one moment, even if the database is in use."`
	Restore restoreCmd  `cmd:"" help:"Fill an empty database from a backup. It may be of another kind than the one before."`
}

// session is what a command has at hand.
type session struct {
	ctx    context.Context
	flags  *backendCommands
	client *httpapi.Client // nil for a command that works on a database
	// as names the tenant that an operator acts for.
	as     vcc.Actor
	served bool
	// embedded is the backend of a data folder, nil at a served one.
	embedded *backend.Embedded
	// program is what the history has beside the name of the user of a data folder.
	program string
	// fresh is the embedded backend that lab apply is to make; client is that of a rehearsal.
	fresh   *backend.EmbeddedConfig
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	version string
}

// Run carries out a command line, without the program's name, and returns the
// exit status: 0 done, 1 refused or failed with a message on stderr, 2 wrong
// usage, 3 a trace that found no way through, or checks that are not as declared.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, version string) (status int) {
	type exited int
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited: // kong ends the program after --help and --version
			status = int(p)
		default:
			panic(p)
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name(programName),
		kong.Description("With no arguments the program is a plugin, which Terraform and OpenTofu start. For people it has these commands; --help behind one explains it."),
		kong.Vars{"version": version, "developmentVersion": developmentVersion},
		kong.Writers(stdout, stderr),
		kong.Help(help),
		kong.Exit(func(code int) { panic(exited(code)) }),
	)
	if err != nil {
		return fail(stderr, err)
	}
	parser.Model.HelpFlag.Help = helpFlagHelp
	command, err := parser.Parse(args)
	if err != nil {
		tell(stderr, "Error: "+wrongUsage(parser.Model, err))
		return exitUsage
	}
	s := &session{ctx: ctx, flags: &c.Backend, stdin: stdin, stdout: stdout, stderr: stderr, version: version, program: "command line"}
	if err := s.run(command); err != nil {
		return fail(stderr, err)
	}
	return exitDone
}

// fewFlags is a command for which not all flags of every command (target) have a meaning.
type fewFlags interface {
	// sharedFlags are those that have.
	sharedFlags() []string
	// does says what the command does, as the reason.
	does() string
}

// standalone is a command that works on no backend: it opens a database itself, or needs neither.
type standalone interface {
	fewFlags
	withoutBackend()
}

// preparer is a command that can fail before a backend is opened.
type preparer interface{ prepare() error }

// folderMaker is a command that a data folder need not exist for: it makes one.
type folderMaker interface{ makesFolder() }

// commandOf returns the command, or the group of commands, that a node of the command line's model stands for.
func commandOf(node *kong.Node) any {
	if node != nil && node.Target.CanAddr() {
		return node.Target.Addr().Interface()
	}
	return nil
}

// run carries out a command on the backend that its flags mean.
func (s *session) run(command *kong.Context) (err error) {
	explicit := map[string]bool{}
	for _, p := range command.Path {
		if p.Flag != nil {
			explicit[p.Flag.Name] = true
		}
	}
	target := commandOf(command.Selected())
	if c, ok := target.(fewFlags); ok {
		for _, flag := range sharedFlagsOf(command.Selected()) {
			if explicit[flag.Name] && !slices.Contains(c.sharedFlags(), flag.Name) {
				name := strings.TrimPrefix(command.Selected().Path(), "backend ")
				return usageError("--" + flag.Name + " has no meaning for " + name + ", which " + c.does())
			}
		}
	}
	if _, ok := target.(standalone); ok {
		return command.Run(s)
	}
	if p, ok := target.(preparer); ok {
		if err := p.prepare(); err != nil {
			return err
		}
	}
	if named, ok := target.(interface{ program() string }); ok {
		s.program = named.program()
	}
	_, makes := target.(folderMaker)
	end, err := s.connect(explicit, makes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	err = command.Run(s)
	if all := vcc.Errors(err); len(all) == 1 && all[0].Field == "tenant" { // which any command can lack
		err = flagError(err)
	}
	return err
}

func fail(stderr io.Writer, err error) int {
	if errors.Is(err, notReachable{}) {
		return exitNotReachable
	}
	if status := exitStatus(0); errors.As(err, &status) {
		return int(status)
	}
	text := err.Error()
	advice := settingNames.Advice(err)
	if config := new(backend.ConfigError); errors.As(err, &config) {
		advice = "" // what cannot be opened says by itself what to do; trying again is seldom that
	}
	if advice != "" {
		if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
			text += "."
		}
		text += " " + advice
	}
	if httpapi.Uncertain(err) {
		text += " It is not known whether this was carried out: look at what is stored before you try again."
	}
	tell(stderr, "Error: "+text)
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitRefused
}

// settingNames are this program's settings in what it says about requests that failed.
var settingNames = httpapi.SettingNames{
	Endpoint: "--endpoint", Username: "--username", Password: "the password", Tenant: "--tenant or VCC_TENANT",
	CACertificate: "--ca-certificate", InsecureSkipVerify: "VCC_INSECURE_SKIP_VERIFY", Program: "this program",
}

// usageError is an error in how the command was called, not in a value.
type usageError string

func (e usageError) Error() string { return string(e) }

// print writes a value of the domain as the API's object in JSON if asked for, and else as
// text.
func (s *session) print(value any, text func(w io.Writer)) error {
	if s.flags.JSON {
		return s.printJSON(httpapi.Object(value))
	}
	return s.printText(text)
}

func (s *session) printJSON(value any) error {
	encoder := json.NewEncoder(s.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// printText prints lines, in which tabs part the cells of tables.
func (s *session) printText(text func(w io.Writer)) error {
	var b strings.Builder
	text(&b)
	out := &harmless{w: s.stdout, paint: coloured(s.stdout)}
	w := tabwriter.NewWriter(out, 0, 0, columnGap, ' ', 0)
	lines := b.String()
	if width := terminalWidth(s.stdout); width > 0 {
		lines = fit(lines, width)
	}
	_, err := io.WriteString(w, lines)
	return errors.Join(err, w.Flush())
}

// row writes the cells of a line of a table, in each of which may stand anything.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			_, _ = io.WriteString(w, "\t")
		}
		_, _ = io.WriteString(w, vcc.Printable(fmt.Sprint(c)))
	}
	_, _ = io.WriteString(w, "\n")
}

// harmless passes lines of text on to a terminal, which shows them and does not obey them, without the blanks
// that a table has behind its last cell.
type harmless struct {
	w     io.Writer
	paint bool   // the words that have a colour
	rest  []byte // of a line that has not ended
}

// Write passes on the lines that end.
func (h *harmless) Write(p []byte) (int, error) {
	h.rest = append(h.rest, p...)
	var text strings.Builder
	for {
		line, rest, ended := bytes.Cut(h.rest, []byte("\n"))
		if !ended {
			break
		}
		shown := vcc.Printable(strings.TrimRight(string(line), " "))
		if h.paint {
			shown = paint(shown)
		}
		text.WriteString(shown + "\n")
		h.rest = rest
	}
	_, err := io.WriteString(h.w, text.String())
	return len(p), err
}

// networks lists the tenant's cloud networks.
func (s *session) networks() ([]vcc.Network, error) {
	return vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
		return s.client.Networks(s.ctx, s.as, vcc.NetworkFilter{}, p)
	})
}

// network finds a network by name or ID.
func (s *session) network(nameOrID string) (vcc.Network, error) {
	networks, err := s.networks()
	if err != nil {
		return vcc.Network{}, err
	}
	return find("network", nameOrID, networks, func(n vcc.Network) (string, string) { return n.ID, n.Name })
}

// find returns the entry of a name or ID.
func find[T any](kind, nameOrID string, list []T, key func(T) (id, name string)) (T, error) {
	if entry, found := vcc.Find(list, nameOrID, key); found {
		return entry, nil
	}
	var names []string
	for _, entry := range list {
		_, name := key(entry)
		names = append(names, name)
	}
	var none T
	if len(names) == 0 {
		return none, fmt.Errorf("there is no %s %q; this tenant has none", kind, nameOrID)
	}
	return none, fmt.Errorf("there is no %s %s; %s An ID is good, too", kind, vcc.Clip(nameOrID), vcc.DidYouMean(nameOrID, names))
}

type networksCmd struct{}

// Run lists the networks.
func (networksCmd) Run(s *session) error {
	networks, err := s.networks()
	if err != nil {
		return err
	}
	return s.print(networks, func(w io.Writer) {
		row(w, "CLOUD NETWORK", "VLAN", "INTERNET", "ID")
		for _, n := range networks {
			row(w, n.Name, n.VLANID, yesNo(n.InternetAccess), n.ID)
		}
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type replicateCmd struct {
	Job string `arg:"" help:"Name or ID of the replication job."`
}

// Run runs the job.
func (c replicateCmd) Run(s *session) error {
	jobs, err := vcc.All(func(p vcc.Page) ([]vcc.ReplicationJob, int, error) { return s.client.ReplicationJobs(s.ctx, s.as, p) })
	if err != nil {
		return err
	}
	job, err := find("replication job", c.Job, jobs, func(j vcc.ReplicationJob) (string, string) { return j.ID, j.Name })
	if err != nil {
		return err
	}
	run, err := s.client.RunReplicationJob(s.ctx, s.as, job.ID)
	if err != nil {
		return err
	}
	return s.print(run, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Run %d of %q\n", run.Job.Runs, run.Job.Name)
		for _, g := range run.Detected {
			row(w, "detected", g.NetworkName, describe(g.GatewaySettings))
		}
		for _, d := range run.Skipped {
			row(w, "skipped", d.ProductionNetwork, d.Reason)
		}
		if run.Job.Runs > 1 {
			_, _ = fmt.Fprintln(w, "Only the first run of a job detects default gateways.")
		}
	})
}

// Main is Run for the process: it takes the arguments and streams from it.
func Main(ctx context.Context, version string) int {
	return Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, version)
}
