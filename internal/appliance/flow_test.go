package appliance_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// script plays lines against an engine: "wait 30s", or a packet and what is to be
// decided about it, "net1 tcp A B = forwarded known_flow ...".
func script(t *testing.T, e *appliance.Engine, now *time.Time, lines ...string) {
	t.Helper()
	for i, line := range lines {
		if wait, ok := strings.CutPrefix(line, "wait "); ok {
			d, err := time.ParseDuration(wait)
			if err != nil {
				t.Fatal(err)
			}
			*now = now.Add(d)
			continue
		}
		p, want, ok := strings.Cut(line, " = ")
		if !ok {
			t.Fatalf("line %d: %q", i, line)
		}
		if got := words(e.Decide(packet(t, p))); got != want {
			t.Fatalf("line %d: %s: decided %q, want %q", i, p, got, want)
		}
	}
}

func TestFlowBothDirections(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
	}{
		{"routed", []string{
			"net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = forwarded routing_enabled net3 172.17.52.10:40000 172.17.54.20:5432",
			"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = forwarded known_flow net1 172.17.54.20:5432 172.17.52.10:40000",
			"net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = forwarded known_flow net3 172.17.52.10:40000 172.17.54.20:5432",
		}},
		{"source NAT", []string{
			"net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53",
			"ext0 udp 192.0.2.9:53 198.51.100.5:40000 = forwarded known_flow net1 192.0.2.9:53 172.17.52.10:40000",
			"net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded known_flow ext0 198.51.100.5:40000 192.0.2.9:53",
			// Others than the one that was asked get no answer through.
			"ext0 udp 192.0.2.10:53 198.51.100.5:40000 = dropped not_a_service",
			"ext0 udp 192.0.2.9:54 198.51.100.5:40000 = dropped not_a_service",
			"ext0 tcp 192.0.2.9:53 198.51.100.5:40000 = dropped not_a_service",
		}},
		{"destination NAT", []string{
			"ext0 tcp 192.0.2.9:7 203.0.113.11:8443 = forwarded public_ip_rule net3 192.0.2.9:7 172.17.54.20:443",
			"net3 tcp 172.17.54.20:443 192.0.2.9:7 = forwarded known_flow ext0 203.0.113.11:8443 192.0.2.9:7",
			// The server itself still has no internet access.
			"net3 tcp 172.17.54.20:443 192.0.2.9:8 = dropped no_internet_access",
		}},
		{"echo", []string{
			"net1 icmp 172.17.52.10:7 192.0.2.9 = forwarded internet_access ext0 198.51.100.5:7 192.0.2.9:0",
			"ext0 icmp-reply 192.0.2.9:7 198.51.100.5 = forwarded known_flow net1 192.0.2.9:7 172.17.52.10:0",
			"ext0 icmp-reply 192.0.2.9:8 198.51.100.5 = dropped invalid_packet",
			"ext0 icmp 192.0.2.9:8 198.51.100.5 = delivered echo",
			// A request is no reply, whatever its identifier; nor do both ends send replies.
			"ext0 icmp 192.0.2.9:7 198.51.100.5 = delivered echo",
			"net1 icmp-reply 172.17.52.10:7 192.0.2.9 = dropped invalid_packet",
		}},
		{"echoes of both ends with one identifier", []string{
			"net1 icmp 172.17.52.10:7 172.17.54.20 = forwarded routing_enabled net3 172.17.52.10:7 172.17.54.20:0",
			"net3 icmp 172.17.54.20:7 172.17.52.10 = forwarded routing_enabled net1 172.17.54.20:7 172.17.52.10:0",
			"net3 icmp-reply 172.17.54.20:7 172.17.52.10 = forwarded known_flow net1 172.17.54.20:7 172.17.52.10:0",
			"net1 icmp-reply 172.17.52.10:7 172.17.54.20 = forwarded known_flow net3 172.17.52.10:7 172.17.54.20:0",
		}},
		{"a known flow from another interface", []string{
			"net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = forwarded routing_enabled net3 172.17.52.10:40000 172.17.54.20:5432",
			"net2 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped source_not_in_network",
			"net2 tcp 172.17.52.10:40000 172.17.54.20:5432 = dropped source_not_in_network",
		}},
		{"a packet to itself", []string{
			"net1 tcp 172.17.52.10:7 172.17.52.10:7 = forwarded same_network net1 172.17.52.10:7 172.17.52.10:7",
			"net1 tcp 172.17.52.10:7 172.17.52.10:7 = forwarded known_flow net1 172.17.52.10:7 172.17.52.10:7",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, now := newEngine(abc(), 8)
			script(t, e, now, tc.lines...)
		})
	}
}

