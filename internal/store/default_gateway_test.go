package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestGatewayLifeAndHistory(t *testing.T) { onBoth(t, testGatewayLifeAndHistory) }

func testGatewayLifeAndHistory(t *testing.T) {
	f := newFixture(t)
	n := f.network(t, f.abc, "Silver network 1 (internet)")
	noGateway := &vcc.Error{Code: vcc.CodeNotFound, ResourceID: n.ID, Message: `no default gateway is stored for "Silver network 1 (internet)"`}
	stored := func(s vcc.GatewaySettings, revision int64) *vcc.DefaultGateway {
		return &vcc.DefaultGateway{
			NetworkID: n.ID, NetworkName: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: "Silver",
			Origin: vcc.OriginSpecified, Revision: revision, UpdatedAt: f.at, UpdatedBy: f.abc.Name, GatewaySettings: s,
		}
	}
	_, err := f.DefaultGateway(t.Context(), f.abc, n.ID)
	wantError(t, err, noGateway)
	equal(t, "changes", f.changes(t, f.abc, n.ID), []vcc.Change(nil))

	var want []vcc.Change // newest first
	var before *vcc.GatewayState
	for i, s := range []vcc.GatewaySettings{
		ipv4("172.17.52.1/23"),
		both(ipv4("172.17.52.1/23"), ipv6("fe80::1", "2001:db8:52::/64")),
		ipv6("2001:db8:52::1", "2001:db8:52::/48"),
	} {
		f.at = f.at.Add(time.Second)
		g, created, err := f.PutDefaultGateway(t.Context(), f.abc, n.ID, s, vcc.Precondition{})
		ok(t, err)
		if created != (i == 0) {
			t.Errorf("put %d: created is %t", i, created)
		}
		equal(t, "answer of put", g, stored(s, int64(i+1)))
		after := &vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: s}
		want = append([]vcc.Change{{Revision: int64(i + 1), Time: f.at, Actor: f.abc.Name, Before: before, After: after}}, want...)
		before = after

		got, err := f.DefaultGateway(t.Context(), f.abc, n.ID)
		ok(t, err)
		equal(t, "gateway", got, g)
		equal(t, "list", f.gateways(t, f.abc), []vcc.DefaultGateway{*g})
		equal(t, "changes", f.changes(t, f.abc, n.ID), want)
	}

	f.at = f.at.Add(time.Second)
	ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, n.ID, vcc.Precondition{}))
	want = append([]vcc.Change{{Revision: 4, Time: f.at, Actor: f.abc.Name, Before: before}}, want...)
	equal(t, "changes outlive the gateway", f.changes(t, f.abc, n.ID), want)
	equal(t, "list", f.gateways(t, f.abc), []vcc.DefaultGateway{})
	f.unchanged(t, func() {
		wantError(t, f.RemoveDefaultGateway(t.Context(), f.abc, n.ID, vcc.Precondition{}), noGateway)
		_, err = f.DefaultGateway(t.Context(), f.abc, n.ID)
		wantError(t, err, noGateway)
	})

	// A revision is never used twice.
	g, created, err := f.PutDefaultGateway(t.Context(), f.abc, n.ID, ipv4("172.17.52.1/23"), vcc.Precondition{Absent: true})
	ok(t, err)
	equal(t, "the gateway that came back", g, stored(ipv4("172.17.52.1/23"), 5))
	if !created {
		t.Error("created is false for a gateway that was removed before")
	}

	ok(t, f.Close())
	f.open(t)
	equal(t, "list after reopening", f.gateways(t, f.abc), []vcc.DefaultGateway{*g})
}

func TestRevisionCountsEveryChangeOfATenant(t *testing.T) {
	onBoth(t, testRevisionCountsEveryChangeOfATenant)
}

