package appliance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// newEngine returns an engine with a configuration and a clock that tests move.
func newEngine(cfg config, maxFlows int) (*appliance.Engine, *time.Time) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := appliance.NewEngine(maxFlows, func() time.Time { return now })
	e.Configure(compile(cfg))
	return e, &now
}

func TestFirstPacket(t *testing.T) {
	routingOff := abc()
	routingOff.RoutingEnabled = false
	outsideIPv4Only := abc()
	outsideIPv4Only.External.IPv6, outsideIPv4Only.External.IPv6Gateway = netip.Prefix{}, netip.Addr{}
	noGateway := abc()
	ruleOnIPv6 := abc()
	ruleOnIPv6.PublicIPRules = append(ruleOnIPv6.PublicIPRules, publicIPRule("[2001:db8:ffff::5]:8080", "[2001:db8:52::10]:80"))
	noGateway.External.IPv4Gateway = netip.Addr{}
	ownIPv6 := abc()
	ownIPv6.Networks[5] = cloudNetwork("Bronze", 1, false, "172.17.60.1/24", "2001:db8:59::1", "2001:db8:59::/64")
	ownAsSource := abc()
	ownAsSource.Networks[1] = cloudNetwork("Silver", 2, true, "198.51.100.1/28", "", "")
	ownAsSource.External.IPv4Gateway = addr("198.51.100.254")

	for _, tc := range []struct {
		name, packet string
		cfg          config
		rule         int
		want         string
	}{
		{"unspecified source", "net1 tcp 0.0.0.0:1 172.17.54.20:80", abc(), 1, "dropped invalid_packet"},
		{"unspecified destination", "net1 tcp [2001:db8:52::10]:1 [::]:80", abc(), 1, "dropped invalid_packet"},
		{"loopback source", "net1 tcp 127.0.0.1:1 172.17.54.20:80", abc(), 1, "dropped invalid_packet"},
		{"loopback destination", "net1 tcp [2001:db8:52::10]:1 [::1]:80", abc(), 1, "dropped invalid_packet"},
		{"multicast source", "net1 udp [ff02::1]:1 [2001:db8:58::10]:80", abc(), 1, "dropped invalid_packet"},
		{"multicast destination", "net1 udp 172.17.52.10:1 239.255.255.250:1900", abc(), 1, "dropped invalid_packet"},
		{"limited broadcast", "net1 udp 172.17.52.10:68 255.255.255.255:67", abc(), 1, "dropped invalid_packet"},
		{"IPv4-mapped", "net1 tcp [::ffff:172.17.52.10]:1 [::ffff:172.17.54.20]:80", abc(), 1, "dropped invalid_packet"},
		{"zone", "net1 icmpv6 [fe80::10%eth0]:1 fe80::1", abc(), 1, "dropped invalid_packet"},
		{"mixed families", "net1 tcp 172.17.52.10:1 [2001:db8:58::10]:80", abc(), 1, "dropped invalid_packet"},
		{"ICMP over IPv6", "net1 icmp [2001:db8:52::10]:1 2001:db8:52::20", abc(), 1, "dropped invalid_packet"},
		{"ICMPv6 over IPv4", "net1 icmpv6 172.17.52.10:1 172.17.54.20", abc(), 1, "dropped invalid_packet"},
		{"echo with a destination port", "net1 icmp 172.17.52.10:1 172.17.54.20:9", abc(), 1, "dropped invalid_packet"},
		{"stray echo reply", "net1 icmp-reply 172.17.52.10:1 192.0.2.9", abc(), 1, "dropped invalid_packet"},
		{"stray echo reply to the gateway", "net1 icmpv6-reply [fe80::10]:1 fe80::1", abc(), 1, "dropped invalid_packet"},
		{"stray echo reply from outside", "ext0 icmp-reply 192.0.2.9:1 198.51.100.5", abc(), 1, "dropped invalid_packet"},
		{"TCP is no echo reply", "net1 tcp-reply 172.17.52.10:1 172.17.54.20:80", abc(), 1, "dropped invalid_packet"},
		{"no such interface", "net7 tcp 172.17.52.10:1 172.17.54.20:80", abc(), 1, "dropped invalid_packet"},
		{"interface below zero", "net-1 tcp 172.17.52.10:1 172.17.54.20:80", abc(), 1, "dropped invalid_packet"},
		{"loopback in a network around it", "net1 tcp 127.0.0.9:1 126.0.0.9:80", config{
			Networks: []network{cloudNetwork("Silver", 1, true, "126.0.0.1/7", "", "")},
		}, 1, "dropped invalid_packet"},

		{"no gateway", "net4 tcp 10.0.0.10:1 172.17.52.10:80", abc(), 2, "dropped no_default_gateway"},
		{"no gateway of that family", "net2 tcp [2001:db8:56::10]:1 [2001:db8:52::10]:80", abc(), 2, "dropped no_default_gateway"},
		{"no gateway of that family, link-local", "net2 icmpv6 [fe80::10]:1 fe80::1", abc(), 2, "dropped no_default_gateway"},
		{"prefix not /64", "net6 tcp [2001:db8:60::10]:1 [2001:db8:58::10]:80", abc(), 2, "dropped no_default_gateway"},
		{"source of another network", "net1 tcp 172.17.54.20:1 172.17.56.30:80", abc(), 2, "dropped source_not_in_network"},
		{"source of nowhere", "net1 tcp [2001:db8:99::1]:1 [2001:db8:58::10]:80", abc(), 2, "dropped source_not_in_network"},
		{"own gateway as source", "net1 tcp 172.17.52.1:1 172.17.54.20:80", abc(), 2, "dropped source_not_in_network"},
		{"own link-local gateway as source", "net1 icmpv6 [fe80::1]:1 fe80::1", abc(), 2, "dropped source_not_in_network"},
		{"the external address as source", "net2 tcp 198.51.100.5:1 172.17.52.10:80", ownAsSource, 2, "dropped source_not_in_network"},
		{"link-local source to a network", "net1 tcp [fe80::10]:1 [2001:db8:58::10]:80", abc(), 2, "dropped source_not_in_network"},

		{"from outside with an inside address", "ext0 tcp 172.17.52.10:1 203.0.113.10:443", abc(), 3, "dropped source_not_in_network"},
		{"from outside with an address of a network left out", "ext0 tcp [2001:db8:60::9]:1 [2001:db8:ffff::10]:443", abc(), 3, "dropped source_not_in_network"},
		{"from outside with the external address", "ext0 udp 198.51.100.5:1 198.51.100.5:53", abc(), 3, "dropped source_not_in_network"},
		{"from outside with a gateway address", "ext0 udp 172.17.52.1:1 198.51.100.5:53", abc(), 3, "dropped source_not_in_network"},
		{"link-local from outside to a public address", "ext0 tcp [fe80::9]:1 [2001:db8:ffff::10]:443", abc(), 3, "dropped source_not_in_network"},

		{"echo to the gateway", "net1 icmp 172.17.52.10:7 172.17.52.1", abc(), 4, "delivered echo"},
		{"echo to the link-local gateway", "net1 icmpv6 [fe80::10]:7 fe80::1", abc(), 4, "delivered echo"},
		{"echo to the link-local gateway with a global source", "net1 icmpv6 [2001:db8:52::10]:7 fe80::1", abc(), 4, "delivered echo"},
		{"SSH to the gateway", "net1 tcp 172.17.52.10:7 172.17.52.1:22", abc(), 4, "dropped not_a_service"},
		{"DNS to the link-local gateway", "net1 udp [fe80::10]:7 [fe80::1]:53", abc(), 4, "dropped not_a_service"},
		{"gateway of another network", "net1 icmp 172.17.52.10:7 172.17.54.1", abc(), 4, "delivered echo"},
		{"gateway of another network, IPv6", "net5 icmpv6 [2001:db8:58::10]:7 2001:db8:59::1", ownIPv6, 4, "delivered echo"},
		{"SSH to the gateway of another network", "net1 tcp 172.17.52.10:7 172.17.54.1:22", abc(), 4, "dropped not_a_service"},
		{"gateway of another network, routing off", "net1 icmp 172.17.52.10:7 172.17.54.1", routingOff, 6, "dropped routing_disabled"},
		{"gateway of a network of another plan", "net1 icmp 172.17.52.10:7 172.17.58.1", abc(), 7, "dropped different_hardware_plan"},
		{"link-local gateway of another network", "net5 icmpv6 [2001:db8:58::10]:7 fe80::1", abc(), 8, "dropped no_route"},
		{"echo to the external address from inside", "net1 icmp 172.17.52.10:7 198.51.100.5", abc(), 4, "delivered echo"},
		{"echo to the external address from inside, IPv6", "net1 icmpv6 [2001:db8:52::10]:7 2001:db8:ffff::5", abc(), 4, "delivered echo"},
		{"management from inside", "net1 tcp 172.17.52.10:7 198.51.100.5:22", abc(), 4, "dropped not_a_service"},
		{"the external address, no internet access", "net3 icmp 172.17.54.20:7 198.51.100.5", abc(), 8, "dropped no_internet_access"},
		{"the external address, no external gateway", "net1 icmp 172.17.52.10:7 198.51.100.5", noGateway, 8, "dropped no_route"},
		{"echo to the external address", "ext0 icmp 192.0.2.9:7 198.51.100.5", abc(), 4, "delivered echo"},
		{"link-local echo to the external address", "ext0 icmpv6 [fe80::9]:7 2001:db8:ffff::5", abc(), 4, "delivered echo"},
		{"link-local source and a public IP rule on the external address", "ext0 tcp [fe80::9]:7 [2001:db8:ffff::5]:8080", ruleOnIPv6, 4, "dropped not_a_service"},
		{"management", "ext0 tcp 192.0.2.9:7 198.51.100.5:22", abc(), 4, "delivered management"},
		{"UDP to the management port", "ext0 udp 192.0.2.9:7 198.51.100.5:22", abc(), 4, "dropped not_a_service"},
		{"HTTPS to the external address", "ext0 tcp 192.0.2.9:7 198.51.100.5:443", abc(), 4, "dropped not_a_service"},

		{"public IP rule on the external address", "ext0 tcp 192.0.2.9:7 198.51.100.5:8080", abc(), 5, "forwarded public_ip_rule net1 192.0.2.9:7 172.17.52.10:80"},
		{"public IP rule", "ext0 tcp 192.0.2.9:7 203.0.113.10:443", abc(), 5, "forwarded public_ip_rule net1 192.0.2.9:7 172.17.52.10:8443"},
		{"public IP rule, UDP", "ext0 udp 192.0.2.9:7 203.0.113.10:443", abc(), 5, "forwarded public_ip_rule net1 192.0.2.9:7 172.17.52.10:8443"},
		{"public IP rule, IPv6", "ext0 tcp [2001:db8:9::9]:7 [2001:db8:ffff::10]:443", abc(), 5, "forwarded public_ip_rule net1 [2001:db8:9::9]:7 [2001:db8:52::10]:443"},
		{"public IP rule into a network without internet access", "ext0 tcp 192.0.2.9:7 203.0.113.11:8443", abc(), 5, "forwarded public_ip_rule net3 192.0.2.9:7 172.17.54.20:443"},
		{"public address, another port", "ext0 tcp 192.0.2.9:7 203.0.113.10:444", abc(), 5, "dropped no_public_ip_rule"},
		{"public address, echo", "ext0 icmp 192.0.2.9:7 203.0.113.10", abc(), 5, "dropped no_public_ip_rule"},
		{"public IP rule without network", "ext0 tcp 192.0.2.9:7 203.0.113.12:80", abc(), 5, "dropped no_public_ip_rule"},

		{"same plan", "net1 tcp 172.17.53.10:40000 172.17.54.20:5432", abc(), 6, "forwarded routing_enabled net3 172.17.53.10:40000 172.17.54.20:5432"},
		{"same plan, routing off", "net1 tcp 172.17.53.10:40000 172.17.54.20:5432", routingOff, 6, "dropped routing_disabled"},
		{"same network", "net1 tcp 172.17.52.10:40000 172.17.53.20:5432", abc(), 6, "forwarded same_network net1 172.17.52.10:40000 172.17.53.20:5432"},
		{"same network, routing off", "net1 tcp 172.17.52.10:40000 172.17.53.20:5432", routingOff, 6, "forwarded same_network net1 172.17.52.10:40000 172.17.53.20:5432"},

		{"another plan", "net1 tcp 172.17.52.10:1 172.17.58.40:80", abc(), 7, "dropped different_hardware_plan"},
		{"another plan, routing off", "net1 tcp 172.17.52.10:1 172.17.58.40:80", routingOff, 7, "dropped different_hardware_plan"},
		{"another plan, IPv6", "net5 tcp [2001:db8:58::10]:1 [2001:db8:52::10]:80", abc(), 7, "dropped different_hardware_plan"},

		{"internet", "net1 tcp 172.17.52.10:40000 192.0.2.9:443", abc(), 8, "forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:443"},
		{"internet, IPv6", "net5 udp [2001:db8:58::10]:40000 [2001:db8:9::9]:53", abc(), 8, "forwarded internet_access ext0 [2001:db8:ffff::5]:40000 [2001:db8:9::9]:53"},
		{"internet, echo", "net1 icmp 172.17.52.10:7 192.0.2.9", abc(), 8, "forwarded internet_access ext0 198.51.100.5:7 192.0.2.9:0"},
		{"on the external network", "net1 tcp 172.17.52.10:40000 198.51.100.1:443", abc(), 8, "forwarded internet_access ext0 198.51.100.5:40000 198.51.100.1:443"},
		{"a public address of its own tenant", "net1 tcp 172.17.52.10:40000 203.0.113.10:443", abc(), 8, "forwarded internet_access ext0 198.51.100.5:40000 203.0.113.10:443"},
		{"no internet access", "net3 tcp 172.17.54.20:40000 192.0.2.9:443", abc(), 8, "dropped no_internet_access"},
		{"no external IPv6", "net1 tcp [2001:db8:52::10]:40000 [2001:db8:9::9]:443", outsideIPv4Only, 8, "dropped no_route"},
		{"no external gateway", "net1 tcp 172.17.52.10:40000 192.0.2.9:443", noGateway, 8, "dropped no_route"},
		{"no external gateway, on the external network", "net1 tcp 172.17.52.10:40000 198.51.100.1:443", noGateway, 8, "dropped no_route"},
		{"network left without IPv6", "net5 tcp [2001:db8:58::10]:1 [2001:db8:60::10]:80", abc(), 8, "dropped no_route"},

		{"from outside to a network", "ext0 tcp 192.0.2.9:7 172.17.52.10:443", abc(), 9, "dropped no_public_ip_rule"},
		{"from outside to a gateway", "ext0 icmp 192.0.2.9:7 172.17.52.1", abc(), 9, "dropped no_public_ip_rule"},
		{"from outside to elsewhere outside", "ext0 tcp 192.0.2.9:7 192.0.2.10:443", abc(), 9, "dropped no_public_ip_rule"},
		{"no outside at all", "ext0 icmp 192.0.2.9:7 198.51.100.5", config{}, 9, "dropped no_public_ip_rule"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := packet(t, tc.packet)
			e, _ := newEngine(tc.cfg, 1)
			d := e.Decide(p)
			if got := words(d); got != tc.want {
				t.Errorf("decided %q, want %q", got, tc.want)
			}
			if want := p.HopLimit - 1; d.Verdict == vcc.Forwarded && d.HopLimit != want {
				t.Errorf("left with hop limit %d, want %d", d.HopLimit, want)
			}
			if d.Verdict != vcc.Forwarded && (d.Source != p.Source || d.Destination != p.Destination || d.HopLimit != p.HopLimit) {
				t.Errorf("changed a packet that it does not forward: %+v", d)
			}
			if got := e.Compiled().Rule(p); got != tc.rule {
				t.Errorf("settled by P%d, want P%d (%s)", got, tc.rule, appliance.Trace(e.Compiled(), p).Steps[1].Message)
			}
		})
	}
}

