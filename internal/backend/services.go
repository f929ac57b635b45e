package backend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Services are everything that a server puts on the wire: the store's services,
// and those that need the routing engine beside it.
//
// An appliance has no state of its own here: it is compiled from what is stored
// whenever somebody looks. So a change reaches it at once (rule 19), a restart
// loses nothing, and several servers on one store say the same.
type Services struct{ *store.Store }

// NewServices returns the services on a store.
func NewServices(s *store.Store) *Services { return &Services{s} }

var (
	_ vcc.FailoverService  = (*Services)(nil)
	_ vcc.ApplianceService = (*Services)(nil)
)

// StartFailover implements vcc.FailoverService.
func (s *Services) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool) (*vcc.FailoverSession, error) {
	return s.Store.StartFailover(ctx, as, planID, force, prepare)
}

// TestFailover implements vcc.FailoverService.
func (s *Services) TestFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return s.Store.TestFailover(ctx, as, planID, prepare)
}

// prepare writes what full site failover makes of each appliance into the
// session's log, and what people should know into its problems (rule 15).
func prepare(session *vcc.FailoverSession, inputs []vcc.ApplianceInputs) {
	started, gets, leads := "started", "gets", "leads"
	if session.Test {
		started, gets, leads = "would start", "would get", "would lead"
	}
	for _, in := range withOwnRules(inputs) {
		log := func(format string, args ...any) {
			session.Log = append(session.Log, vcc.FailoverLogEntry{
				Time: session.StartedAt, Message: in.HostName + ": " + fmt.Sprintf(format, args...),
			})
		}
		log("network extension appliance %s with %d network adapters", started, in.VNICs())
		state := compiledState(in)
		for _, i := range state.Interfaces {
			name := i.Name
			if i.NetworkName != "" {
				name = fmt.Sprintf("%s (%s)", i.Name, i.NetworkName)
			}
			if len(i.Addresses) == 0 {
				log("%s %s no address", name, gets)
			}
			for _, a := range i.Addresses {
				log("%s %s %s", name, gets, a)
			}
		}
		for _, r := range state.DestinationNAT {
			log("public address %s %s to %s through %s", r.Public, leads, r.Internal, r.Interface)
		}
		session.Problems = append(session.Problems, state.Problems...)
	}
}

// withOwnRules leaves out of each appliance the public IP rules that lead to another
// of them. One that leads nowhere stays everywhere, as a problem.
func withOwnRules(inputs []vcc.ApplianceInputs) []vcc.ApplianceInputs {
	own := slices.Clone(inputs)
	for i, in := range inputs {
		own[i].PublicIPRules = slices.DeleteFunc(slices.Clone(in.PublicIPRules), func(r vcc.LabPublicIPRule) bool {
			to, _ := netip.ParseAddr(r.ToAddress)
			leads := func(in vcc.ApplianceInputs) bool { return serves(in, to) }
			return !leads(in) && slices.ContainsFunc(inputs, leads)
		})
	}
	return own
}

// ownInputs are what the tenant's appliances are compiled from.
func (s *Services) ownInputs(ctx context.Context, as vcc.Actor) ([]vcc.ApplianceInputs, error) {
	inputs, err := s.ApplianceInputs(ctx, as)
	return withOwnRules(inputs), err
}

// Appliances implements vcc.ApplianceService.
func (s *Services) Appliances(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.ApplianceState, int, error) {
	inputs, err := s.ownInputs(ctx, as)
	if err != nil {
		return nil, 0, err
	}
	from := min(p.Skip, len(inputs))
	var states []vcc.ApplianceState
	for _, in := range inputs[from:min(from+p.Limit, len(inputs))] {
		states = append(states, compiledState(in))
	}
	return states, len(inputs), nil
}

