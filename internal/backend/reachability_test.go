package backend_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	silver1Internet = "VMware Silver network 1 (internet)"
	silver2Internet = "VMware Silver network 2 (internet)"
	silver1         = "VMware Silver network 1"
)

// ask says what a question's answer is: "reachable" or the reason, and why.
func (s *site) ask(packet string, unwanted bool, assume vcc.Assumption) string {
	s.t.Helper()
	q := question(s.t, packet)
	q.Unwanted = unwanted
	answers, err := s.Client.Trace(s.t.Context(), self, []vcc.TraceRequest{q}, assume)
	if err != nil {
		return err.Error()
	}
	a := answers[0]
	said := string(a.Reason)
	if a.Reachable {
		said = "reachable"
	}
	return said + ": " + a.Explanation
}

// A way through the internet counts only where the internet carries the addresses (D22). What the appliance itself does with such a packet is as before.
func TestTracePrivateDestination(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	for _, tc := range [][2]string{
		// web's network has internet access, and db's has no gateway yet.
		{"tcp web01 db01 5432", `private_destination: web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 5432: ` +
			`"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`},
		{"tcp 172.17.52.10 172.17.54.20 5432", `private_destination: 172.17.52.10 does not reach 172.17.54.20 on tcp port 5432: ` +
			`"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`},
		{"icmp 172.17.52.10 10.1.2.3", `private_destination: 172.17.52.10 does not reach 10.1.2.3 over icmp: ` +
			`no internet carries 10.1.2.3 (RFC 1918), and none of the tenant's networks holds it; use an address that one of them holds.`},
		{"udp 172.17.52.10 100.64.0.1 53", `private_destination: 172.17.52.10 does not reach 100.64.0.1 on udp port 53: ` +
			`no internet carries 100.64.0.1 (RFC 6598), and none of the tenant's networks holds it; use an address that one of them holds.`},
		{"tcp 2001:db8:52::10 fd00::1 443", `private_destination: 2001:db8:52::10 does not reach fd00::1 on tcp port 443: ` +
			`no internet carries fd00::1 (RFC 4193), and none of the tenant's networks holds it; use an address that one of them holds.`},
		// Nobody on the internet has such an address, whatever a public IP rule lets in.
		{"tcp 10.1.2.3 203.0.113.10 443", `private_destination: 10.1.2.3 does not reach 203.0.113.10 on tcp port 443: ` +
			`no internet carries 10.1.2.3 (RFC 1918), and none of the tenant's networks holds it; use an address that one of them holds.`},
		// db is at no end of the internet either: its own network has no gateway.
		{"tcp db01 203.0.113.10 443", `private_destination: db01 (172.17.54.20) does not reach 203.0.113.10 on tcp port 443: ` +
			`"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`},
		{"tcp db01 internet 443", `no_public_ip_rule: db01 (172.17.54.20) does not reach the internet (192.0.2.1) on tcp port 443: ` +
			`"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`},
		// Hosts of one network need no gateway to reach each other, and nobody is the network itself, or its gateway without one.
		{"tcp db01 172.17.54.21 22", `reachable: db01 (172.17.54.20) reaches 172.17.54.21 on tcp port 22: ` +
			`both are in production network "Data" (172.17.54.0/24), where hosts reach each other without the appliance.`},
		{"icmp db01 172.17.54.1", `no_public_ip_rule: db01 (172.17.54.20) does not reach 172.17.54.1 over icmp: ` +
			`"VMware Silver network 1" has no IPv4 default gateway for production network "Data" (172.17.54.0/24); store one.`},
		{"udp web01 172.17.53.255 7", `invalid_packet: web01 (172.17.52.10) does not reach 172.17.53.255 on udp port 7: ` +
			`172.17.53.255 is the network or the broadcast address of production network "App" (172.17.52.0/23), and no host's.`},
		{"tcp 192.0.2.7 172.17.52.10 443", `no_public_ip_rule: 192.0.2.7 does not reach 172.17.52.10 on tcp port 443: ` +
			`from outside only public IP rules let anything in, and none is for 172.17.52.10; name the public address of a rule that leads to it.`},
		// What the internet carries.
		{"tcp 172.17.52.10 192.0.2.7 443", `reachable: 172.17.52.10 reaches 192.0.2.7 on tcp port 443: 192.0.2.7 is outside, and net1 (VMware Silver network 1 (internet)) has internet access.`},
		{"tcp internet 203.0.113.10 443", `reachable: the internet (192.0.2.1) reaches 203.0.113.10 on tcp port 443: a public IP rule is for 203.0.113.10:443.`},
		{"icmp internet 203.0.113.10", `no_public_ip_rule: the internet (192.0.2.1) does not reach 203.0.113.10 over icmp: public IP rules let TCP and UDP in to 203.0.113.10, and no echo.`},
		{"tcp internet 203.0.113.10 80", `no_public_ip_rule: the internet (192.0.2.1) does not reach 203.0.113.10 on tcp port 80: ` +
			`none of the public IP rules for 203.0.113.10 that lead anywhere is for port 80; add one to the failover plan.`},
	} {
		if got := s.ask(tc[0], false, vcc.Assumption{}); got != tc[1] {
			t.Errorf("%s\ngot  %s\nwant %s", tc[0], got, tc[1])
		}
	}
	reach := s.traced("tcp 172.17.52.10 172.17.54.20 5432")
	last := reach.Steps[len(reach.Steps)-1]
	if reach.Verdict != vcc.Forwarded || last.Kind != vcc.StepOutside || last.Message != "private_destination: no internet carries 172.17.54.20 (RFC 1918)" {
		t.Errorf("the appliance would send it out: %s, %+v", reach.Verdict, last)
	}

	// A gateway with another network is as good as none for db, and says so.
	s.gateway(silver1, "172.17.55.1/24")
	want := `private_destination: web01 (172.17.52.10) does not reach db01 (172.17.54.20) on tcp port 5432: the default gateway of "VMware Silver network 1" serves ` +
		`172.17.55.0/24, and not 172.17.54.20 of production network "Data" (172.17.54.0/24); correct it.`
	if got := s.ask("tcp web01 db01 5432", false, vcc.Assumption{}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The external network's own prefix is exempt from D22: its hosts are neighbors. And what a
// production network holds is not on the internet after its site is lost, private or not.
func TestTracePrivateExternalNetwork(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.Appliances[0].External = vcc.ExternalSettings{
			IPv4: netip.MustParsePrefix("192.168.7.5/24"), IPv4Gateway: addr("192.168.7.1"),
			IPv6: netip.MustParsePrefix("2001:db8:ffff::5/64"), IPv6Gateway: addr("2001:db8:ffff::1"),
		}
		abc.PublicIPs = append(abc.PublicIPs, addr("192.168.7.10"), addr("192.168.8.10"))
		abc.FailoverPlans[0].PublicIPRules = append(abc.FailoverPlans[0].PublicIPRules,
			publicIPRule("192.168.7.10:80", "172.17.52.10:80"),
			publicIPRule("192.168.8.10:80", "172.17.52.10:80"))
	})})
	s.run("Silver nightly")
	for _, tc := range [][2]string{
		{"tcp web01 192.168.7.77 80", "reachable"},
		{"tcp 192.168.7.77 192.168.7.10 80", "reachable"},
		{"tcp 192.168.7.77 192.168.8.10 80", "reachable"}, // not through the internet
		{"tcp internet 192.168.7.10 80", "reachable"},
		{"tcp internet 192.168.8.10 80", "private_destination"},
		{"tcp 172.17.52.10 192.168.8.77 80", "private_destination"},
		{"tcp 192.168.8.77 192.168.7.10 80", "private_destination"},
		{"tcp 2001:db8:52::10 2001:db8:58::40 80", "no_default_gateway"},
		{"tcp 2001:db8:52::10 2001:db8:59::40 80", "reachable"},
	} {
		if got, _, _ := strings.Cut(s.ask(tc[0], false, vcc.Assumption{}), ": "); got != tc[1] {
			t.Errorf("%s: got %s, want %s", tc[0], s.ask(tc[0], false, vcc.Assumption{}), tc[1])
		}
	}
}

