package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
)

func TestHelpAndVersion(t *testing.T) {
	dir := folder(t)
	for line, want := range map[string]string{
		"--version":                  "1.2.3\n",
		"backend --version":          "1.2.3\n",
		"--help":                     "Usage: terraform-provider-vcc <command> [flags]",
		"-h":                         "Usage: terraform-provider-vcc <command> [flags]",
		"backend --help":             "Commands:",
		"backend networks -h":        "List the cloud networks.",
		"backend gateway --help":     "\n  set <network> ",
		"backend gateway set --help": "--ipv6-network=PREFIX/LEN",
		"backend lab apply --help":   "--remove=NAME",
	} {
		r := typed(t, line)
		equal(t, "status and stderr of "+line, []any{r.status, r.stderr}, []any{0, ""})
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%s: %q does not contain %q", line, r.stdout, want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("asking for help made a data folder")
	}
}

// TestOnlyLabApplyMakesAFolder: every other command says that there is none, and leaves
// nothing behind.
func TestOnlyLabApplyMakesAFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	dir := folder(t)
	lab := filepath.Join(t.TempDir(), "lab.yaml")
	ok(t, os.WriteFile(lab, []byte("service_provider: { name: sp }\ntenants: [ { name: T } ]\n"), 0o600))
	for _, line := range []string{
		"backend networks", "backend gateway list", "backend gateway set N --ipv4 10.0.0.1/24", "backend gateway remove N", "backend gateway history N",
		"backend routing show", "backend routing on", "backend replicate J", "backend failover status", "backend failover start P", "backend failover undo",
		"backend trace --source 10.0.0.1 --destination 10.0.0.2 --protocol tcp --port 1", "backend lab show",
	} {
		r := typed(t, line)
		equal(t, "status and stdout of "+line, []any{r.status, r.stdout}, []any{1, ""})
		if want := "Error: there is no data folder " + dir + "; it is made by backend lab apply"; !strings.HasPrefix(r.stderr, want) {
			t.Errorf("%s: %q does not begin with %q", line, r.stderr, want)
		}
	}
	none := filepath.Join(filepath.Dir(dir), "none.db")
	for _, line := range []string{"backend account list", "backend account remove a", "backend backup '" + none + ".backup'"} {
		line += " --database 'sqlite:" + none + "'"
		equal(t, line, typed(t, line), result{1, "", "Error: the database cannot be opened: " + none + ": no such file or directory\n"})
	}
	for _, line := range []string{"backend lab apply '" + lab + "' --dry-run", "backend lab apply --dry-run", "backend lab apply --remove T", "backend lab apply none.yaml"} {
		typed(t, line)
	}
	for _, d := range []string{filepath.Dir(dir), "."} {
		if found, err := os.ReadDir(d); len(found) > 0 {
			t.Errorf("%s has %v %v", d, found, err)
		}
	}
	equal(t, "dry run", done(t, "backend lab apply '"+lab+"' --dry-run"), "+ service provider \"sp\"\n+ tenant \"T\"\nNothing was changed: this was a dry run of "+lab+"\n")
	equal(t, "apply", typed(t, "backend lab apply '"+lab+"'"), result{0, "+ service provider \"sp\"\n+ tenant \"T\"\nApplied " + lab + "\n", "Made the data folder " + dir + "\n"})
	equal(t, "networks", typed(t, "backend networks --json"), result{0, "[]\n", ""})

	// With no file it is the built-in lab, whose jobs have run.
	t.Setenv("VCC_DATA_DIR", filepath.Join(t.TempDir(), "built-in"))
	r := typed(t, "backend lab apply")
	if !strings.HasSuffix(r.stdout, "Applied the built-in lab\n") {
		t.Errorf("it says %q", r.stdout)
	}
	equal(t, "status", r.status, 0)
	equal(t, "gateways", len(decoded[[]named](t, "backend gateway list --json")), 3)
	equal(t, "again", typed(t, "backend lab apply"), result{0, "Applied the built-in lab\n", ""})
}