func testRevisionCountsEveryChangeOfATenant(t *testing.T) {
	f := newFixture(t)
	silver, gold := f.network(t, f.abc, "Silver network 1 (internet)"), f.network(t, f.abc, "Gold network 1")
	others := f.network(t, f.xyz, "Bronze network 1 (internet)")
	routing := func(enabled bool) int64 {
		r, err := f.PutNetworkRouting(t.Context(), f.abc, enabled, vcc.Precondition{})
		ok(t, err)
		return r.Revision
	}
	equal(t, "revisions", []int64{
		f.put(t, f.abc, silver.ID, ipv4("10.0.0.1/24")).Revision,
		routing(true),
		f.put(t, f.xyz, others.ID, ipv4("10.0.0.1/24")).Revision, // another tenant's count
		f.put(t, f.abc, gold.ID, ipv4("10.1.0.1/24")).Revision,
		routing(false),
		f.put(t, f.abc, silver.ID, ipv4("10.0.0.2/24")).Revision,
	}, []int64{1, 2, 1, 3, 4, 5})
	equal(t, "(tenant, revision)", query(t, f.path, "SELECT t.name, c.revision FROM changes AS c JOIN tenants AS t ON t.id = c.tenant_id ORDER BY 1, 2"),
		[]string{"ABC | 1", "ABC | 2", "ABC | 3", "ABC | 4", "ABC | 5", "XYZ | 1"})
}

func TestPutOfTheSameIsIdempotent(t *testing.T) { onBoth(t, testPutOfTheSameIsIdempotent) }

func testPutOfTheSameIsIdempotent(t *testing.T) {
	f := newFixture(t)
	n := f.network(t, f.abc, "Silver network 1 (internet)")
	for _, s := range []vcc.GatewaySettings{
		ipv4("172.17.52.1/23"), ipv6("fe80::1", "2001:db8:52::/64"), both(ipv4("172.17.52.1/23"), ipv6("fe80::1", "2001:db8:52::/64")),
	} {
		first := f.put(t, f.abc, n.ID, s)
		for _, p := range []vcc.Precondition{{}, {Revision: &first.Revision}} {
			f.unchanged(t, func() {
				f.at = f.at.Add(time.Second)
				again, created, err := f.PutDefaultGateway(t.Context(), vcc.Actor{TenantID: f.abc.TenantID, Name: "somebody else"}, n.ID, s, p)
				ok(t, err)
				equal(t, "the same once more", again, first)
				if created {
					t.Error("created is true for what was there")
				}
			})
		}
	}
}

func TestPutMakesADetectedGatewaySpecified(t *testing.T) {
	onBoth(t, testPutMakesADetectedGatewaySpecified)
}

func testPutMakesADetectedGatewaySpecified(t *testing.T) {
	f := newFixture(t)
	_, err := f.RunReplicationJob(t.Context(), f.abc, f.job(t, f.abc, "Nightly").ID)
	ok(t, err)
	detected := f.gateways(t, f.abc)[0]
	equal(t, "origin", detected.Origin, vcc.OriginDetected)
	g := f.put(t, f.abc, detected.NetworkID, detected.GatewaySettings)
	want := detected
	want.Origin, want.Revision, want.UpdatedBy = vcc.OriginSpecified, 3, f.abc.Name // two were detected
	want.Detected = &detected.GatewaySettings
	equal(t, "put of equal settings", *g, want)
	equal(t, "newest change", f.changes(t, f.abc, g.NetworkID)[0], vcc.Change{
		Revision: 3, Time: f.at, Actor: f.abc.Name,
		Before: &vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: detected.GatewaySettings},
		After:  &vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: detected.GatewaySettings},
	})
}

func TestPutRefusesInvalidSettings(t *testing.T) { onBoth(t, testPutRefusesInvalidSettings) }

