package vcc_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestGatewaySettingsRule8(t *testing.T) {
	for _, tc := range []struct {
		name     string
		settings vcc.GatewaySettings
		want     []*vcc.Error
	}{
		{"IPv4", vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23")}, nil},
		{"IPv6", vcc.GatewaySettings{IPv6: ipv6("fe80::1", "2001:db8:52::/64")}, nil},
		{"both", vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23"), IPv6: ipv6("fe80::1", "2001:db8:52::/64")}, nil},
		{"neither", vcc.GatewaySettings{}, []*vcc.Error{
			wrong("", "a default gateway needs IPv4 settings, IPv6 settings, or both; to have none, remove the gateway"),
		}},
		{
			"both wrong, both named", vcc.GatewaySettings{IPv4: ipv4("172.17.52.0/23"), IPv6: ipv6("2001:db8:53::1", "2001:db8:52::/64")},
			[]*vcc.Error{
				wrong("ipv4.address", "172.17.52.0 is the network address of 172.17.52.0/23; a gateway needs a host address, 172.17.52.1 to 172.17.53.254"),
				wrong("ipv6.address", "2001:db8:53::1 is outside 2001:db8:52::/64; use an address of that network, or a link-local one such as fe80::1"),
			},
		},
		{
			"one good family does not excuse the other", vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23"), IPv6: ipv6("fe80::1", "2001:db8:52::1/64")},
			[]*vcc.Error{wrong("ipv6.network", "2001:db8:52::1 has bits set below its prefix length of 64; the network is 2001:db8:52::")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) { wantErrors(t, tc.settings.Validate(), tc.want...) })
	}
}

func TestGatewaySettingsWarningsRule11(t *testing.T) {
	for _, tc := range []struct {
		name     string
		settings vcc.GatewaySettings
		want     []vcc.Warning
	}{
		{"IPv4 only", vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23")}, nil},
		{"/64", vcc.GatewaySettings{IPv6: ipv6("fe80::1", "2001:db8:52::/64")}, nil},
		{"/48", vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23"), IPv6: ipv6("fe80::1", "2001:db8:52::/48")}, []vcc.Warning{{
			Field: "ipv6.prefixLength",
			Message: "Only /64 works for failover over IPv6. A prefix length of 48 is stored, " +
				"but at full site failover the network extension appliance leaves this network without IPv6.",
		}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.settings.Warnings()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// What was stored already, and specified, is no edit: Equal decides.
func TestGatewaySettingsEqualRule7(t *testing.T) {
	v4, v6 := ipv4("172.17.52.1/23"), ipv6("fe80::1", "2001:db8:52::/64")
	all := []vcc.GatewaySettings{
		{},
		{IPv4: v4},
		{IPv6: v6},
		{IPv4: v4, IPv6: v6},
		{IPv4: ipv4("172.17.52.1/24")},
		{IPv4: ipv4("172.17.52.2/23")},
		{IPv6: ipv6("fe80::2", "2001:db8:52::/64")},
		{IPv6: ipv6("fe80::1", "2001:db8:52::/65")},
	}
	copied := func(s vcc.GatewaySettings) vcc.GatewaySettings {
		if s.IPv4 != nil {
			v4 := *s.IPv4
			s.IPv4 = &v4
		}
		if s.IPv6 != nil {
			v6 := *s.IPv6
			s.IPv6 = &v6
		}
		return s
	}
	for i, a := range all {
		for j, b := range all {
			if got := a.Equal(copied(b)); got != (i == j) {
				t.Errorf("case %d equals case %d: got %t", i, j, got)
			}
		}
	}
}

func TestCheckOverlapRule12(t *testing.T) {
	stored := func(name string, s vcc.GatewaySettings) vcc.DefaultGateway {
		return vcc.DefaultGateway{NetworkID: "id of " + name, NetworkName: name, GatewaySettings: s}
	}
	others := []vcc.DefaultGateway{
		stored("Silver network 1", vcc.GatewaySettings{IPv4: ipv4("172.17.52.1/23"), IPv6: ipv6("fe80::1", "2001:db8:52::/64")}),
		stored("Bronze network 1", vcc.GatewaySettings{IPv4: ipv4("10.0.0.1/8")}),
		stored("Bronze network 2", vcc.GatewaySettings{IPv6: ipv6("fe80::1", "fe80::/64")}),
	}
	conflict := func(field, name, mine, taken string) *vcc.Error {
		return &vcc.Error{Code: vcc.CodeConflict, Field: field, ResourceID: "id of " + name,
			Message: mine + " overlaps " + taken + ` of "` + name + `" on the same network extension appliance; ` +
				"no router can serve both. Use another network here, or change that gateway first"}
	}
	for _, tc := range []struct {
		name     string
		settings vcc.GatewaySettings
		want     *vcc.Error
	}{
		{"beside the others", vcc.GatewaySettings{IPv4: ipv4("172.17.54.1/23"), IPv6: ipv6("fe80::1", "2001:db8:53::/64")}, nil},
		{"the same gateway address is no matter where it is link-local", vcc.GatewaySettings{IPv6: ipv6("fe80::1", "2001:db8:54::/64")}, nil},
		{"link-local networks", vcc.GatewaySettings{IPv6: ipv6("fe80::1", "fe80::/64")}, nil},
		{"equal", vcc.GatewaySettings{IPv4: ipv4("172.17.53.9/23")}, conflict("ipv4", "Silver network 1", "172.17.52.0/23", "172.17.52.0/23")},
		{"inside", vcc.GatewaySettings{IPv4: ipv4("10.20.0.1/24")}, conflict("ipv4", "Bronze network 1", "10.20.0.0/24", "10.0.0.0/8")},
		{"around", vcc.GatewaySettings{IPv4: ipv4("172.16.0.1/12")}, conflict("ipv4", "Silver network 1", "172.16.0.0/12", "172.17.52.0/23")},
		{
			"IPv6", vcc.GatewaySettings{IPv4: ipv4("172.17.54.1/23"), IPv6: ipv6("2001:db8:52::2", "2001:db8::/32")},
			conflict("ipv6", "Silver network 1", "2001:db8::/32", "2001:db8:52::/64"),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var want []*vcc.Error
			if tc.want != nil {
				want = append(want, tc.want)
			}
			wantErrors(t, vcc.CheckOverlap(tc.settings, others), want...)
		})
	}
}

// crowdedSettings draws settings from so few networks that many overlap.
var crowdedSettings = rapid.Custom(func(t *rapid.T) vcc.GatewaySettings {
	var s vcc.GatewaySettings
	few := rapid.SampledFrom([]byte{0, 1, 64, 128})
	families := rapid.IntRange(1, 3).Draw(t, "families")
	if families&1 != 0 {
		addr := netip.AddrFrom4([4]byte{10, few.Draw(t, "octet"), few.Draw(t, "octet"), 1})
		s.IPv4 = &vcc.IPv4Settings{Address: addr, PrefixLength: rapid.IntRange(8, 30).Draw(t, "length")}
	}
	if families&2 != 0 {
		block := rapid.SampledFrom([]string{"2001:db8:%x:%x::", "fe80:0:%x:%x::"}).Draw(t, "block")
		addr := netip.MustParseAddr(fmt.Sprintf(block, few.Draw(t, "group"), few.Draw(t, "group")))
		s.IPv6 = &vcc.IPv6Settings{
			Address: netip.MustParseAddr("fe80::1"),
			Network: netip.PrefixFrom(addr, rapid.IntRange(24, 64).Draw(t, "length")).Masked(),
		}
	}
	return s
})

func TestCheckOverlapIsSymmetricContainment(t *testing.T) {
	meet := func(a, b netip.Prefix) bool { return a.Contains(b.Addr()) || b.Contains(a.Addr()) }
	linkLocal := netip.MustParsePrefix("fe80::/10")
	rapid.Check(t, func(t *rapid.T) {
		a, b := crowdedSettings.Draw(t, "a"), crowdedSettings.Draw(t, "b")
		field := ""
		switch {
		case a.IPv4 != nil && b.IPv4 != nil && meet(a.IPv4.Network(), b.IPv4.Network()):
			field = "ipv4"
		case a.IPv6 != nil && b.IPv6 != nil && !linkLocal.Contains(a.IPv6.Network.Addr()) && meet(a.IPv6.Network, b.IPv6.Network):
			field = "ipv6"
		}
		for _, pair := range [][2]vcc.GatewaySettings{{a, b}, {b, a}} {
			err := vcc.CheckOverlap(pair[0], []vcc.DefaultGateway{{NetworkName: "other", GatewaySettings: pair[1]}})
			got := ""
			for _, e := range vcc.Errors(err) {
				got += e.Field
			}
			if got != field || (err == nil) != (field == "") {
				t.Fatalf("overlap in %q: got %v", field, err)
			}
		}
	})
}
