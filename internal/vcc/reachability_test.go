package vcc_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestParseTraceRequest(t *testing.T) {
	const (
		web, db   = "172.17.52.10", "172.17.54.20"
		web6, db6 = "2001:db8:52::10", "2001:db8:54::20"
	)
	noAddress := func(field, value string) *vcc.Error {
		return wrong(field, `"`+value+`" is not an IP address; write one such as 172.17.52.10 or 2001:db8:52::10`)
	}
	notPlain := func(field, value string) *vcc.Error {
		return wrong(field, `"`+value+`" has a zone, or is an IPv4-mapped address, which no packet on the way has; write it plain, such as 172.17.52.10 or 2001:db8:52::10`)
	}
	noEnd := func(field string) *vcc.Error {
		return wrong(field, "an end is required: the name of a VM, an IP address, or internet")
	}
	const none = -2 // no port
	for _, tc := range []struct {
		name                          string
		source, destination, protocol string
		port                          int
		want                          []*vcc.Error // none: it is good
	}{
		{"tcp", web, db, "tcp", 5432, nil},
		{"udp", web, db, "udp", 53, nil},
		{"icmp", web, db, "icmp", none, nil},
		{"IPv6", web6, db6, "tcp", 443, nil},
		{"IPv6 icmp", web6, db6, "icmp", none, nil},
		{"link-local without a zone", "fe80::10", "fe80::1", "icmp", none, nil},
		{"IPv6 spelled otherwise", "2001:DB8:52:0::10", db6, "tcp", 443, nil},
		{"an address that no packet has is for the appliance to drop", "0.0.0.0", "224.0.0.1", "udp", 1, nil},
		{"first port", web, db, "tcp", 1, nil},
		{"last port", web, db, "udp", 65535, nil},

		{"no source", "", db, "tcp", 1, []*vcc.Error{noEnd("source")}},
		{"no destination", web, "", "tcp", 1, []*vcc.Error{noEnd("destination")}},
		{"a VM", "web01", db, "tcp", 1, nil},
		{"a VM with a number and a colon", "web:01", "10", "tcp", 1, nil},
		{"the internet", web, "internet", "tcp", 1, nil},
		{"from the internet", "internet", "web01", "icmp", none, nil},
		{"the internet at both ends", "internet", "internet", "tcp", 1, []*vcc.Error{wrong("destination",
			"source and destination are both the internet, and such packets do not come this way; name a VM or an address at one end")}},
		{"too few groups", "2001:db8:52:10", db6, "tcp", 1, []*vcc.Error{noAddress("source", "2001:db8:52:10")}},
		{"a network", web, "172.17.54.0/24", "tcp", 1, []*vcc.Error{noAddress("destination", "172.17.54.0/24")}},
		{"an address and a port", web, db + ":5432", "tcp", 1, []*vcc.Error{noAddress("destination", db+":5432")}},
		{"leading zero", "172.17.052.10", db, "tcp", 1, []*vcc.Error{noAddress("source", "172.17.052.10")}},
		{"white space", web + " ", db, "tcp", 1, []*vcc.Error{wrong("source", `"`+web+` " begins or ends with white space; remove it`)}},
		{"zone", "fe80::10%eth0", db6, "tcp", 1, []*vcc.Error{notPlain("source", "fe80::10%eth0")}},
		{"IPv4 within IPv6", web, "::ffff:" + db, "tcp", 1, []*vcc.Error{notPlain("destination", "::ffff:"+db)}},
		{"IPv4 to IPv6", web, db6, "tcp", 1, []*vcc.Error{wrong("destination", db6+" and the source "+web+" are not of one family")}},
		{"IPv6 to IPv4", web6, db, "tcp", 1, []*vcc.Error{wrong("destination", db+" and the source "+web6+" are not of one family")}},
		{"no protocol", web, db, "", 1, []*vcc.Error{wrong("protocol", `"" is not a protocol; use tcp, udp or icmp`)}},
		{"protocol in capitals", web, db, "TCP", 1, []*vcc.Error{wrong("protocol", `"TCP" is not a protocol; use tcp, udp or icmp`)}},
		{"protocol of the family", web6, db6, "icmpv6", none, []*vcc.Error{wrong("protocol", `"icmpv6" is not a protocol; use tcp, udp or icmp`)}},
		{"tcp without a port", web, db, "tcp", none, []*vcc.Error{wrong("port", "a destination port from 1 to 65535 is required with tcp")}},
		{"port 0", web, db, "tcp", 0, []*vcc.Error{wrong("port", "0 is not a port; use 1 to 65535")}},
		{"negative port", web, db, "udp", -1, []*vcc.Error{wrong("port", "-1 is not a port; use 1 to 65535")}},
		{"port too high", web, db, "tcp", 65536, []*vcc.Error{wrong("port", "65536 is not a port; use 1 to 65535")}},
		{"icmp with a port", web, db, "icmp", 7, []*vcc.Error{wrong("port", "there are no ports in icmp; leave it out")}},
		{"icmp with port 0", web, db, "icmp", 0, []*vcc.Error{wrong("port", "there are no ports in icmp; leave it out")}},
		{
			"everything that is wrong is listed", "1.2.3.400", "", "sctp", none,
			[]*vcc.Error{noAddress("source", "1.2.3.400"), noEnd("destination"), wrong("protocol", `"sctp" is not a protocol; use tcp, udp or icmp`)},
		},
		{
			"another family beside a wrong port", web, db6, "icmp", 1,
			[]*vcc.Error{wrong("destination", db6+" and the source "+web+" are not of one family"), wrong("port", "there are no ports in icmp; leave it out")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			port := &tc.port
			if tc.port == none {
				port = nil
			}
			got, err := vcc.ParseTraceRequest(tc.source, tc.destination, tc.protocol, port)
			wantErrors(t, err, tc.want...)
			if len(tc.want) > 0 {
				return
			}
			want := vcc.TraceRequest{Source: end(tc.source), Destination: end(tc.destination), Protocol: tc.protocol, Port: max(0, tc.port)}
			if diff := cmp.Diff(want, got, byValue); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// end is an end of a question as it is meant: what is an address is one.
func end(s string) vcc.TraceEnd {
	if a, err := netip.ParseAddr(s); err == nil {
		return vcc.TraceEnd{Address: a}
	} else if s == "internet" {
		return vcc.TraceEnd{Internet: true}
	}
	return vcc.TraceEnd{VM: s}
}

// Rule 22: the first and the last address of each block, and its neighbors.
func TestPrivateUse(t *testing.T) {
	for address, want := range map[string]string{
		"9.255.255.255": "", "10.0.0.0": "RFC 1918", "10.255.255.255": "RFC 1918", "11.0.0.0": "",
		"172.15.255.255": "", "172.16.0.0": "RFC 1918", "172.31.255.255": "RFC 1918", "172.32.0.0": "",
		"192.167.255.255": "", "192.168.0.0": "RFC 1918", "192.168.255.255": "RFC 1918", "192.169.0.0": "",
		"100.63.255.255": "", "100.64.0.0": "RFC 6598", "100.127.255.255": "RFC 6598", "100.128.0.0": "",
		"169.253.255.255": "", "169.254.0.0": "RFC 3927", "169.254.255.255": "RFC 3927", "169.255.0.0": "",
		"fbff::1": "", "fc00::": "RFC 4193", "fdff:ffff::1": "RFC 4193", "fe00::1": "",
		"192.0.2.1": "", "2001:db8::1": "",
	} {
		if got := vcc.PrivateUse(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

// What stands for the internet is an address that nothing else claims, whatever is.
func TestOutsideAddress(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		var claims []netip.Prefix
		claimed := func(a netip.Addr) bool {
			return slices.ContainsFunc(claims, func(p netip.Prefix) bool { return p.Contains(a) })
		}
		bits := 8
		if v6 {
			bits = 12
		}
		for {
			a := vcc.OutsideAddress(v6, claimed)
			if !a.IsValid() {
				break
			}
			if a.Is6() != v6 || claimed(a) || vcc.PrivateUse(a) != "" || a.IsLoopback() || a.IsMulticast() || len(claims) > 300 {
				t.Fatalf("%s stands for the internet beside %d claims", a, len(claims))
			}
			claims = append(claims, netip.PrefixFrom(a, bits).Masked())
		}
		if len(claims) < 100 {
			t.Errorf("IPv6 %t: %d addresses were found, and there are more", v6, len(claims))
		}
	}
}

// Overlaps among what is assumed, or with what is stored, are those of CheckOverlap.
func TestAssumption(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in vcc.ApplianceInputs
		in.Gateways = map[string]vcc.GatewaySettings{}
		gateway := rapid.Custom(func(t *rapid.T) vcc.GatewaySettings {
			return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{
				Address:      netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, "second")), byte(rapid.IntRange(0, 255).Draw(t, "third")), 1}),
				PrefixLength: rapid.IntRange(14, 30).Draw(t, "length"),
			}}
		})
		var stored, left []vcc.DefaultGateway
		for i := range 6 {
			id := string(rune('a' + i))
			in.Networks = append(in.Networks, vcc.Network{ID: id, Name: id})
			g := vcc.DefaultGateway{NetworkID: id, NetworkName: id, GatewaySettings: gateway.Draw(t, "stored")}
			if vcc.CheckOverlap(g.GatewaySettings, stored) == nil {
				stored = append(stored, g)
				in.Gateways[id] = g.GatewaySettings
			}
		}
		var a vcc.Assumption
		for i, id := range rapid.Permutation([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "order")[:3] {
			if i == 0 {
				a.Removals = append(a.Removals, id)
			} else {
				a.Gateways = append(a.Gateways, vcc.AssumedGateway{NetworkID: id, GatewaySettings: gateway.Draw(t, "assumed")})
			}
			stored = slices.DeleteFunc(stored, func(g vcc.DefaultGateway) bool { return g.NetworkID == id })
		}
		overlaps := false
		for _, g := range a.Gateways {
			overlaps = overlaps || vcc.CheckOverlap(g.GatewaySettings, append(stored, left...)) != nil
			left = append(left, vcc.DefaultGateway{NetworkID: g.NetworkID, NetworkName: g.NetworkID, GatewaySettings: g.GatewaySettings})
		}
		got, err := a.Over([]vcc.ApplianceInputs{in}, nil)
		if (vcc.Code(err) == vcc.CodeConflict) != overlaps {
			t.Fatalf("got %v, want an overlap: %t", err, overlaps)
		}
		if err != nil {
			if field := vcc.Errors(err)[0].Field; field != "gateways[0].ipv4" && field != "gateways[1].ipv4" {
				t.Errorf("the field is %q", field)
			}
			return
		}
		want := map[string]vcc.GatewaySettings{}
		for _, g := range append(stored, left...) {
			want[g.NetworkID] = g.GatewaySettings
		}
		if diff := cmp.Diff(want, got[0].Gateways, byValue); diff != "" {
			t.Errorf("gateways (-want +got):\n%s", diff)
		}
	})
}

func TestAssumption_wrong(t *testing.T) {
	in := []vcc.ApplianceInputs{{
		NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{Networks: []vcc.Network{{ID: "a", Name: "A"}}},
	}}
	good := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("10.0.0.1"), PrefixLength: 24}}
	bad := vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.MustParseAddr("10.0.0.0"), PrefixLength: 24}}
	_, err := vcc.Assumption{
		Gateways: []vcc.AssumedGateway{{NetworkID: "a", GatewaySettings: bad}, {NetworkID: "b", GatewaySettings: good}, {NetworkID: "a", GatewaySettings: good}},
		Removals: []string{"a", "c"},
	}.Over(in, nil)
	wantErrors(t, err,
		wrong("gateways[0].ipv4.address", "10.0.0.0 is the network address of 10.0.0.0/24; a gateway needs a host address, 10.0.0.1 to 10.0.0.254"),
		wrong("gateways[1].networkId", `there is no cloud network with ID "b"`),
		wrong("gateways[2].networkId", "the network is at gateways[0].networkId already"),
		wrong("removals[0]", "the network is at gateways[2].networkId already"),
		wrong("removals[1]", `there is no cloud network with ID "c"`),
	)
}