func testPutRefusesInvalidSettings(t *testing.T) {
	f := newFixture(t)
	n := f.network(t, f.abc, "Silver network 1 (internet)")
	f.unchanged(t, func() {
		for field, s := range map[string]vcc.GatewaySettings{
			"":             {},
			"ipv4.address": ipv4("172.17.52.0/23"),
			"ipv6.network": ipv6("2001:db8::1", "2001:db8::1/64"),
		} {
			_, _, err := f.PutDefaultGateway(t.Context(), f.abc, n.ID, s, vcc.Precondition{})
			if all := vcc.Errors(err); len(all) != 1 || all[0].Code != vcc.CodeInvalidValue || all[0].Field != field {
				t.Errorf("want one InvalidValue of %q, got %v", field, err)
			}
		}
	})
}

func TestGatewayPreconditions(t *testing.T) { onBoth(t, testGatewayPreconditions) }

func testGatewayPreconditions(t *testing.T) {
	const name = "Silver network 1 (internet)"
	settings, other := ipv4("172.17.52.1/23"), ipv4("172.17.52.2/23")
	revision := func(r int64) vcc.Precondition { return vcc.Precondition{Revision: &r} }
	const (
		put    = "put"
		remove = "remove"
		gone   = `the default gateway of "` + name + `" was removed since it was read; nothing was changed`
		none   = `no default gateway is stored for "` + name + `"`
		exists = `"` + name + `" has a default gateway already, specified by admin of ABC; nothing was changed`
		newer  = `the default gateway of "` + name + `" was changed by admin of ABC since it was read; nothing was changed now`
	)
	for _, tc := range []struct {
		stored  int // how often the gateway was put: its revision
		removed bool
		op      string
		p       vcc.Precondition
		code    vcc.ErrorCode
		message string
	}{
		{stored: 0, op: put, p: vcc.Precondition{Absent: true}},
		{stored: 2, op: put, p: vcc.Precondition{}},
		{stored: 2, op: put, p: revision(2)},
		{stored: 2, op: remove, p: vcc.Precondition{}},
		{stored: 2, op: remove, p: revision(2)},
		{stored: 2, removed: true, op: put, p: vcc.Precondition{Absent: true}},

		{stored: 1, op: put, p: vcc.Precondition{Absent: true}, code: vcc.CodePreconditionFailed, message: exists},
		{stored: 2, op: put, p: revision(1), code: vcc.CodePreconditionFailed, message: newer},
		{stored: 2, op: put, p: revision(3), code: vcc.CodePreconditionFailed, message: newer},
		{stored: 0, op: put, p: revision(0), code: vcc.CodePreconditionFailed, message: gone},
		{stored: 2, removed: true, op: put, p: revision(2), code: vcc.CodePreconditionFailed, message: gone},
		{stored: 2, removed: true, op: put, p: revision(3), code: vcc.CodePreconditionFailed, message: gone},
		{stored: 2, op: remove, p: revision(1), code: vcc.CodePreconditionFailed, message: newer},
		{stored: 2, op: remove, p: vcc.Precondition{Absent: true}, code: vcc.CodePreconditionFailed, message: exists},
		// What is gone already is what the caller wanted, whatever revision it had seen.
		{stored: 2, removed: true, op: remove, p: revision(2), code: vcc.CodeNotFound, message: none},
		{stored: 0, op: remove, p: vcc.Precondition{}, code: vcc.CodeNotFound, message: none},
	} {
		condition := "unconditional"
		switch {
		case tc.p.Absent:
			condition = "if absent"
		case tc.p.Revision != nil:
			condition = fmt.Sprint("if revision ", *tc.p.Revision)
		}
		t.Run(fmt.Sprintf("%s %s, stored %d removed %t", tc.op, condition, tc.stored, tc.removed), func(t *testing.T) {
			f := newFixture(t)
			n := f.network(t, f.abc, name)
			var current *vcc.DefaultGateway
			for i := range tc.stored {
				current = f.put(t, f.abc, n.ID, []vcc.GatewaySettings{other, settings}[i])
			}
			revisionBefore := int64(tc.stored)
			if tc.removed {
				ok(t, f.RemoveDefaultGateway(t.Context(), f.abc, n.ID, vcc.Precondition{}))
				current = nil
				revisionBefore++
			}
			do := func() (err error) {
				if tc.op == remove {
					return f.RemoveDefaultGateway(t.Context(), f.abc, n.ID, tc.p)
				}
				var g *vcc.DefaultGateway
				g, _, err = f.PutDefaultGateway(t.Context(), f.abc, n.ID, ipv4("172.17.52.3/23"), tc.p)
				if err == nil {
					equal(t, "revision", g.Revision, revisionBefore+1)
				}
				return err
			}
			if tc.code == "" {
				ok(t, do())
				return
			}
			want := &vcc.Error{Code: tc.code, ResourceID: n.ID, Message: tc.message}
			if tc.code == vcc.CodePreconditionFailed && current != nil {
				want.Current = current
			}
			f.unchanged(t, func() { wantError(t, do(), want) })
		})
	}
}