func TestSourcePort(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
	}{
		{"the next free one", []string{
			"net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53",
			"net1 udp 172.17.52.11:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40001 192.0.2.9:53",
			"net2 udp 172.17.56.11:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40002 192.0.2.9:53",
			"ext0 udp 192.0.2.9:53 198.51.100.5:40002 = forwarded known_flow net2 192.0.2.9:53 172.17.56.11:40000",
			"ext0 udp 192.0.2.9:53 198.51.100.5:40001 = forwarded known_flow net1 192.0.2.9:53 172.17.52.11:40000",
		}},
		{"another destination, another protocol: kept", []string{
			"net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53",
			"net1 udp 172.17.52.11:40000 192.0.2.8:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.8:53",
			"net1 udp 172.17.52.11:40000 192.0.2.9:54 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:54",
			"net1 tcp 172.17.52.11:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53",
		}},
		{"free again when the flow is gone", []string{
			"net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53",
			"wait 30s",
			"net1 udp 172.17.52.11:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53",
		}},
		{"after the last comes the first of its range", []string{
			"net1 tcp 172.17.52.10:65535 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:65535 192.0.2.9:53",
			"net1 tcp 172.17.52.11:65535 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:1024 192.0.2.9:53",
			"net1 tcp 172.17.52.10:1023 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:1023 192.0.2.9:53",
			"net1 tcp 172.17.52.11:1023 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:1 192.0.2.9:53",
		}},
		{"an echo's identifier", []string{
			"net1 icmp 172.17.52.10:65535 192.0.2.9 = forwarded internet_access ext0 198.51.100.5:65535 192.0.2.9:0",
			"net1 icmp 172.17.52.11:65535 192.0.2.9 = forwarded internet_access ext0 198.51.100.5:0 192.0.2.9:0",
			"ext0 icmp-reply 192.0.2.9:0 198.51.100.5 = forwarded known_flow net1 192.0.2.9:65535 172.17.52.11:0",
			"ext0 icmp-reply 192.0.2.9:65535 198.51.100.5 = forwarded known_flow net1 192.0.2.9:65535 172.17.52.10:0",
		}},
		{"IPv6", []string{
			"net1 icmpv6 [2001:db8:52::10]:7 2001:db8:9::9 = forwarded internet_access ext0 [2001:db8:ffff::5]:7 [2001:db8:9::9]:0",
			"net1 icmpv6 [2001:db8:52::11]:7 2001:db8:9::9 = forwarded internet_access ext0 [2001:db8:ffff::5]:8 [2001:db8:9::9]:0",
			"ext0 icmpv6-reply [2001:db8:9::9]:8 2001:db8:ffff::5 = forwarded known_flow net1 [2001:db8:9::9]:7 [2001:db8:52::11]:0",
		}},
		{"one client port for two public addresses of one server", []string{
			"ext0 tcp 192.0.2.9:7000 203.0.113.10:443 = forwarded public_ip_rule net1 192.0.2.9:7000 172.17.52.10:8443",
			"ext0 tcp 192.0.2.9:7000 203.0.113.20:443 = forwarded public_ip_rule net1 192.0.2.9:7001 172.17.52.10:8443",
			"net1 tcp 172.17.52.10:8443 192.0.2.9:7001 = forwarded known_flow ext0 203.0.113.20:443 192.0.2.9:7000",
			"net1 tcp 172.17.52.10:8443 192.0.2.9:7000 = forwarded known_flow ext0 203.0.113.10:443 192.0.2.9:7000",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := abc()
			cfg.PublicIPRules = append(cfg.PublicIPRules, publicIPRule("203.0.113.20:443", "172.17.52.10:8443"))
			e, now := newEngine(cfg, 8)
			script(t, e, now, tc.lines...)
		})
	}
}

