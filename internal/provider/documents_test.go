package provider_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every command that a document shows to readers is run by a test, or is in untested with the reason. TestDocuments_complete
// looks for others.

// document is one whose commands TestAccDocuments runs in their order, in a folder of its own.
type document struct {
	// prepare gives the folder what a reader has when the document begins.
	prepare func(w *workspace, s *session)
	// instead is what is run in the place of a command, as far as it stands in one.
	instead map[string]string
	// before is done before a command.
	before map[string]func(w *workspace, s *session)
	// after is done after one.
	after map[string]func(w *workspace, s *session)
	// status is what a command ends with, where that is not 0.
	status map[string]int
	// until is what a command that runs until somebody ends it says first.
	until map[string]string
}

var documents = map[string]document{
	"README.md": {
		instead: map[string]string{"go install github.com/cloudconnect-iac/terraform-provider-vcc@latest": "go install -C {sources} ."},
	},
	"templates/guides/from-the-default-gateways-window-to-code.md": {
		prepare: func(w *workspace, s *session) {
			s.quickStart(w)
			w.put("office.tf", namedGateway("office", silver2, "172.17.56.1", "255.255.255.0"))
		},
		before: map[string]func(*workspace, *session){
			"terraform import vcc_default_gateway.office <network ID>": func(w *workspace, s *session) {
				id := regexp.MustCompile(`VMware Silver network 2 \(internet\) .*? (` + anyID.String() + `)`).FindStringSubmatch(s.said)
				if id == nil {
					w.t.Fatalf("backend networks does not list the ID: %s", s.said)
				}
				s.instead["<network ID>"] = id[1]
			},
		},
	},
	"templates/guides/prove-your-failover-in-every-plan.md": {
		prepare: func(w *workspace, s *session) {
			s.quickStart(w)
			s.run(w, "terraform-provider-vcc backend routing off")
			for _, b := range s.blocks {
				if strings.HasPrefix(b.text, "# checks.yaml\n") {
					w.put("checks.yaml", b.text)
				}
			}
		},
		status: map[string]int{
			"terraform-provider-vcc backend trace --source web01 --destination db01 --port 5432": 3,
			"terraform-provider-vcc backend trace --check checks.yaml":                           3,
		},
	},
	"templates/guides/would-yesterdays-traffic-get-through.md": {
		prepare: func(w *workspace, s *session) {
			s.quickStart(w)
			s.run(w, "terraform-provider-vcc backend routing off")
			if err := os.MkdirAll(filepath.Join(w.folder, "examples", "rehearsal"), 0o700); err != nil {
				w.t.Fatal(err)
			}
			w.put("examples/rehearsal/capture.pcapng", readExample(w.t, "rehearsal/capture.pcapng"))
		},
	},
	"templates/guides/the-default-gateways-window.md": {
		prepare: func(w *workspace, s *session) { s.run(w, "terraform-provider-vcc backend lab apply") },
		until:   map[string]string{"terraform-provider-vcc backend window": "http://127.0.0.1:"},
	},
	"templates/guides/run-a-shared-backend.md": {
		prepare: shared,
		instead: map[string]string{"postgres://vcc@db.example.net/vcc": "sqlite:restored.db"},
		after: map[string]func(*workspace, *session){
			"terraform-provider-vcc backend account add operator": func(w *workspace, s *session) {
				_, made, _ := strings.Cut(s.said, "Password: ")
				s.passwords["operator"], _, _ = strings.Cut(made, " ")
			},
		},
		before: map[string]func(*workspace, *session){
			"terraform-provider-vcc backend lab apply lab.yaml --remove 'tenant:XYZ Holding'": func(w *workspace, _ *session) {
				content, err := os.ReadFile(filepath.Join(w.folder, "lab.yaml"))
				if err != nil {
					w.t.Fatal(err)
				}
				kept, _, found := strings.Cut(string(content), "  - name: XYZ Holding")
				if !found {
					w.t.Fatalf("the lab has no tenant XYZ Holding at its end: %s", content)
				}
				w.put("lab.yaml", kept)
			},
		},
	},
	"templates/guides/upgrade.md": {
		prepare: func(w *workspace, s *session) { s.run(w, "terraform-provider-vcc backend lab apply") },
	},
}