func TestOverlapD12(t *testing.T) { onBoth(t, testOverlapD12) }

func testOverlapD12(t *testing.T) {
	f := newFixture(t)
	silver1, silver2 := f.network(t, f.abc, "Silver network 1 (internet)"), f.network(t, f.abc, "Silver network 2 (internet)")
	gold, bronze := f.network(t, f.abc, "Gold network 1 (internet)"), f.network(t, f.xyz, "Bronze network 1 (internet)")
	stored := both(ipv4("172.17.52.1/23"), ipv6("fe80::1", "2001:db8:52::/64"))
	f.put(t, f.abc, silver1.ID, stored)

	for _, tc := range []struct {
		name    string
		as      vcc.Actor
		n       vcc.Network
		s       vcc.GatewaySettings
		field   string // of the refusal
		network string
		taken   string
	}{
		{"inside of the other", f.abc, silver2, ipv4("172.17.53.1/24"), "ipv4", "172.17.53.0/24", "172.17.52.0/23"},
		{"around the other", f.abc, silver2, ipv4("172.16.0.1/12"), "ipv4", "172.16.0.0/12", "172.17.52.0/23"},
		{"the same IPv6 network, by another gateway", f.abc, silver2, ipv6("2001:db8:52::1", "2001:db8:52::/64"), "ipv6", "2001:db8:52::/64", "2001:db8:52::/64"},
		{"IPv6 alone overlaps", f.abc, silver2, both(ipv4("10.0.0.1/24"), ipv6("fe80::1", "2001:db8::/32")), "ipv6", "2001:db8::/32", "2001:db8:52::/64"},
		{"beside the other, with the same link-local gateway", f.abc, silver2, both(ipv4("172.17.54.1/23"), ipv6("fe80::1", "2001:db8:53::/64")), "", "", ""},
		{"itself", f.abc, silver1, both(ipv4("172.17.52.254/23"), stored), "", "", ""},
		{"another host", f.abc, gold, stored, "", "", ""},
		{"another tenant on the same host", f.xyz, bronze, stored, "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			put := func() error {
				_, _, err := f.PutDefaultGateway(t.Context(), tc.as, tc.n.ID, tc.s, vcc.Precondition{})
				return err
			}
			if tc.field == "" {
				ok(t, put())
				return
			}
			f.unchanged(t, func() {
				wantError(t, put(), &vcc.Error{
					Code: vcc.CodeConflict, Field: tc.field, ResourceID: silver1.ID,
					Message: fmt.Sprintf("%s overlaps %s of \"Silver network 1 (internet)\" on the same network extension appliance; "+
						"no router can serve both. Use another network here, or change that gateway first", tc.network, tc.taken),
				})
			})
		})
	}
}

// TestOtherTenantsD20 asks every method for what another tenant has: the
// answer must be the one for what nobody has.
func TestOtherTenantsD20(t *testing.T) { onBoth(t, testOtherTenantsD20) }

