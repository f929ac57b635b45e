package backend_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// ok stops the test at an error that it is not about.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares what a test got with what it wants.
func equal(t *testing.T, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(opts, cmpopts.EquateEmpty())...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// write writes a lab file and returns its name.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "lab.yaml")
	ok(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// open opens an embedded backend, which is closed with the test at the latest.
func open(t *testing.T, cfg backend.EmbeddedConfig) *backend.Embedded {
	t.Helper()
	if cfg.Program == "" {
		cfg.Program = "test"
	}
	e, err := backend.OpenEmbedded(t.Context(), cfg)
	ok(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// gateways lists the stored gateways: network, origin and addresses.
func gateways(t *testing.T, c *httpapi.Client) []string {
	t.Helper()
	list, err := c.DefaultGateways(t.Context())
	ok(t, err)
	var lines []string
	for _, g := range list {
		line := g.NetworkName + ": " + string(g.Origin)
		if g.IPv4 != nil {
			line += " " + g.IPv4.Address
		}
		if g.IPv6 != nil {
			line += " " + g.IPv6.Address
		}
		lines = append(lines, line)
	}
	return lines
}

// network returns the ID of a network.
func network(t *testing.T, c *httpapi.Client, name string) string {
	t.Helper()
	list, err := c.Networks(t.Context(), "")
	ok(t, err)
	for _, n := range list {
		if n.Name == name {
			return n.ID
		}
	}
	t.Fatalf("there is no network %q", name)
	return ""
}

func ipv4(address, mask string) httpapi.GatewaySettings {
	return httpapi.GatewaySettings{IPv4: &httpapi.IPv4Settings{Address: address, SubnetMask: mask}}
}