// untested are the commands that TestAccDocuments does not run, by document: the test that does, or why none can. "" stands for all
// of a document.
var untested = map[string]map[string]string{
	"templates/guides/your-real-site.md": {"": "TestAccRealSite_guide runs its commands in their order"},
	"templates/guides/rehearse-a-failover-with-real-programs.md": {
		`terraform-provider-vcc backend failover rehearse "Whole site" --exec web01 -- curl -m 3 http://db01:5432/`: "TestRehearse of internal/cli, as an ordinary user",
		`terraform-provider-vcc backend failover rehearse "Whole site" --exec web01 -- curl -s http://192.0.2.1/`:   "TestRehearse of internal/cli",
		`terraform-provider-vcc backend failover rehearse "Whole site"`:                                             "TestRehearse_changes of internal/cli, at its prompt",
		`terraform-provider-vcc backend failover rehearse "Whole site" --check checks.yaml`:                         "TestRehearse_example of internal/cli",
	},
	"templates/guides/would-yesterdays-traffic-get-through.md": {
		"tcpdump -i inside -s 96 -w monday.pcap": "it needs the gateway of a site",
	},
	"templates/guides/run-a-shared-backend.md": {
		"terraform-provider-vcc backend serve --listen :9419 --tls-certificate cert.pem --tls-key key.pem": "TestServeCommand of internal/cli",
		"terraform-provider-vcc backend account revoke --session ID":                                       "TestAccounts of internal/cli, with an ID",
		`token=$(tr -d '\n' <operator.password | curl -sS --cacert ca.pem https://sp.example.net:9419/api/oauth2/token -d grant_type=password -d username=operator --data-urlencode password@- | jq -r .access_token)`: "it needs jq; the login is that of all tests",
		`curl -sS --cacert ca.pem -H "Authorization: Bearer $token" https://sp.example.net:9419/metrics`:                                                                                                               "it needs the command before",
	},
	"examples/serve/README.md": {"": "it needs a machine of its own, with systemd or Docker; TestRestoreDrill of internal/cli runs the scripts"},
}

// shownCommand is a command in a document, without the comment behind it.
type shownCommand struct {
	line string
	// shown is what the document says that it prints, "" where it says nothing.
	shown string
}

// block is a fenced block of a document.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^( *)```(\\w+)\n(.*?)^ *```$")

func readDocument(t *testing.T, name string) (blocks []block) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(content), -1) {
		blocks = append(blocks, block{m[2], strings.ReplaceAll("\n"+m[3], "\n"+m[1], "\n")[1:]})
	}
	return blocks
}

// comment is behind a command, after two blanks at least.
var comment = regexp.MustCompile(`\s{2,}# .*$`)

// commands are the lines of shell, and those after a prompt in a block of text, which shows what they print.
func (b block) commands() (list []shownCommand) {
	switch b.language {
	case "sh", "shell", "console", "bash":
		for line := range strings.Lines(regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(b.text, " ")) {
			if line = comment.ReplaceAllString(strings.TrimSpace(line), ""); line != "" && !strings.HasPrefix(line, "#") {
				list = append(list, shownCommand{line: line})
			}
		}
	case "text":
		for _, part := range strings.Split("\n"+b.text, "\n$ ")[1:] {
			line, shown, _ := strings.Cut(part, "\n")
			list = append(list, shownCommand{strings.TrimSpace(line), shown})
		}
	}
	return list
}