func TestNoSourcePortLeft(t *testing.T) {
	e, _ := newEngine(abc(), 2000)
	for i := range 1023 {
		p := packet(t, fmt.Sprintf("net1 tcp 172.17.%d.%d:1000 192.0.2.9:53", 52+i/250%2, 2+i%250))
		p.Source = addrPort(t, fmt.Sprintf("%s:%d", p.Source.Addr(), 1000+i/500))
		if d := e.Decide(p); d.Reason != vcc.ReasonInternetAccess {
			t.Fatalf("%d: %s: %s", i, p, words(d))
		}
	}
	if got := words(e.Decide(packet(t, "net2 tcp 172.17.56.10:1000 192.0.2.9:53"))); got != "dropped flow_table_full" {
		t.Errorf("decided %q with every well-known port taken", got)
	}
	if got := words(e.Decide(packet(t, "net2 tcp 172.17.56.10:1024 192.0.2.9:53"))); got != "forwarded internet_access ext0 198.51.100.5:1024 192.0.2.9:53" {
		t.Errorf("decided %q with the higher ports free", got)
	}
}

func TestExpiry(t *testing.T) {
	const (
		tcp     = "net1 tcp 172.17.52.10:40000 172.17.54.20:5432"
		udp     = "net1 udp 172.17.52.10:40000 172.17.54.20:53"
		icmp    = "net1 icmp 172.17.52.10:7 172.17.54.20"
		back    = "net3 tcp 172.17.54.20:5432 172.17.52.10:40000"
		backUDP = "net3 udp 172.17.54.20:53 172.17.52.10:40000"
	)
	// net3 has no answer of its own: without a flow it is routed as a first packet.
	first, known := " = forwarded routing_enabled ", " = forwarded known_flow "
	toNet3, toNet3UDP, toNet3Echo := "net3 172.17.52.10:40000 172.17.54.20:5432", "net3 172.17.52.10:40000 172.17.54.20:53", "net3 172.17.52.10:7 172.17.54.20:0"
	toNet1, toNet1UDP := "net1 172.17.54.20:5432 172.17.52.10:40000", "net1 172.17.54.20:53 172.17.52.10:40000"
	for _, tc := range []struct {
		name  string
		lines []string
	}{
		{"TCP lives just under 5 minutes", []string{tcp + first + toNet3, "wait 4m59.999999999s", back + known + toNet1}},
		{"TCP is gone after 5 minutes", []string{tcp + first + toNet3, "wait 5m", back + first + toNet1}},
		{"UDP lives just under 30 seconds", []string{udp + first + toNet3UDP, "wait 29.999999999s", backUDP + known + toNet1UDP}},
		{"UDP is gone after 30 seconds", []string{udp + first + toNet3UDP, "wait 30s", backUDP + first + toNet1UDP}},
		{"an echo is gone after 30 seconds", []string{icmp + first + toNet3Echo, "wait 30s", icmp + first + toNet3Echo}},
		{"every packet is a sign of life, in both directions", []string{
			udp + first + toNet3UDP, "wait 20s", backUDP + known + toNet1UDP, "wait 20s", udp + known + toNet3UDP, "wait 20s", udp + known + toNet3UDP,
		}},
		{"the idle time is counted for each", []string{
			udp + first + toNet3UDP, "wait 10s", icmp + first + toNet3Echo, "wait 10s", udp + known + toNet3UDP, "wait 20s",
			icmp + first + toNet3Echo, "wait 9s", udp + known + toNet3UDP,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, now := newEngine(abc(), 8)
			script(t, e, now, tc.lines...)
		})
	}

	t.Run("a dropped packet is no sign of life", func(t *testing.T) {
		e, now := newEngine(abc(), 8)
		script(t, e, now, udp+first+toNet3UDP, "wait 20s")
		p := packet(t, udp)
		p.HopLimit = 1
		if got := words(e.Decide(p)); got != "dropped hop_limit_exceeded" {
			t.Fatal(got)
		}
		script(t, e, now, "wait 10s", udp+first+toNet3UDP)
	})
}

