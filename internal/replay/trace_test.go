package replay

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestAgreesWithTrace replays a request and its reply at random appliances, and asks a trace about the same. A replay says
// nothing about what is neither end's, and everything else as the trace does.
func TestAgreesWithTrace(t *testing.T) {
	rounds := 3 // of 100 sites
	if testing.Short() {
		rounds = 1 // of 20
	}
	seen := map[vcc.Reason]int{}
	for range rounds {
		rapid.Check(t, func(rt *rapid.T) {
			site := randomSite(rt)
			for range 20 {
				checkAgainstTrace(rt, site, seen)
			}
		})
	}
	for _, r := range []vcc.Reason{
		"", vcc.ReasonSameNetwork, vcc.ReasonRoutingEnabled, vcc.ReasonInternetAccess, vcc.ReasonPublicIPRule, vcc.ReasonEcho, vcc.ReasonManagement, // "" is what nobody knows
		vcc.ReasonInvalidPacket, vcc.ReasonNoDefaultGateway, vcc.ReasonSourceNotInNetwork, vcc.ReasonNotAService, vcc.ReasonRoutingDisabled, vcc.ReasonDifferentHardwarePlan,
		vcc.ReasonNoInternetAccess, vcc.ReasonNoRoute, vcc.ReasonNoPublicIPRule, vcc.ReasonPrivateDestination,
	} {
		if seen[r] == 0 && !testing.Short() {
			t.Errorf("no request had the outcome %q", r)
		}
	}
}

// What the random sites are made of. Each production network has hosts, its first and its last address, and one that a gateway may have.
var (
	productionNetworks = []vcc.ProductionNetwork{
		production("App", "172.17.52.0/24", "2001:db8:52::/64"), production("Data", "172.17.54.0/24", "2001:db8:54::/64"),
		production("Office", "172.17.56.0/24", "2001:db8:56::/64"), production("Shop", "198.18.7.0/24", ""), // of no private block
	}
	publicAddresses = []string{"203.0.113.10", "203.0.113.11", "100.64.0.10", "198.51.100.10", "2001:db8:ffff::10", "fd00::10"}
	otherAddresses  = []string{"192.0.2.80", "10.9.9.9", "198.51.100.5", "198.51.100.77", "192.168.7.5", "192.168.7.77", "2001:db8:aaaa::80", "2001:db8:ffff::5", "2001:db8:ffff::77", "fd00:1::1"}
)

func production(name, ipv4, ipv6 string) vcc.ProductionNetwork {
	p := vcc.ProductionNetwork{Name: name, IPv4: netip.MustParsePrefix(ipv4)}
	p.IPv4Gateway = p.IPv4.Addr().Next()
	if ipv6 != "" {
		p.IPv6 = netip.MustParsePrefix(ipv6)
	}
	return p
}

// hostsOf are addresses of a production network.
func hostsOf(p vcc.ProductionNetwork) (list []netip.Addr) {
	v4 := p.IPv4.Addr().As4()
	for _, last := range []byte{0, 1, 10, 11, 20, 200, 255} {
		v4[3] = last
		list = append(list, netip.AddrFrom4(v4))
	}
	if p.IPv6.IsValid() {
		v6 := p.IPv6.Addr().As16()
		for _, last := range []byte{1, 10, 20} {
			v6[15] = last
			list = append(list, netip.AddrFrom16(v6))
		}
	}
	return list
}

