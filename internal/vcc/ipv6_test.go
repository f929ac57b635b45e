package vcc_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func ipv6(address, network string) *vcc.IPv6Settings {
	return &vcc.IPv6Settings{Address: netip.MustParseAddr(address), Network: netip.MustParsePrefix(network)}
}

func TestIPv6SettingsRule10(t *testing.T) {
	address := func(message string) []*vcc.Error { return []*vcc.Error{wrong("address", message)} }
	network := func(message string) []*vcc.Error { return []*vcc.Error{wrong("network", message)} }
	length := func(n string) []*vcc.Error {
		return []*vcc.Error{wrong("prefixLength", n+" is not a prefix length; use 1 to 128 (64 is the one that works for failover)")}
	}
	const unicast = "; a unicast address such as 2001:db8:52::1 or fe80::1 belongs here"

	const linkLocal = "has link-local addresses (fe80::/10), which are on every link, so that no router could tell which network is meant (RFC 4291); use the network's global or unique local prefix, such as 2001:db8:52::"
	for _, tc := range []struct {
		address, network string
		length           int
		want             []*vcc.Error
	}{
		{"2001:db8:52::1", "2001:db8:52::", 64, nil},
		{"fe80::1", "2001:db8:52::", 64, nil}, // the vendor's own picture
		{"febf:ffff::1", "2001:db8:52::", 64, nil},
		{"fe80::1", "fe80::", 64, network("fe80::/64 " + linkLocal)},
		{"fe80::1", "febf:1::", 64, network("febf:1::/64 " + linkLocal)},
		{"fe80::1", "fe00::", 8, network("fe00::/8 " + linkLocal)}, // which has them among others
		{"fe80::1", "fec0::", 64, nil},
		{"2001:db8:52::", "2001:db8:52::", 64, nil},
		{"fd00::1", "fc00::", 7, nil},
		{"9000::1", "8000::", 1, network("8000::/1 " + linkLocal)},
		{"3000::1", "2000::", 3, nil},
		{"2001:db8::1", "2001:db8::1", 128, nil},
		{"2001:DB8:0052:0:0::1", "2001:0db8:0052:0000:0000:0000:0.0.0.0", 64, nil},

		{"2001:db8:53::1", "2001:db8:52::", 64, address("2001:db8:53::1 is outside 2001:db8:52::/64; use an address of that network, or a link-local one such as fe80::1")},
		{"2001:db8::2", "2001:db8::1", 128, address("2001:db8::2 is outside 2001:db8::1/128; use an address of that network, or a link-local one such as fe80::1")},
		{"fec0::1", "2001:db8:52::", 64, address("fec0::1 is outside 2001:db8:52::/64; use an address of that network, or a link-local one such as fe80::1")},
		{"2001:db8:52::1", "2001:db8:52::1", 64, network("2001:db8:52::1 has bits set below its prefix length of 64; the network is 2001:db8:52::")},
		{"2001:db8:52::1", "2001:db8:52::", 32, network("2001:db8:52:: has bits set below its prefix length of 32; the network is 2001:db8::")},

		{"fe80::1%eth0", "2001:db8:52::", 64, address(`"fe80::1%eth0" has a zone, which means something on one machine only; write fe80::1`)},
		{"::ffff:172.17.52.1", "2001:db8:52::", 64, address(`"::ffff:172.17.52.1" is an IPv4-mapped address; IPv4 addresses belong into the IPv4 settings`)},
		{"ff02::1", "2001:db8:52::", 64, address(`"ff02::1" is a multicast address` + unicast)},
		{"ffee::1", "8000::", 1, address(`"ffee::1" is a multicast address` + unicast)}, // also inside its network
		{"::", "2001:db8:52::", 64, address(`"::" is the unspecified address` + unicast)},
		{"::1", "2001:db8:52::", 64, address(`"::1" is the loopback address` + unicast)},
		{"172.17.52.1", "2001:db8:52::", 64, address(`"172.17.52.1" is an IPv4 address; an IPv6 address such as 2001:db8:52::1 belongs here`)},
		{"2001:db8:52::1/64", "2001:db8:52::", 64, address(`"2001:db8:52::1/64" has a prefix length; write the address alone, and the length as the prefix length`)},
		{"", "2001:db8:52::", 64, address(`"" is not an IPv6 address; write one such as 2001:db8:52::1`)},
		{"2001:db8::52::1", "2001:db8:52::", 64, address(`"2001:db8::52::1" is not an IPv6 address; write one such as 2001:db8:52::1`)},
		{"[2001:db8:52::1]", "2001:db8:52::", 64, address(`"[2001:db8:52::1]" is not an IPv6 address; write one such as 2001:db8:52::1`)},

		{"fe80::1", "fe80::%eth0", 64, network(`"fe80::%eth0" has a zone, which means something on one machine only; write fe80::`)},
		{"fe80::1", "::ffff:172.17.52.0", 120, network(`"::ffff:172.17.52.0" is an IPv4-mapped address; IPv4 addresses belong into the IPv4 settings`)},
		{"fe80::1", "ff00::", 64, network(`"ff00::" is a multicast address` + unicast)},
		{"fe80::1", "::", 64, network(`"::" is the unspecified address` + unicast)},
		{"fe80::1", "::1", 128, network(`"::1" is the loopback address` + unicast)},
		{"fe80::1", "172.17.52.0", 24, network(`"172.17.52.0" is an IPv4 address; an IPv6 address such as 2001:db8:52::1 belongs here`)},
		{"fe80::1", "2001:db8:52::/64", 64, network(`"2001:db8:52::/64" has a prefix length; write the address alone, and the length as the prefix length`)},

		{"2001:db8:52::1", "2001:db8:52::", -1, length("-1")},
		{"2001:db8:52::1", "2001:db8:52::", 0, length("0")},
		{"2001:db8:52::1", "2001:db8:52::", 129, length("129")},

		{"::1", "x", 0, []*vcc.Error{
			wrong("address", `"::1" is the loopback address`+unicast),
			wrong("network", `"x" is not an IPv6 address; write one such as 2001:db8:52::1`),
			length("0")[0],
		}},
	} {
		t.Run(fmt.Sprint(tc.address, " ", tc.network, " ", tc.length), func(t *testing.T) {
			_, err := vcc.ParseIPv6Settings(tc.address, tc.network, tc.length)
			wantErrors(t, err, tc.want...)
		})
	}
}