func testOtherTenantsD20(t *testing.T) {
	f := newFixture(t)
	network, job := f.network(t, f.xyz, "Bronze network 1 (internet)"), f.job(t, f.xyz, "Hourly")
	_, err := f.RunReplicationJob(t.Context(), f.xyz, job.ID)
	ok(t, err)
	_, err = f.PutNetworkRouting(t.Context(), f.xyz, true, vcc.Precondition{})
	ok(t, err)

	noNetwork := func(id string) *vcc.Error {
		return &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: "there is no cloud network with ID " + id}
	}
	put := func(s vcc.GatewaySettings, p vcc.Precondition) func(context.Context, string) error {
		return func(ctx context.Context, id string) error {
			_, _, err := f.PutDefaultGateway(ctx, f.abc, id, s, p)
			return err
		}
	}
	remove := func(p vcc.Precondition) func(context.Context, string) error {
		return func(ctx context.Context, id string) error { return f.RemoveDefaultGateway(ctx, f.abc, id, p) }
	}
	revision := int64(1)
	for _, tc := range []struct {
		name  string
		id    string // another tenant's
		do    func(context.Context, string) error
		error func(id string) *vcc.Error
	}{
		{"get", network.ID, func(ctx context.Context, id string) error {
			_, err := f.DefaultGateway(ctx, f.abc, id)
			return err
		}, noNetwork},
		{"put", network.ID, put(ipv4("172.17.52.1/23"), vcc.Precondition{}), noNetwork},
		{"put what is stored", network.ID, put(ipv4("10.20.0.1/24"), vcc.Precondition{}), noNetwork},
		{"put if absent", network.ID, put(ipv4("10.20.0.1/24"), vcc.Precondition{Absent: true}), noNetwork},
		{"put if revision", network.ID, put(ipv4("10.20.0.1/24"), vcc.Precondition{Revision: &revision}), noNetwork},
		{"remove", network.ID, remove(vcc.Precondition{}), noNetwork},
		{"remove if absent", network.ID, remove(vcc.Precondition{Absent: true}), noNetwork},
		{"remove if revision", network.ID, remove(vcc.Precondition{Revision: &revision}), noNetwork},
		{"changes", network.ID, func(ctx context.Context, id string) error {
			_, _, err := f.DefaultGatewayChanges(ctx, f.abc, id, everything)
			return err
		}, noNetwork},
		{"run a job", job.ID, func(ctx context.Context, id string) error {
			_, err := f.RunReplicationJob(ctx, f.abc, id)
			return err
		}, func(id string) *vcc.Error {
			return &vcc.Error{Code: vcc.CodeNotFound, ResourceID: id, Message: "there is no replication job with ID " + id}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f.unchanged(t, func() {
				for _, id := range []string{tc.id, unknownID} {
					wantError(t, tc.do(t.Context(), id), tc.error(id))
				}
			})
		})
	}

	t.Run("lists", func(t *testing.T) {
		for _, planID := range []string{network.HardwarePlanID, unknownID} {
			list, total, err := f.Networks(t.Context(), f.abc, vcc.NetworkFilter{HardwarePlanID: planID}, everything)
			if len(list) != 0 || total != 0 || err != nil {
				t.Errorf("networks of plan %s: got %v, %d, %v", planID, list, total, err)
			}
		}
		equal(t, "gateways", f.gateways(t, f.abc), []vcc.DefaultGateway{})
		equal(t, "networks of a shared plan", each(f.networks(t, f.abc), nameAndVLAN), []string{
			"Silver network 1 (internet): 101", "Silver network 2 (internet): 102", "Silver network 1: 111", "Gold network 1 (internet): 201", "Gold network 1: 211",
		})
	})

	t.Run("a tenant that does not exist", func(t *testing.T) {
		nobody := vcc.Actor{TenantID: unknownID, Name: "nobody"}
		want := &vcc.Error{Code: vcc.CodeNotFound, ResourceID: unknownID, Message: "there is no tenant with ID " + unknownID}
		f.unchanged(t, func() {
			_, err := f.NetworkRouting(t.Context(), nobody)
			wantError(t, err, want)
			_, err = f.PutNetworkRouting(t.Context(), nobody, true, vcc.Precondition{})
			wantError(t, err, want)
			_, _, err = f.PutDefaultGateway(t.Context(), nobody, network.ID, ipv4("10.20.0.1/24"), vcc.Precondition{})
			wantError(t, err, noNetwork(network.ID))
		})
		equal(t, "networks", f.networks(t, nobody), []vcc.Network{})
		equal(t, "gateways", f.gateways(t, nobody), []vcc.DefaultGateway{})
	})
}

