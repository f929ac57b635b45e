package cli_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/accounttest"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// patience is how long a test waits for what comes at once unless something is broken.
const patience = time.Minute

// The passwords of the accounts "abc-company" and "root", an operator.
const (
	abcPassword  = "abc's very own password"
	rootPassword = "the operator's password"
)

// settings are the variables that say which backend is meant.
var settings = []string{
	"VCC_DATA_DIR", "VCC_ENDPOINT", "VCC_USERNAME", "VCC_PASSWORD", "VCC_CA_CERTIFICATE", "VCC_INSECURE_SKIP_VERIFY", "VCC_DATABASE", "VCC_NEW_PASSWORD",
}

// nothingSet unsets all variables that mean something, until the test ends, and makes an
// empty folder the working directory.
func nothingSet(t *testing.T) {
	t.Helper()
	for _, name := range append(settings, "ABC_COMPANY_PASSWORD", "XYZ_HOLDING_PASSWORD") {
		t.Setenv(name, "") // which puts it back at the end
		ok(t, os.Unsetenv(name))
	}
	t.Chdir(t.TempDir())
}

// file writes a file and returns its name.
func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	ok(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// served is a backend that is served, with TLS of its own and the built-in lab.
type served struct {
	endpoint, database, authority string
	// passwords are the files with the accounts' passwords.
	passwords map[string]string
}

func serve(t *testing.T) *served {
	t.Helper()
	nothingSet(t)
	t.Setenv("ABC_COMPANY_PASSWORD", abcPassword)
	dir := t.TempDir()
	s := &served{
		database: "sqlite:" + filepath.Join(dir, "vcc.db"), authority: filepath.Join(dir, "authority", "ca.pem"),
		passwords: map[string]string{"abc-company": file(t, abcPassword+"\n"), "root": file(t, rootPassword+"\r\nsomething else\n")},
	}
	server, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:0", Database: s.database, SelfSigned: filepath.Dir(s.authority)})
	ok(t, err)
	ok(t, os.Unsetenv("ABC_COMPANY_PASSWORD"))
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		ok(t, <-ended)
	})
	store, err := backend.OpenStore(t.Context(), s.database, true)
	ok(t, err)
	ok(t, store.AddAccount(t.Context(), vcc.Account{Username: "root", Role: vcc.RoleOperator}, rootPassword))
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		accounts, err := store.Accounts(t.Context())
		ok(t, err)
		if len(accounts) == 2 { // with that of the lab, which the server makes as it begins to serve
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the account of the lab is not made")
		}
	}
	ok(t, store.Close())
	path := strings.TrimPrefix(s.database, "sqlite:")
	ok(t, accounttest.Cheapen(t.Context(), path, abcPassword, "abc-company"))
	ok(t, accounttest.Cheapen(t.Context(), path, rootPassword, "root"))
	s.endpoint = "https://" + server.Addr().String()
	return s
}

// as are the flags of an account.
func (s *served) as(username string) string {
	return fmt.Sprintf(" --endpoint %s --ca-certificate '%s' --username %s --password-file '%s'", s.endpoint, s.authority, username, s.passwords[username])
}

// folder are the flags that reach the same database without a server and its logins, each of
// which takes a tenth of a second of hashing.
func (s *served) folder() string {
	return " --data-dir '" + filepath.Dir(strings.TrimPrefix(s.database, "sqlite:")) + "'"
}

// contains checks that a text has another.
func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%s: %q does not contain %q", what, text, want)
		}
	}
}

// wants checks how a command line ends: with this status, nothing on stdout, and an error
// that has these texts.
func wants(t *testing.T, line string, status int, texts ...string) {
	t.Helper()
	r := typed(t, line)
	equal(t, "status and stdout of "+line, []any{r.status, r.stdout}, []any{status, ""})
	contains(t, line, r.stderr, append(texts, "Error: ")...)
}