// documentNames are the documents for readers: the pages of docs are made of templates and examples.
func documentNames(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md"}
	for _, folder := range []string{"templates", "examples"} {
		err := fs.WalkDir(os.DirFS("../.."), folder, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && (strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".md.tmpl")) {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// A command that nobody runs is one that nobody can rely on.
func TestDocuments_complete(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, name := range documentNames(t) {
		_, runs := documents[name]
		left := map[string]bool{}
		for line := range untested[name] {
			left[line] = true
		}
		for _, b := range readDocument(t, name) {
			for _, c := range b.commands() {
				seen++
				_, listed := untested[name][c.line]
				_, all := untested[name][""]
				if delete(left, c.line); !listed && !all && !runs {
					t.Errorf("%s: no test runs %s", name, c.line)
				}
			}
		}
		if delete(left, ""); len(left) > 0 {
			t.Errorf("%s no longer has %v", name, left)
		}
	}
	if seen < 50 {
		t.Errorf("only %d commands were found", seen)
	}
	for name, commands := range untested {
		if !slices.Contains(documentNames(t), name) {
			t.Errorf("there is no document %s", name)
		}
		expectTests(t, commands)
	}
}

// expectTests checks that the tests exist that are named in the reasons for commands.
func expectTests(t *testing.T, reasons map[string]string) {
	t.Helper()
	var sources strings.Builder
	files, err := filepath.Glob("../*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(content)
	}
	for command, reason := range reasons {
		for _, test := range regexp.MustCompile(`\bTest\w+`).FindAllString(reason, -1) {
			if !strings.Contains(sources.String(), "\nfunc "+test+"(t *testing.T)") {
				t.Errorf("there is no %s, which is to run %q", test, command)
			}
		}
	}
}

// mentioned are commands of running text, and of comments in configurations, that no document runs: the test that does, or why
// none can.
var mentioned = map[string]string{
	"terraform destroy":                                             "TestAccDefaultGateways_moved and others",
	"terraform apply -refresh-only":                                 "TestAccFailoverPlan_changedMeanwhile",
	"terraform plan -generate-config-out=gateways.tf":               "TestAccDefaultGateways_generatedConfiguration",
	"terraform state rm":                                            "TestAccHandover_replaced",
	"terraform test":                                                "TestAccDefaultGateways_adoptsDetected",
	"terraform query":                                               "it needs Terraform 1.14; TestDefaultGatewayList asks as that does",
	"terraform init -upgrade":                                       "it asks a registry for a newer version",
	"terraform apply -invoke=action.vcc_failover.rehearsal":         "it needs Terraform 1.14; TestFailoverAction asks as that does",
	"terraform apply -invoke=action.vcc_replication_job_run.silver": "it needs Terraform 1.14; TestReplicationJobRunAction asks as that does",
	"tofu state replace-provider registry.terraform.io/cloudconnect-iac/vcc registry.opentofu.org/cloudconnect-iac/vcc": "it is between two CLIs, and a test has one",
	"--version":                    "TestHelpOfNoCommand of internal/cli, as version",
	"backend serve --lab lab.yaml": "TestServeCommand of internal/cli, with more flags",
	"backend backup --database sqlite:vcc.db vcc.backup":              "TestBackupAndRestore of internal/cli, with other names",
	"backend restore --database postgres://... vcc.backup":            "TestBackupAndRestore of internal/cli, with other names",
	"backend failover rehearse --exec":                                "TestRehearse of internal/cli, with the plan's name before it",
	"backend failover rehearse --check":                               "TestRehearse_example of internal/cli, with the plan's name before it",
	"backend failover plan list":                                      "TestScripts of internal/cli",
	`backend failover test "Whole site"`:                              "TestScripts of internal/cli",
	"make demo":                                                       "it plays for people what the acceptance tests check",
	"make demo-server":                                                "it plays for people what the tests of internal/backend check",
	"go test -run '^$' -bench Size -benchtime 1x ./internal/bench":    "it measures",
	"go test -run '^$' -bench Refresh -benchtime 1x ./internal/bench": "it measures",
}

// A command in running text is one that a test runs, too, with more behind it or as it stands.
func TestDocuments_mentioned(t *testing.T) {
	t.Parallel()
	run := map[string]bool{} // with all that the commands of blocks begin with
	for _, name := range documentNames(t) {
		for _, b := range readDocument(t, name) {
			for _, c := range b.commands() {
				words := strings.Fields(strings.TrimPrefix(c.line, "terraform-provider-vcc "))
				for i := range words {
					run[strings.Join(words[:i+1], " ")] = true
				}
			}
		}
	}
	expectTests(t, mentioned)
	left := maps.Clone(mentioned)
	inText := regexp.MustCompile("`((?:terraform|tofu|make|go|terraform-provider-vcc|backend)\\s[^`]+)`")
	seen := 0
	check := func(name, text string) {
		for _, m := range inText.FindAllStringSubmatch(regexp.MustCompile(`\n#? *`).ReplaceAllString(text, " "), -1) {
			seen++
			command := strings.TrimPrefix(m[1], "terraform-provider-vcc ")
			if delete(left, command); !run[command] && mentioned[command] == "" {
				t.Errorf("%s: no test runs %s", name, command)
			}
		}
	}
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(content)
			check(file, fence.ReplaceAllString(text, ""))
			for _, b := range fence.FindAllStringSubmatch(text, -1) {
				if b[2] == "terraform" {
					check(file, b[3])
				}
			}
		}
	}
	if len(left) > 0 || seen < 30 {
		t.Errorf("%d commands were found, and not %v", seen, left)
	}
}

// Every configuration names the provider in one way, which means the registry of the CLI, and in the version that the documents are for.
func TestDocuments_source(t *testing.T) {
	t.Parallel()
	required := regexp.MustCompile(`(?s)required_providers \{(.*?)\n  \}`)
	const named = "\n    vcc = {\n      source  = \"cloudconnect-iac/vcc\"\n      version = \"~> 0.1.0\"\n    }"
	files := documentNames(t)
	err := fs.WalkDir(os.DirFS("../.."), "examples", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".tf") {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range required.FindAllStringSubmatch(string(content), -1) {
			seen++
			if block[1] != named {
				t.Errorf("%s requires%s", name, block[1])
			}
		}
	}
	if seen < 7 {
		t.Errorf("only %d configurations were found", seen)
	}
}

// session is a shell of a reader, in an empty home.
type session struct {
	home, bin string
	env       []string
	blocks    []block
	instead   map[string]string
	passwords map[string]string // by user name
	said      string            // by the last command, with one space for all white space
}

// newSession makes a home in which nothing is but the CLI.
func (w *workspace) newSession(blocks []block, instead map[string]string) *session {
	w.t.Helper()
	s := &session{home: w.t.TempDir(), bin: w.t.TempDir(), blocks: blocks, instead: map[string]string{}, passwords: map[string]string{}}
	sources, err := filepath.Abs("../..")
	if err != nil {
		w.t.Fatal(err)
	}
	for from, to := range instead {
		s.instead[from] = strings.ReplaceAll(to, "{sources}", sources)
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "TF_") && !strings.HasPrefix(name, "VCC_") && !strings.HasPrefix(name, "XDG_") && name != "HOME" && name != "PATH" {
			s.env = append(s.env, variable)
		}
	}
	s.env = append(s.env, "HOME="+s.home, "PATH="+s.bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_ARGS=-no-color", "TF_CLI_ARGS_plan=-input=false", "TF_CLI_ARGS_apply=-input=false -auto-approve")
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY"} { // those of an empty home are empty, too
		value, err := exec.CommandContext(w.t.Context(), "go", "env", name).Output()
		if err != nil {
			w.t.Fatal(err)
		}
		s.env = append(s.env, name+"="+strings.TrimSpace(string(value)))
	}
	programs := programs(w.t)
	if err := os.Symlink(filepath.Join(programs, "terraform"), filepath.Join(s.bin, "terraform")); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// ready puts the provider into the home, where the CLI finds it, and the program into the path.
func (s *session) ready(w *workspace) {
	w.t.Helper()
	mirror, err := plugin()
	if err != nil {
		w.t.Fatal(err)
	}
	plugins := filepath.Join(s.home, ".terraform.d", "plugins")
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(plugins, pluginPath(registry))), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(mirror, pluginPath(registry)), filepath.Join(plugins, pluginPath(registry))); err != nil {
			w.t.Fatal(err)
		}
	}
	program := filepath.Join(s.bin, "terraform-provider-vcc")
	if _, err := os.Lstat(program); err == nil {
		return
	}
	if err := os.Symlink(filepath.Join(mirror, pluginPath("registry.terraform.io")), program); err != nil {
		w.t.Fatal(err)
	}
}