func TestPages(t *testing.T) { onBoth(t, testPages) }

func testPages(t *testing.T) {
	f := newFixture(t)
	n := f.network(t, f.abc, "Silver network 1 (internet)")
	for i, network := range f.networks(t, f.abc) {
		f.put(t, f.abc, network.ID, ipv4(fmt.Sprintf("10.%d.0.1/16", i)))
	}
	for i := range 3 {
		f.put(t, f.abc, n.ID, ipv4(fmt.Sprintf("10.0.0.%d/16", i+2)))
	}
	lists := map[string]func(vcc.Page) ([]string, int, error){
		"plans": func(p vcc.Page) ([]string, int, error) {
			list, total, err := f.HardwarePlans(t.Context(), f.abc, p)
			return each(list, func(p vcc.HardwarePlan) string {
				return fmt.Sprint(p.Name, " ", p.HostName, " ", p.Platform, " ", p.NetworksWithInternet, "+", p.NetworksWithoutInternet)
			}), total, err
		},
		"networks": func(p vcc.Page) ([]string, int, error) {
			list, total, err := f.Networks(t.Context(), f.abc, vcc.NetworkFilter{}, p)
			return each(list, networkName), total, err
		},
		"gateways": func(p vcc.Page) ([]string, int, error) {
			list, total, err := f.DefaultGateways(t.Context(), f.abc, p)
			return each(list, func(g vcc.DefaultGateway) string { return g.NetworkName }), total, err
		},
		"changes": func(p vcc.Page) ([]string, int, error) {
			list, total, err := f.DefaultGatewayChanges(t.Context(), f.abc, n.ID, p)
			return each(list, func(c vcc.Change) string { return fmt.Sprint(c.Revision) }), total, err
		},
		"jobs": func(p vcc.Page) ([]string, int, error) {
			list, total, err := f.ReplicationJobs(t.Context(), f.abc, p)
			return each(list, func(j vcc.ReplicationJob) string { return j.Name + " of " + j.HardwarePlanName }), total, err
		},
	}
	networks := []string{"Silver network 1 (internet)", "Silver network 2 (internet)", "Silver network 1", "Gold network 1 (internet)", "Gold network 1"}
	for name, all := range map[string][]string{
		"plans":    {"Silver esx01 VMware 2+1", "Gold hyperv01 HyperV 1+1"},
		"networks": networks,
		"gateways": networks,
		"changes":  {"8", "7", "6", "1"},
		"jobs":     {"Nightly of Silver", "Weekly of Gold"},
	} {
		for skip := range len(all) + 2 {
			for limit := 1; limit <= len(all)+1; limit++ {
				list, total, err := lists[name](vcc.Page{Skip: skip, Limit: limit})
				ok(t, err)
				from := min(skip, len(all))
				equal(t, fmt.Sprintf("%d %s after %d", limit, name, skip), list, all[from:min(from+limit, len(all))])
				equal(t, "total", total, len(all))
			}
		}
	}
}

func TestNetworkFilters(t *testing.T) { onBoth(t, testNetworkFilters) }

