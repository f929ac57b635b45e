package cli

import (
	"cmp"
	"fmt"
	"io"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type failoverCmds struct {
	Start    failoverStartCmd    `cmd:"" help:"Start full site failover by a plan."`
	Undo     failoverUndoCmd     `cmd:"" help:"Undo the full site failover that is under way."`
	Test     failoverTestCmd     `cmd:"" help:"Say what a full site failover by a plan would do, and keep a report of that. Nothing is started."`
	Rehearse failoverRehearseCmd `cmd:"" help:"Rebuild the failover in namespaces of this Linux machine, and run real programs in it, with no risk to anything."`
	Status   failoverStatusCmd   `cmd:"" help:"Show the failover plans and which of them is failed over."`
	Sessions failoverSessionsCmd `cmd:"" help:"List failovers and the reports of tests, newest first."`
	Plan     planCmds            `cmd:"" help:"List, show, set and remove failover plans, and show their history."`
	Partial  partialCmds         `cmd:"" help:"Start and stop partial site failover of a VM, which keeps its appliance busy."`
}

type planArgument struct {
	Plan string `arg:"" help:"Name or ID of the failover plan."`
}

func (s *session) failoverPlans() ([]vcc.FailoverPlan, error) {
	return vcc.All(func(p vcc.Page) ([]vcc.FailoverPlan, int, error) { return s.client.FailoverPlans(s.ctx, s.as, p) })
}

func planKey(p vcc.FailoverPlan) (id, name string) { return p.ID, p.Name }

// find returns the plan.
func (a planArgument) find(s *session) (vcc.FailoverPlan, error) {
	plans, err := s.failoverPlans()
	if err != nil {
		return vcc.FailoverPlan{}, err
	}
	return find("failover plan", a.Plan, plans, planKey)
}

type failoverStartCmd struct {
	planArgument
	Force bool `help:"End the partial site failovers that keep an appliance busy, instead of refusing."`
}

// Run starts the failover.
func (c failoverStartCmd) Run(s *session) error {
	plan, err := c.find(s)
	if err != nil {
		return err
	}
	return s.printSession(s.client.StartFailover(s.ctx, s.as, plan.ID, c.Force))
}

type failoverTestCmd struct{ planArgument }

// Run says what the failover would do.
func (c failoverTestCmd) Run(s *session) error {
	plan, err := c.find(s)
	if err != nil {
		return err
	}
	return s.printSession(s.client.TestFailover(s.ctx, s.as, plan.ID))
}

type failoverUndoCmd struct{}

// Run undoes every full site failover of the tenant that is under way, which is
// one per appliance at most.
func (failoverUndoCmd) Run(s *session) error {
	plans, err := s.failoverPlans()
	if err != nil {
		return err
	}
	undone := false
	for _, p := range plans {
		if p.Session == nil {
			continue
		}
		if err := s.printSession(s.client.UndoFailover(s.ctx, s.as, p.ID)); err != nil {
			return err
		}
		undone = true
	}
	if !undone {
		return fmt.Errorf("no plan is failed over; there is nothing to undo")
	}
	return nil
}

type failoverStatusCmd struct{}

// Run shows the plans.
func (failoverStatusCmd) Run(s *session) error {
	plans, err := s.failoverPlans()
	if err != nil {
		return err
	}
	return s.print(plans, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "FAILOVER PLAN\tSTATE\tSINCE\tBY")
		for _, p := range plans {
			if p.Session == nil {
				_, _ = fmt.Fprintf(w, "%s\tready\t\t\n", p.Name)
				continue
			}
			_, _ = fmt.Fprintf(w, "%s\tfailed over\t%s\t%s\n", p.Name, vcc.TimeText(p.Session.StartedAt), p.Session.StartedBy)
		}
	})
}

type partialCmds struct {
	Start partialStartCmd `cmd:"" help:"Start partial site failover of a VM."`
	Stop  partialStopCmd  `cmd:"" help:"Stop partial site failover of a VM."`
}

type vmArgument struct {
	VM string `arg:"" help:"Name of the VM."`
}

