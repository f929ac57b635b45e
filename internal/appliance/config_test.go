package appliance_test

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// config is what an appliance is compiled from as tests write it: each network beside its
// default gateway.
type config struct {
	Host           vcc.Host
	External       vcc.ExternalSettings
	Networks       []network
	RoutingEnabled bool
	PublicIPRules  []vcc.PublicIPRule
}

type network struct {
	vcc.Network
	Gateway vcc.GatewaySettings
}

// inputs puts the gateways beside the networks, as the store does.
func (c config) inputs() vcc.ApplianceInputs {
	in := vcc.ApplianceInputs{
		NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{HostName: c.Host.Name, Platform: c.Host.Platform},
		External:                  c.External,
		Gateways:                  map[string]vcc.GatewaySettings{},
		RoutingEnabled:            c.RoutingEnabled,
		PublicIPRules:             c.PublicIPRules,
	}
	for _, n := range c.Networks {
		in.Networks = append(in.Networks, n.Network)
		if n.Gateway != (vcc.GatewaySettings{}) {
			in.Gateways[n.ID] = n.Gateway
		}
	}
	return in
}

func compile(c config) *appliance.Compiled { return appliance.Compile(c.inputs()) }

// abc is the appliance that most tests use: that of a company with two hardware
// plans on one host.
//
//	net1  Silver  internet  172.17.52.0/23  2001:db8:52::/64 (gateway fe80::1)
//	net2  Silver  internet  172.17.56.0/24
//	net3  Silver            172.17.54.0/24
//	net4  Silver            no gateway
//	net5  Bronze  internet  172.17.58.0/24  2001:db8:58::/64
//	net6  Bronze            172.17.60.0/24  2001:db8:60::/56, which is left out
func abc() config {
	return config{
		External: vcc.ExternalSettings{
			IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: addr("198.51.100.1"),
			IPv6: netip.MustParsePrefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("2001:db8:ffff::1"),
		},
		Networks: []network{
			cloudNetwork("Silver", 1, true, "172.17.52.1/23", "fe80::1", "2001:db8:52::/64"),
			cloudNetwork("Silver", 2, true, "172.17.56.1/24", "", ""),
			cloudNetwork("Silver", 1, false, "172.17.54.1/24", "", ""),
			cloudNetwork("Silver", 2, false, "", "", ""),
			cloudNetwork("Bronze", 1, true, "172.17.58.1/24", "2001:db8:58::1", "2001:db8:58::/64"),
			cloudNetwork("Bronze", 1, false, "172.17.60.1/24", "2001:db8:60::1", "2001:db8:60::/56"),
		},
		RoutingEnabled: true,
		PublicIPRules: []vcc.PublicIPRule{
			publicIPRule("203.0.113.10:443", "172.17.52.10:8443"),
			publicIPRule("203.0.113.11:8443", "172.17.54.20:443"),
			publicIPRule("203.0.113.12:80", "10.9.9.9:80"), // in no network
			publicIPRule("198.51.100.5:8080", "172.17.52.10:80"),
			publicIPRule("[2001:db8:ffff::10]:443", "[2001:db8:52::10]:443"),
		},
	}
}

// cloudNetwork returns a plan's n-th network of its kind. ipv4 is the gateway with its prefix
// length; an empty string leaves a family out.
func cloudNetwork(plan string, n int, internet bool, ipv4, ipv6, ipv6Network string) network {
	id := strings.ToLower(plan) + "-" + strconv.Itoa(n)
	if internet {
		id += "-internet"
	}
	made := network{Network: vcc.Network{
		ID: id, Name: vcc.NetworkName(plan, internet, n), HardwarePlanID: strings.ToLower(plan), HardwarePlanName: plan, InternetAccess: internet,
	}}
	if ipv4 != "" {
		p := netip.MustParsePrefix(ipv4)
		made.Gateway.IPv4 = &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}
	}
	if ipv6 != "" {
		made.Gateway.IPv6 = &vcc.IPv6Settings{Address: addr(ipv6), Network: netip.MustParsePrefix(ipv6Network)}
	}
	return made
}

func publicIPRule(public, internal string) vcc.PublicIPRule {
	return vcc.PublicIPRule{Public: netip.MustParseAddrPort(public), Internal: netip.MustParseAddrPort(internal)}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// packet reads "net1 tcp 172.17.52.10:40000 172.17.54.20:5432", with a hop limit of
// 64. An address without a port has the port 0. "icmp-reply" is an echo reply.
func packet(t testing.TB, s string) appliance.Packet {
	t.Helper()
	f := strings.Fields(s)
	if len(f) != 4 {
		t.Fatalf("%q is no packet", s)
	}
	p := appliance.Packet{HopLimit: 64, Source: addrPort(t, f[2]), Destination: addrPort(t, f[3])}
	if n, ok := strings.CutPrefix(f[0], "net"); ok {
		i, err := strconv.ParseInt(n, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		p.Interface = appliance.Interface(i)
	}
	protocol, reply := strings.CutSuffix(f[1], "-reply")
	var err error
	p.EchoReply = reply
	if p.Protocol, err = appliance.ParseProtocol(protocol); err != nil {
		t.Fatal(err)
	}
	return p
}

func addrPort(t testing.TB, s string) netip.AddrPort {
	t.Helper()
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, 0)
	}
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// words writes a decision as the tables of tests do: "dropped no_route", or
// "forwarded routing_enabled net3 172.17.52.10:40000 172.17.54.20:5432".
func words(d appliance.Decision) string {
	s := string(d.Verdict) + " " + string(d.Reason)
	if d.Verdict == vcc.Forwarded {
		s += " " + d.Leaving.String() + " " + d.Source.String() + " " + d.Destination.String()
	}
	return s
}
