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
		answers, err = t.answers(questions)
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
		return &vcc.Error{Code: vcc.CodeConflict, Message: "the tenant has no cloud networks, and so no network extension appliance"}
	}
	if assume.IsEmpty() {
		return use(c.tracer)
	}
	return s.assuming(ctx, c, assume, use)
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

// answers answers questions, each by itself.
func (t *tracer) answers(questions []vcc.TraceRequest) ([]vcc.Reachability, error) {
	answers := make([]vcc.Reachability, len(questions))
	var errs []error
	for i, q := range questions {
		answer, err := t.answer(q)
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("questions[%d]", i), err))
			if more := len(questions) - i - 1; more > 0 && len(errs) == vcc.MaxListed-1 { // each looks for names that are alike
				errs = append(errs, &vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf("the %d questions after these were not looked at", more)})
				break
			}
			continue
		}
		answers[i] = *answer
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return answers, nil
}

// answer answers one question.
func (t *tracer) answer(q vcc.TraceRequest) (*vcc.Reachability, error) {
	protocol, err := appliance.ParseProtocol(q.Protocol)
	if err != nil {
		return nil, err
	}
	ways, err := q.Ways(t.site, t.Outside)
	if err != nil {
		return nil, err
	}
	found, way := decide(t.Tenant, q, protocol, ways)
	found.Explanation = q.Sentence(found.Reachable, way[0], way[1], found.Explanation)
	var addresses []netip.Addr
	for _, w := range ways {
		addresses = append(addresses, w[0], w[1])
		addresses = append(addresses, t.internalAddresses(w[1])...)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	found.Addresses = slices.Compact(addresses)
	return found, nil
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

// internalAddresses are those that public IP rules for an address lead to.
func (t *tracer) internalAddresses(public netip.Addr) (list []netip.Addr) {
	for _, o := range t.Appliances {
		for _, r := range o.Inputs.PublicIPRules {
			if r.Public.Addr() == public {
				list = append(list, r.Internal.Addr())
			}
		}
	}
	return list
}
