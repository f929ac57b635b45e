package vbr_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vbr"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The cmdlets that the scripts may call.
var (
	readingCommands = []string{
		"Connect-VBRServer", "ConvertFrom-Json", "ConvertTo-Json", "Get-VBRCloudProvider", "Get-VBRCloudServer", "Get-VBRCloudServerNetworkInfo", "Get-VBRDefaultGatewayConfiguration",
	}
	writingCommands = []string{"Remove-VBRDefaultGateway", "Set-VBRDefaultGateway", "Set-VBRDefaultGatewayConfiguration"}
)

// parser is the folder of the program that parses PowerShell.
const parser = "../../tools/powershell"

// parse parses scripts, and returns the commands that each calls. It skips the test where the
// parser is not installed, but not in CI.
func parse(t *testing.T, scripts ...string) (commands [][]string, err error) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(parser, "node_modules")); err != nil && os.Getenv("CI") == "" {
		t.Skip("the parser of PowerShell is not installed: run npm ci in tools/powershell")
	}
	dir := t.TempDir()
	// Node's other compiler takes seconds for the parser, and gains nothing.
	args := []string{"--liftoff-only", filepath.Join(parser, "commands.js")}
	for i, script := range scripts {
		file := filepath.Join(dir, strconv.Itoa(i)+".ps1")
		ok(t, os.WriteFile(file, []byte(script), 0o600))
		args = append(args, file)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "node", args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && said.Len() == 0 {
		t.Fatal(err)
	}
	if err != nil {
		return nil, &parseError{said.String()}
	}
	for line := range strings.Lines(string(out)) {
		var called struct{ Commands []string }
		ok(t, json.Unmarshal([]byte(line), &called))
		commands = append(commands, called.Commands)
	}
	equal(t, "scripts that were parsed", len(commands), len(scripts))
	return commands, nil
}

type parseError struct{ said string }

func (e *parseError) Error() string { return e.said }

// checkScripts parses scripts, each of which may call some commands and no others.
func checkScripts(t *testing.T, allowed []string, scripts ...string) {
	t.Helper()
	commands, err := parse(t, scripts...)
	ok(t, err)
	for i, called := range commands {
		for _, c := range called {
			if !slices.Contains(allowed, c) {
				t.Errorf("script %d calls %s", i, c)
			}
		}
	}
}

// TestExportScript: the script that reads calls nothing that writes.
func TestExportScript(t *testing.T) {
	checkScripts(t, readingCommands, vbr.ExportScript)
	checkASCII(t, vbr.ExportScript)
}

// TestParserNotices: a script that is broken, or that calls what nobody can check, fails the check.
func TestParserNotices(t *testing.T) {
	whole := script(t, sample(), samplePending())
	for name, broken := range map[string]string{
		"a brace is gone":            strings.Replace(whole, "param(", "param((", 1),
		"the here-string has no end": strings.Replace(whole, "\n'@\n", "\n", 1),
		"a quote in the middle":      strings.Replace(whole, "There is nothing", "There' is nothing", 1),
		"a command by a variable":    whole + "\n& $changes\n",
		"cut off":                    whole[:len(whole)-200],
	} {
		if broken == whole {
			t.Fatalf("%s: nothing is broken", name)
		}
		if _, err := parse(t, broken); err == nil {
			t.Errorf("%s: it passes", name)
		}
	}
	called, err := parse(t, whole+"\nInvoke-Expression $data\n")
	ok(t, err)
	if !slices.Contains(called[0], "Invoke-Expression") {
		t.Errorf("it calls %v", called[0])
	}
}

// sample is an export with names that mean something in PowerShell, and everything that a script can do.
func sample() vcc.LastExport {
	return vcc.LastExport{ExportSource: vcc.ExportSource{
		Server: "vbr01's", Provider: "sp.example.net\n'@ | Out-Null", ProviderID: "5f2b0c1e-3f7a-4d0c-9a55-0d6f3c1b7e21",
		ExportedAt: time.Date(2026, 11, 27, 22, 0, 0, 0, time.UTC),
	}}
}

