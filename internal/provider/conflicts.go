package provider

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// conflict is what makes a plan wrong unless the resource that has a stored gateway is planned to
// give it up or to change it. Terraform may plan that later.
type conflict struct {
	// networkID is the network of the stored gateway.
	networkID string
	// settings are what the plan wants, where they overlap the stored gateway's IP networks;
	// nil where it wants the stored gateway's network itself.
	settings *vcc.GatewaySettings
	// refusal says what is wrong, if nothing resolves the conflict.
	refusal refusal
}

// refusal is an error of the plan of a gateway.
type refusal struct {
	// networkID is the network that the gateway is planned for.
	networkID string
	// of says of what detail speaks, where that is read at another resource; "" if it says so itself.
	of string
	// attribute is the one that is wrong.
	attribute       path.Path
	summary, detail string
}

// decide reports whether what is planned for the conflict's network decides it, and whether it then
// stands.
func (c *conflict) decide(n *networkRecord) (decided, confirmed bool) {
	switch {
	case c.settings == nil:
		return n.removed != nil, false // that another resource keeps the network is found elsewhere
	case n.planned() == nil:
		return false, false
	case !n.planned().Known:
		return true, false // it goes, or there is no telling
	}
	return true, overlap(n.planned().Settings, *c.settings)
}

// decideConflict is decide, and refuses two resources of which each waits until the other one gives an IP network up. The
// lock is held.
func (r *run) decideConflict(c *conflict) (decided, confirmed bool) {
	n := r.record(c.networkID)
	decided, confirmed = c.decide(n)
	// What is removed goes without waiting. Where it is not known what comes, there is no telling.
	if !decided || confirmed || c.settings == nil || n.created != nil || n.stays == nil || !n.stays.Known {
		return decided, confirmed
	}
	writer, other := r.writerOf(c.refusal.networkID), r.writerOf(c.networkID)
	if writer == other { // it writes both at once
		return true, false
	}
	if r.conflicts.awaits[writer] == nil {
		r.conflicts.awaits[writer] = map[string]bool{}
	}
	r.conflicts.awaits[writer][other] = true
	if !r.conflicts.waitsFor(other, writer, map[string]bool{}) {
		return true, false
	}
	c.refusal.detail += " That one is planned to give it up, and cannot be written before this one has given up an IP network in turn. " +
		"IP networks that change places between resources take two applies, with one of them out of the way in the first; a vcc_default_gateways that has both networks does it in one."
	return true, true
}

// writerOf names what writes the gateway of a network: a vcc_default_gateways, or the network's own resource. The lock is held.
func (r *run) writerOf(networkID string) string {
	if of := r.record(networkID).of; of != "" {
		return of
	}
	return networkID
}

// waitsFor reports whether a writer waits for another one, which may be by way of more of them. seen has those that were looked at.
func (c *conflicts) waitsFor(writer, other string, seen map[string]bool) bool {
	if writer == other {
		return true
	}
	if seen[writer] {
		return false
	}
	seen[writer] = true
	for next := range c.awaits[writer] {
		if c.waitsFor(next, other, seen) {
			return true
		}
	}
	return false
}

// conflicts are those of a run that are not decided.
type conflicts struct {
	// awaits has, by writer, the others that have to give an IP network up before it can be written.
	awaits map[string]map[string]bool

	// open has them by their network; count is how many there are.
	open  map[string][]*conflict
	count int
	// confirmed are those that a later plan confirmed, until somebody reports them.
	confirmed []*conflict
	// waiting says that a call waits until all are decided.
	waiting bool
}

// updateConflicts decides the conflicts of a network by what is planned for it now. It reports whether none is
// left, so that nobody needs to wait any longer. The lock is held.
func (r *run) updateConflicts(networkID string) (done bool) {
	c := &r.conflicts
	open := c.open[networkID]
	if len(open) == 0 {
		return false
	}
	var rest []*conflict
	for _, o := range open {
		switch decided, confirmed := r.decideConflict(o); {
		case !decided:
			rest = append(rest, o)
		case confirmed:
			c.confirmed = append(c.confirmed, o)
		}
	}
	c.count -= len(open) - len(rest)
	if c.open[networkID] = rest; rest == nil {
		delete(c.open, networkID)
	}
	return c.count == 0
}

func newConflicts(awaits map[string]map[string]bool) conflicts {
	return conflicts{awaits: awaits, open: map[string][]*conflict{}}
}

// checkConflicts takes the conflicts of a plan that was just noted, and returns those that are confirmed.
// Others' conflicts are among them, because only one call waits: a walk of Terraform's has few calls at a time. The
// other calls pass with their conflicts open, and the one that waits reports them.
// Once something is applied there are no conflicts: what an apply plans again was decided by its plan.
// They are in order of what they say. The error is the context's.
func (r *run) checkConflicts(ctx context.Context, found []*conflict) ([]*conflict, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := &r.conflicts
	var confirmed []*conflict
	for _, c := range found {
		switch decided, isConfirmed := r.decideConflict(c); {
		case isConfirmed:
			confirmed = append(confirmed, c)
		case !decided:
			all.open[c.networkID] = append(all.open[c.networkID], c)
			all.count++
		}
	}
	if all.waiting || all.count == 0 || r.applying || len(confirmed) > 0 {
		return confirmed, nil
	}
	all.waiting = true
	err := r.waitUntil(ctx, quietTime, func() bool { return all.count == 0 || r.applying })
	confirmed = all.confirmed
	if errors.Is(err, errQuiet) {
		err = nil
		for networkID, open := range all.open {
			for _, c := range open {
				if n := r.networks[networkID]; c.settings != nil || !r.isTainted(n.decoded, n.read) {
					confirmed = append(confirmed, c)
				}
			}
		}
	}
	if r.applying {
		confirmed = nil
	}
	*all = newConflicts(all.awaits)
	slices.SortFunc(confirmed, func(a, b *conflict) int {
		one, other := a.refusal, b.refusal
		return cmp.Or(strings.Compare(one.of, other.of), strings.Compare(one.attribute.String(), other.attribute.String()), strings.Compare(one.detail, other.detail))
	})
	return confirmed, err
}
