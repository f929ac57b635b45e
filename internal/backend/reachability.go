package backend

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Trace implements vcc.ApplianceService. What is stored is compiled once for all who ask about
// it, and what is assumed once for all questions of a call.
func (s *Services) Trace(ctx context.Context, as vcc.Actor, questions []vcc.TraceRequest, assume vcc.Assumption) (answers []vcc.Reachability, err error) {
	err = s.asked(ctx, as, assume, func(t *tracer) error {
		answers, err = t.answers(ctx, questions)
		return err
	})
	return answers, err
}

// Matrix implements vcc.ApplianceService, as Trace does.
func (s *Services) Matrix(ctx context.Context, as vcc.Actor, request vcc.MatrixRequest, assume vcc.Assumption) (m *vcc.ReachabilityMatrix, err error) {
	err = s.asked(ctx, as, assume, func(t *tracer) error {
		m, err = t.matrix(ctx, request)
		return err
	})
	return m, err
}

// asked has use answer with what is stored and assumed.
func (s *Services) asked(ctx context.Context, as vcc.Actor, assume vcc.Assumption, use func(*tracer) error) error {
	c, err := s.stored(ctx, as)
	if err != nil {
		return err
	}
	if len(c.Appliances) == 0 {
		return errNoAppliance
	}
	if assume.IsEmpty() {
		return use(c.tracer)
	}
	return s.assuming(ctx, as, c, assume, use)
}

// VMs implements vcc.SiteService.
func (s *Services) VMs(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.VM, int, error) {
	c, err := s.stored(ctx, as)
	if err != nil {
		return nil, 0, err
	}
	all := c.Tenant.VMs
	from := min(p.Skip, len(all))
	return slices.Clone(all[from:min(from+p.Limit, len(all))]), len(all), nil
}

// tracer answers questions about one tenant's appliances. It never changes, so it is safe for
// concurrent use.
type tracer struct {
	*appliance.Tenant
	site     vcc.Site
	networks []vcc.Network // of all appliances
	// production are the networks of the site. Finding where jobs map them takes a look at each job and each network.
	production []vcc.SiteNetwork
	// size is about how much memory the tracer holds: the number of things that it knows.
	size int
}

// newTracer returns the tracer of what is stored.
func newTracer(tenant vcc.LabTenant, inputs []vcc.ApplianceInputs) *tracer {
	t := &tracer{site: tenant.Site, size: 1 + len(tenant.ProductionNetworks) + len(tenant.VMs) + len(tenant.PublicIPs)}
	for _, in := range inputs {
		t.networks = append(t.networks, in.Networks...)
		t.size += len(in.Networks) + len(in.PublicIPRules)
	}
	t.production = tenant.SiteNetworks(t.networks)
	t.Tenant = appliance.NewTenant(t.production, tenant.PublicIPs, inputs)
	return t
}

// assuming returns the tracer of the same tenant with other inputs of its appliances. An assumption changes neither the
// site nor its jobs nor the cloud networks.
func (t tracer) assuming(publicIPs []netip.Addr, inputs []vcc.ApplianceInputs) *tracer {
	t.Tenant = appliance.NewTenant(t.production, publicIPs, inputs)
	return &t
}

// answers answers questions, each by itself. CodeInvalidValue: one of them is wrong, or they have more than
// vcc.MaxTraceWays.
func (t *tracer) answers(ctx context.Context, questions []vcc.TraceRequest) ([]vcc.Reachability, error) {
	answers := make([]vcc.Reachability, len(questions))
	silent := t.WithoutWords()
	var errs []error
	total := 0
	for i, q := range questions {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		protocol, ways, err := t.ways(q)
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("questions[%d]", i), err))
			if more := len(questions) - i - 1; more > 0 && len(errs) == vcc.MaxListed-1 { // each looks for names that are alike
				errs = append(errs, &vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf("the %d questions after these were not looked at", more)})
				break
			}
			continue
		}
		if total += len(ways); total > vcc.MaxTraceWays {
			errs = append(errs, &vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf(
				"the addresses of these VMs make more than %d pairs, which is the most that the questions of one request have; ask fewer at once", vcc.MaxTraceWays)})
			break
		}
		answers[i] = t.answer(silent, q, protocol, ways)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return answers, nil
}

// ways are the pairs of addresses that a question is about.
func (t *tracer) ways(q vcc.TraceRequest) (appliance.Protocol, [][2]netip.Addr, error) {
	protocol, err := appliance.ParseProtocol(q.Protocol)
	if err != nil {
		return protocol, nil, err
	}
	ways, err := q.Ways(t.site, t.Outside)
	return protocol, ways, err
}

// answer answers one question. silent is the same tenant without words: most ways need none.
func (t *tracer) answer(silent *appliance.Tenant, q vcc.TraceRequest, protocol appliance.Protocol, ways [][2]netip.Addr) vcc.Reachability {
	way := ways[0]
	if len(ways) > 1 {
		_, way = decide(silent, q, protocol, ways)
	}
	found := t.Way(q, protocol, way[0], way[1])
	found.Explanation = q.Sentence(found.Reachable, way[0], way[1], found.Explanation)
	var addresses []netip.Addr
	known := [2]map[netip.Addr]bool{{}, {}}
	for _, w := range ways {
		for end, a := range w {
			if known[end][a] {
				continue
			}
			known[end][a] = true
			addresses = append(addresses, a)
			if end == 1 {
				addresses = append(addresses, t.Internal(a)...)
			}
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	found.Addresses = slices.Compact(addresses)
	return *found
}

// decide decides about the ways of a question. It returns the first that is not as it should be,
// with its addresses.
func decide(t *appliance.Tenant, q vcc.TraceRequest, protocol appliance.Protocol, ways [][2]netip.Addr) (found *vcc.Reachability, way [2]netip.Addr) {
	for _, w := range ways {
		r := t.Way(q, protocol, w[0], w[1])
		if !q.Holds(r.Reachable, r.Outcome()) {
			return r, w
		}
		if found == nil {
			found, way = r, w
		}
	}
	return found, way
}

// matrix answers one question about each pair of ends.
func (t *tracer) matrix(ctx context.Context, request vcc.MatrixRequest) (*vcc.ReachabilityMatrix, error) {
	protocol, err := appliance.ParseProtocol(request.Protocol)
	if err != nil {
		return nil, err
	}
	if request, err = request.Over(t.site, t.publicAddresses()); err != nil {
		return nil, err
	}
	tenant := t.WithoutWords()
	return request.Matrix(t.site, t.Outside, func(q vcc.TraceRequest, ways [][2]netip.Addr) (vcc.MatrixCell, error) {
		r, way := decide(tenant, q, protocol, ways)
		cell := vcc.MatrixCell{Reachable: r.Reachable, Reason: r.Outcome()}
		if tenant.WantsGateway(r, way[0], way[1]) {
			cell.Reason = vcc.ReasonNoDefaultGateway
		}
		return cell, ctx.Err()
	})
}

// publicAddresses are those of all public IP rules, in order.
func (t *tracer) publicAddresses() (list []netip.Addr) {
	for _, o := range t.Appliances {
		for _, r := range o.Inputs.PublicIPRules {
			list = append(list, r.Public.Addr())
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return slices.Compact(list)
}
