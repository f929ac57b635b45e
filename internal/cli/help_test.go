package cli_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// longHelp are the commands whose help is longer than a terminal, and why.
var longHelp = map[string]string{
	"backend": "it explains the flags of every command, which the help of the others names",
}

// TestHelpFits: the help of every command fits a terminal of 80 columns and 24 lines, the last of which has the prompt.
func TestHelpFits(t *testing.T) {
	folder(t)
	walkCommands(t, "", func(command, help string) {
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", command, n, line)
			}
		}
		if n := strings.Count(help, "\n"); (n > 24) != (longHelp[command] != "") {
			t.Errorf("the help of %q has %d lines, and it is long because %q:\n%s", command, n, longHelp[command], help)
		}
	})
}

// walkCommands hands out the help of a command and of all below it.
func walkCommands(t *testing.T, command string, each func(command, help string)) {
	t.Helper()
	help := done(t, command+" --help")
	each(command, help)
	_, list, _ := strings.Cut(help, "\nCommands:\n")
	for line := range strings.Lines(list) {
		if line == "\n" {
			break
		}
		if name, listed := strings.CutPrefix(line, "  "); listed && !strings.HasPrefix(name, " ") {
			walkCommands(t, strings.TrimSpace(command+" "+strings.Fields(name)[0]), each)
		}
	}
}

// TestEveryCommandHasHelp walks the commands that the help lists, and asks for help in both ways.
func TestEveryCommandHasHelp(t *testing.T) {
	folder(t)
	commands := 0
	walkCommands(t, "", func(command, help string) {
		commands++
		if usage := strings.TrimSpace("Usage: terraform-provider-vcc " + command); !strings.HasPrefix(help, usage) {
			t.Errorf("the help of %q does not begin with %q: %q", command, usage, help)
		}
		equal(t, "help "+command, typed(t, "help "+command), result{0, help, ""})
	})
	if commands < 45 {
		t.Errorf("only %d commands were found", commands)
	}
}

func TestHelpOfNoCommand(t *testing.T) {
	equal(t, "help", typed(t, "help frobnicate"), result{2, "", "Error: there is no command \"frobnicate\". See: terraform-provider-vcc --help\n"})
	equal(t, "version", typed(t, "version"), result{0, "1.2.3\n", ""})
}

// A command that is elsewhere, or is misspelt, is named.
func TestDidYouMean(t *testing.T) {
	for line, want := range map[string]string{
		"networks":            `there is no command "networks"; did you mean "backend networks"? See: terraform-provider-vcc --help`,
		"lab apply":           `there is no command "lab"; did you mean "backend lab", "backend vbr lab"? See: terraform-provider-vcc --help`,
		"bakend networks":     `there is no command "bakend"; did you mean "backend"? See: terraform-provider-vcc --help`,
		"backend gateway lst": `there is no command "lst" in backend gateway; did you mean one of "list", "set"? See: terraform-provider-vcc backend gateway --help`,
		"backend apply":       `there is no command "apply" in backend; did you mean "backend lab apply"? See: terraform-provider-vcc backend --help`,
		"backend install":     `there is no command "install" in backend; did you mean "install"? See: terraform-provider-vcc backend --help`,
		"backend networks -x": `unknown flag -x. See: terraform-provider-vcc backend networks --help`,
	} {
		equal(t, line, typed(t, line), result{2, "", "Error: " + want + "\n"})
	}
}
