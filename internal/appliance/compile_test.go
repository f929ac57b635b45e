package appliance_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var update = flag.Bool("update", false, "write testdata/compiled.json")

// encode returns the canonical encoding of what a configuration compiles to.
func encode(t testing.TB, cfg config) []byte {
	t.Helper()
	b, err := json.MarshalIndent(compile(cfg), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestCompileIsDeterministic(t *testing.T) {
	golden, err := os.ReadFile("testdata/compiled.json")
	if err != nil && !*update {
		t.Fatal(err)
	}
	first := encode(t, abc())
	if *update {
		if err := os.WriteFile("testdata/compiled.json", first, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(golden), string(first)); diff != "" {
		t.Errorf("compiled (-testdata/compiled.json +got); -update writes it:\n%s", diff)
	}
	for range 100 {
		if !bytes.Equal(first, encode(t, abc())) {
			t.Fatal("equal configurations encode to different bytes")
		}
	}
}

// A configuration may be changed once it is compiled.
func TestCompileKeepsNothing(t *testing.T) {
	in := abc().inputs()
	c := appliance.Compile(in)
	before, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	gateway := in.Gateways[in.Networks[0].ID]
	*gateway.IPv4, *gateway.IPv6 = vcc.IPv4Settings{}, vcc.IPv6Settings{}
	clear(in.Networks)
	clear(in.Gateways)
	clear(in.PublicIPRules)
	after, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("compiled (-before +after the configuration was changed):\n%s", diff)
	}
}

// What says which appliance it is, and what it is busy with, is as it was handed in.
func TestCompileSaysWhichAppliance(t *testing.T) {
	in := abc().inputs()
	in.ID, in.HostName, in.Platform, in.Session = "an-id", "esx01", vcc.PlatformHyperV, &vcc.FailoverSession{ID: "a-session"}
	c := appliance.Compile(in)
	if c.ID != in.ID || c.HostName != in.HostName || c.Platform != in.Platform || c.Session != in.Session {
		t.Errorf("got %s %s %s %v", c.ID, c.HostName, c.Platform, c.Session)
	}
}

func TestProblems(t *testing.T) {
	type problem struct {
		Code    vcc.ProblemCode
		Network string
	}
	none := abc()
	none.Networks = slices.Delete(none.Networks, 3, 4)
	none.Networks = none.Networks[:4]
	none.PublicIPRules = slices.Delete(none.PublicIPRules, 2, 3)
	with := func(change func(*config)) config {
		cfg := none
		cfg.Networks, cfg.PublicIPRules = slices.Clone(none.Networks), slices.Clone(none.PublicIPRules)
		change(&cfg)
		return cfg
	}
	add := func(n network) config {
		return with(func(c *config) { c.Networks = append(c.Networks, n) })
	}
	rule := func(public, internal string) config {
		return with(func(c *config) { c.PublicIPRules = append(c.PublicIPRules, publicIPRule(public, internal)) })
	}
	adapters := func(platform vcc.Platform, vnics int) config { // ext0 among them
		cfg := config{Host: vcc.Host{Name: "host01", Platform: platform}}
		for n := 1; n < vnics; n++ {
			cfg.Networks = append(cfg.Networks, cloudNetwork("Gold", n, false, fmt.Sprintf("10.0.%d.1/24", n), "", ""))
		}
		return cfg
	}
	external := func(change func(*vcc.ExternalSettings)) config {
		return with(func(c *config) { change(&c.External) })
	}
	for _, tc := range []struct {
		name string
		cfg  config
		want []problem
	}{
		{"none", none, nil},
		{"nothing at all", config{}, nil},
		{"no gateway", add(cloudNetwork("Gold", 1, true, "", "", "")), []problem{{vcc.ProblemNoDefaultGateway, "Gold network 1 (internet)"}}},
		{"prefix not /64", add(cloudNetwork("Gold", 1, true, "", "2001:db8:61::1", "2001:db8:61::/56")), []problem{{vcc.ProblemIPv6PrefixNot64, "Gold network 1 (internet)"}}},
		{"public IP rule without network", rule("203.0.113.12:80", "10.9.9.9:80"), []problem{{vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to a network left out", with(func(c *config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "", "2001:db8:61::1", "2001:db8:61::/56"))
			c.PublicIPRules = append(c.PublicIPRules, publicIPRule("[2001:db8:ffff::11]:80", "[2001:db8:61::9]:80"))
		}), []problem{{vcc.ProblemIPv6PrefixNot64, "Gold network 1 (internet)"}, {vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to a gateway", rule("203.0.113.12:80", "172.17.54.1:80"), []problem{{vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to a gateway, IPv6", rule("[2001:db8:ffff::11]:80", "[2001:db8:58::1]:80"), []problem{{vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to the external address", rule("203.0.113.12:80", "198.51.100.5:80"), []problem{{vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to the external address within a network", with(func(c *config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "198.51.100.2/24", "", ""))
			c.PublicIPRules = append(c.PublicIPRules, publicIPRule("203.0.113.12:80", "198.51.100.5:80"))
		}), []problem{{vcc.ProblemOverlapsExternalNetwork, "Gold network 1 (internet)"}, {vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to a link-local address", rule("[2001:db8:ffff::11]:80", "[fe80::1]:80"), []problem{{vcc.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"no external IPv4 gateway", external(func(e *vcc.ExternalSettings) { e.IPv4Gateway = netip.Addr{} }), []problem{
			{vcc.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {vcc.ProblemNoExternalGateway, "Silver network 2 (internet)"}, {vcc.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"no external IPv6", external(func(e *vcc.ExternalSettings) { e.IPv6, e.IPv6Gateway = netip.Prefix{}, netip.Addr{} }), []problem{
			{vcc.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {vcc.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"overlaps the external network", add(cloudNetwork("Gold", 1, true, "198.51.0.1/16", "", "")), []problem{{vcc.ProblemOverlapsExternalNetwork, "Gold network 1 (internet)"}}},
		{"within the external network", add(cloudNetwork("Gold", 1, true, "198.51.100.129/25", "", "")), []problem{{vcc.ProblemOverlapsExternalNetwork, "Gold network 1 (internet)"}}},
		{"external gateway is a default gateway", with(func(c *config) {
			c.External.IPv6Gateway = addr("2001:db8:58::1")
		}), []problem{
			{vcc.ProblemInvalidConfiguration, "Bronze network 1 (internet)"},
			{vcc.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {vcc.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"external gateway is the default gateway of a network left out", with(func(c *config) {
			c.External.IPv6Gateway = addr("2001:db8:61::1")
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "", "2001:db8:61::1", "2001:db8:61::/56"))
		}), []problem{{vcc.ProblemIPv6PrefixNot64, "Gold network 1 (internet)"}}},
		{"external gateway has a link-local address that default gateways have, too", external(func(e *vcc.ExternalSettings) { e.IPv6Gateway = addr("fe80::1") }), nil},
		{"two networks of link-local addresses", with(func(c *config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "", "fe80::1", "fe80::/64"), cloudNetwork("Gold", 2, true, "", "fe80::1", "fe80::/64"))
		}), []problem{{vcc.ProblemInvalidConfiguration, "Gold network 1 (internet)"}, {vcc.ProblemInvalidConfiguration, "Gold network 2 (internet)"}}},
		{"11 network adapters on VMware", adapters(vcc.PlatformVMware, 11), []problem{{vcc.ProblemTooManyNetworkAdapters, ""}}},
		{"10 network adapters on VMware", adapters(vcc.PlatformVMware, 10), nil},
		{"11 network adapters on Hyper-V", adapters(vcc.PlatformHyperV, 11), nil},

		// What the rules of the domain refuse.
		{"D9", add(cloudNetwork("Gold", 1, true, "10.0.0.0/24", "", "")), []problem{{vcc.ProblemInvalidConfiguration, "Gold network 1 (internet)"}}},
		{"D10", add(cloudNetwork("Gold", 1, true, "", "ff02::1", "2001:db8:61::/64")), []problem{{vcc.ProblemInvalidConfiguration, "Gold network 1 (internet)"}}},
		{"D12", add(cloudNetwork("Gold", 1, true, "172.17.53.1/24", "", "")), []problem{{vcc.ProblemInvalidConfiguration, "Gold network 1 (internet)"}}},
		{"D17, port 22", rule("203.0.113.12:22", "172.17.52.10:22"), []problem{{vcc.ProblemInvalidConfiguration, ""}}},
		{"D17, two families", rule("203.0.113.12:80", "[2001:db8:52::10]:80"), []problem{{vcc.ProblemInvalidConfiguration, ""}}},
		{"public IP rule, public port 0", rule("203.0.113.12:0", "172.17.52.10:22"), []problem{{vcc.ProblemInvalidConfiguration, ""}}},
		{"public IP rule, internal port 0", rule("203.0.113.12:80", "172.17.52.10:0"), []problem{{vcc.ProblemInvalidConfiguration, ""}}},
		{"a second public IP rule for one port", rule("203.0.113.10:443", "172.17.52.11:443"), []problem{{vcc.ProblemInvalidConfiguration, ""}}},
		{"an empty public IP rule", with(func(c *config) { c.PublicIPRules = append(c.PublicIPRules, vcc.PublicIPRule{}) }), []problem{{vcc.ProblemInvalidConfiguration, ""}}},
		{"external address of the other family", external(func(e *vcc.ExternalSettings) { e.IPv4, e.IPv4Gateway = e.IPv6, e.IPv6Gateway }), []problem{
			{vcc.ProblemInvalidConfiguration, ""},
			{vcc.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {vcc.ProblemNoExternalGateway, "Silver network 2 (internet)"}, {vcc.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"external gateway is the address", external(func(e *vcc.ExternalSettings) { e.IPv6Gateway = e.IPv6.Addr() }), []problem{
			{vcc.ProblemInvalidConfiguration, ""},
			{vcc.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {vcc.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []problem
			for _, p := range compile(tc.cfg).Problems {
				got = append(got, problem{p.Code, p.NetworkName})
				if p.Message == "" || (p.NetworkID == "") != (p.NetworkName == "") {
					t.Errorf("incomplete: %+v", p)
				}
				if p.Code == vcc.ProblemTooManyNetworkAdapters && !strings.Contains(p.Message, `host "host01"`) {
					t.Errorf("it does not name the host: %s", p.Message)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
