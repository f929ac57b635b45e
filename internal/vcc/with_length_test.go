package vcc_test

import (
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestParseIPv4WithLength(t *testing.T) {
	s, err := vcc.ParseIPv4WithLength("172.17.52.1/23")
	if err != nil || s.Address.String() != "172.17.52.1" || s.SubnetMask() != "255.255.254.0" || s.Network().String() != "172.17.52.0/23" {
		t.Errorf("%v, %v", s, err)
	}
	for text, want := range map[string]string{
		"172.17.52.1":               `"172.17.52.1" lacks the length of its mask; write it like 172.17.52.1/24`,
		"172.17.52.1/":              `"172.17.52.1/" has no prefix length behind the slash; write it like 172.17.52.1/24`,
		"172.17.52.1/023":           `"172.17.52.1/023" has no prefix length behind the slash; write it like 172.17.52.1/24`,
		"172.17.52.1/+23":           `"172.17.52.1/+23" has no prefix length behind the slash; write it like 172.17.52.1/24`,
		"172.17.52.1/255.255.254.0": `"172.17.52.1/255.255.254.0" has a mask where its length belongs; write 172.17.52.1/23`,
		"172.17.52.1/33":            "a prefix length of 33 is impossible; the mask must be 128.0.0.0 (/1) to 255.255.255.255 (/32)",
		"172.17.52.0/23":            "172.17.52.0 is the network address of 172.17.52.0/23; a gateway needs a host address, 172.17.52.1 to 172.17.53.254",
		"fe80::1/64":                `"fe80::1" is an IPv6 address; an IPv4 address such as 172.17.52.1 belongs here`,
		"gateway/24":                `"gateway" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`,
		"":                          `"" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`,
	} {
		if _, err := vcc.ParseIPv4WithLength(text); err == nil || err.Error() != want || vcc.Code(err) != vcc.CodeInvalidValue {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestParseIPv6WithLength(t *testing.T) {
	for in, want := range map[[2]string][2]string{
		{"fe80::1", "2001:db8:52::/64"}:          {"fe80::1", "2001:db8:52::/64"},
		{"2001:DB8:52:0::1", "2001:db8:52::/64"}: {"2001:db8:52::1", "2001:db8:52::/64"},
		{"2001:db8:52::1/64", ""}:                {"2001:db8:52::1", "2001:db8:52::/64"},
		{"2001:db8:52::1/48", ""}:                {"2001:db8:52::1", "2001:db8:52::/48"},
	} {
		s, err := vcc.ParseIPv6WithLength(in[0], in[1])
		if err != nil || s.Address.String() != want[0] || s.Network.String() != want[1] {
			t.Errorf("%q: %v, %v", in, s, err)
		}
	}
	for in, want := range map[[2]string]string{
		{"fe80::1", ""}:                           `address: "fe80::1" lacks a prefix length; write it like 2001:db8:52::1/64`,
		{"2001:db8:52::1/064", ""}:                `address: "2001:db8:52::1/064" lacks a prefix length; write it like 2001:db8:52::1/64`,
		{"2001:db8:52::1/129", ""}:                "address: 129 is not a prefix length; use 1 to 128 (64 is the one that works for failover)",
		{"2001:db8:52::1/64", "2001:db8:52::/64"}: `address: "2001:db8:52::1/64" has a prefix length; write the address alone, and the length as the prefix length`,
		{"fe80::1", "2001:db8:52::"}:              `network: "2001:db8:52::" lacks a prefix length; write it like 2001:db8:52::/64`,
		{"fe80::1", "2001:db8:52::1/64"}:          "network: 2001:db8:52::1 has bits set below its prefix length of 64; the network is 2001:db8:52::",
		{"2001:db8:53::1", "2001:db8:52::/64"}:    "address: 2001:db8:53::1 is outside 2001:db8:52::/64; use an address of that network, or a link-local one such as fe80::1",
		{"172.17.52.1/23", ""}:                    `address: "172.17.52.1" is an IPv4 address; an IPv6 address such as 2001:db8:52::1 belongs here`,
		{"gateway", "network/64"}:                 "address: \"gateway\" is not an IPv6 address; write one such as 2001:db8:52::1\nnetwork: \"network\" is not an IPv6 address; write one such as 2001:db8:52::1",
	} {
		if _, err := vcc.ParseIPv6WithLength(in[0], in[1]); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}