func randomSite(rt *rapid.T) []vcc.ApplianceSources {
	oneOf := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(rt, label) }
	sources := make([]vcc.ApplianceSources, rapid.IntRange(1, 2).Draw(rt, "appliances"))
	var networks []string
	for i := range sources {
		s := &sources[i]
		s.ID, s.HostID = string(rune('a'+i)), string(rune('a'+i))
		s.RoutingEnabled, s.Gateways = rapid.Bool().Draw(rt, "routing"), map[string]vcc.GatewaySettings{}
		external, err := vcc.ParseExternal(oneOf("external IPv4", "", "198.51.100.5/24", "198.51.100.5/24", "192.168.7.5/24"), "", oneOf("external IPv6", "", "2001:db8:ffff::5/64"), "")
		ok(rt, err)
		if rapid.IntRange(0, 3).Draw(rt, "external gateway") > 0 {
			if external.IPv4.IsValid() {
				external.IPv4Gateway = external.IPv4.Masked().Addr().Next()
			}
			if external.IPv6.IsValid() {
				external.IPv6Gateway = netip.MustParseAddr("fe80::ffff")
			}
		}
		s.External = external
		for _, p := range productionNetworks {
			if rapid.IntRange(0, 3).Draw(rt, p.Name) == 0 {
				continue
			}
			plan := oneOf("plan", "Silver", "Silver", "Bronze")
			id := s.ID + p.Name
			networks = append(networks, id)
			s.Networks = append(s.Networks, vcc.Network{ID: id, Name: id, HardwarePlanID: plan, HardwarePlanName: plan, HostID: s.HostID, InternetAccess: rapid.Bool().Draw(rt, "internet access")})
			var g vcc.GatewaySettings
			if at := oneOf("gateway", "", "1/24", "1/24", "20/24", "1/25"); at != "" {
				v4, err := vcc.ParseIPv4WithLength(p.IPv4.Addr().String()[:len(p.IPv4.Addr().String())-1] + at)
				ok(rt, err)
				g.IPv4 = &v4
			}
			if p.IPv6.IsValid() && rapid.Bool().Draw(rt, "IPv6 gateway") {
				g.IPv6 = &vcc.IPv6Settings{Network: p.IPv6, Address: netip.MustParseAddr("fe80::1")}
			}
			if g != (vcc.GatewaySettings{}) {
				s.Gateways[id] = g
			}
		}
		for _, public := range publicAddresses {
			a := netip.MustParseAddr(public)
			if p := rapid.SampledFrom(productionNetworks).Draw(rt, "rule"); rapid.Bool().Draw(rt, public) && (a.Is4() || p.IPv6.IsValid()) {
				all := hostsOf(p)
				internal := all[2]
				if a.Is6() {
					internal = all[len(all)-2]
				}
				s.PublicIPRules = append(s.PublicIPRules, vcc.PublicIPRule{Public: netip.AddrPortFrom(a, 443), Internal: netip.AddrPortFrom(internal, 8443)})
			}
		}
	}
	var site []vcc.SiteNetwork
	for _, p := range productionNetworks {
		n := vcc.SiteNetwork{ProductionNetwork: p}
		for _, id := range networks {
			if id[1:] == p.Name && rapid.IntRange(0, 2).Draw(rt, "mapped") > 0 {
				n.CloudNetworks = append(n.CloudNetworks, id)
			}
		}
		if rapid.IntRange(0, 4).Draw(rt, "known") > 0 {
			site = append(site, n)
		}
	}
	var publicIPs []netip.Addr
	for _, public := range publicAddresses {
		if rapid.Bool().Draw(rt, public) {
			publicIPs = append(publicIPs, netip.MustParseAddr(public))
		}
	}
	for i := range sources {
		sources[i].Production, sources[i].PublicIPs = site, publicIPs
	}
	return sources
}

