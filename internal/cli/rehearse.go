package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type failoverRehearseCmd struct {
	planArgument
	Program []string `arg:"" optional:"" help:"With --exec: the program and its arguments, behind --."`
	Exec    string   `placeholder:"VM" help:"Run a program as on that VM, or as on the outside, and end with its status."`
	Check   string   `placeholder:"FILE" help:"Try the checks of a file. The exit status is 3 if one is not as declared."`

	checks labfile.Checks
}

// prepare refuses what no backend is needed for to refuse.
func (c *failoverRehearseCmd) prepare() (err error) {
	switch {
	case runtime.GOOS != "linux":
		return rehearsal.ErrSystem
	case c.Exec != "" && c.Check != "":
		return usageError("--exec and --check exclude each other: one rehearsal runs a program, another one tries the checks")
	case c.Exec != "" && len(c.Program) == 0:
		return usageError("--exec needs a program, such as: --exec " + c.Exec + " -- curl http://db01/")
	case c.Exec == "" && len(c.Program) > 0:
		return usageError("a program needs --exec and the VM that it runs on, such as: --exec web01 -- " + strings.Join(c.Program, " "))
	case c.Check != "":
		c.checks, err = labfile.ReadChecks(c.Check)
	}
	return err
}

// exitStatus ends this program with the status of another one, which has said what there is to say.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprint("exit status ", int(e)) }

// Run rehearses the plan.
func (c *failoverRehearseCmd) Run(s *session) error {
	plan, err := c.find(s)
	if err != nil {
		return err
	}
	// A terminal's interrupt is for the program that runs there. It ends that, and not the rehearsal.
	ctx := s.ctx
	if c.Check == "" {
		interrupts := make(chan os.Signal, 1) // nobody reads it
		signal.Notify(interrupts, os.Interrupt)
		defer signal.Stop(interrupts)
		var stop func()
		ctx, stop = signal.NotifyContext(context.WithoutCancel(s.ctx), syscall.SIGTERM)
		defer stop()
	}
	terminal := newConsole(s)
	r, err := backend.Rehearse(ctx, s.client, s.as, plan, rehearsal.Config{Stdin: s.stdin, Stdout: s.stdout, Stderr: s.stderr, Notify: terminal.notice})
	if err != nil {
		return err
	}
	switch {
	case c.Check != "":
		err = c.check(ctx, s, r)
	case c.Exec != "":
		var status int
		status, err = r.Exec(ctx, c.Exec, c.Program, true)
		if err == nil && status != 0 {
			err = exitStatus(status)
		}
	default:
		err = terminal.prompt(ctx, r)
	}
	return errors.Join(err, r.Close())
}

// check tries the checks and prints what came of them.
func (c *failoverRehearseCmd) check(ctx context.Context, s *session, r *rehearsal.Rehearsal) error {
	outcomes, err := r.Check(ctx, c.checks.List)
	if err != nil {
		return c.checks.Located(err)
	}
	failed, faults := 0, 0
	for i, o := range outcomes {
		if !o.Holds(c.checks.List[i]) {
			failed++
		}
		if o.Fault != "" {
			faults++
		}
	}
	if s.flags.JSON {
		err = s.printJSON(c.objects(outcomes))
	} else {
		err = s.printText(func(w io.Writer) { c.print(w, outcomes, failed) })
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		return notReachable{}
	case faults > 0:
		return fmt.Errorf("the kernel and the routing engine differ on %d of %d checks, which is a fault of this program; please report what is printed above", faults, len(outcomes))
	}
	return nil
}

// rehearsedCheck is a check with what became of it, as it is printed in JSON.
type rehearsedCheck struct {
	Line        int              `json:"line"`
	Source      string           `json:"source"`
	Destination string           `json:"destination"`
	Protocol    string           `json:"protocol"`
	Port        int              `json:"port,omitempty"`
	Reachable   bool             `json:"reachable"`
	Reason      string           `json:"reason,omitempty"`
	AsDeclared  bool             `json:"asDeclared"`
	Outcome     rehearsedOutcome `json:"outcome"`
}

type rehearsedOutcome struct {
	Reachable   bool   `json:"reachable"`
	Reason      string `json:"reason"`
	Explanation string `json:"explanation"`
	Fault       string `json:"fault,omitempty"`
}

func (c *failoverRehearseCmd) objects(outcomes []rehearsal.Outcome) []rehearsedCheck {
	objects := make([]rehearsedCheck, len(outcomes))
	for i, o := range outcomes {
		check := c.checks.List[i]
		objects[i] = rehearsedCheck{
			Line: c.checks.Lines[i], Source: check.Source.String(), Destination: check.Destination.String(), Protocol: check.Protocol, Port: check.Port,
			Reachable: !check.Unwanted, Reason: string(check.Reason), AsDeclared: o.Holds(check),
			Outcome: rehearsedOutcome{o.Reachable, string(o.Reason), o.Explanation, o.Fault},
		}
	}
	return objects
}

