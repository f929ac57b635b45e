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

// conflicts are those of a run that are not decided.
type conflicts struct {
	// open has them by their network; count is how many there are.
	open  map[string][]*conflict
	count int
	// confirmed are those that a later plan confirmed, until somebody reports them.
	confirmed []*conflict
	// waiting says that a call waits until all are decided.
	waiting bool
}

// update decides the conflicts of a network by what is planned for it now. It reports whether none is
// left, so that nobody needs to wait any longer.
func (c *conflicts) update(networkID string, n *networkRecord) (done bool) {
	open := c.open[networkID]
	if len(open) == 0 {
		return false
	}
	var rest []*conflict
	for _, o := range open {
		switch decided, confirmed := o.decide(n); {
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
		switch decided, isConfirmed := c.decide(r.record(c.networkID)); {
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
				// A resource that is tainted is planned once, from nothing to the new one, after its state was decoded.
				if c.settings != nil || !r.networks[networkID].decoded {
					confirmed = append(confirmed, c)
				}
			}
		}
	}
	if r.applying {
		confirmed = nil
	}
	*all = conflicts{open: map[string][]*conflict{}}
	slices.SortFunc(confirmed, func(a, b *conflict) int {
		one, other := a.refusal, b.refusal
		return cmp.Or(strings.Compare(one.of, other.of), strings.Compare(one.attribute.String(), other.attribute.String()), strings.Compare(one.detail, other.detail))
	})
	return confirmed, err
}