func TestWhereFlagsStand(t *testing.T) {
	t.Chdir(t.TempDir()) // the default folder is here
	dir, other := builtIn(t), filepath.Join(t.TempDir(), "other")
	done(t, "backend lab apply --data-dir '"+other+"'")
	done(t, "backend routing on")
	for _, line := range []string{
		"backend --data-dir '" + dir + "' routing show", "backend routing --data-dir '" + dir + "' show", "backend routing show --data-dir '" + dir + "'",
		"backend routing show '--data-dir=" + dir + "'", "backend routing show",
	} {
		equal(t, line, done(t, line), "Route traffic between these networks: on\n")
	}
	equal(t, "another folder", done(t, "backend routing show --data-dir '"+other+"'"), "Route traffic between these networks: off\n")
	if _, err := os.Stat(backend.DefaultDataDir); err == nil {
		t.Error("the default folder was made")
	}
	ok(t, os.Unsetenv("VCC_DATA_DIR"))
	done(t, "backend lab apply")
	equal(t, "the default folder", done(t, "backend routing show"), "Route traffic between these networks: off\n")
	if _, err := os.Stat(backend.DefaultDataDir); err != nil {
		t.Error(err)
	}
}

// TestText compares what people see.
func TestText(t *testing.T) {
	builtIn(t)
	for _, step := range []struct {
		line string
		want string
	}{
		{"backend gateway list", `
CLOUD NETWORK                       IP NETWORK                        DEFAULT GATEWAY       ORIGIN    CHANGED BY
VMware Silver network 1 (internet)  172.17.52.0/23, 2001:db8:52::/64  172.17.52.1, fe80::1  detected  replication job "Silver nightly"
VMware Silver network 2 (internet)  172.17.56.0/24                    172.17.56.1           detected  replication job "Silver nightly"
VMware Silver network 1                                               None
VMware Silver network 2                                               None
VMware Bronze network 1 (internet)  172.17.58.0/24                    172.17.58.1           detected  replication job "Bronze weekly"
VMware Bronze network 1                                               None
`},
		{"backend gateway list --stored", `
CLOUD NETWORK                       IP NETWORK                        DEFAULT GATEWAY       ORIGIN    CHANGED BY
VMware Silver network 1 (internet)  172.17.52.0/23, 2001:db8:52::/64  172.17.52.1, fe80::1  detected  replication job "Silver nightly"
VMware Silver network 2 (internet)  172.17.56.0/24                    172.17.56.1           detected  replication job "Silver nightly"
VMware Bronze network 1 (internet)  172.17.58.0/24                    172.17.58.1           detected  replication job "Bronze weekly"
`},
		{"backend gateway set 'VMware Silver network 1' --ipv4 172.17.54.1/24 --ipv6 FE80::1 --ipv6-network 2001:db8:54::/48", `
VMware Silver network 1: 172.17.54.1, fe80::1 in 172.17.54.0/24, 2001:db8:54::/48
Warning: Only /64 works for failover over IPv6. A prefix length of 48 is stored, but at full site failover the network extension appliance leaves this network without IPv6.
`},
		{"backend gateway remove 'VMware Silver network 1'", "\nVMware Silver network 1: None\n"},
		{"backend routing show", "\nRoute traffic between these networks: off\n"},
		{"backend routing on", "\nRoute traffic between these networks: on\n"},
		{"backend routing on", "\nRoute traffic between these networks: on\n"},
		{"backend routing off", "\nRoute traffic between these networks: off\n"},
		{"backend replicate 'Silver nightly'", "\nRun 2 of \"Silver nightly\"\nOnly the first run of a job detects default gateways.\n"},
		{"backend gateway list --stored --tenant 'XYZ Holding'", `
CLOUD NETWORK                      IP NETWORK    DEFAULT GATEWAY  ORIGIN    CHANGED BY
Hyper-V Gold network 1 (internet)  10.20.0.0/24  10.20.0.1        detected  replication job "Gold hourly"
Hyper-V Gold network 1             10.20.1.0/24  10.20.1.1        detected  replication job "Gold hourly"
`},
	} {
		equal(t, step.line, "\n"+done(t, step.line), step.want)
	}
	networks := strings.Split(done(t, "backend networks"), "\n")
	equal(t, "columns", strings.Fields(networks[0]), []string{"CLOUD", "NETWORK", "VLAN", "INTERNET", "ID"})
	equal(t, "a network", strings.Fields(networks[3])[:6], []string{"VMware", "Silver", "network", "1", "141", "no"})
	equal(t, "lines", len(networks), 1+6+1)
}