// Of a VM with several adapters each is looked at, and the one that is not as it should be
// is told.
func TestTraceAdapters(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.VMs = append(abc.VMs,
			vcc.VM{Name: "two", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "App", IPv4: addr("172.17.52.50")}, {Network: "Data", IPv4: addr("172.17.54.50")}}},
			vcc.VM{Name: "none", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "App"}}},
			vcc.VM{Name: "six", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "App", IPv6: addr("2001:db8:52::66")}}})
	})})
	s.run("Silver nightly")
	s.gateway(silver1, "172.17.54.1/24")
	s.routing(true)
	for _, tc := range []struct {
		packet   string
		unwanted bool
		want     string
	}{
		{"icmp two internet", false, "no_internet_access: two (172.17.54.50) does not reach the internet (192.0.2.1) over icmp: " +
			"192.0.2.1 is outside, and net3 (VMware Silver network 1) has no internet access; use a network with internet access."},
		{"icmp two internet", true, "reachable: two (172.17.52.50) reaches the internet (192.0.2.1) over icmp: " +
			"192.0.2.1 is outside, and net1 (VMware Silver network 1 (internet)) has internet access; use a network without internet access."},
		{"icmp web02 two", false, `reachable: web02 (172.17.52.11) reaches two (172.17.52.50) over icmp: source and destination are in one network, where hosts reach each other without the appliance.`},
		// Both families where both ends have both.
		{"tcp web01 internet 443", false, "reachable: web01 (172.17.52.10) reaches the internet (192.0.2.1) on tcp port 443: 192.0.2.1 is outside, and net1 (VMware Silver network 1 (internet)) has internet access."},
		{"tcp six internet 443", false, "reachable: six (2001:db8:52::66) reaches the internet (3fff::1) on tcp port 443: 3fff::1 is outside, and net1 (VMware Silver network 1 (internet)) has internet access."},
		{"tcp six db01 443", false, "questions[0].destination: db01 has no address of the family of the source six"},
		{"tcp none db01 443", false, `questions[0].source: the address of VM "none" is not known; write the address that it has instead of its name`},
		{"tcp web1 db01 443", false, `questions[0].source: "web1" is no VM of the tenant's site, no IP address and not the word internet; ` +
			`did you mean "web01", "web02", "db01", "file01", "tape01", "two", "none", "six", "vault01"?`},
	} {
		if got := s.ask(tc.packet, tc.unwanted, vcc.Assumption{}); got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.packet, got, tc.want)
		}
	}
	// IPv6 was detected; without it the same VM is not reachable any more from one family.
	if _, err := put(t.Context(), s.Client, s.networkID(silver1Internet), ipv4("172.17.52.1/23"), unconditional); err != nil {
		t.Fatal(err)
	}
	want := `no_public_ip_rule: web01 (2001:db8:52::10) does not reach the internet (3fff::1) on tcp port 443: ` +
		`"VMware Silver network 1 (internet)" has no IPv6 default gateway for production network "App" (2001:db8:52::/64); store one.`
	if got := s.ask("tcp web01 internet 443", false, vcc.Assumption{}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What is assumed is laid over what is stored, is held to the same rules, and is stored nowhere.
func TestTraceAssumption(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	before := s.listing()
	gateway := func(network, address string) vcc.AssumedGateway {
		return vcc.AssumedGateway{NetworkID: s.networkID(network), GatewaySettings: ipv4(address)}
	}
	data, on := gateway(silver1, "172.17.54.1/24"), true
	for _, tc := range []struct {
		assume vcc.Assumption
		want   string
	}{
		{vcc.Assumption{}, "private_destination"},
		{vcc.Assumption{RoutingEnabled: &on}, "private_destination"},
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{data}}, "routing_disabled"},
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{data}, RoutingEnabled: &on}, "reachable"},
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{data}, RoutingEnabled: &on, Removals: []string{s.networkID(silver2Internet)}}, "reachable"},
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{data}, RoutingEnabled: &on, Removals: []string{s.networkID(silver1Internet)}}, "no_public_ip_rule"},
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{gateway(silver1, "172.17.56.1/24")}}, "assume.gateways[0].ipv4"}, // the office's
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{gateway(silver1, "172.17.56.1/24")}, Removals: []string{s.networkID(silver2Internet)}}, "private_destination"},
		{vcc.Assumption{Gateways: []vcc.AssumedGateway{data, gateway(silver1Internet, "172.17.54.2/25")}}, "assume.gateways[1].ipv4"},
		{vcc.Assumption{Removals: []string{"nothing"}}, "assume.removals[0]"},
	} {
		if got, _, _ := strings.Cut(s.ask("tcp web01 db01 5432", false, tc.assume), ": "); got != tc.want {
			t.Errorf("%+v: got %s, want %s", tc.assume, s.ask("tcp web01 db01 5432", false, tc.assume), tc.want)
		}
	}
	same(t, "listing after all", s.listing(), before)
}

