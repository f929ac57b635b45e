package vcc_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func ipv4(prefix string) *vcc.IPv4Settings {
	p := netip.MustParsePrefix(prefix)
	return &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}
}

func TestIPv4SettingsRule9(t *testing.T) {
	address := func(message string) []*vcc.Error { return []*vcc.Error{wrong("address", message)} }
	mask := func(message string) []*vcc.Error { return []*vcc.Error{wrong("subnetMask", message)} }
	const unusable = "; use a unicast address of the production network"

	for _, tc := range []struct {
		address, mask string
		want          []*vcc.Error
	}{
		{"172.17.52.1", "255.255.254.0", nil},
		{"172.17.52.255", "255.255.254.0", nil}, // a host in a /23, though it ends like a broadcast address
		{"172.17.53.0", "255.255.254.0", nil},
		{"1.0.0.1", "255.0.0.0", nil},
		{"126.255.255.254", "255.0.0.0", nil},
		{"128.0.0.1", "128.0.0.0", nil},
		{"223.255.255.254", "255.255.255.0", nil},
		{"169.254.0.1", "255.255.0.0", nil},
		{"10.0.0.0", "255.255.255.254", nil},
		{"10.0.0.1", "255.255.255.254", nil},
		{"10.0.0.0", "255.255.255.255", nil},

		{"172.17.52.0", "255.255.254.0", address("172.17.52.0 is the network address of 172.17.52.0/23; a gateway needs a host address, 172.17.52.1 to 172.17.53.254")},
		{"172.17.53.255", "255.255.254.0", address("172.17.53.255 is the broadcast address of 172.17.52.0/23; a gateway needs a host address, 172.17.52.1 to 172.17.53.254")},
		{"10.0.0.4", "255.255.255.252", address("10.0.0.4 is the network address of 10.0.0.4/30; a gateway needs a host address, 10.0.0.5 to 10.0.0.6")},
		{"10.255.255.255", "255.0.0.0", address("10.255.255.255 is the broadcast address of 10.0.0.0/8; a gateway needs a host address, 10.0.0.1 to 10.255.255.254")},
		{"0.0.0.0", "255.255.255.0", address(`0.0.0.0 cannot be a gateway: 0.0.0.0/8 means "this network" (RFC 1122)` + unusable)},
		{"0.255.255.254", "128.0.0.0", address(`0.255.255.254 cannot be a gateway: 0.0.0.0/8 means "this network" (RFC 1122)` + unusable)},
		{"127.0.0.1", "255.255.255.255", address("127.0.0.1 cannot be a gateway: 127.0.0.0/8 is loopback (RFC 1122)" + unusable)},
		{"224.0.0.1", "255.255.255.0", address("224.0.0.1 cannot be a gateway: 224.0.0.0/4 is multicast (RFC 5771)" + unusable)},
		{"239.255.255.250", "255.255.255.254", address("239.255.255.250 cannot be a gateway: 224.0.0.0/4 is multicast (RFC 5771)" + unusable)},
		{"240.0.0.1", "255.0.0.0", address("240.0.0.1 cannot be a gateway: 240.0.0.0/4 is reserved (RFC 1112)" + unusable)},
		{"255.255.255.255", "255.255.255.255", address("255.255.255.255 cannot be a gateway: 240.0.0.0/4 is reserved (RFC 1112)" + unusable)},

		{"", "255.255.255.0", address(`"" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`)},
		{"gw.example.net", "255.255.255.0", address(`"gw.example.net" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`)},
		{"172.17.52", "255.255.255.0", address(`"172.17.52" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`)},
		{"172.17.52.256", "255.255.255.0", address(`"172.17.52.256" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`)},
		{" 172.17.52.1", "255.255.255.0", address(`" 172.17.52.1" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`)},
		{"172.17.052.1", "255.255.255.0", address(`"172.17.052.1" has a number with a leading zero, which some programs read as octal; write it without`)},
		{"172.17.52.1/23", "255.255.254.0", address(`"172.17.52.1/23" has a prefix length; write the address alone, and the length as the subnet mask`)},
		{"2001:db8::1", "255.255.255.0", address(`"2001:db8::1" is an IPv6 address; an IPv4 address such as 172.17.52.1 belongs here`)},
		{"::ffff:172.17.52.1", "255.255.255.0", address(`"::ffff:172.17.52.1" is an IPv4-mapped IPv6 address; write it as 172.17.52.1`)},

		{"172.17.52.1", "", mask(`"" is not a subnet mask; write it in dotted decimal, such as 255.255.254.0`)},
		{"172.17.52.1", "33", mask(`"33" is not a subnet mask; write it in dotted decimal, such as 255.255.254.0`)},
		{"172.17.52.1", "ffff:fe00::", mask(`"ffff:fe00::" is not a subnet mask; write it in dotted decimal, such as 255.255.254.0`)},
		{"172.17.52.1", "23", mask(`"23" is a prefix length; the subnet mask of /23 is 255.255.254.0`)},
		{"172.17.52.1", "/32", mask(`"/32" is a prefix length; the subnet mask of /32 is 255.255.255.255`)},
		{"172.17.52.1", "0.0.0.0", mask("0.0.0.0 is no subnet mask for a gateway: it spans every address; use 128.0.0.0 (/1) to 255.255.255.255 (/32)")},
		{"172.17.52.1", "0.0.1.255", mask("0.0.1.255 is a wildcard mask; the subnet mask is 255.255.254.0")},
		{"172.17.52.1", "127.255.255.255", mask("127.255.255.255 is a wildcard mask; the subnet mask is 128.0.0.0")},
		{"172.17.52.1", "255.255.253.0", mask("255.255.253.0 is not a subnet mask: its one bits are not contiguous; try 255.255.252.0 (/22) or 255.255.254.0 (/23)")},
		{"172.17.52.1", "255.255.255.253", mask("255.255.255.253 is not a subnet mask: its one bits are not contiguous; try 255.255.255.252 (/30) or 255.255.255.254 (/31)")},
		{"172.17.52.1", "0.255.255.0", mask("0.255.255.0 is not a subnet mask: its one bits are not contiguous; try 128.0.0.0 (/1)")},

		{"fe80::1", "0", []*vcc.Error{
			wrong("address", `"fe80::1" is an IPv6 address; an IPv4 address such as 172.17.52.1 belongs here`),
			wrong("subnetMask", `"0" is not a subnet mask; write it in dotted decimal, such as 255.255.254.0`),
		}},
	} {
		t.Run(tc.address+" "+tc.mask, func(t *testing.T) {
			_, err := vcc.ParseIPv4Settings(tc.address, tc.mask)
			wantErrors(t, err, tc.want...)
		})
	}
}