func TestFlowTableFull(t *testing.T) {
	e, now := newEngine(abc(), 2)
	script(t, e, now,
		"net1 tcp 172.17.52.10:1 172.17.54.20:80 = forwarded routing_enabled net3 172.17.52.10:1 172.17.54.20:80",
		"net1 udp 172.17.52.10:2 172.17.54.20:80 = forwarded routing_enabled net3 172.17.52.10:2 172.17.54.20:80",
		"net1 tcp 172.17.52.10:3 172.17.54.20:80 = dropped flow_table_full",
		"net1 tcp 172.17.52.10:1 172.17.54.20:80 = forwarded known_flow net3 172.17.52.10:1 172.17.54.20:80",
		"net3 tcp 172.17.54.20:80 172.17.52.10:1 = forwarded known_flow net1 172.17.54.20:80 172.17.52.10:1",
		// What starts no flow needs no room.
		"net1 icmp 172.17.52.10:7 172.17.52.1 = delivered echo",
		"net1 tcp 172.17.52.10:3 172.17.58.20:80 = dropped different_hardware_plan",
		"wait 30s",
		"net1 tcp 172.17.52.10:3 172.17.54.20:80 = forwarded routing_enabled net3 172.17.52.10:3 172.17.54.20:80",
		"net1 tcp 172.17.52.10:4 172.17.54.20:80 = dropped flow_table_full",
	)
	e, now = newEngine(abc(), 0)
	script(t, e, now, "net1 tcp 172.17.52.10:1 172.17.54.20:80 = dropped flow_table_full")
}

// Known flows go on when the policy changes, and end with their addresses and routes; undo and
// a new failover end all.
func TestConfigureAndReset(t *testing.T) {
	const (
		there      = "net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = forwarded known_flow net3 172.17.52.10:40000 172.17.54.20:5432"
		back       = "net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = forwarded known_flow net1 172.17.54.20:5432 172.17.52.10:40000"
		firstThere = "net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = forwarded routing_enabled net3 172.17.52.10:40000 172.17.54.20:5432"
		another    = "net1 tcp 172.17.52.10:40001 172.17.54.20:5432 = dropped "
	)
	changed := func(change func(*config)) *appliance.Compiled {
		cfg := abc()
		change(&cfg)
		return compile(cfg)
	}
	routingOff := func(c *config) { c.RoutingEnabled = false }
	for _, tc := range []struct {
		name   string
		change func(*appliance.Engine)
		lines  []string
	}{
		{"routing switched off", func(e *appliance.Engine) { e.Configure(changed(routingOff)) },
			[]string{there, back, another + "routing_disabled"}},
		{"the networks in two plans", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { c.Networks[0].HardwarePlanID = "gold"; c.Networks[0].Gateway.IPv6 = nil }))
		}, []string{there, back, another + "different_hardware_plan"}},
		{"gateway removed", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { c.Networks[0].Gateway = vcc.GatewaySettings{} }))
		}, []string{"net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = dropped no_default_gateway", "net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped no_internet_access"}},
		{"gateway removed at the other end", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { c.Networks[2].Gateway = vcc.GatewaySettings{} }))
		}, []string{"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped no_default_gateway"}},
		{"gateway of another family removed", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { routingOff(c); c.Networks[0].Gateway.IPv6 = nil }))
		}, []string{there, back, another + "routing_disabled"}},
		{"gateway of another network removed", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { routingOff(c); c.Networks[1].Gateway = vcc.GatewaySettings{} }))
		}, []string{there, back, another + "routing_disabled"}},
		{"gateway with another address", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) {
				routingOff(c)
				c.Networks[2] = cloudNetwork("Silver", 1, false, "172.17.54.254/24", "", "")
			}))
		}, []string{"net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = dropped routing_disabled"}},
		{"gateways exchanged", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) {
				c.Networks[1].Gateway, c.Networks[2].Gateway = c.Networks[2].Gateway, c.Networks[1].Gateway
			}))
		}, []string{"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped source_not_in_network"}},
		{"external address changed", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { routingOff(c); c.External.IPv4 = netip.MustParsePrefix("198.51.100.6/24") }))
		}, []string{there, back, another + "routing_disabled"}},
		{"an end becomes an address outside", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { c.External.IPv4 = netip.MustParsePrefix("172.17.54.17/28") }))
		}, []string{"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped source_not_in_network"}},
		{"an end becomes the external address", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { c.External.IPv4 = netip.MustParsePrefix("172.17.54.20/16") }))
		}, []string{"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped source_not_in_network"}},
		{"network added at the end", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) {
				routingOff(c)
				c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "10.0.0.1/24", "", ""))
			}))
		}, []string{there, back, another + "routing_disabled"}},
		{"another network exchanged", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) {
				routingOff(c)
				c.Networks[1] = cloudNetwork("Gold", 1, true, "10.0.0.1/24", "", "")
			}))
		}, []string{there, back, another + "routing_disabled"}},
		{"network added in between, which renumbers one end", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) {
				routingOff(c)
				c.Networks = slices.Insert(c.Networks, 1, cloudNetwork("Gold", 1, true, "10.0.0.1/24", "", ""))
			}))
		}, []string{"net4 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped routing_disabled"}},
		{"another network taken away", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { routingOff(c); c.Networks = c.Networks[:5] }))
		}, []string{there, back, another + "routing_disabled"}},
		{"network of one end taken away", func(e *appliance.Engine) {
			e.Configure(changed(func(c *config) { routingOff(c); c.Networks = c.Networks[:2] }))
		}, []string{"net1 tcp 172.17.52.10:40000 172.17.54.20:5432 = forwarded internet_access ext0 198.51.100.5:40000 172.17.54.20:5432"}},
		{"undo", func(e *appliance.Engine) { e.Reset() },
			[]string{"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped invalid_packet", "ext0 icmp 192.0.2.9:1 198.51.100.5 = dropped no_public_ip_rule"}},
		{"a new failover", func(e *appliance.Engine) { e.Reset(); e.Configure(changed(routingOff)) },
			[]string{"net3 tcp 172.17.54.20:5432 172.17.52.10:40000 = dropped routing_disabled"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, now := newEngine(abc(), 8)
			script(t, e, now, firstThere)
			tc.change(e)
			script(t, e, now, tc.lines...)
		})
	}
}