// shell is a command in the workspace's folder. What it exports is there for those after it.
func (s *session) shell(ctx context.Context, w *workspace, line string) *exec.Cmd {
	for from, to := range s.instead {
		line = strings.ReplaceAll(line, from, to)
	}
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", line+"\nenv >\"$VCC_TEST_ENVIRONMENT\"")
	if strings.HasPrefix(line, "terraform-provider-vcc ") || strings.HasPrefix(line, "terraform ") || strings.HasPrefix(line, "curl ") {
		cmd = exec.CommandContext(ctx, "sh", "-eu", "-c", "exec "+line) // so that a signal reaches it
	}
	cmd.Dir = w.folder
	cmd.Env = append(slices.Clone(s.env), "VCC_TEST_ENVIRONMENT="+filepath.Join(s.home, ".environment"), "VCC_PASSWORD="+s.passwords[s.user(line)])
	return cmd
}

// user is the user name that a command logs in with.
func (s *session) user(line string) (name string) {
	for _, variable := range s.env {
		if value, found := strings.CutPrefix(variable, "VCC_USERNAME="); found {
			name = value // the last one counts
		}
	}
	if _, flag, found := strings.Cut(line, "--username "); found {
		name, _, _ = strings.Cut(flag, " ")
	}
	return name
}

