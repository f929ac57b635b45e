package appliance_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestTrace(t *testing.T) {
	for _, tc := range []struct {
		packet string
		want   string
	}{
		{"net1 tcp 172.17.52.10:40000 172.17.54.20:5432", `
			arriving: tcp from 172.17.52.10:40000 to 172.17.54.20:5432 arrives on net1 (Silver network 1 (internet)) [net1]
			rule: forwarded, routing_enabled: traffic is routed between the networks of hardware plan "Silver" [P6]
			route: 172.17.54.20 is in 172.17.54.0/24, directly connected [172.17.54.0/24]
			leaving: leaves through net3 (Silver network 1) with a hop limit of 63 [net3]`},
		{"net1 tcp 172.17.52.10:40000 192.0.2.9:443", `
			arriving: tcp from 172.17.52.10:40000 to 192.0.2.9:443 arrives on net1 (Silver network 1 (internet)) [net1]
			rule: forwarded, internet_access: 192.0.2.9 is outside, and net1 (Silver network 1 (internet)) has internet access [P8]
			source_nat: the source 172.17.52.10:40000 becomes 198.51.100.5:40000 [172.17.52.10:40000 198.51.100.5:40000]
			route: 192.0.2.9 is in 0.0.0.0/0, through 198.51.100.1 [0.0.0.0/0]
			leaving: leaves through ext0 with a hop limit of 63 [ext0]`},
		{"ext0 tcp 192.0.2.9:7 203.0.113.11:8443", `
			arriving: tcp from 192.0.2.9:7 to 203.0.113.11:8443 arrives on ext0 [ext0]
			rule: forwarded, public_ip_rule: a public IP rule is for 203.0.113.11:8443 [P5]
			destination_nat: the destination 203.0.113.11:8443 becomes 172.17.54.20:443 [203.0.113.11:8443 172.17.54.20:443]
			route: 172.17.54.20 is in 172.17.54.0/24, directly connected [172.17.54.0/24]
			leaving: leaves through net3 (Silver network 1) with a hop limit of 63 [net3]`},
		{"net1 icmp 172.17.52.10:7 172.17.52.1", `
			arriving: icmp from 172.17.52.10 to 172.17.52.1 arrives on net1 (Silver network 1 (internet)) [net1]
			rule: delivered, echo: 172.17.52.1 is the appliance's own address on net1 (Silver network 1 (internet)), and it answers to an echo [P4]`},
		{"net1 tcp 172.17.52.10:1 172.17.58.40:80", `
			arriving: tcp from 172.17.52.10:1 to 172.17.58.40:80 arrives on net1 (Silver network 1 (internet)) [net1]
			rule: dropped, different_hardware_plan: 172.17.58.40 is in net5 (Bronze network 1 (internet)) of hardware plan "Bronze", and nothing is routed between hardware plans [P7]`},
		{"net5 tcp [2001:db8:58::10]:1 [2001:db8:60::10]:80", `
			arriving: tcp from [2001:db8:58::10]:1 to [2001:db8:60::10]:80 arrives on net5 (Bronze network 1 (internet)) [net5]
			rule: dropped, no_route: 2001:db8:60::10 is in net6 (Bronze network 1), which the appliance leaves without IPv6 because its prefix is not a /64 [P8]`},
		{"net9 tcp 172.17.52.10:1 172.17.58.40:80", `
			arriving: tcp from 172.17.52.10:1 to 172.17.58.40:80 arrives on net9 [net9]
			rule: dropped, invalid_packet: no packet of this protocol can go from and to these addresses [P1]`},
	} {
		got := steps(compile(abc()), packet(t, tc.packet))
		want := strings.ReplaceAll(strings.TrimSpace(tc.want), "\t", "")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.packet, diff)
		}
	}
}

// steps writes the steps of a packet's trace: the words, and the data in brackets, with the
// rule that settled the verdict.
func steps(c *appliance.Compiled, p appliance.Packet) string {
	var lines []string
	for _, s := range appliance.Trace(c, p).Steps {
		var data []any
		if s.Interface != "" {
			data = append(data, s.Interface)
		}
		if s.Kind == vcc.StepRule {
			data = append(data, fmt.Sprintf("P%d", c.Rule(p)))
		}
		if s.From.IsValid() || s.To.IsValid() {
			data = append(data, s.From, s.To)
		}
		if s.Route.IsValid() {
			data = append(data, s.Route)
		}
		lines = append(lines, fmt.Sprintf("%s: %s %v", s.Kind, s.Message, data))
	}
	return strings.Join(lines, "\n")
}

