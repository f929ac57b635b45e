package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// has is a gateway of a set.
func has(n vcc.Network, s vcc.GatewaySettings) vcc.NetworkGateway {
	return vcc.NetworkGateway{NetworkID: n.ID, GatewaySettings: s}
}

// putSet puts a set that is taken.
func (f *fixture) putSet(t *testing.T, as vcc.Actor, set vcc.GatewaySet) vcc.GatewaySetOutcome {
	t.Helper()
	outcome, err := f.PutDefaultGateways(t.Context(), as, set)
	ok(t, err)
	return outcome
}

// Networks swap what they have in one write, with one entry of the history for each and none for those that stay; and what is
// not in the scope stays.
func TestSetSwaps(t *testing.T) { onBoth(t, testSetSwaps) }

func testSetSwaps(t *testing.T) {
	f := newFixture(t)
	one, two, three := f.network(t, f.abc, "Silver network 1 (internet)"), f.network(t, f.abc, "Silver network 2 (internet)"), f.network(t, f.abc, "Silver network 1")
	gold := f.network(t, f.abc, "Gold network 1")
	f.put(t, f.abc, gold.ID, ipv4("10.9.0.1/24"))
	v6 := func(n int) vcc.GatewaySettings { return ipv6("fe80::1", fmt.Sprintf("2001:db8:%d::/64", n)) }
	first := []vcc.NetworkGateway{has(one, both(ipv4("10.0.1.1/24"), v6(1))), has(two, both(ipv4("10.0.2.1/24"), v6(2))), has(three, ipv4("10.0.3.1/24"))}
	outcome := f.putSet(t, f.abc, vcc.GatewaySet{HardwarePlanID: one.HardwarePlanID, Gateways: first, Expected: map[string]int64{}})
	equal(t, "changed", outcome.Changed, []string{one.ID, two.ID, three.ID})
	stored := f.gateways(t, f.abc)
	equal(t, "answer", outcome.Gateways, stored[:3])

	f.at = f.at.Add(time.Second)
	swapped := []vcc.NetworkGateway{has(one, first[1].GatewaySettings), has(two, first[0].GatewaySettings), has(three, first[2].GatewaySettings)}
	set := vcc.GatewaySet{HardwarePlanID: one.HardwarePlanID, Gateways: swapped, Expected: map[string]int64{}}
	for _, g := range stored[:3] {
		set.Expected[g.NetworkID] = g.Revision
	}
	outcome = f.putSet(t, f.abc, set)
	equal(t, "changed", outcome.Changed, []string{one.ID, two.ID})
	equal(t, "revisions", each(f.gateways(t, f.abc), func(g vcc.DefaultGateway) int64 { return g.Revision }), []int64{5, 6, 4, 1})
	equal(t, "newest change", f.changes(t, f.abc, two.ID)[0], vcc.Change{
		Revision: 6, Time: f.at, Actor: f.abc.Name,
		Before: &vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: first[1].GatewaySettings},
		After:  &vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: first[0].GatewaySettings},
	})
	// The same once more changes nothing.
	set.Expected = nil
	f.unchanged(t, func() { equal(t, "changed", f.putSet(t, f.abc, set).Changed, []string(nil)) })
	// The overlaps are known as they are now.
	_, _, err := f.PutDefaultGateway(t.Context(), f.abc, gold.ID, ipv4("10.0.1.9/24"), vcc.Precondition{})
	if gold.HostID == one.HostID && vcc.Code(err) != vcc.CodeConflict {
		t.Errorf("an overlap was stored: %v", err)
	}
	checkOrder(t, f)
}

// checkOrder checks what holds at any time, without counting actors.
func checkOrder(t *testing.T, f *fixture) {
	t.Helper()
	checkNoGap(t, f, f.abc.TenantID)
	equal(t, "number of gateways", query(t, f.path, "SELECT gateways FROM tenants WHERE id = ?", f.abc.TenantID), []string{fmt.Sprint(len(f.gateways(t, f.abc)))})
	networks := map[string]int{}
	for _, g := range f.gateways(t, f.abc) {
		networks[g.NetworkID] = len(g.Networks())
	}
	for id, n := range networks {
		equal(t, "connected networks of "+id, query(t, f.path, "SELECT count(*) FROM connected_networks WHERE network_id = ?", id), []string{fmt.Sprint(n)})
	}
	total := 0
	for _, n := range networks {
		total += n
	}
	equal(t, "connected networks", query(t, f.path, "SELECT count(*) FROM connected_networks WHERE tenant_id = ?", f.abc.TenantID), []string{fmt.Sprint(total)})
}

// What is refused changes nothing, and says what is wrong with each network.
func TestSetIsRefusedWhole(t *testing.T) { onBoth(t, testSetIsRefusedWhole) }

