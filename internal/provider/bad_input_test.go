package provider_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// Each bad input is refused by the plan, at the attribute, with what is wrong and
// what would be right; and nothing is stored. Lab files and command lines have
// their tables beside the code that reads them.
func TestAccBadInput(t *testing.T) {
	l := newTestLab(t)
	before := l.gateways()
	good := ipv4("172.17.54.1", "255.255.255.0")
	embedded := func(arguments string) string {
		return fmt.Sprintf("provider \"vcc\" {\n  embedded = {\n    data_dir = %q\n    %s\n  }\n}\n", l.dir, arguments) + gateway(silver3, good)
	}
	served := func(arguments string) string {
		return "provider \"vcc\" {\n" + arguments + "\n}\n" + gateway(silver3, good)
	}
	account := "username = \"abc-company\"\n  password = \"x\"\n"
	source := func(arguments string) string {
		return "data \"vcc_hardware_plan_networks\" \"test\" {\n" + arguments + "\n}\n"
	}
	network := func(arguments string) string {
		return "data \"vcc_cloud_network\" \"test\" {\n" + arguments + "\n}\n"
	}

	named := func(network string) string {
		return strings.Replace(gateway(silver3, good), `network_id = "%{`+silver3+`}"`, fmt.Sprintf("network_name = %q", network), 1)
	}

	tests := map[string]struct {
		config string
		// attribute is the one that the error must name, and point at where the CLI
		// can, which is where it is not inside an object.
		attribute, want string
	}{
		// Default gateway: the network.
		"network name instead of its ID": {strings.ReplaceAll(gateway(silver3, good), "%{"+silver3+"}", silver3),
			"network_id", `"VMware Silver network 1" is not a network ID; use the id of an entry in the networks of data source vcc_hardware_plan_networks`},
		"network ID in upper case": {strings.ReplaceAll(gateway(silver3, good), "%{"+silver3+"}", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
			"network_id", "is not a network ID"},
		"empty network ID": {strings.ReplaceAll(gateway(silver3, good), "%{"+silver3+"}", ""), "network_id", `"" is not a network ID`},
		"no network ID":    {`resource "vcc_default_gateway" "test" { ipv4 = { address = "172.17.54.1", subnet_mask = "255.255.255.0" } }`, "", "network_name: a default gateway needs a cloud network; name it with network_name, or give its ID in network_id"},
		"unknown network": {strings.ReplaceAll(gateway(silver3, good), "%{"+silver3+"}", "00000000-0000-4000-8000-000000000000"),
			"network_id", "there is no cloud network with ID 00000000-0000-4000-8000-000000000000"},
		"unknown network name":     {named("VMware Silver network 1 (intranet)"), "network_name", `there is no cloud network "VMware Silver network 1 (intranet)"; did you mean "VMware Silver network 1 (internet)"`},
		"empty network name":       {named(""), "network_name", `there is no cloud network ""`},
		"another tenant's network": {named("Hyper-V Gold network 1 (internet)"), "network_name", `there is no cloud network "Hyper-V Gold network 1 (internet)"`},
		"two networks": {strings.Replace(gateway(silver3, good), "ipv4", "network_name = \""+silver4+"\"\n  ipv4", 1),
			"network_name", `"VMware Silver network 2" is the network with ID`},
		"IPv4: cidr of another network": {gateway(silver3, strings.Replace(good, "}", "cidr = \"172.17.55.0/24\"\n  }", 1)), "ipv4.cidr",
			`the other values make this 172.17.54.0/24, and not "172.17.55.0/24"; write that, or leave cidr out`},
		"IPv6: cidr of text": {gateway(silver3, strings.Replace(ipv6("2001:db8:54::", 64, "fe80::1"), "}", "cidr = \"net\"\n  }", 1)), "ipv6.cidr",
			`the other values make this 2001:db8:54::/64, and not "net"`},
		"neither family": {gateway(silver3), "", "A default gateway needs IPv4 settings, IPv6 settings, or both; to have none, remove the gateway"},

		// Default gateway: IPv4.
		"IPv4: text":                {gateway(silver3, ipv4("gateway", "255.255.255.0")), "ipv4.address", `"gateway" is not an IPv4 address; write four numbers from 0 to 255, such as 172.17.52.1`},
		"IPv4: empty":               {gateway(silver3, ipv4("", "255.255.255.0")), "ipv4.address", `"" is not an IPv4 address`},
		"IPv4: out of range":        {gateway(silver3, ipv4("172.17.54.300", "255.255.255.0")), "ipv4.address", `"172.17.54.300" is not an IPv4 address`},
		"IPv4: leading zero":        {gateway(silver3, ipv4("172.17.054.1", "255.255.255.0")), "ipv4.address", "a number with a leading zero, which some programs read as octal; write it without"},
		"IPv4: with length":         {gateway(silver3, ipv4("172.17.54.1/24", "255.255.255.0")), "ipv4.address", "write the address alone, and the length as the subnet mask"},
		"IPv4: an IPv6 address":     {gateway(silver3, ipv4("fe80::1", "255.255.255.0")), "ipv4.address", `"fe80::1" is an IPv6 address; an IPv4 address such as 172.17.52.1 belongs here`},
		"IPv4: mapped":              {gateway(silver3, ipv4("::ffff:172.17.54.1", "255.255.255.0")), "ipv4.address", "is an IPv4-mapped IPv6 address; write it as 172.17.54.1"},
		"IPv4: network address":     {gateway(silver3, ipv4("172.17.54.0", "255.255.255.0")), "ipv4.address", "is the network address of 172.17.54.0/24; a gateway needs a host address, 172.17.54.1 to 172.17.54.254"},
		"IPv4: broadcast address":   {gateway(silver3, ipv4("172.17.55.255", "255.255.254.0")), "ipv4.address", "is the broadcast address of 172.17.54.0/23; a gateway needs a host address, 172.17.54.1 to 172.17.55.254"},
		"IPv4: this network":        {gateway(silver3, ipv4("0.1.2.3", "255.0.0.0")), "ipv4.address", `0.1.2.3 cannot be a gateway: 0.0.0.0/8 means "this network"`},
		"IPv4: loopback":            {gateway(silver3, ipv4("127.0.0.1", "255.0.0.0")), "ipv4.address", "127.0.0.0/8 is loopback (RFC 1122); use a unicast address of the production network"},
		"IPv4: multicast":           {gateway(silver3, ipv4("224.0.0.1", "255.0.0.0")), "ipv4.address", "224.0.0.0/4 is multicast"},
		"IPv4: reserved":            {gateway(silver3, ipv4("255.255.255.255", "255.255.255.255")), "ipv4.address", "240.0.0.0/4 is reserved"},
		"IPv4: mask with a hole":    {gateway(silver3, ipv4("172.17.54.1", "255.255.253.0")), "ipv4.subnet_mask", "its one bits are not contiguous; try 255.255.252.0 (/22) or 255.255.254.0 (/23)"},
		"IPv4: wildcard mask":       {gateway(silver3, ipv4("172.17.54.1", "0.0.1.255")), "ipv4.subnet_mask", "0.0.1.255 is a wildcard mask; the subnet mask is 255.255.254.0"},
		"IPv4: zero mask":           {gateway(silver3, ipv4("172.17.54.1", "0.0.0.0")), "ipv4.subnet_mask", "use 128.0.0.0 (/1) to 255.255.255.255 (/32)"},
		"IPv4: length for a mask":   {gateway(silver3, ipv4("172.17.54.1", "/23")), "ipv4.subnet_mask", `"/23" is a prefix length; the subnet mask of /23 is 255.255.254.0`},
		"IPv4: text for a mask":     {gateway(silver3, ipv4("172.17.54.1", "big")), "ipv4.subnet_mask", `"big" is not a subnet mask; write it in dotted decimal, such as 255.255.254.0`},
		"IPv4: no mask":             {gateway(silver3, `ipv4 = { address = "172.17.54.1" }`), "ipv4", `attribute "subnet_mask" is required`},
		"IPv4: two values wrong":    {gateway(silver3, ipv4("x", "255.255.255.0")+"\n  "+ipv6("2001:db8::", 0, "fe80::1")), "ipv4.address", `"x" is not an IPv4 address`},
		"IPv4: an unknown argument": {gateway(silver3, good, `gateway = "172.17.54.1"`), "gateway", `An argument named "gateway" is not expected here`},

		// Default gateway: IPv6.
		"IPv6: text":                 {gateway(silver3, ipv6("net", 64, "fe80::1")), "ipv6.network", `"net" is not an IPv6 address; write one such as 2001:db8:52::1`},
		"IPv6: an IPv4 address":      {gateway(silver3, ipv6("2001:db8:54::", 64, "172.17.54.1")), "ipv6.address", `"172.17.54.1" is an IPv4 address`},
		"IPv6: mapped":               {gateway(silver3, ipv6("2001:db8:54::", 64, "::ffff:172.17.54.1")), "ipv6.address", "IPv4 addresses belong into the IPv4 settings"},
		"IPv6: zone":                 {gateway(silver3, ipv6("2001:db8:54::", 64, "fe80::1%eth0")), "ipv6.address", "has a zone, which means something on one machine only; write fe80::1"},
		"IPv6: multicast":            {gateway(silver3, ipv6("2001:db8:54::", 64, "ff02::1")), "ipv6.address", "is a multicast address; a unicast address such as"},
		"IPv6: unspecified":          {gateway(silver3, ipv6("2001:db8:54::", 64, "::")), "ipv6.address", "is the unspecified address"},
		"IPv6: loopback":             {gateway(silver3, ipv6("2001:db8:54::", 64, "::1")), "ipv6.address", "is the loopback address"},
		"IPv6: outside its network":  {gateway(silver3, ipv6("2001:db8:54::", 64, "2001:db8:55::1")), "ipv6.address", "2001:db8:55::1 is outside 2001:db8:54::/64; use an address of that network, or a link-local one such as fe80::1"},
		"IPv6: bits below":           {gateway(silver3, ipv6("2001:db8:54::1", 64, "fe80::1")), "ipv6.network", "has bits set below its prefix length of 64; the network is 2001:db8:54::"},
		"IPv6: network with length":  {gateway(silver3, ipv6("2001:db8:54::/64", 64, "fe80::1")), "ipv6.network", "write the address alone, and the length as the prefix length"},
		"IPv6: length 0":             {gateway(silver3, ipv6("2001:db8:54::", 0, "fe80::1")), "ipv6.prefix_length", "0 is not a prefix length; use 1 to 128"},
		"IPv6: length 129":           {gateway(silver3, ipv6("2001:db8:54::", 129, "fe80::1")), "ipv6.prefix_length", "129 is not a prefix length; use 1 to 128"},
		"IPv6: half a bit of length": {gateway(silver3, strings.Replace(ipv6("2001:db8:54::", 64, "fe80::1"), "64", "64.5", 1)), "ipv6.prefix_length", "64.5 is not a whole number."},
		"IPv6: length of text":       {gateway(silver3, strings.Replace(ipv6("2001:db8:54::", 64, "fe80::1"), "64", `"long"`, 1)), "ipv6", "a number is required"},

		// Routing.
		"routing: text":    {"resource \"vcc_network_routing\" \"test\" {\n  enabled = \"maybe\"\n}\n", "enabled", "a bool is required"},
		"routing: nothing": {"resource \"vcc_network_routing\" \"test\" {}\n", "", `The argument "enabled" is required`},

		// Data source.
		"unknown plan":          {source(`hardware_plan = "VMware Gold"`), "hardware_plan", `hardware_plan: the tenant has no hardware plan "VMware Gold"; did you mean "VMware Silver", "VMware Bronze"?`},
		"another tenant's plan": {source(`hardware_plan = "Hyper-V Gold"`), "hardware_plan", `hardware_plan: the tenant has no hardware plan "Hyper-V Gold"; did you mean`},
		"filter of text":        {source(`internet_access = "some"`), "internet_access", "a bool is required"},

		"network: neither":       {network(``), "", "set name or id, or both if they name one network"},
		"network: unknown name":  {network(`name = "VMware Silver network 3"`), "name", `name: the tenant has no cloud network "VMware Silver network 3"; did you mean "VMware Silver network 1"`},
		"network: of another":    {network(`name = "Hyper-V Gold network 1 (internet)"`), "name", `name: the tenant has no cloud network "Hyper-V Gold network 1 (internet)"; did you mean`},
		"network: ID that is no": {network(`id = "VMware Silver network 1"`), "id", `id: "VMware Silver network 1" is not a network ID`},
		"network: unknown ID":    {network(`id = "00000000-0000-4000-8000-000000000000"`), "id", `id: the tenant has no cloud network with ID 00000000-0000-4000-8000-000000000000; did you mean`},
		"network: two of them":   {network(`name = "VMware Silver network 1"` + "\n  " + `id = "%{` + silver4 + `}"`), "id", `id: this is the ID of "VMware Silver network 2", and name says "VMware Silver network 1"; leave one of them out`},

		"appliance of an unknown plan": {`data "vcc_network_extension_appliance" "test" {
  hardware_plan = "VMware Gold"
}
`, "hardware_plan", `hardware_plan: the tenant has no hardware plan "VMware Gold"; did you mean "VMware Silver", "VMware Bronze"?`},
		"reachability: source of text": {reachability("web", "172.17.54.20", "tcp", "5432"), "source", `"web" is no VM of the tenant's site, no IP address and not the word internet; did you mean "web01"`},
		"reachability: two families":   {reachability("172.17.52.10", "2001:db8::1", "tcp", "5432"), "destination", "2001:db8::1 and the source 172.17.52.10 are not of one family"},
		"reachability: protocol":       {reachability("172.17.52.10", "172.17.54.20", "sctp", "5432"), "protocol", `"sctp" is not a protocol; use tcp, udp or icmp`},
		"reachability: no port":        {reachability("172.17.52.10", "172.17.54.20", "tcp", "null"), "port", "a destination port from 1 to 65535 is required with tcp"},
		"reachability: endless port":   {reachability("172.17.52.10", "172.17.54.20", "tcp", "1e30"), "port", "port: 1e+30 is out of range."},
		"reachability: port of icmp":   {reachability("172.17.52.10", "172.17.54.20", "icmp", "80"), "port", "there are no ports in icmp; leave it out"},

		// Provider.
		"provider: both backends":        {served("endpoint = \"https://sp.example.net:9419\"\n  embedded = {}\n" + account), "endpoint", "endpoint and embedded exclude each other"},
		"provider: endpoint of text":     {served("endpoint = \"sp.example.net\"\n" + account), "endpoint", `"sp.example.net" is not the address of a server; write it like https://sp.example.net:9419`},
		"provider: empty endpoint":       {served("endpoint = \"\"\n" + account), "endpoint", "endpoint is empty. Give it a value, or leave it out"},
		"provider: endpoint with path":   {served("endpoint = \"https://sp.example.net:9419/api\"\n" + account), "endpoint", "has more than an address in it; write https://sp.example.net:9419"},
		"provider: endpoint with user":   {served("endpoint = \"https://me:secret@sp.example.net\"\n" + account), "endpoint", "credentials do not belong into the address; use username and password"},
		"provider: password over http":   {served("endpoint = \"http://sp.example.net:9419\"\n" + account), "endpoint", "a password never goes over plain http:// except to a loopback address; use https://sp.example.net:9419"},
		"provider: no password":          {served("endpoint = \"https://sp.example.net:9419\"\n  username = \"abc-company\""), "", "A served backend needs a password. Set password in the provider block, or VCC_PASSWORD in the environment"},
		"provider: no username":          {served("endpoint = \"https://sp.example.net:9419\"\n  password = \"x\""), "", "A served backend needs a username. Set username in the provider block, or VCC_USERNAME in the environment"},
		"provider: username, embedded":   {served("embedded = {}\n  username = \"abc-company\""), "username", "username belongs to a served backend, and no endpoint is set"},
		"provider: no certificate":       {served("endpoint = \"https://sp.example.net:9419\"\n  ca_certificate = \"ca.pem\"\n" + account), "ca_certificate", "it has no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----; this is the place for the text of a certificate, and not for the name of its file"},
		"provider: timeout of text":      {served("embedded = {}\n  request_timeout = \"soon\""), "request_timeout", `"soon" is not a duration above 0 and up to 1h; write it like 30s or 1m30s`},
		"provider: timeout without unit": {served("embedded = {}\n  request_timeout = \"30\""), "request_timeout", `"30" is not a duration`},
		"provider: negative timeout":     {served("embedded = {}\n  request_timeout = \"-1s\""), "request_timeout", `"-1s" is not a duration above 0`},
		"provider: negative retries":     {served("embedded = {}\n  max_retries = -1"), "max_retries", "-1 is not a number of retries; use 0 to 20"},
		"provider: too many retries":     {served("embedded = {}\n  max_retries = 1000"), "max_retries", "1000 is not a number of retries; use 0 to 20"},
		"provider: half a retry":         {served("embedded = {}\n  max_retries = 1.5"), "max_retries", "max_retries: 1.5 is not a whole number."},
		"provider: hardly more than one": {served("embedded = {}\n  max_retries = 1.00000000001"), "max_retries", "max_retries: 1.00000000001 is not a whole number."},
		"provider: half of many":         {served("embedded = {}\n  max_retries = 4294967296.5"), "max_retries", "max_retries: 4294967296.5 is not a whole number."},
		"provider: unknown tenant":       {embedded(`tenant = "Nobody"`), "embedded.tenant", `There is no tenant "Nobody" in this lab; did you mean`},
		"provider: no lab file":          {embedded(`lab_file = "no-such-lab.yaml"`), "embedded.lab_file", "the lab file no-such-lab.yaml cannot be read: no such file or directory"},
		"provider: empty data folder":    {served("embedded = { data_dir = \"\" }"), "", "embedded.data_dir is empty. Give it a value, or leave it out"},
		"provider: file as data folder":  {served("embedded = { data_dir = \"/dev/null\" }"), "embedded.data_dir", "the data folder /dev/null cannot be created: not a directory"},
	}
	// One working folder for all, which the framework makes ready once.
	var steps []resource.TestStep
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		test := tests[name]
		config := test.config
		if !strings.HasPrefix(config, "provider") {
			config = l.config(config)
		} else if i := strings.Index(config, "resource"); i > 0 {
			config = config[:i] + strings.TrimPrefix(l.config(config[i:]), l.config())
		}
		want := message(test.want)
		switch {
		case strings.Contains(test.attribute, "."):
			want = regexp.MustCompile(`(?s)` + regexp.QuoteMeta(test.attribute) + `: .*` + want.String())
		case test.attribute != "":
			// The CLI quotes the line at fault above the message.
			want = regexp.MustCompile(`(?s)\d+: +` + test.attribute + ` *=.*` + want.String())
		}
		steps = append(steps, resource.TestStep{
			PreConfig: func() { t.Log(name) }, // of which the last is the one that failed
			Config:    config, ExpectError: want,
		})
	}
	l.run(steps...)
	expectUnchanged(t, l, before)
	if r := l.routing(); r.Revision != 0 {
		t.Errorf("the routing option was touched: %+v", r)
	}
}

func reachability(source, destination, protocol, port string) string {
	return fmt.Sprintf("data \"vcc_reachability\" \"test\" {\n  source = %q\n  destination = %q\n  protocol = %q\n  port = %s\n}\n", source, destination, protocol, port)
}