func testNetworkFilters(t *testing.T) {
	f := newFixture(t)
	gold := f.network(t, f.abc, "Gold network 1 (internet)").HardwarePlanID
	for _, tc := range []struct {
		filter vcc.NetworkFilter
		want   []string
	}{
		{vcc.NetworkFilter{HardwarePlanID: gold}, []string{"Gold network 1 (internet)", "Gold network 1"}},
		{vcc.NetworkFilter{Name: "Silver network 1"}, []string{"Silver network 1"}},
		{vcc.NetworkFilter{HardwarePlanID: gold, Name: "Silver network 1"}, nil},
		{vcc.NetworkFilter{Name: "silver network 3"}, nil},
		{vcc.NetworkFilter{Name: "Silver network %"}, nil},
		{vcc.NetworkFilter{Name: "' OR 1=1 --"}, nil},
		{vcc.NetworkFilter{Name: "Silver network 1\x00"}, nil},
		{vcc.NetworkFilter{Name: "\xff"}, nil},
		{vcc.NetworkFilter{HardwarePlanID: "\x00"}, nil},
	} {
		list, total, err := f.Networks(t.Context(), f.abc, tc.filter, everything)
		ok(t, err)
		equal(t, fmt.Sprintf("%+v", tc.filter), each(list, networkName), tc.want)
		equal(t, "total", total, len(tc.want))
	}
}

// TestCancelledWriteLeavesNothing cancels each write in its middle: the clock is
// read between the statements of its transaction.
func TestCancelledWriteLeavesNothing(t *testing.T) { onBoth(t, testCancelledWriteLeavesNothing) }

func testCancelledWriteLeavesNothing(t *testing.T) {
	lab := testLab()
	lab.Tenants[0].Subscriptions, lab.Tenants[0].Jobs = []string{"Gold"}, nil
	for name, do := range map[string]func(ctx context.Context, f *fixture, networkID string) error{
		"put": func(ctx context.Context, f *fixture, networkID string) error {
			_, _, err := f.PutDefaultGateway(ctx, f.abc, networkID, ipv4("172.17.52.2/23"), vcc.Precondition{})
			return err
		},
		"remove": func(ctx context.Context, f *fixture, networkID string) error {
			return f.RemoveDefaultGateway(ctx, f.abc, networkID, vcc.Precondition{})
		},
		"routing": func(ctx context.Context, f *fixture, _ string) error {
			_, err := f.PutNetworkRouting(ctx, f.abc, true, vcc.Precondition{})
			return err
		},
		"job": func(ctx context.Context, f *fixture, _ string) error {
			_, err := f.RunReplicationJob(ctx, f.abc, f.job(t, f.abc, "Nightly").ID)
			return err
		},
		"lab": func(ctx context.Context, f *fixture, _ string) error { return f.ApplyLab(ctx, lab, []string{"Silver"}) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			n := f.network(t, f.abc, "Silver network 1 (internet)")
			f.put(t, f.abc, n.ID, ipv4("172.17.52.1/23"))
			f.unchanged(t, func() {
				ctx, cancel := context.WithCancel(t.Context())
				cancelled := false
				f.SetClock(func() time.Time {
					cancel()
					cancelled = true
					return f.at
				})
				if err := do(ctx, f, n.ID); !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want an error that says it was cancelled", err)
				}
				if !cancelled {
					t.Error("the write was not cancelled in its middle")
				}
			})
			f.SetClock(func() time.Time { return f.at })
			ok(t, do(t.Context(), f, n.ID)) // what would have happened
		})
	}
}

// TestDefaultGatewaysVersion: the version of the list moves with every change of the tenant and of
// what the lab declares, and with nothing else, so that a client may go on with the list that it has.
func TestDefaultGatewaysVersion(t *testing.T) { onBoth(t, testDefaultGatewaysVersion) }

