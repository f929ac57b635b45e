package cli

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type planCmds struct {
	List    planListCmd    `cmd:"" help:"List the failover plans, those that the lab declares and those that somebody specified."`
	Show    planShowCmd    `cmd:"" help:"Show a failover plan."`
	Set     planSetCmd     `cmd:"" help:"Set a failover plan, which may be a new one. What has no flag stays as it is."`
	Remove  planRemoveCmd  `cmd:"" help:"Take away what was specified for a failover plan. What the lab declares of its name is in force again."`
	History planHistoryCmd `cmd:"" help:"Show the history of a failover plan, newest first: the time, the account, and the plan before and after."`
}

type planListCmd struct{}

// Run lists the plans.
func (planListCmd) Run(s *session) error {
	plans, err := s.failoverPlans()
	if err != nil {
		return err
	}
	return s.print(plans, func(w io.Writer) {
		row(w, "FAILOVER PLAN", "VMS", "PUBLIC IP RULES", "ORIGIN", "CHANGED BY")
		for _, p := range plans {
			row(w, p.Name, inWords(p.VMWords()), inWords(p.RuleWords()), p.Origin, p.UpdatedBy)
		}
	})
}

// inWords joins the words for VMs or public IP rules of a plan.
func inWords(list []string) string {
	if len(list) == 0 {
		return "None"
	}
	return strings.Join(list, ", ")
}

type planShowCmd struct{ planArgument }

// Run shows the plan.
func (c planShowCmd) Run(s *session) error {
	plan, err := c.find(s)
	if err != nil {
		return err
	}
	return s.printPlan(&plan)
}

func (s *session) printPlan(p *vcc.FailoverPlan) error {
	return s.print(p, func(w io.Writer) {
		by := string(p.Origin)
		if p.Origin == vcc.OriginSpecified { // whoever brought back what is declared declared nothing
			by += " by " + p.UpdatedBy
		}
		_, _ = fmt.Fprintf(w, "%s (%s): %s\n", p.Name, by, inWords(p.VMWords()))
		for _, r := range p.PublicIPRules {
			_, _ = fmt.Fprintf(w, "  %s leads to %s\n", r.Public, r.Internal)
		}
		if p.Declared != nil {
			_, _ = fmt.Fprintf(w, "  The lab declares: %s; public IP rules: %s\n", inWords(p.Declared.VMWords()), inWords(p.Declared.RuleWords()))
		}
	})
}

type planSetCmd struct {
	Plan  string   `arg:"" help:"Name of the failover plan, or the ID of one that is there."`
	VM    []string `name:"vm" sep:"none" placeholder:"NAME" help:"A VM to start. Repeat it for more, in the order of their start: together they replace what the plan has."`
	Delay []string `sep:"none" placeholder:"NAME=SECONDS" help:"How long a failover waits after it started a VM, before it starts the next one. Repeat it for more VMs."`
	Rule  []string `sep:"none" placeholder:"PUBLIC=INTERNAL" help:"A public IP rule, such as 203.0.113.10:443=172.17.52.10:443. Repeat it for more: together they replace those that the plan has."`

	NoRules bool `help:"The plan has no public IP rules."`
}

// Run sets the plan, unless somebody changes it at the same time.
func (c planSetCmd) Run(s *session) error {
	if len(c.VM)+len(c.Delay)+len(c.Rule) == 0 && !c.NoRules {
		return usageError("nothing to set: give --vm, --delay, --rule or --no-rules")
	}
	if c.NoRules && len(c.Rule) > 0 {
		return usageError("--rule and --no-rules exclude each other")
	}
	plans, err := s.failoverPlans()
	if err != nil {
		return err
	}
	id, name, condition := uuid.NewString(), c.Plan, vcc.Precondition{Absent: true}
	var stored vcc.FailoverPlanSettings
	if plan, found := vcc.Find(plans, c.Plan, planKey); found {
		id, name, condition, stored = plan.ID, plan.Name, vcc.IfRevision(plan.Revision), plan.FailoverPlanSettings
	}
	settings, err := c.over(stored)
	if err != nil {
		return err
	}
	plan, _, err := s.client.PutFailoverPlan(s.ctx, s.as, id, name, settings, condition)
	if err != nil {
		return flagError(err)
	}
	return s.printPlan(plan)
}