// Appliance implements vcc.ApplianceService.
func (s *Services) Appliance(ctx context.Context, as vcc.Actor, id string) (*vcc.ApplianceState, error) {
	inputs, err := s.ownInputs(ctx, as)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(inputs, func(in vcc.ApplianceInputs) bool { return in.ID == id })
	if i < 0 {
		return nil, &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: fmt.Sprintf("there is no network extension appliance with ID %s", id)}
	}
	state := compiledState(inputs[i])
	return &state, nil
}

// serves reports whether an address is in one of the appliance's networks.
func serves(in vcc.ApplianceInputs, a netip.Addr) bool {
	return slices.ContainsFunc(in.Networks, func(n vcc.Network) bool { return contains(in.Gateways[n.ID], a) })
}

func contains(g vcc.GatewaySettings, a netip.Addr) bool {
	return g.IPv4 != nil && g.IPv4.Network().Contains(a) || g.IPv6 != nil && g.IPv6.Network.Contains(a)
}

// applianceConfig translates what is stored into what the engine compiles.
func applianceConfig(in vcc.ApplianceInputs) appliance.Config {
	cfg := appliance.Config{
		External: appliance.External{
			IPv4: externalSettings(in.External.IPv4, in.External.IPv4Gateway),
			IPv6: externalSettings(in.External.IPv6, in.External.IPv6Gateway),
		},
		RoutingEnabled: in.RoutingEnabled,
		Host:           vcc.Host{Name: in.HostName, Platform: in.Platform},
	}
	for _, n := range in.Networks {
		cfg.Networks = append(cfg.Networks, appliance.Network{Network: n, Gateway: in.Gateways[n.ID]})
	}
	for _, r := range in.PublicIPRules {
		cfg.PublicIPRules = append(cfg.PublicIPRules, appliance.PublicIPRule{
			Public: addrPort(r.Address, r.Port), Internal: addrPort(r.ToAddress, r.ToPort),
		})
	}
	return cfg
}

// externalSettings reads what the lab's own checks have seen to be good; a value
// that is not there gives the zero value, which the engine takes for none.
func externalSettings(address, gateway string) appliance.ExternalSettings {
	var s appliance.ExternalSettings
	s.Address, _ = netip.ParsePrefix(address)
	s.Gateway, _ = netip.ParseAddr(gateway)
	return s
}

func addrPort(address string, port int) netip.AddrPort {
	a, _ := netip.ParseAddr(address)
	return netip.AddrPortFrom(a, uint16(port)) //nolint:gosec // the lab's checks: 1 to 65535
}

// compiledState is what an appliance does, or would do at full site failover.
func compiledState(in vcc.ApplianceInputs) vcc.ApplianceState {
	c := appliance.Compile(applianceConfig(in))
	state := vcc.ApplianceState{NetworkExtensionAppliance: in.NetworkExtensionAppliance, Session: in.Session}
	for _, i := range c.Interfaces {
		state.Interfaces = append(state.Interfaces, vcc.ApplianceInterface{
			Name: i.Name.String(), NetworkID: i.NetworkID, NetworkName: i.NetworkName, Addresses: i.Addresses,
		})
	}
	for _, r := range c.Routes {
		state.Routes = append(state.Routes, vcc.ApplianceRoute{Destination: r.Destination, Interface: r.Interface.String(), Gateway: r.Gateway})
	}
	for _, r := range c.NAT.Source {
		rule := vcc.SourceNATRule{To: r.To}
		for _, i := range r.From {
			rule.Interfaces = append(rule.Interfaces, i.String())
		}
		state.SourceNAT = append(state.SourceNAT, rule)
	}
	for _, r := range c.NAT.Destination {
		state.DestinationNAT = append(state.DestinationNAT, vcc.DestinationNATRule{Public: r.Public, Internal: r.Internal, Interface: r.Interface.String()})
	}
	for _, p := range c.Problems {
		state.Problems = append(state.Problems, vcc.ApplianceProblem{Code: string(p.Code), NetworkID: p.NetworkID, NetworkName: p.NetworkName, Message: p.Message})
	}
	return state
}