func testDefaultGatewaysVersion(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	n, others := f.network(t, f.abc, "Silver network 1 (internet)"), f.network(t, f.xyz, "Bronze network 1 (internet)")
	version := func(as vcc.Actor) string {
		t.Helper()
		v, err := f.DefaultGatewaysVersion(ctx, as)
		ok(t, err)
		return v
	}
	had := map[string]string{version(f.abc): "the beginning"}
	put := func(as vcc.Actor, networkID string, s vcc.GatewaySettings, p vcc.Precondition) error {
		_, _, err := f.PutDefaultGateway(ctx, as, networkID, s, p)
		return err
	}
	apply := func(change func(lab *vcc.Lab)) error { return f.ApplyLab(ctx, changed(change), nil) }
	route := func(as vcc.Actor, enabled bool) error {
		_, err := f.PutNetworkRouting(ctx, as, enabled, vcc.Precondition{})
		return err
	}
	run := func(as vcc.Actor, job string) error {
		_, err := f.RunReplicationJob(ctx, as, f.job(t, as, job).ID)
		return err
	}
	for _, step := range []struct {
		what  string
		do    func() error
		moves bool
		code  vcc.ErrorCode
	}{
		{"nothing", func() error { return nil }, false, ""},
		{"a gateway", func() error { return put(f.abc, n.ID, app, vcc.Precondition{}) }, true, ""},
		{"the same again", func() error { return put(f.abc, n.ID, app, vcc.Precondition{}) }, false, ""},
		{"a refused one", func() error { return put(f.abc, n.ID, office, vcc.Precondition{Absent: true}) }, false, vcc.CodePreconditionFailed},
		{"other settings", func() error { return put(f.abc, n.ID, office, vcc.Precondition{}) }, true, ""},
		{"and back", func() error { return put(f.abc, n.ID, app, vcc.Precondition{}) }, true, ""},
		{"another tenant's gateway", func() error { return put(f.xyz, others.ID, office, vcc.Precondition{}) }, false, ""},
		{"another tenant's routing option", func() error { return route(f.xyz, true) }, false, ""},
		{"another tenant's job", func() error { return run(f.xyz, "Hourly") }, false, ""},
		{"the routing option", func() error { return route(f.abc, true) }, true, ""},
		{"the same option", func() error { return route(f.abc, true) }, false, ""},
		{"what a job detects", func() error { return run(f.abc, "Weekly") }, true, ""},
		{"its second run", func() error { return run(f.abc, "Weekly") }, false, ""},
		{"a removal", func() error { return f.RemoveDefaultGateway(ctx, f.abc, n.ID, vcc.Precondition{}) }, true, ""},
		{"a removal of nothing", func() error { return f.RemoveDefaultGateway(ctx, f.abc, n.ID, vcc.Precondition{}) }, false, vcc.CodeNotFound},
		{"the same lab", func() error { return apply(func(*vcc.Lab) {}) }, false, ""},
		{"another lab", func() error {
			return apply(func(lab *vcc.Lab) { lab.HardwarePlans[0].Networks.WithInternet = 3; lab.Tenants[0].Jobs = nil })
		}, true, ""},
		{"a failover", func() error { _, err := f.StartPartialFailover(ctx, f.abc, "web01"); return err }, false, vcc.CodeConflict},
		{"an account", func() error {
			query(t, f.path, "INSERT INTO accounts (username, tenant_id, password_hash, declared) VALUES ('abc', ?, ?, FALSE)", f.abc.TenantID, cheapHash)
			_, _, err := f.LogIn(ctx, "abc", password, home)
			return err
		}, false, ""},
	} {
		before := version(f.abc)
		wantCode(t, step.what, step.do(), step.code)
		after := version(f.abc)
		switch since, used := had[after]; {
		case !step.moves && after != before:
			t.Errorf("%s moved the version", step.what)
		case step.moves && used:
			t.Errorf("after %s there is the version of %s", step.what, since)
		}
		had[after] = step.what
	}
	if version(f.abc) == version(f.xyz) { // who have other numbers of changes
		t.Error("two tenants have one version")
	}
	_, err := f.DefaultGatewaysVersion(ctx, vcc.Actor{TenantID: unknownID})
	wantCode(t, "no such tenant", err, vcc.CodeNotFound)
}