func TestReachability(t *testing.T) {
	routingOff, noGateway, notServed := abc(), abc(), abc()
	routingOff.RoutingEnabled = false
	noGateway.External.IPv4Gateway = netip.Addr{}
	notServed.Networks[2].Gateway = vcc.GatewaySettings{}
	for _, tc := range []struct {
		name                          string
		cfg                           config
		source, destination, protocol string
		port                          uint16
		want                          string
	}{
		{"web to db", abc(), "172.17.52.10", "172.17.54.20", "tcp", 5432, "reachable: forwarded routing_enabled 172.17.52.10:49152 172.17.54.20:5432; forwarded known_flow 172.17.54.20:5432 172.17.52.10:49152"},
		{"web to db, routing off", routingOff, "172.17.52.10", "172.17.54.20", "tcp", 5432, "dropped routing_disabled 172.17.52.10:49152 172.17.54.20:5432"},
		{"web to web", routingOff, "172.17.52.10", "172.17.52.11", "tcp", 80, "reachable: forwarded same_network 172.17.52.10:49152 172.17.52.11:80; forwarded known_flow 172.17.52.11:80 172.17.52.10:49152"},
		{"web to the internet", abc(), "172.17.52.10", "192.0.2.9", "tcp", 443, "reachable: forwarded internet_access 198.51.100.5:49152 192.0.2.9:443; forwarded known_flow 192.0.2.9:443 172.17.52.10:49152"},
		{"the internet to web", abc(), "192.0.2.9", "203.0.113.10", "tcp", 443, "reachable: forwarded public_ip_rule 192.0.2.9:49152 172.17.52.10:8443; forwarded known_flow 203.0.113.10:443 192.0.2.9:49152"},
		{"the internet to web, no way back", noGateway, "192.0.2.9", "203.0.113.10", "tcp", 443, "forwarded public_ip_rule 192.0.2.9:49152 172.17.52.10:8443; dropped no_route 172.17.52.10:8443 192.0.2.9:49152"},
		{"the external network to web, a way back", noGateway, "198.51.100.77", "203.0.113.10", "tcp", 443, "reachable: forwarded public_ip_rule 198.51.100.77:49152 172.17.52.10:8443; forwarded known_flow 203.0.113.10:443 198.51.100.77:49152"},
		{"echo to the gateway", abc(), "172.17.52.10", "172.17.52.1", "icmp", 99, "reachable: delivered echo 172.17.52.10 172.17.52.1; forwarded own_reply 172.17.52.1 172.17.52.10"},
		{"echo to the external address", abc(), "192.0.2.9", "198.51.100.5", "icmp", 0, "reachable: delivered echo 192.0.2.9 198.51.100.5; forwarded own_reply 198.51.100.5 192.0.2.9"},
		{"echo to the external address, no way back", noGateway, "192.0.2.9", "198.51.100.5", "icmp", 0, "delivered echo 192.0.2.9 198.51.100.5; dropped no_route 198.51.100.5 192.0.2.9"},
		{"echo to the external address from its link", abc(), "fe80::9", "2001:db8:ffff::5", "icmpv6", 0, "reachable: delivered echo fe80::9 2001:db8:ffff::5; forwarded own_reply 2001:db8:ffff::5 fe80::9"},
		{"icmp stands for ICMPv6", abc(), "2001:db8:52::10", "2001:db8:9::9", "icmp", 0, "reachable: forwarded internet_access 2001:db8:ffff::5 2001:db8:9::9; forwarded known_flow 2001:db8:9::9 2001:db8:52::10"},
		{"icmpv6 stands for ICMP", abc(), "172.17.52.10", "192.0.2.9", "icmpv6", 0, "reachable: forwarded internet_access 198.51.100.5 192.0.2.9; forwarded known_flow 192.0.2.9 172.17.52.10"},
		{"a network left without IPv6 is still that network", abc(), "2001:db8:60::10", "2001:db8:58::10", "tcp", 80, "dropped no_default_gateway [2001:db8:60::10]:49152 [2001:db8:58::10]:80"},
		{"nobody knows where a network without gateway is", notServed, "172.17.54.20", "172.17.52.10", "tcp", 80, "dropped no_public_ip_rule 172.17.54.20:49152 172.17.52.10:80"},
		{"no addresses", abc(), "::", "::", "tcp", 80, "dropped invalid_packet [::]:49152 [::]:80"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			protocol, err := appliance.ParseProtocol(tc.protocol)
			if err != nil {
				t.Fatal(err)
			}
			r := appliance.Reachability(compile(tc.cfg), addr(tc.source), addr(tc.destination), protocol, tc.port)
			got := brief(r.TracedPacket)
			if r.Reachable {
				got = "reachable: " + got
			}
			if r.Reply != nil {
				got += "; " + brief(*r.Reply)
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if protocol == appliance.ICMP || protocol == appliance.ICMPv6 { // an echo has no ports to show
				steps := r.Steps
				if r.Reply != nil {
					steps = append(slices.Clone(steps), r.Reply.Steps...)
				}
				for _, step := range steps {
					for _, word := range strings.FieldsFunc(step.Message, func(c rune) bool { return c == ' ' || c == ',' }) {
						if _, err := netip.ParseAddrPort(word); err == nil {
							t.Errorf("%q has a port", step.Message)
						}
					}
				}
			}
			outcome := appliance.Outcome(compile(tc.cfg), addr(tc.source), addr(tc.destination), protocol, tc.port)
			words := cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.IgnoreFields(vcc.Reachability{}, "Explanation"), cmpopts.IgnoreFields(vcc.TracedPacket{}, "Steps")}
			if diff := cmp.Diff(r, outcome, words); diff != "" {
				t.Errorf("without words (-want +got):\n%s", diff)
			}
			if from, to := outcome.Steps[0].Interface, outcome.Steps[len(outcome.Steps)-1].Interface; from != r.Steps[0].Interface || r.Verdict == vcc.Forwarded && to != r.Steps[len(r.Steps)-1].Interface {
				t.Errorf("without words it arrives on %s and leaves through %s: %+v", from, to, r.Steps)
			}
			if (r.Reply == nil) != (r.Verdict == vcc.Dropped) || len(r.Steps) == 0 || r.Reply != nil && len(r.Reply.Steps) == 0 {
				t.Errorf("incomplete: %+v", r)
			}
		})
	}
}

