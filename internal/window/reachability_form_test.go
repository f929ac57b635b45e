package window_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// An address in the browser is a question: what is read of it is written to the links of the page.
func TestReachabilityForm_query(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := url.Values{}
		for _, name := range []string{
			"protocol", "port", "routing", "network", "none", "ipv4.address", "ipv4.subnetMask", "ipv6.network", "ipv6.prefixLength", "ipv6.address",
			"source", "destination", "rows", "columns",
		} {
			typed.Set(name, rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "tcp", "icmp", "1", "on", "a b&c=d"})).Draw(t, name))
		}
		first := window.ReachabilityQuery(typed)
		again, err := url.ParseQuery(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := window.ReachabilityQuery(again); first != second {
			t.Errorf("%q becomes %q", first, second)
		}
	})
	const all = "columns=200&destination=internet&ipv4.address=10.0.0.1&ipv4.subnetMask=255.0.0.0&ipv6.address=fe80%3A%3A1&ipv6.network=2001%3Adb8%3A%3A&ipv6.prefixLength=64" +
		"&network=a%26b&none=true&port=53&protocol=udp&routing=off&rows=100&source=web01"
	typed, err := url.ParseQuery(all)
	ok(t, err)
	if got := window.ReachabilityQuery(typed); got != all {
		t.Errorf("got  %s\nwant %s", got, all)
	}
	if got := window.ReachabilityQuery(nil); got != "port=443&protocol=tcp" {
		t.Errorf("of nothing: %s", got)
	}
}

// What is wrong with the form stands at its field, in the domain's words.
func TestReachabilityForm_errors(t *testing.T) {
	networks := []vcc.Network{{ID: "1", Name: "Silver network 1"}, {ID: "2", Name: "Silver network 2"}}
	for query, want := range map[string]map[string]string{
		"":                               {},
		"routing=on&network=1&none=true": {},
		"network=Silver+network+2&ipv4.address=10.0.0.1&ipv4.subnetMask=255.255.255.0": {},
		"none=true":                        {"network": "the name of the cloud network is required whose gateway is edited"},
		"ipv6.address=fe80::1":             {"network": "the name of the cloud network is required whose gateway is edited"},
		"network=Silver+network+3&none=on": {"network": `there is no cloud network "Silver network 3"; did you mean "Silver network 1", "Silver network 2"?`},
		"network=1":                        {"": "a default gateway needs IPv4 settings, IPv6 settings, or both; to have none, remove the gateway"},
		"network=1&ipv4.address=10.0.0&ipv4.subnetMask=255.0.255.0&ipv6.address=fe80::1&ipv6.network=2001:db8::&ipv6.prefixLength=x": {
			"ipv4.address":      `"10.0.0" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`,
			"ipv4.subnetMask":   "255.0.255.0 is not a subnet mask: its one bits are not contiguous; try 255.0.0.0 (/8) or 255.128.0.0 (/9)",
			"ipv6.prefixLength": `"x" is not a prefix length; use 1 to 128`,
		},
		"network=1&ipv4.address=10.0.0.0&ipv4.subnetMask=255.255.255.0": {
			"ipv4.address": "10.0.0.0 is the network address of 10.0.0.0/24; a gateway needs a host address, 10.0.0.1 to 10.0.0.254",
		},
	} {
		typed, err := url.ParseQuery(query)
		ok(t, err)
		if diff := cmp.Diff(want, window.ReachabilityErrors(typed, networks)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}
