// Terraform-provider-vcc keeps the default gateways of Veeam Cloud Connect
// replica networks, and the option to route between them, as code. With no
// arguments it is a plugin that Terraform or OpenTofu starts. With arguments it is a command line:
// it installs itself, and "backend ..." is its reference backend.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/provider"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
)

// version is set by the linker when a release is built; "" is moduleVersion.
var version string

// moduleVersion is the version of the module that `go install` or `go build` made the program of: without a
// tag that of the commit, and "dev" without either.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		return info.Main.Version[1:]
	}
	return "dev"
}

// pluginVariable is set by a CLI that starts a plugin.
const pluginVariable = "TF_PLUGIN_MAGIC_COOKIE"

const forPeople = `Terraform and OpenTofu start this program by themselves, once a configuration names the provider
cloudconnect-iac/vcc. For people it has a command line. See:
  terraform-provider-vcc install --help    how to put it where terraform init finds it
  terraform-provider-vcc backend --help    the provider's reference backend
`

func main() {
	rehearsal.Inside()
	if version == "" {
		version = moduleVersion()
	}
	// Both spellings of Go's flags, because the guides for debugging providers use either.
	debugging := len(os.Args) == 2 && (os.Args[1] == "-debug" || os.Args[1] == "--debug")
	if len(os.Args) > 1 && !debugging {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
		status := cli.Main(ctx, version)
		stop()
		os.Exit(status)
	}
	if os.Getenv(pluginVariable) == "" && !debugging {
		fmt.Fprint(os.Stderr, forPeople)
		os.Exit(2)
	}
	err := provider.Serve(version, debugging)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