// Many questions cost one look at the store and one appliance.
func TestTraceAll(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	var questions []vcc.TraceRequest
	for i := range vcc.MaxTraceRequests {
		questions = append(questions, question(t, fmt.Sprintf("tcp 172.17.52.10 192.0.2.7 %d", i+1)))
	}
	answers, err := s.Client.Trace(t.Context(), self, questions, vcc.Assumption{})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if want := fmt.Sprintf("192.0.2.7:%d", i+1); !a.Reachable || a.Destination.String() != want {
			t.Fatalf("answer %d is to %s, want %s", i, a.Destination, want)
		}
	}
}

// Questions about VMs have a way for each pair of adapters, and those of a request have so many together at most. Who
// has gone is not computed for.
func TestTraceAll_bounded(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		for i := range 2 {
			vm := vcc.VM{Name: fmt.Sprint("many", i), Guest: vcc.GuestLinux}
			for j := range vcc.MaxNICs {
				vm.NICs = append(vm.NICs, vcc.NIC{Network: "App", IPv4: netip.AddrFrom4([4]byte{172, 17, 53, byte(i*100 + j)})})
			}
			abc.VMs = append(abc.VMs, vm)
		}
	})})
	s.run("Silver nightly")
	q := question(t, "tcp many0 many1 443")
	ask := func(ctx context.Context, n int) ([]vcc.Reachability, error) {
		services, as := s.services("ABC Company")
		return services.Trace(ctx, as, slices.Repeat([]vcc.TraceRequest{q}, n), vcc.Assumption{})
	}
	answers, err := ask(t.Context(), 3)
	ok(t, err)
	for _, a := range answers {
		if !a.Reachable || len(a.Addresses) != 2*vcc.MaxNICs {
			t.Errorf("the answer about %d addresses: %s", len(a.Addresses), a.Explanation)
		}
	}
	_, err = ask(t.Context(), 4)
	if want := "the addresses of these VMs make more than 16384 pairs, which is the most that the questions of one request have; ask fewer at once"; vcc.Code(err) != vcc.CodeInvalidValue || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	for _, left := range []int64{0, 2} {
		ctx := &leaving{Context: t.Context()}
		ctx.left.Store(left)
		if _, err := ask(ctx, 3); err == nil {
			t.Errorf("answers for a context that is done after %d questions", left)
		}
	}
}