func TestHopLimitP10(t *testing.T) {
	for _, tc := range []struct {
		packet   string
		hopLimit uint8
		want     string
	}{
		{"net1 tcp 172.17.52.10:1 172.17.54.20:80", 2, "forwarded routing_enabled net3 172.17.52.10:1 172.17.54.20:80"},
		{"net1 tcp 172.17.52.10:1 172.17.54.20:80", 1, "dropped hop_limit_exceeded"},
		{"net1 tcp 172.17.52.10:1 172.17.54.20:80", 0, "dropped hop_limit_exceeded"},
		{"net1 tcp 172.17.52.10:1 192.0.2.9:80", 1, "dropped hop_limit_exceeded"},
		{"ext0 tcp 192.0.2.9:7 203.0.113.10:443", 1, "dropped hop_limit_exceeded"},
		{"net1 tcp 172.17.52.10:1 172.17.58.40:80", 1, "dropped different_hardware_plan"}, // it was not to be forwarded
		{"net1 icmp 172.17.52.10:1 172.17.52.1", 1, "delivered echo"},                     // nor was this one
	} {
		p := packet(t, tc.packet)
		p.HopLimit = tc.hopLimit
		e, _ := newEngine(abc(), 1)
		if got := words(e.Decide(p)); got != tc.want {
			t.Errorf("%s: decided %q, want %q", p, got, tc.want)
		}
	}
}