func TestNamesAndIDs(t *testing.T) {
	builtIn(t)
	id := decoded[[]named](t, "backend networks --json")[2].ID
	tenantID := decoded[named](t, "backend routing show --json --tenant 'XYZ Holding'").TenantID
	jobID := decoded[jobRun](t, "backend replicate 'Silver nightly' --json").Job.ID
	planID := decoded[[]named](t, "backend failover status --json")[0].ID
	for _, pair := range [][2]string{
		{"backend gateway set 'VMware Silver network 1' --ipv4 172.17.54.1/24", "backend gateway set " + id + " --ipv4 172.17.54.1/24"},
		{"backend networks --tenant 'XYZ Holding'", "backend networks --tenant " + tenantID},
		{"backend failover test 'Whole site'", "backend failover test " + planID},
		{"backend failover sessions --plan 'Whole site'", "backend failover sessions --plan " + planID},
	} {
		byName, byID := done(t, pair[0]), done(t, pair[1])
		if _, report, kept := strings.Cut(byName, "The report is kept as session "); kept { // each has its own
			byName = strings.TrimSuffix(byName, report)
			byID = byID[:min(len(byName), len(byID))]
		}
		equal(t, pair[1], byID, byName)
	}
	equal(t, "runs", decoded[jobRun](t, "backend replicate "+jobID+" --json").Job.Runs, 3)
	equal(t, "removal by ID", done(t, "backend gateway remove "+id), "VMware Silver network 1: None\n")
}