// Networks on two hosts may overlap (D12 is about one appliance). Then the first appliance decides,
// in plan order: what its networks send, and what public IP rules let in to them.
func TestTraceOverlappingNetworksOnTwoHosts(t *testing.T) {
	t.Parallel()
	_, s := openMorePlans(t)
	s.gateway("VMware Bronze network 1 (internet)", "10.20.0.1/24")
	s.gateway("VMware Bronze network 1", "10.20.2.1/24")
	const first, second = "net1 (Hyper-V Gold network 1 (internet))", "net1 (VMware Bronze network 1 (internet))"
	for _, tc := range []struct{ packet, want, through string }{
		{"tcp 10.20.0.10 192.0.2.80 443", "forwarded internet_access: 198.51.100.6:49152 to 192.0.2.80:443; reply forwarded known_flow: 192.0.2.80:443 to 10.20.0.10:49152", first},
		{"tcp 192.0.2.80 203.0.113.20 443", "forwarded public_ip_rule: 192.0.2.80:49152 to 10.20.0.10:443; reply forwarded known_flow: 203.0.113.20:443 to 192.0.2.80:49152", first},
		// Only the second has a network around the destination, and the source is in both.
		{"tcp 10.20.0.10 10.20.2.10 443", "not reachable, forwarded private_destination: 198.51.100.6:49152 to 10.20.2.10:443; reply forwarded known_flow: 10.20.2.10:443 to 10.20.0.10:49152", first},
	} {
		if got := s.trace(tc.packet); got != tc.want {
			t.Errorf("%s\ngot  %s\nwant %s", tc.packet, got, tc.want)
		}
		var steps strings.Builder
		for _, step := range s.traced(tc.packet).Steps {
			steps.WriteString(step.Message + "\n")
		}
		if text := steps.String(); !strings.Contains(text, tc.through) || strings.Contains(text, second) {
			t.Errorf("%s does not go through %s:\n%s", tc.packet, tc.through, text)
		}
	}
	want := `10.20.0.10 does not reach 10.20.2.10 on tcp port 443: no internet carries 10.20.2.10 (RFC 1918), ` +
		`and 10.20.2.10 is in "VMware Bronze network 1" on host esx01, whose appliance is another one; use networks on one host.`
	if got := s.traced("tcp 10.20.0.10 10.20.2.10 443").Explanation; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// The rule that leads into both is at work on both.
	for _, host := range []string{"hyperv01", "esx01"} {
		same(t, "public IP rules on "+host, mapped(s.appliance(host).DestinationNAT, func(r vcc.DestinationNATRule) string { return r.Public.String() }), []string{"203.0.113.20:443"})
	}
}