type (
	partialStartCmd struct{ vmArgument }
	partialStopCmd  struct{ vmArgument }
)

// Run starts the partial failover.
func (c partialStartCmd) Run(s *session) error {
	return s.printSession(s.client.StartPartialFailover(s.ctx, s.as, c.VM))
}

// Run stops the partial failover.
func (c partialStopCmd) Run(s *session) error {
	return s.printSession(s.client.StopPartialFailover(s.ctx, s.as, c.VM))
}

func (s *session) printSession(f *vcc.FailoverSession, err error) error {
	if err != nil {
		return err
	}
	return s.print(f, func(w io.Writer) {
		if f.Test {
			_, _ = fmt.Fprintf(w, "Test of failover plan %q: nothing was started. A failover would do this:\n", f.PlanName)
		}
		for _, e := range f.Done() {
			_, _ = fmt.Fprintln(w, e.Message)
		}
		if !f.EndedAt.IsZero() {
			return
		}
		for _, p := range f.Problems {
			_, _ = fmt.Fprintf(w, "Problem: %s\n", p.Message)
		}
		switch {
		case f.Test && f.IsKept():
			_, _ = fmt.Fprintf(w, "The report is kept as session %s\n", f.ID)
		case f.Test:
			_, _ = fmt.Fprintf(w, "No report is kept: %s\n", vcc.NotKept)
		}
	})
}

type traceCmd struct {
	Source      string `placeholder:"END" help:"The name of a VM of the site, an IP address, or internet, which stands for any address on the internet."`
	Destination string `placeholder:"END" help:"As the source."`
	Protocol    string `placeholder:"tcp|udp|icmp" help:"Protocol (default: tcp)."`
	Port        *int   `placeholder:"PORT" help:"Destination port, for tcp and udp."`
	Check       string `placeholder:"FILE" help:"Instead of one question, a YAML file with a list of checks: source, destination, protocol, port, reachable, and reason where it matters. The exit status is 3 unless all are as declared."`

	checks labfile.Checks
}

// prepare reads the checks.
func (c *traceCmd) prepare() (err error) {
	asks := c.Source != "" || c.Destination != "" || c.Protocol != "" || c.Port != nil
	switch {
	case c.Check != "" && asks:
		return usageError("--check and a question of its own exclude each other: the questions are in the file")
	case c.Check != "":
		c.checks, err = labfile.ReadChecks(c.Check)
		return err
	case c.Source == "" || c.Destination == "":
		return usageError("a question needs --source and --destination; or give a file with many: --check FILE")
	}
	return nil
}

// notReachable is the outcome of a trace that went well and found no way. It has an
// exit status of its own, and no message beside the steps.
type notReachable struct{}

func (notReachable) Error() string { return "not reachable" }

// Run says what would be reached after full site failover.
func (c *traceCmd) Run(s *session) error {
	if c.Check != "" {
		return s.traceChecks(c.Check, c.checks)
	}
	question, err := vcc.ParseTraceRequest(c.Source, c.Destination, cmp.Or(c.Protocol, "tcp"), c.Port)
	if err != nil {
		return flagError(err)
	}
	answers, err := s.client.Trace(s.ctx, s.as, []vcc.TraceRequest{question}, vcc.Assumption{})
	if err != nil {
		return flagError(err)
	}
	reach := answers[0]
	err = s.print(reach, func(w io.Writer) {
		outcome := "not reachable"
		if reach.Reachable {
			outcome = "reachable"
		}
		_, _ = fmt.Fprintf(w, "%s: %s, %s\n%s\n", outcome, reach.Verdict, reach.Reason, reach.Explanation)
		printSteps(w, "request", reach.TracedPacket)
		if reach.Reply != nil {
			printSteps(w, "reply", *reach.Reply)
		}
	})
	if err == nil && !reach.Reachable {
		err = notReachable{}
	}
	return err
}

func printSteps(w io.Writer, which string, p vcc.TracedPacket) {
	_, _ = fmt.Fprintf(w, "  %s\n", which)
	for _, s := range p.Steps {
		_, _ = fmt.Fprintf(w, "    %s\n", s.Message)
	}
}