// TestWrongCommandLines: each names what is wrong and says what would be right, and
// nothing is stored.
func TestWrongCommandLines(t *testing.T) {
	dir := builtIn(t)
	done(t, "backend gateway set 'VMware Silver network 2' --ipv4 10.0.0.1/24")
	const (
		set      = "backend gateway set 'VMware Silver network 1' "
		networks = `did you mean "VMware `
		ipv6Form = "is not an IPv6 network with its prefix length; write it like 2001:db8:52::/64"
		together = "--ipv6 and --ipv6-network belong together"
		nothing  = "nothing to set: give --ipv4, or --ipv6 and --ipv6-network, or all of them"
	)
	help := func(command string) string { return "See: terraform-provider-vcc " + command + "--help\n" }
	for _, tc := range []struct {
		line   string
		status int
		want   []string
	}{
		{"", 2, []string{`expected one of "backend", "install"`, help("")}},
		{"frobnicate", 2, []string{`there is no command "frobnicate"`, help("")}},
		{"networks", 2, []string{`there is no command "networks"; did you mean "backend networks"?`, help("")}},
		{"--verbose", 2, []string{"unknown flag --verbose", help("")}},
		{"backend", 2, []string{`expected one of "networks", "gateway", "routing"`, help("backend ")}},
		{"backend frobnicate", 2, []string{`there is no command "frobnicate" in backend`, help("backend ")}},
		{"backend gateway", 2, []string{`expected one of "list", "set", "remove"`, help("backend gateway ")}},
		{"backend gateway st", 2, []string{`there is no command "st" in backend gateway`, `"set"`, help("backend gateway ")}},
		{"backend --json gateway", 2, []string{`expected one of "list", "set", "remove"`, help("backend gateway ")}},
		{"backend networks all", 2, []string{"unexpected argument all", help("backend networks ")}},
		{"backend networks --tenant", 2, []string{"--tenant: expected string value", help("backend networks ")}},
		{"backend networks --tenant 'ABC'", 1, []string{`there is no tenant "ABC" in this lab; did you mean "ABC Company", "XYZ Holding"?`}},
		{"backend networks --json=maybe", 2, []string{"--json: bool value must be true, 1, yes, false, 0 or no", help("backend networks ")}},
		{"backend networks --data-dir '" + filepath.Join(dir, "vcc.db") + "'", 1, []string{"the data folder " + filepath.Join(dir, "vcc.db") + " cannot be read: not a directory"}},

		{"backend gateway set", 2, []string{`expected "<network>"`, help("backend gateway set ")}},
		{"backend gateway set 'VMware Silver network 1'", 2, []string{nothing}},
		{set + "--ipv4=", 2, []string{nothing}},
		{set + "--ipv5 172.17.54.1/24", 2, []string{"unknown flag --ipv5", "--ipv4", help("backend gateway set ")}},
		{set + "--ipv4", 2, []string{"--ipv4: expected string value", help("backend gateway set ")}},
		{set + "172.17.54.1/24", 2, []string{"unexpected argument 172.17.54.1/24", help("backend gateway set ")}},
		{"backend gateway set 'VMware Silver network 7' --ipv4 172.17.54.1/24", 1, []string{`there is no network "VMware Silver network 7"; ` + networks}},
		{"backend gateway set '' --ipv4 172.17.54.1/24", 1, []string{`there is no network ""; ` + networks}},
		{"backend gateway set 'Hyper-V Gold network 1 (internet)' --ipv4 172.17.54.1/24", 1, []string{`there is no network "Hyper-V Gold network 1 (internet)"; ` + networks}}, // another tenant's
		{set + "--ipv4 172.17.54.1", 1, []string{`--ipv4: "172.17.54.1" lacks the length of its mask; write it like 172.17.54.1/24`}},
		{set + "--ipv4 172.17.54.1/255.255.255.0", 1, []string{`--ipv4: "172.17.54.1/255.255.255.0" has a mask where its length belongs; write 172.17.54.1/24`}},
		{set + "--ipv4 172.17.54.1/33", 1, []string{"--ipv4: a prefix length of 33 is impossible"}},
		{set + "--ipv4 2001:db8::1/64", 1, []string{`--ipv4: "2001:db8::1" is an IPv6 address`}},
		{set + "--ipv4 ::ffff:172.17.54.1/120", 1, []string{`--ipv4: "::ffff:172.17.54.1" is an IPv4-mapped IPv6 address; write it as 172.17.54.1`}},
		{set + "--ipv4 172.17.54.0/24", 1, []string{"--ipv4: 172.17.54.0 is the network address of 172.17.54.0/24", "172.17.54.1 to 172.17.54.254"}},
		{set + "--ipv4 172.17.54.1/0", 1, []string{"--ipv4: a prefix length of 0", "255.255.255.255 (/32)"}},
		{set + "--ipv4 127.0.0.1/8", 1, []string{"--ipv4: 127.0.0.1 cannot be a gateway", "use a unicast address"}},
		{set + "--ipv4 10.0.0.9/16", 1, []string{`--ipv4: 10.0.0.0/16 overlaps 10.0.0.0/24 of "VMware Silver network 2"`, "Use another network here"}},
		{set + "--ipv6 fe80::1", 2, []string{together}},
		{set + "--ipv6-network 2001:db8::/64", 2, []string{together}},
		{set + "--ipv6 172.17.54.1 --ipv6-network 2001:db8::/64", 1, []string{`--ipv6: "172.17.54.1" is an IPv4 address`, "2001:db8:52::1"}},
		{set + "--ipv6 fe80::1/64 --ipv6-network 2001:db8::/64", 1, []string{`--ipv6: "fe80::1/64" has a prefix length`, "write the address alone"}},
		{set + "--ipv6 fe80::1%eth0 --ipv6-network 2001:db8::/64", 1, []string{`--ipv6: "fe80::1%eth0" has a zone`, "write fe80::1"}},
		{set + "--ipv6 2001:db9::1 --ipv6-network 2001:db8::/64", 1, []string{"--ipv6: 2001:db9::1 is outside 2001:db8::/64", "fe80::1"}},
		{set + "--ipv6 fe80::1 --ipv6-network 2001:db8::", 1, []string{`--ipv6-network: "2001:db8::" ` + ipv6Form}},
		{set + "--ipv6 fe80::1 --ipv6-network 10.0.0.0/8", 1, []string{`--ipv6-network: "10.0.0.0/8" ` + ipv6Form}},
		{set + "--ipv6 fe80::1 --ipv6-network 2001:db8::1/64", 1, []string{"--ipv6-network: 2001:db8::1 has bits set below its prefix length of 64", "the network is 2001:db8::"}},
		{set + "--ipv6 fe80::1 --ipv6-network 2001:db8::/0", 1, []string{"--ipv6-network: 0 is not a prefix length; use 1 to 128"}},

		{"backend gateway remove", 2, []string{`expected "<network>"`, help("backend gateway remove ")}},
		{"backend gateway remove 'VMware Silver network 1'", 1, []string{`no default gateway is stored for "VMware Silver network 1"`}},
		{"backend gateway remove 'vmware silver network 4'", 1, []string{`there is no network "vmware silver network 4"; ` + networks}},
		{"backend gateway list 'VMware Silver network 2'", 2, []string{"unexpected argument VMware Silver network 2", help("backend gateway list ")}},
		{"backend routing", 2, []string{`expected one of "on", "off", "show"`, help("backend routing ")}},
		{"backend routing yes", 2, []string{`there is no command "yes" in backend routing`, help("backend routing ")}},
		{"backend routing on off", 2, []string{"unexpected argument off", help("backend routing on ")}},
		{"backend replicate", 2, []string{`expected "<job>"`, help("backend replicate ")}},
		{"backend replicate nightly", 1, []string{`there is no replication job "nightly"; did you mean "Silver nightly", "Bronze weekly"? An ID is good, too`}},
		{"backend lab", 2, []string{`expected one of "apply", "show"`, help("backend lab ")}},
		{"backend lab apply a.yaml b.yaml", 2, []string{"unexpected argument b.yaml", help("backend lab apply ")}},
		{"backend lab apply none.yaml", 1, []string{"the lab file none.yaml cannot be read: no such file or directory"}},
		{"backend lab apply none.yaml --remove", 2, []string{"--remove: missing value", help("backend lab apply ")}},
		{"backend failover start", 2, []string{`expected "<plan>"`, help("backend failover start ")}},
	} {
		t.Run(tc.line, func(t *testing.T) {
			unchanged(t, dir, func() {
				r := typed(t, tc.line)
				equal(t, "status and stdout", []any{r.status, r.stdout}, []any{tc.status, ""})
				if !strings.HasPrefix(r.stderr, "Error: ") || strings.Count(r.stderr, "\n") != 1 {
					t.Errorf("not one line that begins with Error: %q", r.stderr)
				}
				for _, want := range tc.want {
					if !strings.Contains(r.stderr, want) {
						t.Errorf("%q does not contain %q", r.stderr, want)
					}
				}
			})
		})
	}
}