func samplePending() []vcc.PendingChange {
	v4 := func(text string) *vcc.GatewaySettings {
		s, err := vcc.ParseIPv4WithLength(text)
		if err != nil {
			panic(err)
		}
		return &vcc.GatewaySettings{IPv4: &s}
	}
	both := v4("172.17.54.1/24")
	v6, err := vcc.ParseIPv6WithLength("fe80::1", "2001:db8:54::/64")
	if err != nil {
		panic(err)
	}
	both.IPv6 = &v6
	return []vcc.PendingChange{
		{Name: "O'Brien’s \"Gold\" [EU] $(Get-Date) `n network 1 (internet)", Listed: true, Server: v4("172.17.52.254/23"), Stored: v4("172.17.52.1/23")},
		{Name: "'@\nGröße 😀 network 1", Listed: true, Server: v4("172.17.54.1/24"), Stored: both},
		{Name: "network 3", Listed: true, Stored: both},
		{Name: "network 4", Listed: true, Server: both},
		{Listed: true, RoutingEnabled: new(true)},
	}
}

func script(t rapid.TB, last vcc.LastExport, pending []vcc.PendingChange) string {
	t.Helper()
	var b strings.Builder
	ok(t, vbr.WriteScript(&b, last, pending))
	return b.String()
}

// TestScript compares the script with the one in testdata, which -rewrite writes anew. Names that mean something in
// PowerShell mean nothing in it.
func TestScript(t *testing.T) {
	got := script(t, sample(), samplePending())
	golden := filepath.Join("testdata", "change.ps1")
	if flag.Lookup("rewrite").Value.String() == "true" {
		ok(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	ok(t, err)
	equal(t, "script", got, string(want))
	checkASCII(t, got)
	checkScripts(t, append(readingCommands, writingCommands...), got, script(t, sample(), nil))
	data := dataBlock(t, got)
	for i, p := range samplePending()[:4] {
		equal(t, "name", data.Gateways[i].Name, p.Name)
	}
	equal(t, "provider", data.Provider.Name, sample().Provider)
}

// checkASCII: Windows PowerShell 5.1 reads a file without a byte order mark in the code page of the machine.
func checkASCII(t rapid.TB, script string) {
	t.Helper()
	for i, c := range []byte(script) {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("character %#x at %d", c, i)
		}
	}
}

// block is the data of a script.
type block struct {
	Provider struct{ ID, Name string }
	Export   string
	Routing  *struct{ Imported, Wanted bool }
	Gateways []struct {
		Name             string
		Imported, Wanted *server
	}
}

// server is a VBRDefaultGateway of a backup server that is played.
type server struct {
	ID                string `json:"Id,omitempty"`
	Name              string `json:",omitempty"`
	IPAddress         string `json:"IpAddress"`
	NetworkMask       string
	IPv6Address       string `json:"Ipv6Address"`
	IPv6SubnetAddress string `json:"Ipv6SubnetAddress"`
	IPv6PrefixLength  int    `json:"Ipv6PrefixLength"`
}

// settings leaves out what names the gateway.
func (s *server) settings() server {
	if s == nil {
		return server{}
	}
	only := *s
	only.ID, only.Name = "", ""
	return only
}

// dataBlock reads the data of a script as PowerShell would find it: between the lines that begin and end the one
// here-string.
func dataBlock(t rapid.TB, script string) block {
	t.Helper()
	_, rest, begun := strings.Cut(script, "@'\n")
	text, after, ended := strings.Cut(rest, "\n'@\n")
	if !begun || !ended || strings.Contains(after, "@'") || strings.Contains(text, "'") {
		t.Fatalf("the script has not one here-string: %s", script)
	}
	var b block
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&b); err != nil || d.More() {
		t.Fatalf("%v: %s", err, text)
	}
	return b
}