// run runs a command, which must succeed.
func (s *session) run(w *workspace, line string) {
	w.t.Helper()
	if status := s.try(w, line); status != 0 {
		w.t.Fatalf("%s ended with %d: %s", line, status, s.said)
	}
}

func (s *session) try(w *workspace, line string) (status int) {
	w.t.Helper()
	cmd := s.shell(w.t.Context(), w, line)
	out, err := cmd.CombinedOutput()
	s.said = strings.Join(strings.Fields(string(out)), " ")
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	if exported, found := strings.CutPrefix(line, "export "); found {
		content, err := os.ReadFile(filepath.Join(s.home, ".environment"))
		if err != nil {
			w.t.Fatalf("%s: %v: %s", line, err, s.said)
		}
		for word := range strings.FieldsSeq(exported) {
			name, _, _ := strings.Cut(word, "=")
			for variable := range strings.Lines(string(content)) {
				if strings.HasPrefix(variable, name+"=") {
					s.env = append(s.env, strings.TrimSuffix(variable, "\n"))
				}
			}
		}
	}
	return cmd.ProcessState.ExitCode()
}

// serves starts a command that runs until it is ended, waits for what it says, and ends it.
func (s *session) serves(w *workspace, line, until string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	cmd := s.shell(ctx, w, line)
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	var said bytes.Buffer
	for part := make([]byte, 1024); !strings.Contains(said.String(), until); {
		n, err := out.Read(part)
		if said.Write(part[:n]); err != nil {
			_ = cmd.Wait()
			w.t.Fatalf("%s does not say %q: %s", line, until, &said)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		w.t.Errorf("%s ends with %v: %s", line, err, &said)
	}
}

// quickStart applies the quick start.
func (s *session) quickStart(w *workspace) {
	w.t.Helper()
	w.put("main.tf", readExample(w.t, "quick-start/main.tf"))
	s.run(w, "terraform init")
	s.run(w, "terraform apply")
}

// shared starts the server that a guide is about.
func shared(w *workspace, s *session) {
	w.t.Helper()
	s.passwords["abc-company"] = "a-password-of-this-test"
	s.env = append(s.env, "ABC_COMPANY_PASSWORD="+s.passwords["abc-company"])
	ctx, stop := context.WithCancel(context.Background())
	cmd := s.shell(ctx, w, "terraform-provider-vcc backend serve --database sqlite:vcc.db --listen 127.0.0.1:0 --tls-self-signed tls --drain 0s")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	log, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	served := make(chan string, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var said strings.Builder
		waiting := served // nil once it is told
		serving := regexp.MustCompile(`"msg":"serving","address":"([^"]+)"`)
		for part := make([]byte, 1024); ; {
			n, err := log.Read(part)
			if said.Write(part[:n]); waiting != nil {
				if m := serving.FindStringSubmatch(said.String()); m != nil {
					waiting <- m[1]
					waiting = nil
				}
			}
			if err != nil {
				if waiting != nil {
					waiting <- ""
				}
				return
			}
		}
	}()
	w.t.Cleanup(func() {
		stop()
		<-ended
		_ = cmd.Wait()
	})
	at := <-served
	if at == "" {
		w.t.Fatal("the server does not serve")
	}
	authority, err := os.ReadFile(filepath.Join(w.folder, "tls", "ca.pem"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.put("ca.pem", string(authority))
	s.env = append(s.env, "VCC_CA_CERTIFICATE="+string(authority)) // as if the system knew it
	s.instead["https://sp.example.net:9419"] = "https://" + at
}

// TestAccDocuments runs the commands of documents as they stand there, with the configurations of the document where it
// has them, and compares what they print.
func TestAccDocuments(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("Acceptance tests skipped unless env 'TF_ACC' set")
	}
	for name, d := range documents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &workspace{testLab: &testLab{t: t}, folder: t.TempDir()}
			blocks := readDocument(t, name)
			s := w.newSession(blocks, d.instead)
			if d.prepare != nil {
				s.ready(w)
				d.prepare(w, s)
			}
			ran := 0
			for _, b := range blocks {
				if name == "README.md" {
					readmeBlock(w, s, b)
				}
				for _, c := range b.commands() {
					if untested[name][c.line] != "" {
						continue
					}
					ran++
					if before := d.before[c.line]; before != nil {
						before(w, s)
					}
					if until := d.until[c.line]; until != "" {
						s.serves(w, c.line, until)
						continue
					}
					if status := s.try(w, c.line); status != d.status[c.line] {
						t.Fatalf("%s ended with %d, want %d: %s", c.line, status, d.status[c.line], s.said)
					}
					s.expectShown(w, c.shown)
					if after := d.after[c.line]; after != nil {
						after(w, s)
					}
				}
			}
			if ran == 0 {
				t.Error("no command ran")
			}
		})
	}
}