// TestWrongUsageMakesNoFolder: what is no command line at all opens nothing.
func TestWrongUsageMakesNoFolder(t *testing.T) {
	dir := folder(t)
	for _, line := range []string{"", "backend", "backend networks --verbose", "backend gateway set", "backend lab apply none.yaml"} {
		if r := typed(t, line); r.status == 0 {
			t.Errorf("%q: status 0", line)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a data folder was made")
	}
}

func TestLabApply(t *testing.T) {
	dir := folder(t)
	lab := filepath.Join(t.TempDir(), "lab.yaml")
	apply := func(networks int, flags string) result {
		t.Helper()
		text := fmt.Sprintf("service_provider: { name: sp }\n"+
			"hosts: [ { name: esx01, platform: VMware, vlans: [ { with_internet: [1, 9] } ] } ]\n"+
			"hardware_plans: [ { name: P, host: esx01, networks: { with_internet: %d } } ]\n"+
			"tenants: [ { name: T, subscriptions: [P] } ]\n", networks)
		ok(t, os.WriteFile(lab, []byte(text), 0o600))
		return typed(t, "backend lab apply '"+lab+"' "+flags)
	}
	applied := func(changes string) result { return result{0, changes + "Applied " + lab + "\n", ""} }
	first := applied("+ service provider \"sp\"\n+ host \"esx01\"\n+ hardware plan \"P\"\n+ tenant \"T\" with 2 networks\n")
	first.stderr = "Made the data folder " + dir + "\n"
	equal(t, "first", apply(2, ""), first)
	done(t, "backend gateway set 'P network 2 (internet)' --ipv4 10.0.0.1/24")
	unchanged(t, dir, func() { equal(t, "the same", apply(2, ""), applied("")) })
	equal(t, "grown", apply(3, ""), applied("~ hardware plan \"P\": networks.with_internet from 2 to 3\n+ network \"P network 3 (internet)\" of tenant \"T\"\n"))
	shrinks := "~ hardware plan \"P\": networks.with_internet from 3 to 1\n" +
		"- network \"P network 2 (internet)\" of tenant \"T\" with 1 default gateway\n- network \"P network 3 (internet)\" of tenant \"T\"\n"
	unchanged(t, dir, func() {
		refused := result{1, shrinks, "Error: " + lab + ` cannot be applied: the lab no longer has network "P network 2 (internet)" of tenant "T" with 1 default gateway; ` +
			`network "P network 3 (internet)" of tenant "T"; nothing was changed. Put back what is to stay, or name what is to go: ` +
			`--remove 'network:T/P network 2 (internet)' --remove 'network:T/P network 3 (internet)'` + "\n"}
		equal(t, "shrunk", apply(1, ""), refused)
		equal(t, "shrunk, dry", apply(1, "--dry-run"), refused)
		r := apply(1, "--remove P --remove Q")
		if r.status != 1 || !strings.Contains(r.stderr, `"Q" was named for removal, but applying this lab removes nothing of that name; nothing was changed`) {
			t.Errorf("shrunk with a name too many: %+v", r)
		}
		equal(t, "shrunk by name, dry", apply(1, "--dry-run --remove plan:P"), result{0, shrinks + "Nothing was changed: this was a dry run of " + lab + "\n", ""})
		var refusal struct{ Refusal string }
		r = apply(1, "--json")
		ok(t, json.Unmarshal([]byte(r.stdout), &refusal))
		equal(t, "status and refusal in JSON", []any{r.status, r.stderr}, []any{1, "Error: " + lab + " cannot be applied: " + refusal.Refusal + "\n"})
	})
	equal(t, "shrunk by name", apply(1, "--remove 'network:T/P network 2 (internet)' --remove 'P network 3 (internet)'"), applied(shrinks))
	equal(t, "gateways", done(t, "backend gateway list --json"), "[]\n")
	equal(t, "number of networks", len(decoded[[]named](t, "backend networks --json")), 1)

	unchanged(t, dir, func() {
		ok(t, os.WriteFile(lab, []byte("hosts: []\nhost: []\n"), 0o600))
		equal(t, "a bad file", typed(t, "backend lab apply '"+lab+"'"), result{1, "", "Error: " + lab + `:2: unknown field "host"` + "\n"})
	})
	equal(t, "an empty tenant's list of jobs", typed(t, "backend replicate J"), result{1, "", "Error: there is no replication job \"J\"; this tenant has none\n"})
}

// TestCancelled: an interrupted program says so and fails.
func TestCancelled(t *testing.T) {
	builtIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	status := cli.Run(ctx, []string{"backend", "networks"}, strings.NewReader(""), &stdout, &stderr, "1.2.3")
	equal(t, "status and stdout", []any{status, stdout.String()}, []any{1, ""})
	if !strings.Contains(stderr.String(), "context canceled") {
		t.Errorf("stderr: %s", stderr.String())
	}
}