// Values that no text leads to, but a program can make.
func TestIPv4SettingsValidateRule9(t *testing.T) {
	gateway := netip.MustParseAddr("172.17.52.1")
	length := func(n string) *vcc.Error {
		return wrong("subnetMask", "a prefix length of "+n+" is impossible; the mask must be 128.0.0.0 (/1) to 255.255.255.255 (/32)")
	}
	required := wrong("address", "an IPv4 address such as 172.17.52.1 is required")
	for _, tc := range []struct {
		name     string
		settings vcc.IPv4Settings
		want     []*vcc.Error
	}{
		{"valid", vcc.IPv4Settings{Address: gateway, PrefixLength: 23}, nil},
		{"zero", vcc.IPv4Settings{}, []*vcc.Error{required}},
		{"IPv6", vcc.IPv4Settings{Address: netip.MustParseAddr("fe80::1"), PrefixLength: 24}, []*vcc.Error{required}},
		{"IPv4-mapped", vcc.IPv4Settings{Address: netip.AddrFrom16(gateway.As16()), PrefixLength: 24}, []*vcc.Error{required}},
		{"-1", vcc.IPv4Settings{Address: gateway, PrefixLength: -1}, []*vcc.Error{length("-1")}},
		{"0", vcc.IPv4Settings{Address: gateway}, []*vcc.Error{length("0")}},
		{"33", vcc.IPv4Settings{Address: gateway, PrefixLength: 33}, []*vcc.Error{length("33")}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantErrors(t, tc.settings.Validate(), tc.want...) })
	}
}