// varies is what differs each time: IDs, times and names of users.
var varies = regexp.MustCompile(anyID.String() + `|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\S+ \(command line\)`)

// expectShown checks that the last command has said what a document shows, but for what differs each time, and for
// what it leaves out at "...".
func (s *session) expectShown(w *workspace, shown string) {
	w.t.Helper()
	said := varies.ReplaceAllString(s.said, "VARIES")
	for _, part := range strings.Split("\n"+shown, "...") {
		part = varies.ReplaceAllString(strings.Join(strings.Fields(part), " "), "VARIES")
		_, rest, found := strings.Cut(said, part)
		if !found {
			w.t.Errorf("a document shows\n%s\nand the command says\n%s", part, said)
			return
		}
		said = rest
	}
}

// readmeBlock takes a configuration of the README as its reader does, and compares what the last command has said with a plan that
// it shows.
func readmeBlock(w *workspace, s *session, b block) {
	w.t.Helper()
	switch {
	case b.language == "terraform":
		w.put("main.tf", b.text)
	case b.language == "text" && len(b.commands()) == 0:
		s.expectShown(w, b.text)
	}
}

// An example of a trigger names the action beside it, and events that there are: a CLI that knows triggers is newer
// than the one that the tests need.
func TestExampleTrigger(t *testing.T) {
	t.Parallel()
	content := readExample(t, "actions/vcc_failover/action.tf")
	block := parseExample(t, content)
	trigger := regexp.MustCompile(`(?s)lifecycle \{\s*action_trigger \{\s*events\s*= \[([^\]]*)\]\s*actions\s*= \[([^\]]*)\]\s*\}`).FindStringSubmatch(content)
	if trigger == nil {
		t.Fatalf("there is no trigger: %s", content)
	}
	for event := range strings.SplitSeq(trigger[1], ", ") {
		if !slices.Contains([]string{"before_create", "after_create", "before_update", "after_update"}, event) {
			t.Errorf("there is no event %q", event)
		}
	}
	if want := fmt.Sprintf("action.%s.%s", block.labels[0], block.labels[1]); trigger[2] != want {
		t.Errorf("it triggers %s, not %s", trigger[2], want)
	}
}