// TestServedCommands tries every command that takes --endpoint, as those who may use it.
func TestServedCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	for name, flags := range map[string]string{
		"abc-company": "",
		"root":        " --tenant 'ABC Company'",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			as := s.as(name) + flags
			networks := decoded[[]named](t, "backend networks --json"+as)
			equal(t, "number of networks", len(networks), 6)
			equal(t, "gateways", strings.Count(done(t, "backend gateway list --stored"+as), "\n"), 1+3)
			equal(t, "networks and gateways", strings.Count(done(t, "backend gateway list"+as), "\n"), 1+6)
			equal(t, "set", done(t, "backend gateway set 'VMware Silver network 1' --ipv4 172.17.54.1/24"+as), "VMware Silver network 1: 172.17.54.1 in 172.17.54.0/24\n")
			equal(t, "set by ID", done(t, "backend gateway set "+networks[2].ID+" --ipv4 172.17.54.2/24"+as), "VMware Silver network 1: 172.17.54.2 in 172.17.54.0/24\n")
			list := decoded[[]named](t, "backend gateway list --json"+as)
			equal(t, "a gateway and who changed it", []string{list[2].NetworkName, list[2].UpdatedBy}, []string{"VMware Silver network 1", name})
			equal(t, "remove", done(t, "backend gateway remove 'VMware Silver network 1'"+as), "VMware Silver network 1: None\n")
			history := decoded[[]change](t, "backend gateway history 'VMware Silver network 1' --json"+as)
			equal(t, "changes", len(history), 3)
			for _, c := range history {
				equal(t, "who made it", c.Actor, name)
			}
			contains(t, "history", done(t, "backend gateway history 'VMware Silver network 1'"+as), name+" ", " 172.17.54.2 in 172.17.54.0/24  None\n")

			equal(t, "routing on", done(t, "backend routing on"+as), "Route traffic between these networks: on\n")
			equal(t, "routing shown", done(t, "backend routing show"+as), "Route traffic between these networks: on\n")
			equal(t, "replicate", done(t, "backend replicate 'Silver nightly'"+as), "Run 2 of \"Silver nightly\"\nOnly the first run of a job detects default gateways.\n")
			contains(t, "partial failover", done(t, "backend failover partial start vault01"+as), "vault01")
			done(t, "backend failover partial stop vault01"+as)
			done(t, "backend failover test 'Whole site'"+as)
			done(t, "backend failover start 'Whole site'"+as)
			contains(t, "status", done(t, "backend failover status"+as), "Whole site", "failed over", name)
			contains(t, "trace", done(t, "backend trace --source 172.17.52.10 --destination 172.17.56.30 --port 443"+as), "reachable: ")
			done(t, "backend failover undo"+as)
			wants(t, "backend failover undo"+as, 1, "there is nothing to undo")
			equal(t, "routing off", done(t, "backend routing off"+as), "Route traffic between these networks: off\n")
			r := typed(t, "backend trace --source 172.17.52.10 --destination 172.17.56.30 --port 443"+as)
			equal(t, "status and stderr of a trace that finds no way", []any{r.status, r.stderr}, []any{3, ""})
			contains(t, "that trace", r.stdout, "not reachable: ")

			// Errors are as those of an embedded backend.
			wants(t, "backend gateway set 'VMware Silver network 7' --ipv4 172.17.54.1/24"+as, 1, `there is no network "VMware Silver network 7"`)
			wants(t, "backend gateway set 'VMware Silver network 1' --ipv4 172.17.52.9/24"+as, 1, "--ipv4: 172.17.52.0/24 overlaps 172.17.52.0/23")
			wants(t, "backend gateway remove 'VMware Silver network 1'"+as, 1, "no default gateway is stored")
			if _, err := os.Stat(backend.DefaultDataDir); err == nil {
				t.Error("an embedded backend was made")
			}
		})
	}
}

// TestServedTenants: an operator says for whom, and a tenant acts for itself whatever it
// says.
func TestServedTenants(t *testing.T) {
	s := serve(t)
	wants(t, "backend networks --tenant Nobody"+s.as("root"), 1, `there is no tenant "Nobody"`)
	wants(t, "backend networks"+s.as("root"), 1, "--tenant: an operator acts for a tenant")
	xyz := done(t, "backend networks --tenant 'XYZ Holding'"+s.as("root"))
	contains(t, "XYZ's networks", xyz, "Hyper-V Gold network 1 (internet)")
	own := done(t, "backend networks"+s.as("abc-company"))
	equal(t, "ABC's networks, whatever it asks for", done(t, "backend networks --tenant 'XYZ Holding'"+s.as("abc-company")), own)
	if own == xyz {
		t.Error("ABC and XYZ have the same networks")
	}
	for _, line := range []string{"backend lab show", "backend lab apply '" + file(t, leastLab) + "'"} {
		wants(t, line+s.as("abc-company"), 1, "only an operator may do this")
	}
}