// print prints a table of all checks, and below it what to do about those that are not as declared.
func (c *failoverRehearseCmd) print(w io.Writer, outcomes []rehearsal.Outcome, failed int) {
	words := map[bool]string{true: "reachable", false: "not reachable"}
	row(w, "", "SOURCE", "DESTINATION", "PROTOCOL", "DECLARED", "OUTCOME", "REASON")
	for i, o := range outcomes {
		check, mark := c.checks.List[i], "ok"
		if !o.Holds(check) {
			mark = "NOT"
		}
		service := check.Protocol
		if check.Port > 0 {
			service = fmt.Sprintf("%s %d", check.Protocol, check.Port)
		}
		row(w, mark, check.Source, check.Destination, service, words[!check.Unwanted], words[o.Reachable], o.Reason)
	}
	for i, o := range outcomes {
		check, at := c.checks.List[i], fmt.Sprintf("%s:%d", c.Check, c.checks.Lines[i])
		switch {
		case o.Holds(check):
		case o.Reachable != check.Unwanted: // as declared, for another reason
			_, _ = fmt.Fprintf(w, "\n%s: the reason is %s, and not %s. %s\n", at, o.Reason, check.Reason, o.Explanation)
		default:
			_, _ = fmt.Fprintf(w, "\n%s: %s\n", at, o.Explanation)
		}
		if o.Fault != "" {
			_, _ = fmt.Fprintf(w, "\n%s: the kernel and the routing engine differ: %s\n", at, o.Fault)
		}
	}
	if failed == 0 {
		_, _ = fmt.Fprintf(w, "\nAll of %d are as declared: the kernel says so.\n", len(outcomes))
		return
	}
	_, _ = fmt.Fprintf(w, "\n%d of %d are not as declared.\n", failed, len(outcomes))
}

// console is where a person types commands, and reads what happens meanwhile.
type console struct {
	s *session
	// file is the terminal, nil where the input is none.
	file *os.File

	mu   sync.Mutex
	line *term.Terminal // while a line is typed
}

func newConsole(s *session) *console {
	c := &console{s: s}
	if file, ok := s.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) { //nolint:gosec // a small number
		c.file = file
	}
	return c
}

// notice prints a notice, above the line that is being typed.
func (c *console) notice(n rehearsal.Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := vcc.Printable(n.Text) + "\n"
	if c.line != nil {
		_, _ = c.line.Write([]byte(text))
		return
	}
	_, _ = io.WriteString(c.s.stderr, text)
}

const consoleHelp = `A line is a command for the shell of the machine in the prompt. Each line has a shell of its own, so a folder or a
variable that one sets is not there for the next one. The name of a machine moves there.
help says this, and exit, Ctrl-C or Ctrl-D ends the rehearsal with all that runs in it.
`

// prompt reads commands until there are no more.
func (c *console) prompt(ctx context.Context, r *rehearsal.Rehearsal) error {
	scene := r.Scene()
	at := rehearsal.Outside
	if len(scene.Machines) > 0 {
		at = scene.Machines[0].Name
	}
	c.summary(scene)
	read := c.reader()
	for {
		line, err := read(vcc.Printable(at) + "$ ")
		command := strings.TrimSpace(line)
		switch {
		case errors.Is(err, io.EOF) || command == "exit":
			return nil
		case err != nil:
			return err
		case command == "":
			continue
		case command == "help":
			_, _ = io.WriteString(c.s.stdout, consoleHelp)
			continue
		case command == rehearsal.Outside:
			at = command
			continue
		}
		if moved := machineNamed(scene, command); moved != "" {
			at = moved
			continue
		}
		if _, err := r.Exec(ctx, at, []string{"/bin/sh", "-c", command}, c.file != nil); err != nil {
			return err
		}
	}
}

// machineNamed returns the machine that a line names, "" for none.
func machineNamed(scene rehearsal.Scene, line string) string {
	for _, m := range scene.Machines {
		if vcc.SameName(m.Name, line) {
			return m.Name
		}
	}
	return ""
}

// summary prints what there is.
func (c *console) summary(scene rehearsal.Scene) {
	_ = c.s.printText(func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "Rehearsal of failover plan %q: nothing outside of it is touched, and nothing of it stays.\n", scene.Plan)
		row(w, "MACHINE", "ADDRESS", "NETWORK", "GATEWAY")
		for _, m := range scene.Machines {
			for _, n := range m.NICs {
				network, gateways := scene.Network(n)
				for _, a := range n.Addresses {
					gateway := "none"
					for _, g := range gateways {
						if g.Is4() == a.Addr().Is4() {
							gateway = g.String()
						}
					}
					row(w, m.Name, a, network, gateway)
				}
			}
		}
		row(w, rehearsal.Outside, "every other address", "", "")
		_, _ = io.WriteString(w, "\n"+consoleHelp)
	})
}

// reader returns a function that reads one line behind a prompt, and io.EOF at the end of input. What is no
// terminal is copied to the output, so that this reads like a conversation.
func (c *console) reader() func(prompt string) (string, error) {
	if c.file == nil {
		lines := bufio.NewScanner(c.s.stdin)
		return func(prompt string) (string, error) {
			if !lines.Scan() {
				if err := lines.Err(); err != nil {
					return "", err
				}
				return "", io.EOF
			}
			_, _ = fmt.Fprintf(c.s.stdout, "%s%s\n", prompt, vcc.Printable(lines.Text()))
			return lines.Text(), nil
		}
	}
	type both struct {
		io.Reader
		io.Writer
	}
	typing := term.NewTerminal(both{c.file, c.s.stdout}, "")
	fd := int(c.file.Fd()) //nolint:gosec // a small number
	return func(prompt string) (string, error) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return "", err
		}
		defer func() { _ = term.Restore(fd, before) }()
		if width, height, err := term.GetSize(fd); err == nil && width > 0 {
			_ = typing.SetSize(width, height)
		}
		typing.SetPrompt(prompt)
		c.setLine(typing)
		defer c.setLine(nil)
		return typing.ReadLine()
	}
}

func (c *console) setLine(t *term.Terminal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.line = t
}
