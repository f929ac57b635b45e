package backend_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
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

// same compares what a test got with what it wants.
func same[T any](t *testing.T, what string, got, want T, opts ...cmp.Option) {
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
	lab, err := backend.ReadLab(file)
	ok(s.t, err)
	_, err = s.Client.PutLab(s.t.Context(), lab, nil)
	return err
}

func (s *site) networkID(name string) string {
	s.t.Helper()
	networks := listed(s.t, func(ctx context.Context) ([]httpapi.Network, error) { return s.Client.Networks(ctx, "") })
	return named(s.t, networks, name, func(n httpapi.Network) string { return n.Name }).ID
}

// gateways lists the stored gateways: network, origin and addresses.
func (s *site) gateways() []string {
	s.t.Helper()
	return mapped(listed(s.t, s.Client.DefaultGateways), func(g httpapi.DefaultGateway) string {
		line := g.NetworkName + ": " + string(g.Origin)
		if g.IPv4 != nil {
			line += " " + g.IPv4.Address
		}
		if g.IPv6 != nil {
			line += " " + g.IPv6.Address
		}
		return line
	})
}

// listed stops the test at an error of a list.
func listed[T any](t *testing.T, list func(context.Context) ([]T, error)) []T {
	t.Helper()
	entries, err := list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// named returns the entry of a name.
func named[T any](t *testing.T, list []T, name string, of func(T) string) T {
	t.Helper()
	i := slices.IndexFunc(list, func(v T) bool { return of(v) == name })
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