// TestWhichBackend: what is said on the command line wins over the environment, and what
// is not clear is refused before anything is sent or made.
func TestWhichBackend(t *testing.T) {
	s := serve(t)
	data := filepath.Join(t.TempDir(), "data")
	flags := func(but string) string {
		line := ""
		for _, flag := range []string{"--endpoint " + s.endpoint, "--ca-certificate '" + s.authority + "'", "--username abc-company", "--password-file '" + s.passwords["abc-company"] + "'"} {
			if but == "" || !strings.HasPrefix(flag, but+" ") {
				line += " " + flag
			}
		}
		return line
	}
	authority, err := os.ReadFile(s.authority)
	ok(t, err)
	const on = "Route traffic between these networks: on\n"
	done(t, "backend routing on"+flags(""))
	for name, tc := range map[string]struct {
		env    map[string]string
		flags  string
		status int
		stdout string
		stderr string
	}{
		"all flags":                                   {nil, flags(""), 0, on, ""},
		"all variables":                               {map[string]string{"VCC_ENDPOINT": s.endpoint, "VCC_USERNAME": "abc-company", "VCC_PASSWORD": abcPassword, "VCC_CA_CERTIFICATE": string(authority)}, "", 0, on, ""},
		"flags over variables":                        {map[string]string{"VCC_ENDPOINT": "https://nowhere.invalid", "VCC_USERNAME": "nobody", "VCC_PASSWORD": "wrong", "VCC_CA_CERTIFICATE": "none"}, flags(""), 0, on, ""},
		"an endpoint over a variable's folder":        {map[string]string{"VCC_DATA_DIR": data}, flags(""), 0, on, ""},
		"a folder over a variable's endpoint":         {map[string]string{"VCC_ENDPOINT": s.endpoint, "VCC_USERNAME": "abc-company"}, " --data-dir '" + data + "'", 1, "", "there is no data folder " + data},
		"endpoint and folder":                         {nil, flags("") + " --data-dir '" + data + "'", 2, "", "--endpoint and --data-dir exclude each other"},
		"endpoint and folder by variables":            {map[string]string{"VCC_ENDPOINT": s.endpoint, "VCC_DATA_DIR": data}, flags("--endpoint"), 2, "", "VCC_ENDPOINT and VCC_DATA_DIR are both set"},
		"an endpoint of nothing":                      {nil, flags("--endpoint") + " --endpoint=", 2, "", "--endpoint"},
		"no account":                                  {nil, flags("--username"), 2, "", "give --username, or set VCC_USERNAME"},
		"an account for a folder":                     {nil, flags("--endpoint"), 2, "", "belongs to a served backend, and no --endpoint is given"},
		"a password file for a folder":                {nil, " --password-file none", 2, "", "--password-file belongs to a served backend"},
		"an authority for a folder":                   {nil, " --ca-certificate none", 2, "", "--ca-certificate belongs to a served backend"},
		"no password":                                 {nil, flags("--password-file"), 2, "", "there is no password: give --password-file, or set VCC_PASSWORD"},
		"a password by a variable":                    {map[string]string{"VCC_PASSWORD": abcPassword}, flags("--password-file"), 0, on, ""},
		"a password file over a variable":             {map[string]string{"VCC_PASSWORD": "wrong"}, flags(""), 0, on, ""},
		"a wrong password":                            {map[string]string{"VCC_PASSWORD": "wrong, and secret"}, flags("--password-file"), 1, "", "the user name or the password is wrong"},
		"no such password file":                       {nil, flags("--password-file") + " --password-file none", 1, "", "--password-file: open none"},
		"a password file with an empty line":          {nil, flags("--password-file") + " --password-file '" + file(t, "\n"+abcPassword+"\n") + "'", 1, "", "the first line of"},
		"a password file without the end of its line": {nil, flags("--password-file") + " --password-file '" + file(t, abcPassword) + "'", 0, on, ""},
		"no authority":                                {nil, flags("--ca-certificate"), 1, "", "certificate signed by unknown authority"},
		"no such authority":                           {nil, flags("--ca-certificate") + " --ca-certificate none", 1, "", "--ca-certificate: open none"},
		"a file that is no authority":                 {nil, flags("--ca-certificate") + " --ca-certificate '" + file(t, "nothing in PEM") + "'", 1, "", "--ca-certificate: it has no certificate in PEM form"},
		"no verification":                             {map[string]string{"VCC_INSECURE_SKIP_VERIFY": "true"}, flags("--ca-certificate"), 0, on, ""},
		"neither verification nor none":               {map[string]string{"VCC_INSECURE_SKIP_VERIFY": "perhaps"}, flags(""), 2, "", "VCC_INSECURE_SKIP_VERIFY is neither true nor false"},
		"no address":                                  {nil, flags("--endpoint") + " --endpoint sp.example.net", 1, "", `--endpoint: "sp.example.net" is not the address of a server`},
		"a password over a network in clear":          {nil, flags("--endpoint") + " --endpoint http://sp.example.net:9419", 1, "", "--endpoint: a password never goes over plain http://"},
		"nothing listens":                             {nil, flags("--endpoint") + " --endpoint https://127.0.0.1:" + freePort(t), 1, "", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			r := typed(t, "backend routing show"+tc.flags)
			equal(t, "status and stdout", []any{r.status, r.stdout}, []any{tc.status, tc.stdout})
			contains(t, "stderr", r.stderr, tc.stderr)
			if tc.stderr == "" && r.stderr != "" {
				t.Errorf("stderr: %s", r.stderr)
			}
			for _, secret := range []string{abcPassword, "wrong, and secret"} {
				if strings.Contains(r.stdout+r.stderr, secret) {
					t.Errorf("a password is shown: %+v", r)
				}
			}
			_, err := os.Stat(backend.DefaultDataDir)
			_, folderErr := os.Stat(data)
			if err == nil || folderErr == nil {
				t.Error("an embedded backend was made")
			}
		})
	}
}

