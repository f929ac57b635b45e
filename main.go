// Terraform-provider-vcc keeps the default gateways of Veeam Cloud Connect
// replica networks, and the option to route between them, as code. With no
// arguments it is a plugin that Terraform or OpenTofu starts; "backend ..." is the
// command line of its reference backend.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/provider"
)

// version is set by the linker when a release is built.
var version = "dev"

func main() {
	// Both spellings of Go's flags, because the guides for debugging providers use either.
	debug := len(os.Args) == 2 && (os.Args[1] == "-debug" || os.Args[1] == "--debug")
	if len(os.Args) > 1 && !debug {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
		status := cli.Main(ctx, version)
		stop()
		os.Exit(status)
	}
	err := provider.Serve(version, debug)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
