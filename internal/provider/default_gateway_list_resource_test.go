package provider_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestDefaultGatewayList(t *testing.T) {
	l := newTestLab(t)
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	s := l.served()
	type filters map[string]tftypes.Value
	names := map[string]string{
		silver1: silver1 + ": 172.17.52.1 in 172.17.52.0/23, fe80::1 in 2001:db8:52::/64 (detected)",
		silver2: silver2 + ": 172.17.56.1 in 172.17.56.0/24 (detected)",
		silver3: silver3 + ": 172.17.54.1 in 172.17.54.0/24 (specified)",
		bronze1: bronze1 + ": 172.17.58.1 in 172.17.58.0/24 (detected)",
	}
	for name, test := range map[string]struct {
		filters filters
		limit   int64
		want    []string
	}{
		"all":                {nil, 100, []string{silver1, silver2, silver3, bronze1}},
		"no limit":           {nil, 0, []string{silver1, silver2, silver3, bronze1}},
		"the first":          {nil, 2, []string{silver1, silver2}},
		"of a plan":          {filters{"hardware_plan": text("VMware Bronze")}, 100, []string{bronze1}},
		"detected":           {filters{"origin": text("detected")}, 100, []string{silver1, silver2, bronze1}},
		"specified":          {filters{"origin": text("specified")}, 100, []string{silver3}},
		"detected in a plan": {filters{"origin": text("detected"), "hardware_plan": text("VMware Silver")}, 100, []string{silver1, silver2}},
		"none":               {filters{"origin": text("specified"), "hardware_plan": text("VMware Bronze")}, 100, nil},
	} {
		t.Run(name, func(t *testing.T) {
			results, diagnostics := s.list(t.Context(), test.limit, test.filters)
			if diagnostics != "" {
				t.Fatal(diagnostics)
			}
			var got, want []string
			for _, r := range results {
				got = append(got, r.DisplayName)
			}
			for _, network := range test.want {
				want = append(want, names[network])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a list says of a gateway is what an import of its identity gives.
func TestDefaultGatewayList_importable(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	results, diagnostics := s.list(t.Context(), 100, nil)
	if diagnostics != "" || len(results) != 3 {
		t.Fatalf("%d gateways, want 3: %s", len(results), diagnostics)
	}
	const name = "vcc_default_gateway"
	for _, r := range results {
		imported, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, Identity: r.Identity})
		if err != nil || len(imported.Diagnostics) > 0 {
			t.Fatal(err, lines(imported.Diagnostics))
		}
		one := imported.ImportedResources[0]
		read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: name, CurrentState: one.State, Private: one.Private, CurrentIdentity: one.Identity,
		})
		if err != nil || len(read.Diagnostics) > 0 {
			t.Fatal(err, lines(read.Diagnostics))
		}
		if !slices.Equal(r.Resource.MsgPack, read.NewState.MsgPack) {
			t.Errorf("%s: listed %x, imported %x", r.DisplayName, r.Resource.MsgPack, read.NewState.MsgPack)
		}
	}
}

func TestDefaultGatewayList_errors(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	say := func(s *server, filters map[string]tftypes.Value) string {
		results, diagnostics := s.list(t.Context(), 100, filters)
		if len(results) > 0 {
			t.Errorf("%d results beside an error", len(results))
		}
		return diagnostics
	}
	expectText(t, say(s, map[string]tftypes.Value{"origin": text("found")}),
		"ERROR", `AttributeName("origin")`, `"found" is not an origin; use detected or specified`)
	expectText(t, say(s, map[string]tftypes.Value{"hardware_plan": text("VMware Gold")}),
		"ERROR", `AttributeName("hardware_plan")`, `did you mean "VMware Silver", "VMware Bronze"?`)
	expectText(t, say(unconfigured(t), nil), "ERROR", "values that are not known yet")

	gone := newServer(t)
	if text := gone.configure(map[string]tftypes.Value{
		"endpoint": text("http://127.0.0.1:1"), "username": text("u"), "password": text("p"), "max_retries": tftypes.NewValue(tftypes.Number, 0),
	}); text != "" {
		t.Fatal(text)
	}
	expectText(t, say(gone, nil), "ERROR", "Default Gateways Not Listed", "127.0.0.1:1")
}

func TestDefaultGatewayList_cancelled(t *testing.T) {
	said := cancelled(t, "GET /api/v1/cloudConnect/defaultGateways", map[string]string{}, func(ctx context.Context, s *server) string {
		_, diagnostics := s.list(ctx, 100, nil)
		return diagnostics
	})
	expectText(t, said, "ERROR", "Default Gateways Not Listed")
}