// The routing option joins the networks of each plan, and never those of two (D13).
func TestRoutingOption(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		cfg := abc()
		cfg.RoutingEnabled = enabled
		for i, from := range cfg.Networks {
			for j, to := range cfg.Networks {
				if i == j || from.Gateway.IPv4 == nil || to.Gateway.IPv4 == nil {
					continue
				}
				d := appliance.Trace(compile(cfg), appliance.Packet{
					Interface: appliance.Interface(i + 1), Protocol: appliance.TCP, HopLimit: 64,
					Source:      netip.AddrPortFrom(from.Gateway.IPv4.Address.Next(), 1),
					Destination: netip.AddrPortFrom(to.Gateway.IPv4.Address.Next(), 80),
				})
				if want := enabled && from.HardwarePlanID == to.HardwarePlanID; (d.Verdict == vcc.Forwarded) != want {
					t.Errorf("option %v, %s to %s: %s %s, want forwarded %v", enabled, from.Name, to.Name, d.Verdict, d.Reason, want)
				}
			}
		}
	}
}

// Longest prefix wins among routes: a tenant's network and the external network
// may share addresses, which D12 does not refuse.
func TestLongestPrefixWins(t *testing.T) {
	around, within, equal, gatewayWithin := abc(), abc(), abc(), abc()
	around.Networks[1] = cloudNetwork("Silver", 2, true, "198.51.0.1/16", "", "")
	gatewayWithin.Networks[1] = cloudNetwork("Silver", 2, true, "198.51.100.8/16", "", "")
	gatewayWithin.PublicIPRules = append(gatewayWithin.PublicIPRules, publicIPRule("203.0.113.13:80", "198.51.100.9:80"))
	within.Networks[1] = cloudNetwork("Silver", 2, true, "198.51.100.129/25", "", "")
	equal.Networks[1] = cloudNetwork("Silver", 2, true, "198.51.100.2/24", "", "")
	for _, tc := range []struct {
		name, packet, want string
		cfg                config
	}{
		{"the external network within one of ours", "net1 tcp 172.17.52.10:1 198.51.100.9:80", "forwarded internet_access ext0 198.51.100.5:1 198.51.100.9:80", around},
		{"beside it", "net1 tcp 172.17.52.10:1 198.51.7.9:80", "forwarded routing_enabled net2 172.17.52.10:1 198.51.7.9:80", around},
		{"from it, its addresses are outside", "ext0 tcp 198.51.100.9:1 203.0.113.10:443", "forwarded public_ip_rule net1 198.51.100.9:1 172.17.52.10:8443", around},
		{"from one of ours, they are not its", "net2 tcp 198.51.100.9:1 172.17.52.10:80", "dropped source_not_in_network", around},
		{"from one of ours, beside it", "net2 tcp 198.51.7.9:1 172.17.52.10:80", "forwarded routing_enabled net1 198.51.7.9:1 172.17.52.10:80", around},
		{"a gateway in it is still our own, to its network", "net2 icmp 198.51.7.9:1 198.51.100.8", "delivered echo", gatewayWithin},
		{"and to another, which needs internet access", "net1 icmp 172.17.52.10:1 198.51.100.8", "delivered echo", gatewayWithin},
		{"and has none", "net3 icmp 172.17.54.20:1 198.51.100.8", "dropped no_internet_access", gatewayWithin},
		{"and is nobody's outside", "ext0 tcp 198.51.100.8:1 203.0.113.10:443", "dropped source_not_in_network", gatewayWithin},
		{"a public IP rule to an address in it leads nowhere", "ext0 tcp 192.0.2.9:1 203.0.113.13:80", "dropped no_public_ip_rule", gatewayWithin},
		{"the external address in one of ours is our own", "net1 icmp 172.17.52.10:1 198.51.100.5", "delivered echo", equal},
		{"and within that network, too", "net2 icmp 198.51.100.9:1 198.51.100.5", "delivered echo", equal},
		{"one of ours within the external network", "net1 tcp 172.17.52.10:1 198.51.100.200:80", "forwarded routing_enabled net2 172.17.52.10:1 198.51.100.200:80", within},
		{"beside that", "net1 tcp 172.17.52.10:1 198.51.100.9:80", "forwarded internet_access ext0 198.51.100.5:1 198.51.100.9:80", within},
		{"equal ones", "net1 tcp 172.17.52.10:1 198.51.100.9:80", "forwarded routing_enabled net2 172.17.52.10:1 198.51.100.9:80", equal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, _ := newEngine(tc.cfg, 1)
			if got := words(e.Decide(packet(t, tc.packet))); got != tc.want {
				t.Errorf("decided %q, want %q", got, tc.want)
			}
		})
	}
}

