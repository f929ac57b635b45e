package provider

import (
	"os"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// Serve serves the provider to the CLI that started this process, until that ends
// it. While debugging it prints how a CLI reaches it instead.
func Serve(version string, debugging bool) error {
	logOnlyOnDemand()
	collectSeldom()
	var opts []tf6server.ServeOpt
	if debugging {
		opts = append(opts, tf6server.WithManagedDebug())
	}
	return tf6server.Serve("registry.terraform.io/cloudconnect-iac/vcc", func() tfprotov6.ProviderServer { return NewServer(version) }, opts...)
}

// logOnlyOnDemand keeps the libraries from building log records that the CLI throws
// away: unless told otherwise they write every record, down to each protocol
// message, and leave the choice to the CLI. Once any of Terraform's variables for logs
// is set, all is as the libraries have it.
func logOnlyOnDemand() {
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "TF_LOG") && value != "" {
			return
		}
	}
	for _, name := range []string{"TF_LOG_SDK", "TF_LOG_PROVIDER_VCC"} {
		_ = os.Setenv(name, "off") // at worst the records are built
	}
}

// collectSeldom lets the heap grow further between collections: a plan leaves little
// garbage and less to keep, and collecting a few MiB over and over takes a good part
// of its time. Whoever sets GOGC knows better.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(300)
	}
}
