package vcc_test

import (
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// FindOverlaps finds a gateway exactly if it overlaps another one, and every pair that it names does.
func TestFindOverlapsD12(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gateways := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) vcc.PlacedGateway {
			g := vcc.PlacedGateway{HostID: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "host")}
			if rapid.Bool().Draw(t, "IPv4") {
				a := netip.AddrFrom4([4]byte{10, 0, byte(rapid.IntRange(0, 15).Draw(t, "network")), byte(rapid.IntRange(1, 250).Draw(t, "address"))})
				g.IPv4 = &vcc.IPv4Settings{Address: a, PrefixLength: rapid.IntRange(20, 30).Draw(t, "length")}
			}
			if rapid.Bool().Draw(t, "IPv6") {
				network := netip.MustParsePrefix(rapid.SampledFrom([]string{"2001:db8::/64", "2001:db8:0:1::/64", "2001:db8::/48", "2001:db8:1::/48", "2001:db8::/32"}).Draw(t, "IPv6 network"))
				g.IPv6 = &vcc.IPv6Settings{Address: netip.MustParseAddr("fe80::1"), Network: network}
			}
			return g
		}), 0, 12).Draw(t, "gateways")
		overlap := func(a, b vcc.PlacedGateway) bool {
			return a.HostID == b.HostID && vcc.CheckOverlap(a.GatewaySettings, []vcc.DefaultGateway{{GatewaySettings: b.GatewaySettings}}) != nil
		}
		named := map[int]bool{}
		for _, o := range vcc.FindOverlaps(gateways) {
			if o.First >= o.Second || !overlap(gateways[o.First], gateways[o.Second]) {
				t.Errorf("%v do not overlap", o)
			}
			named[o.First], named[o.Second] = true, true
		}
		for i, g := range gateways {
			does := false
			for j, other := range gateways {
				does = does || i != j && overlap(g, other)
			}
			if does != named[i] {
				t.Errorf("gateway %d overlaps another one: %t, is named: %t", i, does, named[i])
			}
		}
	})
}

// What a set makes of a network, by what that has and what the set says.
func TestGatewaySetNext(t *testing.T) {
	s := func(last byte) *vcc.GatewaySettings {
		return &vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{10, 0, 0, last}), PrefixLength: 24}}
	}
	specified := &vcc.DefaultGateway{NetworkID: "n", Origin: vcc.OriginSpecified, GatewaySettings: *s(1)}
	adopted := &vcc.DefaultGateway{NetworkID: "n", Origin: vcc.OriginSpecified, GatewaySettings: *s(1), Detected: s(2)}
	detected := &vcc.DefaultGateway{NetworkID: "n", Origin: vcc.OriginDetected, GatewaySettings: *s(2)}
	expected := map[string]int64{"n": 1}
	for name, tc := range map[string]struct {
		set             vcc.GatewaySet
		current         *vcc.DefaultGateway
		wanted, removed *vcc.GatewaySettings
		want            string
	}{
		"wanted":                        {vcc.GatewaySet{RestoreDetected: true}, adopted, s(3), s(4), "specified 3"},
		"none":                          {vcc.GatewaySet{}, adopted, nil, nil, "none"},
		"detected goes":                 {vcc.GatewaySet{RestoreDetected: true}, detected, nil, s(4), "none"},
		"detected comes back":           {vcc.GatewaySet{RestoreDetected: true}, adopted, nil, s(4), "detected 2"},
		"nothing comes back":            {vcc.GatewaySet{RestoreDetected: true}, specified, nil, nil, "none"},
		"removed comes back":            {vcc.GatewaySet{}, nil, nil, s(4), "detected 4"},
		"removed comes back for others": {vcc.GatewaySet{RestoreDetected: true}, specified, nil, s(4), "detected 4"},
		"others stay":                   {vcc.GatewaySet{KeepOthers: true, Expected: map[string]int64{}, RestoreDetected: true}, adopted, nil, nil, "specified 1"},
		"those that are expected go":    {vcc.GatewaySet{KeepOthers: true, Expected: expected}, adopted, nil, nil, "none"},
	} {
		got := "none"
		if next := tc.set.Next("n", tc.current, tc.wanted, tc.removed); next != nil {
			got = fmt.Sprintf("%s %d", next.Origin, next.IPv4.Address.As4()[3])
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}
