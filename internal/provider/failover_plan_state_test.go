package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func TestAccFailoverPlanDataSource(t *testing.T) {
	l := newTestLab(t)
	source := func(arguments ...string) string {
		return l.config("data \"vcc_failover_plan\" \"test\" {\n" + strings.Join(arguments, "\n") + "\n}\n")
	}
	expect := func(path string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.vcc_failover_plan.test", tfjsonpath.New(path), check)
	}
	id := `id = "` + l.failoverPlan(wholeSite).ID + `"`
	found := []statecheck.StateCheck{
		expect("name", knownvalue.StringExact(wholeSite)), expect("origin", knownvalue.StringExact("declared")), expect("updated_at", knownvalue.Null()),
		expect("vms", knownvalue.ListSizeExact(4)), expect("failed_over", knownvalue.Bool(false)),
		expect("public_ip_rules", knownvalue.ListPartial(map[int]knownvalue.Check{1: knownvalue.ObjectExact(map[string]knownvalue.Check{
			"address": knownvalue.StringExact("203.0.113.11"), "port": knownvalue.Int64Exact(8443), "to_address": knownvalue.StringExact("172.17.52.11"), "to_port": knownvalue.Int64Exact(443),
		})})),
	}
	l.run(
		resource.TestStep{Config: source(`name = "Whole site"`), ConfigStateChecks: found},
		resource.TestStep{Config: source(id), ConfigStateChecks: found},
		resource.TestStep{Config: source(id, `name = "Whole site"`), ConfigStateChecks: found},
		resource.TestStep{Config: source(), ExpectError: message("name: no failover plan is named")},
		resource.TestStep{Config: source(`name = "Hole site"`), ExpectError: message(`name: the tenant has no failover plan "Hole site"; did you mean "Whole site"?`)},
		resource.TestStep{Config: source(`id = "x"`), ExpectError: message(`id: the tenant has no failover plan "x"`)},
		resource.TestStep{Config: source(id, `name = "Half site"`), ExpectError: message(`id: this is the ID of "Whole site", and name says "Half site"`)},
		resource.TestStep{
			PreConfig: func() {
				l.command("failover", "plan", "set", "Half site", "--vm", "web01")
				l.command("failover", "start", "Half site")
			},
			Config: source(`name = "Half site"`), ConfigStateChecks: []statecheck.StateCheck{
				expect("origin", knownvalue.StringExact("specified")), expect("updated_by", knownvalue.NotNull()), expect("failed_over", knownvalue.Bool(true)),
				expect("public_ip_rules", knownvalue.ListSizeExact(0)),
			},
		},
	)
}

// What a list says of a failover plan is what an import of its identity gives.
func TestFailoverPlanList(t *testing.T) {
	l := newTestLab(t)
	l.command("failover", "plan", "set", "Half site", "--vm", "web01", "--delay", "web01=5")
	s := l.served()
	const name = "vcc_failover_plan"
	for origin, want := range map[string][]string{
		"": {
			"Whole site: VMs db01, web01, web02, file01; public IP rules 203.0.113.10:443 to 172.17.52.10:443, 203.0.113.11:8443 to 172.17.52.11:443 (declared)",
			"Half site: VMs web01 (then 5 s); public IP rules none (specified)",
		},
		"specified": {"Half site: VMs web01 (then 5 s); public IP rules none (specified)"},
	} {
		filters := map[string]tftypes.Value{}
		if origin != "" {
			filters["origin"] = text(origin)
		}
		results, diagnostics := s.listOf(t.Context(), name, 100, filters)
		if diagnostics != "" {
			t.Fatal(diagnostics)
		}
		var got []string
		for _, r := range results {
			got = append(got, r.DisplayName)
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
		if !slices.Equal(got, want) {
			t.Errorf("origin %q: %q, want %q", origin, got, want)
		}
	}
	_, diagnostics := s.listOf(t.Context(), name, 100, map[string]tftypes.Value{"origin": text("found")})
	expectText(t, diagnostics, "ERROR", `AttributeName("origin")`, `"found" is not an origin; use declared or specified`)
	imported, err := s.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: "Hole site"})
	if err != nil {
		t.Fatal(err)
	}
	expectText(t, lines(imported.Diagnostics), "ERROR", `no failover plan with the name or ID "Hole site"`, `"Half site"`, `"Whole site"`)
}

// A write whose answer is lost is looked up, never guessed.
func TestAccFailoverPlan_lostAnswers(t *testing.T) {
	l := newServedLab(t)
	w := l.workspace()
	nothing := func() {}
	w.write(l.blocks(failoverPlan("Half site", vms("web01"))))
	l.carriedOut(http.MethodPut, nothing)
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	w.write(l.blocks(failoverPlan("Half site", vms("web01", "db01"))))
	l.carriedOut(http.MethodPut, nothing)
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	l.carriedOut(http.MethodDelete, nothing)
	w.expect(0, nil, "destroy", "-auto-approve")
	if p := l.failoverPlan("Half site"); p != nil {
		t.Errorf("left: %+v", p)
	}
	// One that somebody else made meanwhile is not this resource's, however alike it is.
	w.write(l.blocks(failoverPlan("Half site", vms("web01"))))
	l.instead(http.MethodPut, func() { l.command("failover", "plan", "set", "Half site", "--vm", "web01") })
	w.expect(1, []string{"Error: Failover Plan Not Created", notKnown}, "apply", "-auto-approve")
	w.expect(1, []string{"Error: Failover Plan Specified Already"}, "plan")
	l.command("failover", "plan", "remove", "Half site")
	l.instead(http.MethodPut, nothing)
	w.expect(1, []string{"Error: Failover Plan Not Created", notKnown}, "apply", "-auto-approve")
	w.expect(0, nil, "apply", "-auto-approve")
	w.unchanged()
	l.instead(http.MethodDelete, nothing)
	w.expect(1, []string{"Error: Failover Plan Not Removed", notKnown}, "destroy", "-auto-approve")
	w.expect(0, nil, "destroy", "-auto-approve")
}