// over returns the stored settings with the values given in their place.
func (c planSetCmd) over(stored vcc.FailoverPlanSettings) (vcc.FailoverPlanSettings, error) {
	s := vcc.FailoverPlanSettings{VMs: stored.VMs, Delays: map[string]time.Duration{}, PublicIPRules: stored.PublicIPRules}
	if len(c.VM) > 0 {
		s.VMs = c.VM
	}
	for _, vm := range s.VMs { // a VM that the plan no longer starts takes its delay with it
		s.Delays[vcc.NormalName(vm)] = stored.Delay(vm)
	}
	given := map[string]bool{}
	for _, text := range c.Delay {
		i := strings.LastIndex(text, "=")
		seconds, err := strconv.ParseInt(text[i+1:], 10, 64)
		if i < 0 || err != nil {
			return s, fmt.Errorf("--delay: %q is not a VM with a number of seconds; write it like db01=60", text)
		}
		vm := vcc.NormalName(text[:i])
		if given[vm] {
			return s, fmt.Errorf("--delay: VM %q has two delays; give one", vm)
		}
		given[vm] = true
		if s.Delays[vm], err = vcc.ParseStartDelay(seconds); err != nil {
			return s, flagError(vcc.Within("delays", err))
		}
	}
	if len(c.Rule) > 0 || c.NoRules {
		s.PublicIPRules = nil
	}
	for _, text := range c.Rule {
		from, to, _ := strings.Cut(text, "=")
		public, err := netip.ParseAddrPort(from)
		internal, toErr := netip.ParseAddrPort(to)
		if err != nil || toErr != nil {
			return s, fmt.Errorf("--rule: %q is not a public address with its port and where it leads; write it like 203.0.113.10:443=172.17.52.10:443, or with IPv6 addresses in brackets", text)
		}
		s.PublicIPRules = append(s.PublicIPRules, vcc.PublicIPRule{Public: public, Internal: internal})
	}
	return s, flagError(s.Validate())
}

type planRemoveCmd struct{ planArgument }

// Run takes away what was specified.
func (c planRemoveCmd) Run(s *session) error {
	plan, err := c.find(s)
	if err != nil {
		return err
	}
	if plan.Origin == vcc.OriginDeclared {
		return fmt.Errorf("failover plan %q is as the lab declares it, and nobody specified anything in its place; to remove it, take it out of the lab file", plan.Name)
	}
	left, err := s.client.RemoveFailoverPlan(s.ctx, s.as, plan.ID, vcc.IfRevision(plan.Revision))
	if err != nil {
		return err
	}
	if left != nil {
		return s.printPlan(left)
	}
	return s.done("%s: None\n", plan.Name)
}

type planHistoryCmd struct {
	Plan string `arg:"" help:"Name or ID of the failover plan; of one that is gone, its ID."`
}

// Run shows the history.
func (c planHistoryCmd) Run(s *session) error {
	id := c.Plan
	if vcc.ValidatePlanID(id) != nil {
		plan, err := planArgument(c).find(s)
		if err != nil {
			return err
		}
		id = plan.ID
	}
	changes, err := vcc.All(func(p vcc.Page) ([]vcc.FailoverPlanChange, int, error) {
		return s.client.FailoverPlanChanges(s.ctx, s.as, id, p)
	})
	if err != nil {
		return err
	}
	return s.print(changes, func(w io.Writer) {
		row(w, "TIME", "CHANGED BY", "BEFORE", "AFTER")
		state := func(p *vcc.FailoverPlanState) string {
			if p == nil {
				return "None"
			}
			return fmt.Sprintf("%s: %s; %s", p.Origin, inWords(p.VMWords()), inWords(p.RuleWords()))
		}
		for _, change := range changes {
			row(w, vcc.TimeText(change.Time), change.Actor, state(change.Before), state(change.After))
		}
	})
}