// Values that no text leads to, but a program can make.
func TestIPv6SettingsValidateRule10(t *testing.T) {
	const required = "an IPv6 address such as 2001:db8:52::1 is required"
	length := wrong("prefixLength", "-1 is not a prefix length; use 1 to 128 (64 is the one that works for failover)")
	network := netip.MustParsePrefix("2001:db8:52::/64")
	for _, tc := range []struct {
		name     string
		settings vcc.IPv6Settings
		want     []*vcc.Error
	}{
		{"valid", vcc.IPv6Settings{Address: network.Addr().Next(), Network: network}, nil},
		{"zero", vcc.IPv6Settings{}, []*vcc.Error{wrong("address", required), wrong("network", required), length}},
		{"no address", vcc.IPv6Settings{Network: network}, []*vcc.Error{wrong("address", required)}},
		{"impossible length", vcc.IPv6Settings{Address: network.Addr(), Network: netip.PrefixFrom(network.Addr(), 129)}, []*vcc.Error{length}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantErrors(t, tc.settings.Validate(), tc.want...) })
	}
}

func TestIPv6WarningsRule11(t *testing.T) {
	for _, tc := range []struct {
		network string
		want    []vcc.Warning
	}{
		{"2001:db8:52::/64", nil},
		{"2001:db8:52::/63", []vcc.Warning{{Field: "prefixLength", Message: "Only /64 works for failover over IPv6. A prefix length of 63 is stored, " +
			"but at full site failover the network extension appliance leaves this network without IPv6."}}},
		{"2001:db8:52::/128", []vcc.Warning{vcc.PrefixLengthWarning(128)}},
	} {
		t.Run(tc.network, func(t *testing.T) {
			s := ipv6("fe80::1", tc.network)
			wantErrors(t, s.Validate())
			if diff := cmp.Diff(tc.want, s.Warnings()); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// ipv6Near draws settings on both sides of D10's edges: the network starts
// like a special block, and the address differs from it by a few bits about the
// end of the prefix.
var ipv6Near = rapid.Custom(func(t *rapid.T) vcc.IPv6Settings {
	special := rapid.SampledFrom([]string{"2001:db8::", "2001:db8:52::", "fc00::", "fe80::", "fec0::", "ff02::1", "::", "::1", "::ffff:10.0.0.1", "::fffe:10.0.0.1"})
	length := rapid.OneOf(rapid.IntRange(1, 128), rapid.SampledFrom([]int{-1, 0, 1, 10, 48, 63, 64, 65, 127, 128, 129})).Draw(t, "length")
	flip := func(a netip.Addr, atMost int, name string) netip.Addr {
		octets := a.As16()
		near := rapid.SampledFrom([]int{0, 9, 10, 127, min(max(length-1, 0), 127), min(max(length, 0), 127)})
		for range rapid.IntRange(0, atMost).Draw(t, name) {
			bit := rapid.OneOf(near, rapid.IntRange(0, 127)).Draw(t, "bit")
			octets[bit/8] ^= 0x80 >> (bit % 8)
		}
		return netip.AddrFrom16(octets)
	}
	network := flip(netip.MustParseAddr(special.Draw(t, "network")), 1, "flips of the network")
	if masked, err := network.Prefix(length); err == nil && rapid.IntRange(0, 3).Draw(t, "masked") > 0 {
		network = masked.Addr()
	}
	address := flip(network, 3, "flips of the address")
	if rapid.IntRange(0, 3).Draw(t, "elsewhere") == 0 {
		address = flip(netip.MustParseAddr(special.Draw(t, "address")), 1, "flips elsewhere")
	}
	if rapid.IntRange(0, 7).Draw(t, "zone") == 0 {
		address = address.WithZone("eth0")
	}
	return vcc.IPv6Settings{Address: address, Network: netip.PrefixFrom(network, length)}
})

// obeysRule10 is D10 written down once more, in bits.
func obeysRule10(s vcc.IPv6Settings) bool {
	length := s.Network.Bits()
	if length < 1 || length > 128 || s.Address.Zone() != "" {
		return false
	}
	zeros := strings.Repeat("0", 128)
	mapped := zeros[:80] + "1111111111111111"
	address, network := bits(s.Address), bits(s.Network.Addr())
	for _, a := range []string{address, network} {
		if a == zeros || a == zeros[:127]+"1" || strings.HasPrefix(a, "11111111") || strings.HasPrefix(a, mapped) {
			return false
		}
	}
	const block = "1111111010" // link-local
	inside, linkLocal := address[:length] == network[:length], strings.HasPrefix(address, block)
	onEveryLink := network[:min(length, len(block))] == block[:min(length, len(block))]
	return !strings.Contains(network[length:], "1") && (inside || linkLocal) && !onEveryLink
}

func TestIPv6SettingsValidateIsRule10(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, s := range rapid.SliceOfN(ipv6Near, 20, 20).Draw(t, "settings") {
			if err := s.Validate(); (err == nil) != obeysRule10(s) {
				t.Fatalf("%v: got the error %v", s, err)
			}
		}
	})
}

// respell writes an address in one of the many ways of RFC 4291, section 2.2.
func respell(t *rapid.T, a netip.Addr) string {
	octets := a.As16()
	var groups []string
	for i := 0; i < 16; i += 2 {
		format := rapid.SampledFrom([]string{"%x", "%X", "%03x", "%04X"}).Draw(t, "format")
		groups = append(groups, fmt.Sprintf(format, int(octets[i])<<8|int(octets[i+1])))
	}
	if rapid.Bool().Draw(t, "IPv4 tail") {
		groups = append(groups[:6], netip.AddrFrom4([4]byte(octets[12:])).String())
	}
	runs := [][2]int{{0, 0}} // of zero groups, that "::" can stand for: none, or any
	for from := range groups {
		for to := from; to < len(groups) && strings.Trim(groups[to], "0") == ""; to++ {
			runs = append(runs, [2]int{from, to + 1})
		}
	}
	run := rapid.SampledFrom(runs).Draw(t, "run")
	if run[1] == 0 {
		return strings.Join(groups, ":")
	}
	return strings.Join(groups[:run[0]], ":") + "::" + strings.Join(groups[run[1]:], ":")
}

func TestIPv6SettingsSpelling(t *testing.T) {
	group := rapid.OneOf(rapid.Just(uint16(0)), rapid.Uint16())
	rapid.Check(t, func(t *rapid.T) {
		octets := [16]byte{0x20, 0x01}
		for i := 2; i < 16; i += 2 {
			g := group.Draw(t, "group")
			octets[i], octets[i+1] = byte(g>>8), byte(g)
		}
		address, length := netip.AddrFrom16(octets), rapid.IntRange(16, 128).Draw(t, "length")
		network, err := address.Prefix(length)
		if err != nil {
			t.Fatal(err)
		}
		want := vcc.IPv6Settings{Address: address, Network: network}
		a, n := respell(t, address), respell(t, network.Addr())
		if got, err := vcc.ParseIPv6Settings(a, n, length); err != nil || got != want {
			t.Fatalf("%s, %s: got %v, %v, want %v", a, n, got, err, want)
		}
	})
}

func FuzzParseIPv6Settings(f *testing.F) {
	for _, address := range []string{"2001:db8:52::1", "fe80::1", "fe80::1%eth0", "::ffff:10.0.0.1", "ff02::1", "::", "::1", "10.0.0.1", "2001:db8::1/64", ""} {
		for _, network := range []string{"2001:db8:52::", "2001:DB8:0:0::0.0.0.0", "fe80::", "ff00::", "2001:db8:52::/64", ""} {
			f.Add(address, network, 64)
		}
		f.Add(address, "2001:db8:52::", -1)
		f.Add(address, "2001:db8:52::", 129)
	}
	f.Fuzz(func(t *testing.T, address, network string, length int) {
		s, err := vcc.ParseIPv6Settings(address, network, length)
		if err != nil {
			err = complain(err, "address", "network", "prefixLength")
		} else {
			err = s.Validate()
		}
		if err != nil {
			t.Errorf("%q, %q, %d: %v", address, network, length, err)
		}
	})
}