// freePort is one that nothing listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	ok(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ok(t, err)
	ok(t, l.Close())
	return port
}

// TestNoPasswordOnTheCommandLine: every user of a machine can read what stands there, so
// no command takes one.
func TestNoPasswordOnTheCommandLine(t *testing.T) {
	nothingSet(t)
	walkCommands(t, "", func(command, help string) {
		for _, word := range strings.Fields(help) {
			if strings.HasPrefix(word, "--") && strings.Contains(word, "password") && !strings.Contains(word, "password-file") {
				t.Errorf("%q takes a password: %s", command, word)
			}
		}
	})
	for _, line := range []string{"backend networks --password=hunter2-hunter2", "backend account add x --new-password=hunter2-hunter2", "backend account password x --password=hunter2-hunter2"} {
		r := typed(t, line)
		equal(t, "status of "+line, r.status, 2)
		if strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s: %s", line, r.stderr)
		}
	}
}

const leastLab = "service_provider: { name: sp }\ntenants: [ { name: T } ]\n"

// tenantLab has a tenant with an account.
const tenantLab = `service_provider: { name: sp }
hosts: [ { name: esx01, platform: VMware, vlans: [ { with_internet: [1, 9] } ] } ]
hardware_plans: [ { name: P, host: esx01, networks: { with_internet: 2 } } ]
tenants:
  - { name: ABC Company, username: abc-company, password_env: ABC_COMPANY_PASSWORD, subscriptions: [P] }
  - { name: "007", username: bond, password_env: BOND_PASSWORD, subscriptions: [P] }
`

// removeBuiltIn names what of the built-in lab another one has not.
const removeBuiltIn = " --remove hyperv01 --remove 'Hyper-V Gold' --remove 'VMware Bronze' --remove 'VMware Silver' --remove 'XYZ Holding'"