// TestEveryReason reaches every reason of a verdict that package vcc declares.
func TestEveryReason(t *testing.T) {
	off, outsideIPv4Only := abc(), abc()
	off.RoutingEnabled = false
	outsideIPv4Only.External.IPv6, outsideIPv4Only.External.IPv6Gateway = netip.Prefix{}, netip.Addr{}
	decide := func(cfg config, maxFlows int, packets ...string) vcc.Reason {
		e, _ := newEngine(cfg, maxFlows)
		var d appliance.Decision
		for _, s := range packets {
			p := packet(t, s)
			if strings.HasSuffix(s, ":7777") {
				p.HopLimit = 1
			}
			d = e.Decide(p)
		}
		return d.Reason
	}
	reached := map[vcc.Reason]bool{
		decide(abc(), 1, "net1 tcp 0.0.0.0:1 172.17.54.20:80"):                                                 true,
		decide(abc(), 1, "net4 tcp 10.0.0.10:1 172.17.52.10:80"):                                               true,
		decide(abc(), 1, "net1 tcp 172.17.54.20:1 172.17.56.30:80"):                                            true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:7 172.17.52.1:22"):                                             true,
		decide(abc(), 1, "net1 icmp 172.17.52.10:7 172.17.52.1"):                                               true,
		decide(abc(), 1, "ext0 tcp 192.0.2.9:7 198.51.100.5:22"):                                               true,
		decide(abc(), 1, "ext0 tcp 192.0.2.9:7 203.0.113.10:443"):                                              true,
		decide(abc(), 1, "ext0 tcp 192.0.2.9:7 203.0.113.10:444"):                                              true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:40000 172.17.53.20:5432"):                                      true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:40000 172.17.54.20:5432"):                                      true,
		decide(off, 1, "net1 tcp 172.17.52.10:40000 172.17.54.20:5432"):                                        true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:1 172.17.58.40:80"):                                            true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:40000 192.0.2.9:443"):                                          true,
		decide(abc(), 1, "net3 tcp 172.17.54.20:40000 192.0.2.9:443"):                                          true,
		decide(outsideIPv4Only, 1, "net1 tcp [2001:db8:52::10]:40000 [2001:db8:9::9]:443"):                     true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:40000 172.17.54.20:7777"):                                      true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:1 172.17.54.20:80", "net3 tcp 172.17.54.20:80 172.17.52.10:1"): true,
		decide(abc(), 1, "net1 tcp 172.17.52.10:1 172.17.54.20:80", "net1 tcp 172.17.52.10:2 172.17.54.20:80"): true,
		appliance.Reachability(compile(abc()), addr("172.17.52.10"), addr("172.17.52.1"), 1, 0).Reply.Reason:   true,
	}
	file, err := parser.ParseFile(token.NewFileSet(), "../vcc/trace.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Reason" {
			return true
		}
		reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if vcc.Reason(reason) == vcc.ReasonPrivateDestination {
			return true // the appliance sends such a packet out
		}
		declared++
		if !reached[vcc.Reason(reason)] {
			t.Errorf("reason %s is not reached", reason)
		}
		return true
	})
	if declared != len(reached) {
		t.Errorf("%d reasons are declared, %d were reached", declared, len(reached))
	}
}