// brief writes a traced packet without its steps.
func brief(p vcc.TracedPacket) string {
	return fmt.Sprint(p.Verdict, " ", p.Reason, " ", vcc.FormatEnd(p.Source), " ", vcc.FormatEnd(p.Destination))
}

func TestReachabilityExplains(t *testing.T) {
	noGateway := abc()
	noGateway.External.IPv4Gateway = netip.Addr{}
	for _, tc := range []struct {
		cfg                 config
		source, destination string
		want                string
	}{
		{abc(), "172.17.52.10", "172.17.54.20", `traffic is routed between the networks of hardware plan "Silver"`},
		{abc(), "172.17.58.10", "172.17.60.10", `traffic is routed between the networks of hardware plan "Bronze"`},
		{abc(), "172.17.52.10", "172.17.58.40", `172.17.58.40 is in net5 (Bronze network 1 (internet)) of hardware plan "Bronze", and nothing is routed between hardware plans`},
		{noGateway, "192.0.2.9", "203.0.113.10", "the reply is dropped: the appliance has no external IPv4 gateway to send a reply to 192.0.2.9 through"},
	} {
		if got := appliance.Reachability(compile(tc.cfg), addr(tc.source), addr(tc.destination), appliance.TCP, 443).Explanation; got != tc.want {
			t.Errorf("%s to %s:\ngot  %s\nwant %s", tc.source, tc.destination, got, tc.want)
		}
	}
}

func TestProtocolNames(t *testing.T) {
	for _, p := range []appliance.Protocol{appliance.TCP, appliance.UDP, appliance.ICMP, appliance.ICMPv6} {
		if got, err := appliance.ParseProtocol(p.String()); err != nil || got != p {
			t.Errorf("%s reads back as %v, %v", p, got, err)
		}
	}
	if _, err := appliance.ParseProtocol("TCP"); vcc.Code(err) != vcc.CodeInvalidValue {
		t.Errorf("TCP: %v", err)
	}
	if got := appliance.Protocol(47).String(); got != "protocol 47" {
		t.Errorf("47 is called %q", got)
	}
}