// TestServedLab: passwords come from where the command runs, and who cannot log in is
// named.
func TestServedLab(t *testing.T) {
	s := serve(t)
	lab := file(t, tenantLab)
	applied := "Applied " + lab + "\n"
	warning := `Warning: tenant "007" has no account: declare a password for its user name` + "\n"
	r := typed(t, "backend lab apply '"+lab+"'"+s.as("root"))
	equal(t, "status", r.status, 1)
	contains(t, "refusal", r.stderr, lab+" cannot be applied: the lab no longer has host \"hyperv01\"; hardware plan \"Hyper-V Gold\" with 2 networks, 2 default gateways; ")
	r = typed(t, "backend lab apply '"+lab+"'"+removeBuiltIn+s.as("root"))
	equal(t, "status and stderr without a password", []any{r.status, r.stderr}, []any{0, warning})
	contains(t, "changes", r.stdout, "- tenant \"XYZ Holding\" with 4 networks, 2 default gateways\n")
	equal(t, "again", typed(t, "backend lab apply '"+lab+"'"+s.as("root")), result{0, applied, warning})
	bond := fmt.Sprintf(" --endpoint %s --ca-certificate '%s' --username bond --password-file '%s'", s.endpoint, s.authority, file(t, "shaken, not stirred"))
	wants(t, "backend networks"+bond, 1, "the user name or the password is wrong")
	t.Setenv("BOND_PASSWORD", "shaken, not stirred")
	equal(t, "with one", typed(t, "backend lab apply '"+lab+"'"+s.as("root")), result{0, applied, ""})
	contains(t, "bond's networks", done(t, "backend networks"+bond), "P network 2 (internet)")
	t.Setenv("BOND_PASSWORD", "short")
	wants(t, "backend lab apply '"+lab+"'"+s.as("root"), 1, "the password needs 8 characters at least")
	ok(t, os.Unsetenv("BOND_PASSWORD"))
	equal(t, "in JSON", done(t, "backend lab apply '"+lab+"' --json"+s.as("root")), "{\n  \"changes\": [],\n  \"warnings\": []\n}\n")
}

// TestShownLabIsApplied: what lab show prints changes nothing, wherever it is applied.
func TestShownLabIsApplied(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	s := serve(t)
	embedded := " --data-dir '" + filepath.Join(t.TempDir(), "data") + "'"
	for name, flags := range map[string]struct{ apply, look string }{"served": {s.as("root"), s.folder()}, "embedded": {embedded, embedded}} {
		t.Run(name, func(t *testing.T) {
			look, flags := flags.look, flags.apply
			done(t, "backend lab apply"+flags)
			for _, other := range []string{"", tenantLab} {
				if other != "" {
					done(t, "backend lab apply '"+file(t, other)+"' "+removeBuiltIn+flags)
					done(t, "backend gateway set 'P network 2 (internet)' --ipv4 10.0.0.1/24 --tenant 007"+flags)
				}
				everything := func() (all []string) {
					for _, line := range []string{"networks", "gateway list", "routing show", "failover status"} {
						for _, tenant := range []string{"ABC Company", map[string]string{"": "XYZ Holding", tenantLab: "007"}[other]} {
							all = append(all, done(t, "backend "+line+" --json --tenant '"+tenant+"'"+look))
						}
					}
					return append(all, done(t, "backend lab show"+flags), done(t, "backend lab show --json"+flags))
				}
				before := everything()
				shown := done(t, "backend lab show"+flags)
				lab := file(t, shown)
				equal(t, "status", typed(t, "backend lab apply '"+lab+"'"+flags).status, 0)
				equal(t, "everything", everything(), before)
				if strings.Contains(shown, "password:") || strings.Contains(shown, abcPassword) {
					t.Errorf("a password is shown: %s", shown)
				}
			}
		})
	}
	// ABC's account is the lab's; it has its password still.
	contains(t, "networks of ABC", done(t, "backend networks"+s.as("abc-company")), "P network 2 (internet)")
}

// TestShownLabChangesNothing: to the byte, of an embedded backend.
func TestShownLabChangesNothing(t *testing.T) {
	dir := builtIn(t)
	lab := file(t, done(t, "backend lab show"))
	done(t, "backend lab apply '"+lab+"'")
	unchanged(t, dir, func() { done(t, "backend lab apply '"+lab+"'") })
}

// account is what is printed of one in JSON.
type account struct{ Username, Role, Tenant, Password string }