// Flows of a packet that goes outside, and of one that comes from there, end with the external
// address and the route, and go on whatever becomes of the policy that let them in.
func TestConfigureOutside(t *testing.T) {
	const (
		out      = "net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded internet_access ext0 198.51.100.5:40000 192.0.2.9:53"
		outKnown = "net1 udp 172.17.52.10:40000 192.0.2.9:53 = forwarded known_flow ext0 198.51.100.5:40000 192.0.2.9:53"
		outBack  = "ext0 udp 192.0.2.9:53 198.51.100.5:40000 = forwarded known_flow net1 192.0.2.9:53 172.17.52.10:40000"
		outEnded = "ext0 udp 192.0.2.9:53 198.51.100.5:40000 = dropped "
		in       = "ext0 tcp 192.0.2.9:7 203.0.113.11:8443 = forwarded public_ip_rule net3 192.0.2.9:7 172.17.54.20:443"
		inKnown  = "ext0 tcp 192.0.2.9:7 203.0.113.11:8443 = forwarded known_flow net3 192.0.2.9:7 172.17.54.20:443"
		inBack   = "net3 tcp 172.17.54.20:443 192.0.2.9:7 = forwarded known_flow ext0 203.0.113.11:8443 192.0.2.9:7"
		inEnded  = "net3 tcp 172.17.54.20:443 192.0.2.9:7 = dropped "
		near     = "ext0 tcp 198.51.100.9:7 203.0.113.11:8443 = forwarded public_ip_rule net3 198.51.100.9:7 172.17.54.20:443"
		nearBack = "net3 tcp 172.17.54.20:443 198.51.100.9:7 = forwarded known_flow ext0 203.0.113.11:8443 198.51.100.9:7"
		nearEnds = "net3 tcp 172.17.54.20:443 198.51.100.9:7 = dropped "
	)
	for _, tc := range []struct {
		name   string
		change func(*config)
		lines  []string
	}{
		{"internet access taken away, and the public IP rules", func(c *config) { c.Networks[0].InternetAccess, c.PublicIPRules = false, nil },
			[]string{outKnown, outBack, inKnown, inBack, nearBack}},
		{"network moved to another plan", func(c *config) { c.Networks[0].HardwarePlanID = "gold" }, []string{outKnown, outBack, inKnown, inBack, nearBack}},
		{"external address changed", func(c *config) { c.External.IPv4 = netip.MustParsePrefix("198.51.100.6/24") },
			[]string{outEnded + "no_public_ip_rule", inEnded + "no_internet_access", nearEnds + "no_internet_access"}},
		{"external IPv6 address changed", func(c *config) { c.External.IPv6 = netip.MustParsePrefix("2001:db8:ffff::6/64") },
			[]string{outKnown, outBack, inKnown, inBack, nearBack}},
		{"external gateway changed", func(c *config) { c.External.IPv4Gateway = addr("198.51.100.2") },
			[]string{outEnded + "not_a_service", inEnded + "no_internet_access", nearBack}},
		{"external gateway taken away", func(c *config) { c.External.IPv4Gateway = netip.Addr{} },
			[]string{outEnded + "not_a_service", inEnded + "no_internet_access", nearBack}},
		{"a network added that has the address outside", func(c *config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, false, "192.0.2.1/24", "", ""))
		}, []string{outEnded + "source_not_in_network", inEnded + "different_hardware_plan", nearBack}},
		{"a network added that is left without IPv6", func(c *config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, false, "", "2001:db8:60::1", "2001:db8:60::/56"))
		}, []string{outKnown, outBack, inKnown, inBack, nearBack}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e, now := newEngine(abc(), 8)
			script(t, e, now, out, in, near)
			cfg := abc()
			tc.change(&cfg)
			e.Configure(compile(cfg))
			script(t, e, now, tc.lines...)
		})
	}

	t.Run("a network added that is left without IPv6 and has the address outside", func(t *testing.T) {
		cfg := abc()
		e, now := newEngine(cfg, 8)
		script(t, e, now, "net5 udp [2001:db8:58::10]:1 [2001:db8:9::9]:53 = forwarded internet_access ext0 [2001:db8:ffff::5]:1 [2001:db8:9::9]:53")
		cfg.Networks = append(cfg.Networks, cloudNetwork("Gold", 1, false, "", "2001:db8:9::1", "2001:db8:9::/56"))
		e.Configure(compile(cfg))
		script(t, e, now, "net5 udp [2001:db8:58::10]:1 [2001:db8:9::9]:53 = dropped no_route")
	})
}

