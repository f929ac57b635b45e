package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// named is a vcc_default_gateway of a name, on a network.
func named(name, network, address, mask string) string {
	return fmt.Sprintf("resource \"vcc_default_gateway\" %q {\n  network_name = %q\n  %s\n}\n", name, network, ipv4(address, mask))
}

// IP networks that one gateway gives up are another's in the same apply, whichever Terraform writes first.
func TestAccOverlap_freed(t *testing.T) {
	t.Parallel()
	rounds(t, func(t *testing.T) {
		_, w := roundOn(t)
		w.write(w.config(named("a", silver3, "10.0.0.1", "255.255.254.0")))
		w.expect(0, nil, "apply", "-auto-approve")
		// It shrinks, and what is free goes to a new one.
		w.write(w.config(named("a", silver3, "10.0.0.1", "255.255.255.0"), named("b", silver4, "10.0.1.1", "255.255.255.0")))
		w.expect(0, []string{"1 added, 1 changed"}, "apply", "-auto-approve")
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		// The other way round, by updates alone.
		w.write(w.config(named("a", silver3, "10.0.2.1", "255.255.255.0"), named("b", silver4, "10.0.0.1", "255.255.254.0")))
		w.expect(0, []string{"0 added, 2 changed"}, "apply", "-auto-approve")
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
		// One goes, and the other one takes its place.
		w.write(w.config(named("a", silver3, "10.0.1.1", "255.255.255.0")))
		w.expect(0, []string{"0 added, 1 changed, 1 destroyed"}, "apply", "-auto-approve")
		w.expect(0, []string{"No changes."}, "plan", "-detailed-exitcode")
	})
}

// An overlap that the apply would not end is an error of the plan, which names the other network.
func TestAccOverlap_planned(t *testing.T) {
	l := newTestLab(t)
	w := l.newWorkspace()
	before := l.gateways()
	refused := func(want string, blocks ...string) {
		t.Helper()
		w.write(w.config(blocks...))
		w.expect(1, []string{"Error: Default Gateway Not Planned", want, "Use another network here"}, "plan")
	}
	refused(`172.17.53.0/24 overlaps 172.17.52.0/23 of "VMware Silver network 1 (internet)"`, named("a", silver3, "172.17.53.1", "255.255.255.0"))
	out, _ := w.terraform("plan")
	if !strings.Contains(out, "ipv4: 172.17.53.0/24 overlaps") && !strings.Contains(out, "172.17.53.0/24 overlaps") {
		t.Error(out)
	}
	// Both are new.
	refused(" of \"VMware Silver network ", named("a", silver3, "10.0.0.1", "255.255.255.0"), named("b", silver4, "10.0.0.129", "255.255.255.128"))
	// One is there and stays, and the other one is new or changes.
	w.write(w.config(named("a", silver3, "10.0.0.1", "255.255.255.0"), named("b", silver4, "10.0.1.1", "255.255.255.0")))
	w.expect(0, nil, "apply", "-auto-approve")
	refused(`10.0.0.0/24 of "VMware Silver network 1"`, named("a", silver3, "10.0.0.1", "255.255.255.0"), named("b", silver4, "10.0.0.2", "255.255.255.0"))
	// Both change, into each other.
	refused(" of \"VMware Silver network ", named("a", silver3, "10.0.4.1", "255.255.252.0"), named("b", silver4, "10.0.5.1", "255.255.255.0"))
	w.write(w.config())
	w.expect(0, nil, "apply", "-auto-approve")
	expectUnchanged(t, l, before)
}

// A plan for one tenant is not carried out for another, and nothing leaves the state.
func TestOtherTenant_applies(t *testing.T) {
	l := newTestLab(t)
	first := l.served()
	gateway := first.creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.1"))
	option := first.creation("vcc_network_routing", map[string]tftypes.Value{"enabled": tftypes.NewValue(tftypes.Bool, true)})
	for _, c := range []*change{gateway, option} {
		must(t, c.plan())
		must(t, c.apply())
	}
	before := l.gateways()
	s := newServer(t)
	object := embedded(l.dir)
	var values map[string]tftypes.Value
	if err := object.As(&values); err != nil {
		t.Fatal(err)
	}
	values["tenant"] = text("XYZ Holding")
	if said := s.configure(map[string]tftypes.Value{"embedded": tftypes.NewValue(object.Type(), values)}); said != "" {
		t.Fatal(said)
	}
	for _, c := range []*change{gateway, option} {
		removed := s.removal(c)
		expectText(t, removed.apply(), "ERROR", `The state is of tenant "ABC Company", and the provider now acts for "XYZ Holding"`)
		if removed.gone() {
			t.Errorf("%s left the state", c.resource)
		}
	}
	expectUnchanged(t, l, before)
}

// Two gateways that are planned to have one IP network clash in the plan, whichever is planned first.
func TestOverlap_sameNetworkPlannedTwice(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	must(t, s.creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.1")).plan())
	expectText(t, s.creation("vcc_default_gateway", l.gatewayOf(silver4, "172.17.54.2")).plan(),
		"ERROR", `172.17.54.0/24 overlaps 172.17.54.0/24 of "VMware Silver network 1"`)
}