// TestAccounts: a password that was made is shown once, and is good.
func TestAccounts(t *testing.T) {
	s := serve(t)
	t.Setenv("VCC_DATABASE", s.database)
	with := func(username, password string) string {
		return fmt.Sprintf(" --endpoint %s --ca-certificate '%s' --username '%s' --password-file '%s'", s.endpoint, s.authority, username, file(t, password))
	}
	shownIn := func(text string) (password string) {
		t.Helper()
		for line := range strings.Lines(text) {
			if p, found := strings.CutPrefix(line, "Password: "); found {
				password = strings.TrimSpace(p)
			}
		}
		if len(password) < 20 || strings.Count(text, password) != 1 {
			t.Fatalf("not one password of 20 characters or more: %s", text)
		}
		return password
	}
	const wrong = "the user name or the password is wrong"

	added := done(t, "backend account add 'ABC admin' --tenant 'ABC Company'")
	contains(t, "added", added, "Account ABC admin (tenant ABC Company)\n", "It is stored nowhere in clear, and not shown again.")
	first := shownIn(added)
	done(t, "backend networks"+with("ABC admin", first))
	operator := done(t, "backend account add second-operator")
	contains(t, "added", operator, "Account second-operator (operator)\n")
	done(t, "backend networks --tenant 'XYZ Holding'"+with("second-operator", shownIn(operator)))

	changed := done(t, "backend account password 'ABC admin'")
	contains(t, "changed", changed, "Account ABC admin (tenant ABC Company)\n")
	second := shownIn(changed)
	wants(t, "backend networks"+with("ABC admin", first), 1, wrong)
	done(t, "backend networks"+with("ABC admin", second))

	equal(t, "list", done(t, "backend account list"), `USER NAME        ROLE      TENANT
ABC admin        tenant    ABC Company
abc-company      tenant    ABC Company
root             operator
second-operator  operator
`)
	equal(t, "list in JSON", decoded[[]account](t, "backend account list --json")[0], account{Username: "ABC admin", Role: "tenant", Tenant: "ABC Company"})

	// A password that is given is not shown.
	given := "a given password"
	for name, line := range map[string]string{
		"add":      "backend account add given --new-password-file '" + file(t, given+"\n") + "'",
		"password": "backend account password 'ABC admin' --new-password-file '" + file(t, given+"\n") + "'",
	} {
		if out := done(t, line); strings.Contains(out, "assword") {
			t.Errorf("%s shows a password: %s", name, out)
		}
	}
	done(t, "backend networks"+with("ABC admin", given))
	t.Setenv("VCC_NEW_PASSWORD", "another given password")
	if out := done(t, "backend account password 'ABC admin'"); strings.Contains(out, "assword") {
		t.Errorf("a password is shown: %s", out)
	}
	done(t, "backend networks"+with("ABC admin", "another given password"))
	t.Setenv("VCC_NEW_PASSWORD", "short")
	wants(t, "backend account password 'ABC admin'", 1, "the password needs 8 characters at least")
	wants(t, "backend account add 'ABC admin 2'", 1, "the password needs 8 characters at least")
	ok(t, os.Unsetenv("VCC_NEW_PASSWORD"))

	wants(t, "backend account add 'ABC admin'", 1, `there is an account "ABC admin" already; nothing was changed`)
	wants(t, "backend account add x --tenant Nobody", 1, `there is no tenant "Nobody"`)
	wants(t, "backend account add ' x'", 1, "has spaces around it")
	wants(t, "backend account password nobody", 1, `there is no account "nobody"`)
	wants(t, "backend account remove nobody", 1, `there is no account "nobody"`)
	wants(t, "backend account password x --new-password-file none", 1, "none")

	// Sessions, and how they end.
	lines := func(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
	sessions := lines(done(t, "backend account sessions 'ABC admin'"))
	equal(t, "head of the sessions", strings.Fields(sessions[0]), []string{"SESSION", "USER", "NAME", "SINCE", "REFRESHED", "EXPIRES", "ADDRESS"})
	equal(t, "sessions: the passwords before ended theirs", len(sessions), 1+1)
	contains(t, "session", sessions[1], "ABC admin", "127.0.0.1")
	type session struct {
		ID, Username, Address         string
		Since, RefreshedAt, ExpiresAt time.Time
	}
	before := decoded[[]session](t, "backend account sessions --json")
	if len(before) < 2 || before[0].Username != "ABC admin" || before[0].ExpiresAt.Sub(before[0].Since) != vcc.RefreshTokenLifetime || before[0].RefreshedAt != before[0].Since {
		t.Errorf("sessions in JSON: %+v", before)
	}
	equal(t, "a session that is ended", done(t, "backend account revoke --session "+before[0].ID), "Ended session "+before[0].ID+"\n")
	wants(t, "backend account revoke --session "+before[0].ID, 1, `there is no session "`+before[0].ID+`"; `+"`account sessions` lists them")
	done(t, "backend networks"+with("ABC admin", "another given password"))
	equal(t, "all that are ended", done(t, "backend account revoke 'ABC admin'"), "Ended the sessions of ABC admin: 1\n")
	equal(t, "what is left", len(decoded[[]session](t, "backend account sessions 'ABC admin' --json")), 0)
	wants(t, "backend account revoke nobody", 1, `there is no account "nobody"`)
	wants(t, "backend account sessions nobody", 1, `there is no account "nobody"`)
	wants(t, "backend account revoke", 2, "give either the name of an account or --session")
	wants(t, "backend account revoke x --session y", 2, "give either the name of an account or --session")

	// A viewer reads.
	added = done(t, "backend account add 'ABC viewer' --role viewer --tenant 'ABC Company'")
	contains(t, "added", added, "Account ABC viewer (viewer of tenant ABC Company)\n")
	viewer := with("ABC viewer", shownIn(added))
	done(t, "backend networks"+viewer)
	contains(t, "trace", typed(t, "backend trace --source 172.17.52.10 --destination 172.17.56.30 --port 443"+viewer).stdout, "reachable")
	wants(t, "backend routing on"+viewer, 1, "the account may read and not write, because its role is viewer; nothing was changed")
	contains(t, "list", done(t, "backend account list"), "ABC viewer       viewer    ABC Company\n")
	done(t, "backend account remove 'ABC viewer'")
	wants(t, "backend account add x --role viewer", 2, "--role viewer needs --tenant")
	wants(t, "backend account add x --role tenant", 2, "--role tenant needs --tenant")
	wants(t, "backend account add x --role operator --tenant 'ABC Company'", 2, "an operator belongs to no tenant")
	wants(t, "backend account add x --role admin", 2, "--role")

	equal(t, "removed", done(t, "backend account remove 'ABC admin'"), "Removed account ABC admin\n")
	wants(t, "backend networks"+with("ABC admin", "another given password"), 1, wrong)
	made := decoded[account](t, "backend account add json --json")
	equal(t, "in JSON", account{made.Username, made.Role, made.Tenant, ""}, account{"json", "operator", "", ""})
	done(t, "backend networks --tenant 'ABC Company'"+with("json", made.Password))
	equal(t, "removed, in JSON", done(t, "backend account remove json --json"), "")

	// The last operator goes only if it has to.
	done(t, "backend account remove root")
	done(t, "backend account remove given")
	wants(t, "backend account remove second-operator", 1, `"second-operator" is the last operator, and without one nobody can declare labs over the network; nothing was changed`, "or use --force")
	contains(t, "list", done(t, "backend account list"), "second-operator  operator")
	done(t, "backend account remove second-operator --force")
}

// TestDatabaseCommandsRefuse: what has no meaning for a command that works on a database
// is not passed over.
func TestDatabaseCommandsRefuse(t *testing.T) {
	nothingSet(t)
	database := filepath.Join(t.TempDir(), "vcc.db")
	// A server that listens nowhere ends, whatever it passes over.
	commands := []string{"serve --listen nowhere", "account add x", "account password x", "account list", "account remove x", "backup x", "restore x"}
	for _, command := range commands {
		for _, flag := range []string{"--data-dir x", "--endpoint https://127.0.0.1", "--username x", "--password-file x", "--ca-certificate x", "--tenant x", "--json"} {
			if flag == "--json" && !strings.HasPrefix(command, "serve") || flag == "--tenant x" && command == "account add x" {
				continue
			}
			name, _, _ := strings.Cut(flag, " ")
			wants(t, "backend "+command+" --database sqlite:"+database+" "+flag, 2, name+" has no meaning for")
		}
		wants(t, "backend "+command, 2, "missing flags: --database=ADDRESS")
	}
	if _, err := os.Stat(database); err == nil {
		t.Error("a database was made")
	}
	wants(t, "backend serve --database sqlite:"+database+" --listen 0.0.0.0:0", 1, "--tls-self-signed", "--allow-plaintext")
	wants(t, "backend serve --database sqlite:"+database+" --tls-certificate x", 1, "a certificate needs its key")
	wants(t, "backend account list --database postgres://vcc:top-secret@127.0.0.1:1/vcc", 1, "PostgreSQL at 127.0.0.1 does not answer")
	if r := typed(t, "backend account list --database postgres://vcc:top-secret@127.0.0.1:1/vcc"); strings.Contains(r.stderr, "top-secret") {
		t.Errorf("the error has the password: %s", r.stderr)
	}
}

// TestVariablesOfAServedBackend: they are for other commands, which are run where a server
// is, too.
func TestVariablesOfAServedBackend(t *testing.T) {
	nothingSet(t)
	for _, name := range settings {
		t.Setenv(name, "x")
	}
	t.Setenv("VCC_DATABASE", "sqlite:"+file(t, ""))
	equal(t, "accounts", done(t, "backend account list --json"), "[]\n")
}

// TestBackupAndRestore: a database comes back as it was, and nothing is overwritten.
func TestBackupAndRestore(t *testing.T) {
	s := serve(t)
	done(t, "backend gateway set 'VMware Silver network 1' --ipv4 172.17.54.1/24"+s.as("abc-company"))
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup")
	on := func(database string) string { return " --database 'sqlite:" + filepath.Join(dir, database) + "'" }
	equal(t, "backup", done(t, "backend backup '"+backup+"' --database '"+s.database+"'"), "Wrote "+backup+"\n")
	info, err := os.Stat(backup)
	ok(t, err)
	equal(t, "mode, for it has hashes", info.Mode().Perm(), os.FileMode(0o600))
	content, err := os.ReadFile(backup)
	ok(t, err)

	wants(t, "backend backup '"+backup+"' --database '"+s.database+"'", 1, "the backup cannot be written", "file exists")
	again, err := os.ReadFile(backup)
	ok(t, err)
	if !bytes.Equal(again, content) {
		t.Error("a backup was overwritten")
	}

	equal(t, "restore", done(t, "backend restore '"+backup+"'"+on("restored.db")), "Restored "+backup+"\n")
	equal(t, "accounts", done(t, "backend account list"+on("restored.db")), done(t, "backend account list --database '"+s.database+"'"))
	wants(t, "backend restore '"+backup+"'"+on("restored.db"), 1, "the database has a lab or accounts already; nothing was changed")
	wants(t, "backend restore '"+backup+"' --database '"+s.database+"'", 1, "the database has a lab or accounts already; nothing was changed")
	server, err := backend.NewServer(t.Context(), backend.ServerConfig{Listen: "127.0.0.1:0", Database: "sqlite:" + filepath.Join(dir, "restored.db")})
	ok(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	restored := "--endpoint http://" + server.Addr().String() + " --username abc-company --password-file '" + s.passwords["abc-company"] + "'"
	for _, line := range []string{"networks --json", "gateway list --json", "gateway history 'VMware Silver network 1' --json"} {
		equal(t, line, done(t, "backend "+line+" "+restored), done(t, "backend "+line+s.as("abc-company")))
	}
	stop()
	ok(t, <-ended)

	wants(t, "backend restore none"+on("fresh.db"), 1, "the backup cannot be read", "none")
	damaged := filepath.Join(dir, "damaged")
	ok(t, os.WriteFile(damaged, content[:len(content)/2], 0o600))
	wants(t, "backend restore '"+damaged+"'"+on("fresh.db"), 1, "this is no backup, or it is damaged or cut off; nothing was changed")
	done(t, "backend restore '"+backup+"'"+on("fresh.db")) // of which nothing was left

	db, err := sql.Open("sqlite", filepath.Join(dir, "fresh.db"))
	ok(t, err)
	_, err = db.ExecContext(t.Context(), "DROP TABLE replication_jobs")
	ok(t, err)
	ok(t, db.Close())
	failed := filepath.Join(dir, "failed")
	wants(t, "backend backup '"+failed+"'"+on("fresh.db"), 1, "the backup was not written", "replication_jobs")
	if _, err := os.Stat(failed); !os.IsNotExist(err) {
		t.Errorf("a backup that failed left a file: %v", err)
	}
}
