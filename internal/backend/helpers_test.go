package backend_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ok stops the test at an error that it is not about.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares what a test got with what it wants.
func same[T any](t *testing.T, what string, got, want T, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(opts, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{}))...); diff != "" {
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

// site is an embedded backend as one tenant sees it.
type site struct {
	*backend.Embedded
	t *testing.T
}

func openSite(t *testing.T, cfg backend.EmbeddedConfig) *site {
	t.Helper()
	e, err := backend.OpenEmbedded(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return &site{e, t}
}

// openABC opens a fresh folder with the built-in lab, for its first tenant.
func openABC(t *testing.T) *site {
	t.Helper()
	return openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir()})
}

// beside opens the same folder once more, as another program would, once a lab file that
// it names is declared.
func (s *site) beside(cfg backend.EmbeddedConfig) *site {
	s.t.Helper()
	if cfg.LabFile != "" {
		ok(s.t, s.declare(cfg.LabFile))
	}
	cfg.DataDir = s.DataDir
	return openSite(s.t, cfg)
}

// declare applies a lab file.
func (s *site) declare(file string) error {
	s.t.Helper()
	lab, err := labfile.Read(file)
	ok(s.t, err)
	_, err = s.Client.ApplyLab(s.t.Context(), lab, nil)
	return err
}

func (s *site) networkID(name string) string {
	s.t.Helper()
	return named(s.t, networks(s.t, s.Client), name, func(n vcc.Network) string { return n.Name }).ID
}

// gateways lists the stored gateways: network, origin and addresses.
func (s *site) gateways() []string {
	s.t.Helper()
	return mapped(listed(s.t, s.Client.DefaultGateways), func(g vcc.DefaultGateway) string {
		line := g.NetworkName + ": " + string(g.Origin)
		if g.IPv4 != nil {
			line += " " + g.IPv4.Address.String()
		}
		if g.IPv6 != nil {
			line += " " + g.IPv6.Address.String()
		}
		return line
	})
}

// self is the actor of a client's calls: its own account.
var self vcc.Actor

// listed reads all of a list, and stops the test at an error.
func listed[T any](t *testing.T, list func(context.Context, vcc.Actor, vcc.Page) ([]T, int, error)) []T {
	t.Helper()
	entries, err := vcc.All(func(p vcc.Page) ([]T, int, error) { return list(t.Context(), self, p) })
	ok(t, err)
	return entries
}

func networks(t *testing.T, c *httpapi.Client) []vcc.Network {
	t.Helper()
	return listed(t, func(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.Network, int, error) {
		return c.Networks(ctx, as, vcc.NetworkFilter{}, p)
	})
}

// put stores a gateway.
func put(ctx context.Context, c *httpapi.Client, networkID string, s vcc.GatewaySettings, p vcc.Precondition) (*vcc.DefaultGateway, error) {
	g, _, err := c.PutDefaultGateway(ctx, self, networkID, s, p)
	return g, err
}

// history lists the changes of a gateway, the newest first.
func history(t *testing.T, c *httpapi.Client, networkID string) []vcc.Change {
	t.Helper()
	return listed(t, func(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.Change, int, error) {
		return c.DefaultGatewayChanges(ctx, as, networkID, p)
	})
}

// ipv4 makes settings of an address with its prefix length, such as 172.17.54.1/24.
func ipv4(gateway string) vcc.GatewaySettings {
	p := netip.MustParsePrefix(gateway)
	return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}
}

// unconditional makes a write whatever is stored.
var unconditional vcc.Precondition

// named returns the entry of a name.
func named[T any](t *testing.T, list []T, name string, key func(T) string) T {
	t.Helper()
	i := slices.IndexFunc(list, func(v T) bool { return key(v) == name })
	if i < 0 {
		t.Fatalf("there is no %q among %v", name, list)
	}
	return list[i]
}

func mapped[T, U any](list []T, to func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = to(v)
	}
	return out
}

// rounds is how often a test repeats what it is about: VCC_TEST_ROUNDS says it, else ordinary.
func rounds(t *testing.T, ordinary int) int {
	t.Helper()
	s := os.Getenv("VCC_TEST_ROUNDS")
	if s == "" {
		return ordinary
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("VCC_TEST_ROUNDS is %q and has to be a number of rounds", s)
	}
	return n
}
