package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asProgram has the test binary be the program, and asVersion has it have a version.
const (
	asProgram = "VCC_TEST_AS_PROGRAM"
	asVersion = "VCC_TEST_VERSION"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		version = os.Getenv(asVersion)
		main()
		return
	}
	os.Exit(m.Run())
}

func TestWithoutArguments(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), self)
	program.Env = append(os.Environ(), asProgram+"=1", pluginVariable+"=")
	out, err := program.CombinedOutput()
	if program.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "terraform-provider-vcc backend --help") || !strings.Contains(string(out), "terraform-provider-vcc install --help") {
		t.Errorf("%v: %s", err, out)
	}
}

// Who asks for help gets it, and no plugin.
func TestHelp(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"-h"}, {"--help"}, {"help"}, {"help", "install"}} {
		program := exec.CommandContext(t.Context(), self, arguments...)
		program.Env = append(os.Environ(), asProgram+"=1")
		out, err := program.Output()
		if err != nil || !strings.HasPrefix(string(out), "Usage: terraform-provider-vcc ") {
			t.Errorf("%v: %v, %s", arguments, err, out)
		}
	}
}