func testSetIsRefusedWhole(t *testing.T) {
	f := newFixture(t)
	one, two := f.network(t, f.abc, "Silver network 1 (internet)"), f.network(t, f.abc, "Silver network 2 (internet)")
	gold, foreign := f.network(t, f.abc, "Gold network 1"), f.network(t, f.xyz, "Bronze network 1 (internet)")
	g := f.put(t, f.abc, two.ID, ipv4("10.0.2.1/24"))
	free, taken := ipv4("10.0.5.1/24"), ipv4("10.0.2.9/24")
	plan := one.HardwarePlanID
	for name, tc := range map[string]struct {
		set     vcc.GatewaySet
		code    vcc.ErrorCode
		says    string
		current bool
	}{
		"a value":            {vcc.GatewaySet{Gateways: []vcc.NetworkGateway{has(one, free), has(two, ipv4("10.0.2.0/24"))}}, vcc.CodeInvalidValue, "gateways[1].ipv4.address", false},
		"a network twice":    {vcc.GatewaySet{Gateways: []vcc.NetworkGateway{has(one, free), has(one, free)}}, vcc.CodeInvalidValue, "gateways[1].networkId: the network is at gateways[0] already", false},
		"no such plan":       {vcc.GatewaySet{HardwarePlanID: "nothing"}, vcc.CodeNotFound, "there is no hardware plan with ID nothing", false},
		"another's network":  {vcc.GatewaySet{Gateways: []vcc.NetworkGateway{has(one, free), has(foreign, free)}}, vcc.CodeNotFound, "gateways[1].networkId: there is no cloud network with ID " + foreign.ID, false},
		"another plan's":     {vcc.GatewaySet{HardwarePlanID: plan, Gateways: []vcc.NetworkGateway{has(gold, free)}}, vcc.CodeNotFound, "there is no cloud network with ID " + gold.ID, false},
		"an overlap":         {vcc.GatewaySet{HardwarePlanID: plan, Gateways: []vcc.NetworkGateway{has(one, taken), has(two, ipv4("10.0.2.1/25"))}}, vcc.CodeConflict, "gateways[1].ipv4: 10.0.2.0/25 overlaps 10.0.2.0/24 of \"Silver network 1 (internet)\"", false},
		"an unexpected one":  {vcc.GatewaySet{HardwarePlanID: plan, Gateways: []vcc.NetworkGateway{has(one, free)}, Expected: map[string]int64{}}, vcc.CodePreconditionFailed, `"Silver network 2 (internet)" has a default gateway already`, true},
		"another revision":   {vcc.GatewaySet{HardwarePlanID: plan, Expected: map[string]int64{two.ID: g.Revision + 1}}, vcc.CodePreconditionFailed, `the default gateway of "Silver network 2 (internet)" was changed by`, true},
		"none that expected": {vcc.GatewaySet{HardwarePlanID: plan, Expected: map[string]int64{two.ID: g.Revision, one.ID: 1}}, vcc.CodePreconditionFailed, `the default gateway of "Silver network 1 (internet)" was removed since`, false},
	} {
		f.unchanged(t, func() {
			_, err := f.PutDefaultGateways(t.Context(), f.abc, tc.set)
			if vcc.Code(err) != tc.code || err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: got %v, want %s: %s", name, err, tc.code, tc.says)
			}
			if current, ok := vcc.Errors(err)[0].Current.(*vcc.DefaultGateway); ok != tc.current || ok && current.NetworkID != two.ID {
				t.Errorf("%s: current is %+v", name, current)
			}
		})
	}
	// What a set keeps out of its hands is left alone, whatever it is.
	f.put(t, f.abc, one.ID, free)
	f.putSet(t, f.abc, vcc.GatewaySet{HardwarePlanID: plan, Expected: map[string]int64{two.ID: g.Revision}, KeepOthers: true})
	equal(t, "left", each(f.gateways(t, f.abc), func(g vcc.DefaultGateway) string { return g.NetworkName }), []string{one.Name})
}

// What was detected is adopted, or removed, and comes back; what has no place any more does not, and the rest does.
func TestSetBringsBackDetected(t *testing.T) { onBoth(t, testSetBringsBackDetected) }