// The internet is represented by an address that nothing of the tenant's claims: not the
// tenant's public address, and none in an appliance's external network.
func TestTraceInternetIsNobodysAddress(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.PublicIPs = append(abc.PublicIPs, addr("192.0.2.1")) // and 198.51.100.1 is the external gateway
	})})
	s.run("Silver nightly")
	if got := s.ask("tcp web01 internet 443", false, vcc.Assumption{}); !strings.Contains(got, "the internet (203.0.113.1)") {
		t.Errorf("got %s", got)
	}
}

// A step says which packet reaches nobody: the request, or the reply.
func TestTraceStepOutside(t *testing.T) {
	t.Parallel()
	s := openABC(t)
	outside := func(p vcc.TracedPacket) bool { return p.Steps[len(p.Steps)-1].Kind == vcc.StepOutside }
	for packet, reply := range map[string]bool{"tcp 10.1.2.3 203.0.113.10 443": true, "icmp 172.17.52.10 10.1.2.3": false} {
		r := s.traced(packet)
		same(t, packet+": the request reaches nobody", outside(r.TracedPacket), !reply)
		same(t, packet+": the reply reaches nobody", outside(*r.Reply), reply)
	}
}

// A host of the site in the external network is a neighbor there, and lacks no gateway.
func TestTraceSiteInTheExternalNetwork(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		abc.Appliances[0].External = vcc.ExternalSettings{IPv4: netip.MustParsePrefix("172.17.54.5/24"), IPv4Gateway: addr("172.17.54.2")}
	})})
	s.run("Silver nightly")
	want := "no_public_ip_rule: db01 (172.17.54.20) does not reach 203.0.113.10 on tcp port 80: " +
		"none of the public IP rules for 203.0.113.10 that lead anywhere is for port 80; add one to the failover plan."
	if got := s.ask("tcp db01 203.0.113.10 80", false, vcc.Assumption{}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