// A reply goes back through ext0 only where a route leads to: without an external gateway to
// the external network alone.
func TestReplyWithoutRoute(t *testing.T) {
	cfg := abc()
	cfg.External.IPv4Gateway, cfg.External.IPv6Gateway = netip.Addr{}, netip.Addr{}
	e, now := newEngine(cfg, 8)
	script(t, e, now,
		"ext0 tcp 192.0.2.9:7 203.0.113.11:8443 = forwarded public_ip_rule net3 192.0.2.9:7 172.17.54.20:443",
		"net3 tcp 172.17.54.20:443 192.0.2.9:7 = dropped no_route",
		"ext0 tcp 192.0.2.9:7 203.0.113.11:8443 = forwarded known_flow net3 192.0.2.9:7 172.17.54.20:443",
		"ext0 tcp 198.51.100.9:7 203.0.113.11:8443 = forwarded public_ip_rule net3 198.51.100.9:7 172.17.54.20:443",
		"net3 tcp 172.17.54.20:443 198.51.100.9:7 = forwarded known_flow ext0 203.0.113.11:8443 198.51.100.9:7",
		"ext0 tcp [2001:db8:9::9]:7 [2001:db8:ffff::10]:443 = forwarded public_ip_rule net1 [2001:db8:9::9]:7 [2001:db8:52::10]:443",
		"net1 tcp [2001:db8:52::10]:443 [2001:db8:9::9]:7 = dropped no_route",
		// A reply that is dropped is no sign of life.
		"ext0 udp 192.0.2.9:8 203.0.113.11:8443 = forwarded public_ip_rule net3 192.0.2.9:8 172.17.54.20:443",
		"wait 20s",
		"net3 udp 172.17.54.20:443 192.0.2.9:8 = dropped no_route",
		"wait 10s",
		"net3 udp 172.17.54.20:443 192.0.2.9:8 = dropped no_internet_access",
	)
	p := packet(t, "net3 tcp 172.17.54.20:443 192.0.2.9:7")
	p.HopLimit = 1
	if got := words(e.Decide(p)); got != "dropped hop_limit_exceeded" {
		t.Errorf("decided %q with the hop limit used up", got)
	}
}

func TestUnconfiguredEngineDropsEverything(t *testing.T) {
	e := appliance.NewEngine(8, time.Now)
	script(t, e, nil,
		"ext0 tcp 192.0.2.9:7 203.0.113.10:443 = dropped no_public_ip_rule",
		"net1 tcp 172.17.52.10:1 172.17.54.20:80 = dropped invalid_packet",
	)
	if d := e.Decide(appliance.Packet{}); d.Reason != vcc.ReasonInvalidPacket {
		t.Errorf("the zero packet: %s", words(d))
	}
}