// checkAgainstTrace replays one request with its reply, and compares what becomes of it with a trace.
func checkAgainstTrace(rt *rapid.T, sources []vcc.ApplianceSources, seen map[vcc.Reason]int) {
	var addresses []netip.Addr
	for _, p := range productionNetworks {
		addresses = append(addresses, hostsOf(p)...)
	}
	for _, a := range append(publicAddresses, otherAddresses...) {
		addresses = append(addresses, netip.MustParseAddr(a))
	}
	client := rapid.SampledFrom(addresses).Draw(rt, "client")
	server := rapid.SampledFrom(addresses).Filter(func(a netip.Addr) bool { return a != client && a.Is4() == client.Is4() }).Draw(rt, "server")
	protocol := rapid.SampledFrom([]appliance.Protocol{appliance.TCP, appliance.TCP, appliance.UDP, appliance.ICMP}).Draw(rt, "protocol")
	f := frame{protocol: uint8(protocol), from: netip.AddrPortFrom(client, 50000), to: netip.AddrPortFrom(server, uint16(rapid.SampledFrom([]int{443, 8443, 22}).Draw(rt, "port"))), flags: syn}
	reply := frame{protocol: f.protocol, from: f.to, to: f.from, flags: synAck}
	if protocol == appliance.ICMP {
		f.to = netip.AddrPortFrom(server, 0)
		reply.from, reply.to = netip.AddrPortFrom(server, 50000), netip.AddrPortFrom(client, 0)
		f.icmp = 8
		if client.Is6() {
			f.protocol, reply.protocol, f.icmp, reply.icmp = echo6, echo6, 128, 129
		}
	}
	r := newReplay(sources, 1)
	for i, f := range []frame{f, reply} {
		p := packet{at: day.Add(time.Duration(i) * time.Millisecond).UnixNano(), length: 100}
		p.decode(linkRaw, f.ip())
		r.packet(&p)
	}
	report := r.end()

	inputs := make([]vcc.ApplianceInputs, len(sources))
	for i := range sources {
		inputs[i] = sources[i].ApplianceInputs
	}
	tenant := appliance.NewTenant(sources[0].Production, sources[0].PublicIPs, inputs)
	isTenants := func(a netip.Addr) bool { return tenant.Place(a).IsTenants() }
	asked := f.to
	if i, served := tenant.Place(server).Served(); served && tenant.FromOutside(tenant.Place(client)) && protocol != appliance.ICMP {
		for _, rule := range tenant.Appliances[i].Compiled.DestinationNAT {
			if rule.Internal == f.to {
				asked = rule.Public
				break
			}
		}
	}
	want := tenant.Way(vcc.TraceRequest{Port: int(asked.Port())}, protocol, client, asked.Addr())
	reason := want.Outcome()
	if tenant.WantsGateway(want, client, asked.Addr()) {
		reason = vcc.ReasonNoDefaultGateway
	}
	if !isTenants(client) && !isTenants(server) {
		reason = ""
	}
	seen[reason]++
	switch {
	case reason == "":
		if report.Unknown != (Tally{1, 2, report.Bytes}) {
			rt.Errorf("%s %s -> %s is nobody's, and a replay says %+v", protocol, client, server, found(report))
		}
	case want.Reachable && reason == vcc.ReasonSameNetwork, reason == vcc.ReasonInvalidPacket && sameSubnet(sources[0].Production, client, server):
		if report.Within != (Tally{1, 2, report.Bytes}) {
			rt.Errorf("%s %s -> %s is in one network (%s), and a replay says %+v", protocol, client, server, want.Explanation, found(report))
		}
	case want.Reachable:
		if report.Through != (Tally{1, 2, report.Bytes}) {
			rt.Errorf("%s %s -> %s is reachable, %s (%s), and a replay says %+v", protocol, client, asked, reason, want.Explanation, found(report))
		}
	default:
		if report.Through.Conversations != 0 || len(report.Broken) != 1 || report.Broken[0].Reason != reason || report.Broken[0].Conversations != 1 || report.Broken[0].Expired {
			rt.Errorf("%s %s -> %s is not reachable, %s (%s), and a replay says %+v", protocol, client, asked, reason, want.Explanation, found(report))
		}
	}
}

// sameSubnet reports whether a production network holds two addresses: a broadcast from the one to the other never leaves it.
func sameSubnet(site []vcc.SiteNetwork, a, b netip.Addr) bool {
	for _, n := range site {
		if _, found := n.IPNetworkOf(a); found {
			_, found = n.IPNetworkOf(b)
			return found
		}
	}
	return false
}