func testSetBringsBackDetected(t *testing.T) {
	f := newFixture(t)
	_, err := f.RunReplicationJob(t.Context(), f.abc, f.job(t, f.abc, "Nightly").ID)
	ok(t, err)
	detected := f.gateways(t, f.abc)
	if len(detected) != 2 {
		t.Fatalf("%d gateways were detected", len(detected))
	}
	adopted, named := detected[0], detected[1]
	create := vcc.GatewaySet{HardwarePlanID: adopted.HardwarePlanID, Gateways: []vcc.NetworkGateway{{NetworkID: adopted.NetworkID, GatewaySettings: ipv4("10.0.0.1/24")}}, Expected: map[string]int64{}}
	expect := func() map[string]int64 {
		revisions := map[string]int64{}
		for _, g := range f.gateways(t, f.abc) {
			if g.HardwarePlanID == adopted.HardwarePlanID {
				revisions[g.NetworkID] = g.Revision
			}
		}
		return revisions
	}
	destroy := vcc.GatewaySet{HardwarePlanID: adopted.HardwarePlanID, KeepOthers: true, RestoreDetected: true, RestoreRemoved: []string{adopted.NetworkID, named.NetworkID, "of a network that is gone"}}
	settings := func(g vcc.DefaultGateway) string {
		return fmt.Sprintf("%s %s %v", g.NetworkName, g.Origin, g.Networks())
	}
	for _, again := range []string{"at once", "after a change of which network is named"} {
		create.Expected = expect()
		f.putSet(t, f.abc, create)
		if again != "at once" {
			f.putSet(t, f.abc, vcc.GatewaySet{HardwarePlanID: adopted.HardwarePlanID, Gateways: []vcc.NetworkGateway{{NetworkID: named.NetworkID, GatewaySettings: ipv4("10.0.0.1/24")}}})
		}
		destroy.Expected = expect()
		outcome := f.putSet(t, f.abc, destroy)
		equal(t, "back "+again, each(f.gateways(t, f.abc), settings), each(detected, settings))
		equal(t, "answer", each(outcome.Gateways, settings), each(detected, settings))
	}
	// The place of one is taken.
	create.Expected = expect()
	f.putSet(t, f.abc, create)
	var other vcc.Network
	for _, n := range f.networks(t, f.abc) {
		if n.HardwarePlanID == adopted.HardwarePlanID && n.ID != adopted.NetworkID && n.ID != named.NetworkID {
			other = n
		}
	}
	f.put(t, f.abc, other.ID, adopted.GatewaySettings)
	destroy.Expected = map[string]int64{adopted.NetworkID: expect()[adopted.NetworkID]}
	f.putSet(t, f.abc, destroy)
	equal(t, "names", each(f.gateways(t, f.abc), func(g vcc.DefaultGateway) bool { return g.NetworkID == other.ID || g.NetworkID == named.NetworkID }), []bool{true, true})
	checkOrder(t, f)
}

// Random sets do what the plainest reading of them says, and the store stays in order.
func TestSetAgainstModel(t *testing.T) { onBoth(t, testSetAgainstModel) }

func testSetAgainstModel(t *testing.T) {
	outer := t
	f := newFixture(t)
	ctx := context.Background()
	networks := f.networks(t, f.abc)
	plans := []string{""}
	for _, n := range networks {
		if plans[len(plans)-1] != n.HardwarePlanID {
			plans = append(plans, n.HardwarePlanID)
		}
	}
	seen := map[vcc.ErrorCode]int{}
	all := func() bool { return seen[""] > 0 && seen[vcc.CodeConflict] > 0 && seen[vcc.CodePreconditionFailed] > 0 }
	checkUntil(t, all, func(t *rapid.T) {
		before := map[string]vcc.DefaultGateway{}
		revision := int64(0)
		for _, g := range f.gateways(outer, f.abc) {
			before[g.NetworkID] = g
			revision = max(revision, g.Revision)
		}
		set := vcc.GatewaySet{HardwarePlanID: rapid.SampledFrom(plans).Draw(t, "plan")}
		conditional, stale := rapid.Bool().Draw(t, "conditional"), rapid.IntRange(0, 9).Draw(t, "stale") == 0
		if conditional {
			set.Expected = map[string]int64{}
		}
		want := map[string]vcc.GatewaySettings{}
		for _, n := range networks {
			if g, stored := before[n.ID]; set.HardwarePlanID != "" && n.HardwarePlanID != set.HardwarePlanID {
				if stored {
					want[n.ID] = g.GatewaySettings
				}
				continue
			} else if stored && conditional {
				set.Expected[n.ID] = g.Revision
				if stale {
					set.Expected[n.ID]--
				}
			}
			if place := rapid.IntRange(0, 2*len(networks)).Draw(t, n.Name); place <= len(networks) {
				s := ipv4(fmt.Sprintf("10.0.%d.1/24", place))
				want[n.ID] = s
				set.Gateways = append(set.Gateways, has(n, s))
			}
		}
		conflict := false
		for i, a := range networks {
			for _, b := range networks[:i] {
				s, ok := want[a.ID]
				o, also := want[b.ID]
				conflict = conflict || ok && also && a.HostID == b.HostID && overlap(s, o)
			}
		}
		_, err := f.PutDefaultGateways(ctx, f.abc, set)
		seen[vcc.Code(err)]++
		after := map[string]vcc.DefaultGateway{}
		for _, g := range f.gateways(outer, f.abc) {
			after[g.NetworkID] = g
		}
		switch {
		case conditional && stale && len(set.Expected) > 0:
			equal(t, "code", vcc.Code(err), vcc.CodePreconditionFailed)
		case conflict:
			equal(t, "code", vcc.Code(err), vcc.CodeConflict)
		default:
			ok(t, err)
		}
		if err != nil {
			equal(t, "gateways", after, before)
			return
		}
		for id, g := range after {
			was, stored := before[id]
			s, wanted := want[id]
			if !wanted || !g.Equal(s) || g.Origin != vcc.OriginSpecified || stored && was.Equal(s) != (was.Revision == g.Revision) {
				t.Errorf("%s has %+v, want %+v, had %+v", id, g, s, was)
			}
		}
		equal(t, "number of gateways", len(after), len(want))
	})
	checkOrder(outer, f)
}