func TestIPv4SettingsNetwork(t *testing.T) {
	for _, tc := range []struct{ settings, network, mask string }{
		{"172.17.52.1/23", "172.17.52.0/23", "255.255.254.0"}, // the console's own example
		{"200.0.0.1/1", "128.0.0.0/1", "128.0.0.0"},
		{"10.0.0.1/31", "10.0.0.0/31", "255.255.255.254"},
		{"10.0.0.1/32", "10.0.0.1/32", "255.255.255.255"},
	} {
		s := ipv4(tc.settings)
		if network, mask := s.Network().String(), s.SubnetMask(); network != tc.network || mask != tc.mask {
			t.Errorf("%s: got %s and %s, want %s and %s", tc.settings, network, mask, tc.network, tc.mask)
		}
	}
}

// ipv4Near draws settings on both sides of D9's edges: octets at the ends of
// the reserved blocks, and addresses at the ends of their network.
var ipv4Near = rapid.Custom(func(t *rapid.T) vcc.IPv4Settings {
	length := rapid.OneOf(rapid.IntRange(1, 32), rapid.SampledFrom([]int{-1, 0, 1, 2, 8, 24, 29, 30, 31, 32, 33})).Draw(t, "length")
	octet := rapid.OneOf(rapid.Uint32Range(0, 255), rapid.SampledFrom([]uint32{0, 1, 10, 126, 127, 128, 223, 224, 239, 240, 255})).Draw(t, "octet")
	addr := octet<<24 | rapid.Uint32Range(0, 1<<24-1).Draw(t, "rest")
	hostBits := ^uint32(0) >> max(length, 0)
	if rapid.Bool().Draw(t, "edge") {
		addr = addr&^hostBits | rapid.SampledFrom([]uint32{0, 1, hostBits - 1, hostBits}).Draw(t, "host")&hostBits
	}
	return vcc.IPv4Settings{Address: netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}), PrefixLength: length}
})

// obeysRule9 is D9 written down once more, in bits.
func obeysRule9(s vcc.IPv4Settings) bool {
	if s.PrefixLength < 1 || s.PrefixLength > 32 {
		return false
	}
	address := bits(s.Address)
	for _, block := range []string{"00000000", "01111111", "1110", "1111"} {
		if strings.HasPrefix(address, block) {
			return false
		}
	}
	host := address[s.PrefixLength:]
	return len(host) < 2 || strings.Contains(host, "0") && strings.Contains(host, "1")
}

func TestIPv4SettingsValidateIsRule9(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, s := range rapid.SliceOfN(ipv4Near, 20, 20).Draw(t, "settings") {
			if err := s.Validate(); (err == nil) != obeysRule9(s) {
				t.Fatalf("%v: got the error %v", s, err)
			}
		}
	})
}

func TestIPv4SettingsRoundTrip(t *testing.T) {
	valid := ipv4Near.Filter(obeysRule9)
	rapid.Check(t, func(t *rapid.T) {
		s := valid.Draw(t, "settings")
		if got, err := vcc.ParseIPv4Settings(s.Address.String(), s.SubnetMask()); err != nil || got != s {
			t.Fatalf("%v became %v, %v", s, got, err)
		}
	})
}

func TestSubnetMaskOfEveryLength(t *testing.T) {
	for length := 1; length <= 32; length++ {
		mask := vcc.IPv4Settings{PrefixLength: length}.SubnetMask()
		want := strings.Repeat("1", length) + strings.Repeat("0", 32-length)
		if got := bits(netip.MustParseAddr(mask)); got != want {
			t.Errorf("/%d is %s, with the bits %s", length, mask, got)
		}
		if got, err := vcc.ParseSubnetMask(mask); got != length || err != nil {
			t.Errorf("%s is read as %d, %v", mask, got, err)
		}
	}
}

func FuzzParseIPv4Settings(f *testing.F) {
	for _, address := range []string{"172.17.52.1", "10.0.0.0", "255.255.255.255", "010.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.1/24", ""} {
		for _, mask := range []string{"255.255.254.0", "255.255.255.255", "0.0.0.255", "255.0.255.0", "/24", "0.0.0.0", ""} {
			f.Add(address, mask)
		}
	}
	f.Fuzz(func(t *testing.T, address, mask string) {
		s, err := vcc.ParseIPv4Settings(address, mask)
		if err != nil {
			err = complain(err, "address", "subnetMask")
		} else if err = s.Validate(); err == nil && (s.Address.String() != address || s.SubnetMask() != mask) {
			err = fmt.Errorf("accepted as %v", s) // there is one spelling of each
		}
		if err != nil {
			t.Errorf("%q, %q: %v", address, mask, err)
		}
	})
}
