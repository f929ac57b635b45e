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
func encode(t testing.TB, cfg appliance.Config) []byte {
	t.Helper()
	b, err := json.MarshalIndent(appliance.Compile(cfg), "", "  ")
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
	cfg := abc()
	c := appliance.Compile(cfg)
	before, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	*cfg.Networks[0].Gateway.IPv4 = vcc.IPv4Settings{}
	*cfg.Networks[0].Gateway.IPv6 = vcc.IPv6Settings{}
	clear(cfg.Networks)
	clear(cfg.PublicIPRules)
	after, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("compiled (-before +after the configuration was changed):\n%s", diff)
	}
}

func TestProblems(t *testing.T) {
	type problem struct {
		Code    appliance.ProblemCode
		Network string
	}
	none := abc()
	none.Networks = slices.Delete(none.Networks, 3, 4)
	none.Networks = none.Networks[:4]
	none.PublicIPRules = slices.Delete(none.PublicIPRules, 2, 3)
	with := func(change func(*appliance.Config)) appliance.Config {
		cfg := none
		cfg.Networks, cfg.PublicIPRules = slices.Clone(none.Networks), slices.Clone(none.PublicIPRules)
		change(&cfg)
		return cfg
	}
	add := func(n appliance.Network) appliance.Config {
		return with(func(c *appliance.Config) { c.Networks = append(c.Networks, n) })
	}
	rule := func(public, internal string) appliance.Config {
		return with(func(c *appliance.Config) { c.PublicIPRules = append(c.PublicIPRules, publicIPRule(public, internal)) })
	}
	adapters := func(platform vcc.Platform, vnics int) appliance.Config { // ext0 among them
		cfg := appliance.Config{Host: vcc.Host{Name: "host01", Platform: platform}}
		for n := 1; n < vnics; n++ {
			cfg.Networks = append(cfg.Networks, cloudNetwork("Gold", n, false, fmt.Sprintf("10.0.%d.1/24", n), "", ""))
		}
		return cfg
	}
	external := func(change func(*appliance.External)) appliance.Config {
		return with(func(c *appliance.Config) { change(&c.External) })
	}
	for _, tc := range []struct {
		name string
		cfg  appliance.Config
		want []problem
	}{
		{"none", none, nil},
		{"nothing at all", appliance.Config{}, nil},
		{"no gateway", add(cloudNetwork("Gold", 1, true, "", "", "")), []problem{{appliance.ProblemNoDefaultGateway, "Gold network 1 (internet)"}}},
		{"prefix not /64", add(cloudNetwork("Gold", 1, true, "", "2001:db8:61::1", "2001:db8:61::/56")), []problem{{appliance.ProblemIPv6PrefixNot64, "Gold network 1 (internet)"}}},
		{"public IP rule without network", rule("203.0.113.12:80", "10.9.9.9:80"), []problem{{appliance.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to a network left out", with(func(c *appliance.Config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "", "2001:db8:61::1", "2001:db8:61::/56"))
			c.PublicIPRules = append(c.PublicIPRules, publicIPRule("[2001:db8:ffff::11]:80", "[2001:db8:61::9]:80"))
		}), []problem{{appliance.ProblemIPv6PrefixNot64, "Gold network 1 (internet)"}, {appliance.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"public IP rule to a link-local address", rule("[2001:db8:ffff::11]:80", "[fe80::1]:80"), []problem{{appliance.ProblemPublicIPRuleWithoutNetwork, ""}}},
		{"no external IPv4 gateway", external(func(e *appliance.External) { e.IPv4.Gateway = netip.Addr{} }), []problem{
			{appliance.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {appliance.ProblemNoExternalGateway, "Silver network 2 (internet)"}, {appliance.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"no external IPv6", external(func(e *appliance.External) { e.IPv6 = appliance.ExternalSettings{} }), []problem{
			{appliance.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {appliance.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"overlaps the external network", add(cloudNetwork("Gold", 1, true, "198.51.0.1/16", "", "")), []problem{{appliance.ProblemOverlapsExternalNetwork, "Gold network 1 (internet)"}}},
		{"two networks of link-local addresses", with(func(c *appliance.Config) {
			c.Networks = append(c.Networks, cloudNetwork("Gold", 1, true, "", "fe80::1", "fe80::/64"), cloudNetwork("Gold", 2, true, "", "fe80::1", "fe80::/64"))
		}), []problem{{appliance.ProblemInvalidConfiguration, "Gold network 1 (internet)"}, {appliance.ProblemInvalidConfiguration, "Gold network 2 (internet)"}}},
		{"11 network adapters on VMware", adapters(vcc.PlatformVMware, 11), []problem{{appliance.ProblemTooManyNetworkAdapters, ""}}},
		{"10 network adapters on VMware", adapters(vcc.PlatformVMware, 10), nil},
		{"11 network adapters on Hyper-V", adapters(vcc.PlatformHyperV, 11), nil},

		// What the rules of the domain refuse.
		{"rule 9", add(cloudNetwork("Gold", 1, true, "10.0.0.0/24", "", "")), []problem{{appliance.ProblemInvalidConfiguration, "Gold network 1 (internet)"}}},
		{"rule 10", add(cloudNetwork("Gold", 1, true, "", "ff02::1", "2001:db8:61::/64")), []problem{{appliance.ProblemInvalidConfiguration, "Gold network 1 (internet)"}}},
		{"rule 12", add(cloudNetwork("Gold", 1, true, "172.17.53.1/24", "", "")), []problem{{appliance.ProblemInvalidConfiguration, "Gold network 1 (internet)"}}},
		{"rule 17, port 22", rule("203.0.113.12:22", "172.17.52.10:22"), []problem{{appliance.ProblemInvalidConfiguration, ""}}},
		{"rule 17, two families", rule("203.0.113.12:80", "[2001:db8:52::10]:80"), []problem{{appliance.ProblemInvalidConfiguration, ""}}},
		{"public IP rule, public port 0", rule("203.0.113.12:0", "172.17.52.10:22"), []problem{{appliance.ProblemInvalidConfiguration, ""}}},
		{"public IP rule, internal port 0", rule("203.0.113.12:80", "172.17.52.10:0"), []problem{{appliance.ProblemInvalidConfiguration, ""}}},
		{"a second public IP rule for one port", rule("203.0.113.10:443", "172.17.52.11:443"), []problem{{appliance.ProblemInvalidConfiguration, ""}}},
		{"an empty public IP rule", with(func(c *appliance.Config) { c.PublicIPRules = append(c.PublicIPRules, appliance.PublicIPRule{}) }), []problem{{appliance.ProblemInvalidConfiguration, ""}}},
		{"external address of the other family", external(func(e *appliance.External) { e.IPv4 = e.IPv6 }), []problem{
			{appliance.ProblemInvalidConfiguration, ""},
			{appliance.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {appliance.ProblemNoExternalGateway, "Silver network 2 (internet)"}, {appliance.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
		{"external gateway is the address", external(func(e *appliance.External) { e.IPv6.Gateway = e.IPv6.Address.Addr() }), []problem{
			{appliance.ProblemInvalidConfiguration, ""},
			{appliance.ProblemNoExternalGateway, "Silver network 1 (internet)"}, {appliance.ProblemNoExternalGateway, "Bronze network 1 (internet)"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []problem
			for _, p := range appliance.Compile(tc.cfg).Problems {
				got = append(got, problem{p.Code, p.NetworkName})
				if p.Message == "" || (p.NetworkID == "") != (p.NetworkName == "") {
					t.Errorf("incomplete: %+v", p)
				}
				if p.Code == appliance.ProblemTooManyNetworkAdapters && !strings.Contains(p.Message, `host "host01"`) {
					t.Errorf("it does not name the host: %s", p.Message)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
