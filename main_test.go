package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asProgram has the test binary be the program.
const asProgram = "VCC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
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
	if program.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "terraform-provider-vcc backend --help") {
		t.Errorf("%v: %s", err, out)
	}
}
