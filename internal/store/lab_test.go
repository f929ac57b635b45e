package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// changed is the test lab after a change.
func changed(change func(lab *vcc.Lab)) vcc.Lab {
	lab := testLab()
	change(&lab)
	return lab
}

// drop removes a hardware plan, its subscriptions and its jobs from a lab.
func drop(lab *vcc.Lab, plan string) {
	lab.HardwarePlans = slices.DeleteFunc(lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == plan })
	for i := range lab.Tenants {
		unsubscribe(&lab.Tenants[i], plan)
	}
}

func unsubscribe(t *vcc.LabTenant, plan string) {
	t.Subscriptions = slices.DeleteFunc(t.Subscriptions, func(s string) bool { return s == plan })
	t.Jobs = slices.DeleteFunc(t.Jobs, func(j vcc.LabReplicationJob) bool { return j.HardwarePlan == plan })
}

// describe lists the networks of every tenant with their VLANs.
func (f *fixture) describe(t *testing.T) string {
	t.Helper()
	var lines []string
	for _, tenant := range query(t, f.path, "SELECT name FROM tenants ORDER BY ordinal") {
		lines = append(lines, tenant+" "+strings.Join(each(f.networks(t, f.actor(t, tenant)), nameAndVLAN), ", "))
	}
	return strings.Join(lines, "\n")
}

const testLabNetworks = "ABC Silver network 1 (internet): 101, Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201, Gold network 1: 211\n" +
	"XYZ Gold network 1 (internet): 202, Gold network 1: 212, Bronze network 1 (internet): 103"

func TestApplyLabAllocatesVLANsD1(t *testing.T) { onBoth(t, testApplyLabAllocatesVLANsD1) }

func testApplyLabAllocatesVLANsD1(t *testing.T) {
	f := newFixture(t)
	equal(t, "networks", f.describe(t), testLabNetworks)
	for _, as := range []vcc.Actor{f.abc, f.xyz} {
		for i, n := range f.networks(t, as) {
			equal(t, "network", n, vcc.Network{
				ID: n.ID, Name: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: strings.SplitN(n.Name, " ", 2)[0],
				HostID: n.HostID, VLANID: n.VLANID, InternetAccess: n.VLANID%100 < 10,
			})
			if err := vcc.ValidateNetworkID(n.ID); err != nil {
				t.Errorf("network %d: %v", i, err)
			}
		}
	}
}

// Nothing has a name or an ID with a NUL character, which PostgreSQL has in no text.
func TestNamesWithNUL(t *testing.T) { onBoth(t, testNamesWithNUL) }

func testNamesWithNUL(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"\x00", "Silver network 1 (internet)\x00", "Silver\x00 network 1"} {
		list, total, err := f.Networks(t.Context(), f.abc, vcc.NetworkFilter{Name: name}, everything)
		ok(t, err)
		equal(t, "networks", total+len(list), 0)
		_, err = f.DefaultGateway(t.Context(), f.abc, name)
		equal(t, "code", vcc.Code(err), vcc.CodeNotFound)
		_, _, err = f.PutDefaultGateway(t.Context(), f.abc, name, app, vcc.Precondition{})
		equal(t, "code", vcc.Code(err), vcc.CodeNotFound)
	}
}

// TestOddNames stores names that mean something to SQL, to YAML or to C.
func TestOddNames(t *testing.T) { onBoth(t, testOddNames) }

func testOddNames(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"it's", `a "b" c`, `back\slash`, "100%", "a?b", "née 日本 🙂", "--", "{{.}}", "NULL"} {
		lab := changed(func(lab *vcc.Lab) {
			lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{Name: name, Host: "esx01", Networks: vcc.LabNetworkCount{WithInternet: 1}})
			lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: name, Subscriptions: []string{name}})
		})
		ok(t, f.ApplyLab(t.Context(), lab, nil))
		as := f.actor(t, name)
		as.Name = name
		list, _, err := f.Networks(t.Context(), as, vcc.NetworkFilter{Name: vcc.NetworkName(name, true, 1)}, everything)
		ok(t, err)
		equal(t, "networks", each(list, networkName), []string{vcc.NetworkName(name, true, 1)})
		equal(t, "actor", f.put(t, as, list[0].ID, app).UpdatedBy, name)
		equal(t, "gateways", each(f.gateways(t, as), func(g vcc.DefaultGateway) string { return g.UpdatedBy + " " + g.HardwarePlanName }), []string{name + " " + name})
		ok(t, f.ApplyLab(t.Context(), testLab(), []string{"tenant:" + name, "plan:" + name}))
	}
}

func TestApplyLabIsRepeatable(t *testing.T) { onBoth(t, testApplyLabIsRepeatable) }

func testApplyLabIsRepeatable(t *testing.T) {
	f := newFixture(t)
	f.put(t, f.abc, f.network(t, f.abc, "Silver network 1 (internet)").ID, app)
	_, err := f.PutNetworkRouting(t.Context(), f.abc, true, vcc.Precondition{})
	ok(t, err)
	f.run(t, "Weekly", 1, map[string]vcc.GatewaySettings{"Gold network 1 (internet)": app, "Gold network 1": office})
	f.unchanged(t, func() { ok(t, f.ApplyLab(t.Context(), testLab(), nil)) })

	// There and back: only the digest, the version and the name of the provider ever differ, and the
	// version is never one from before.
	before := dump(t, f.path)
	ok(t, f.ApplyLab(t.Context(), renamed(testLab()), nil))
	changed := dump(t, f.path)
	if before["lab"][0] == changed["lab"][0] {
		t.Error("the new name was not stored")
	}
	changed["lab"] = before["lab"]
	equal(t, "the rest", changed, before)
	ok(t, f.ApplyLab(t.Context(), testLab(), nil))
	after := dump(t, f.path)
	equal(t, "version of the lab", after["lab"], []string{strings.Replace(before["lab"][0], " | 1 | 0", " | 3 | 0", 1)})
	after["lab"] = before["lab"]
	equal(t, "all else", after, before)
}

// TestApplyLabKeepsWhatIsStored changes the lab under three gateways: on the
// second network with internet access, on the one without, and on another host.
func TestApplyLabKeepsWhatIsStored(t *testing.T) { onBoth(t, testApplyLabKeepsWhatIsStored) }

func testApplyLabKeepsWhatIsStored(t *testing.T) {
	for _, tc := range []struct {
		name     string
		change   func(lab *vcc.Lab)
		remove   []string
		networks string
		gateways string
	}{
		{
			"a plan grows in both kinds: no name shifts",
			func(lab *vcc.Lab) {
				lab.HardwarePlans[0].Networks = vcc.LabNetworkCount{WithInternet: 3, WithoutInternet: 2}
				lab.Tenants[0].Jobs = nil
			},
			nil,
			"ABC Silver network 1 (internet): 101, Silver network 2 (internet): 102, Silver network 3 (internet): 104, Silver network 1: 111, Silver network 2: 112, Gold network 1 (internet): 201, Gold network 1: 211\n" +
				"XYZ Gold network 1 (internet): 202, Gold network 1: 212, Bronze network 1 (internet): 103",
			"Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201",
		},
		{
			"a plan shrinks by a network without a gateway",
			func(lab *vcc.Lab) {
				lab.HardwarePlans[2].Networks = vcc.LabNetworkCount{WithInternet: 1}
				lab.Tenants[0].Jobs = nil
			},
			[]string{"Gold"}, // of both tenants
			"ABC Silver network 1 (internet): 101, Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201\n" +
				"XYZ Gold network 1 (internet): 202, Bronze network 1 (internet): 103",
			"Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201",
		},
		{
			"tenants, plans and hosts come in another order",
			func(lab *vcc.Lab) {
				slices.Reverse(lab.Hosts)
				slices.Reverse(lab.HardwarePlans)
				slices.Reverse(lab.Tenants)
				slices.Reverse(lab.Tenants[1].Subscriptions)
			},
			nil,
			"XYZ Gold network 1 (internet): 202, Gold network 1: 212, Bronze network 1 (internet): 103\n" +
				"ABC Gold network 1 (internet): 201, Gold network 1: 211, Silver network 1 (internet): 101, Silver network 2 (internet): 102, Silver network 1: 111",
			"Gold network 1 (internet): 201, Silver network 2 (internet): 102, Silver network 1: 111",
		},
		{
			"ranges move away under what is allocated (D2), and a new tenant gets of the new ones",
			func(lab *vcc.Lab) {
				lab.Hosts[0].VLANs = []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 102, Last: 102}}, {WithInternet: vcc.VLANRange{First: 301, Last: 309}, WithoutInternet: vcc.VLANRange{First: 311, Last: 319}}}
				lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: "New", Subscriptions: []string{"Silver"}})
			},
			nil,
			testLabNetworks + "\nNew Silver network 1 (internet): 301, Silver network 2 (internet): 302, Silver network 1: 311",
			"Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201",
		},
		{
			"every range is gone (D2)",
			func(lab *vcc.Lab) { lab.Hosts[0].VLANs, lab.Hosts[1].VLANs = nil, nil },
			nil,
			testLabNetworks, "Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201",
		},
		{
			"a host, a plan and a tenant are added",
			func(lab *vcc.Lab) {
				lab.Hosts = append(lab.Hosts, vcc.Host{Name: "esx02", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 101, Last: 101}}}})
				lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{Name: "Iron", Host: "esx02", Networks: vcc.LabNetworkCount{WithInternet: 1}})
				lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: "New", Subscriptions: []string{"Iron"}})
			},
			nil,
			testLabNetworks + "\nNew Iron network 1 (internet): 101", // VLAN IDs count per host
			"Silver network 2 (internet): 102, Silver network 1: 111, Gold network 1 (internet): 201",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			for i, name := range []string{"Silver network 2 (internet)", "Silver network 1", "Gold network 1 (internet)"} {
				f.put(t, f.abc, f.network(t, f.abc, name).ID, ipv4(fmt.Sprintf("10.%d.0.1/16", i)))
			}
			_, err := f.PutNetworkRouting(t.Context(), f.abc, true, vcc.Precondition{})
			ok(t, err)
			before := dump(t, f.path)
			ok(t, f.ApplyLab(t.Context(), changed(tc.change), tc.remove))
			equal(t, "networks", f.describe(t), tc.networks)
			equal(t, "gateways and the VLANs of their networks", strings.Join(each(f.gateways(t, f.abc), func(g vcc.DefaultGateway) string {
				return nameAndVLAN(f.network(t, f.abc, g.NetworkName))
			}), ", "), tc.gateways)
			after := dump(t, f.path)
			for _, table := range []string{"default_gateways", "changes"} {
				equal(t, table, after[table], before[table])
			}
			if rows := query(t, f.path, "SELECT id FROM tenants WHERE name = 'ABC' AND routing_enabled AND revision = 4"); len(rows) != 1 {
				t.Error("the routing option or the revision changed")
			}
		})
	}
}

// TestApplyLabGivesFreedVLANsOutAgain takes a network from one tenant and
// subscribes another in one application.
func TestApplyLabGivesFreedVLANsOutAgain(t *testing.T) {
	onBoth(t, testApplyLabGivesFreedVLANsOutAgain)
}

func testApplyLabGivesFreedVLANsOutAgain(t *testing.T) {
	f := newFixture(t)
	ok(t, f.ApplyLab(t.Context(), changed(func(lab *vcc.Lab) {
		unsubscribe(&lab.Tenants[0], "Silver")
		lab.Tenants[1].Subscriptions = append(lab.Tenants[1].Subscriptions, "Silver")
	}), []string{"subscription:ABC/Silver"}))
	equal(t, "networks", f.describe(t), "ABC Gold network 1 (internet): 201, Gold network 1: 211\n"+
		"XYZ Gold network 1 (internet): 202, Gold network 1: 212, Bronze network 1 (internet): 103, Silver network 1 (internet): 101, Silver network 2 (internet): 102, Silver network 1: 111")
}

// TestApplyLabRemovesByName removes what has gateways and what has none: refused, and
// nothing changed, unless it is named.
func TestApplyLabRemovesByName(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	onBoth(t, testApplyLabRemovesByName)
}

func testApplyLabRemovesByName(t *testing.T) {
	refusal := func(what string, flags ...string) string {
		return "the lab no longer has " + what + "; nothing was changed. Put back what is to stay, or name what is to go: --remove " + strings.Join(flags, " --remove ")
	}
	for _, tc := range []struct {
		name     string
		change   func(lab *vcc.Lab)
		refusal  string
		remove   []string // each of them does
		gateways string   // what is left
		history  int      // entries of the two tenants
	}{
		{
			"a plan shrinks",
			func(lab *vcc.Lab) {
				lab.HardwarePlans[0].Networks.WithoutInternet = 0
				lab.Tenants[0].Jobs = nil
			},
			refusal(`network "Silver network 1" of tenant "ABC" with 1 default gateway`, "'network:ABC/Silver network 1'"),
			[]string{"network:ABC/Silver network 1", "Silver network 1", "subscription:ABC/Silver", "plan:Silver", "Silver", "tenant:ABC", "ABC"},
			"ABC Silver network 1 (internet), XYZ Gold network 1 (internet), XYZ Bronze network 1 (internet)", 5,
		},
		{
			"a plan shrinks by a network without a gateway",
			func(lab *vcc.Lab) {
				lab.HardwarePlans[0].Networks.WithInternet = 1
				lab.Tenants[0].Jobs = nil
			},
			refusal(`network "Silver network 2 (internet)" of tenant "ABC"`, "'network:ABC/Silver network 2 (internet)'"),
			[]string{"Silver network 2 (internet)"},
			"ABC Silver network 1 (internet), ABC Silver network 1, XYZ Gold network 1 (internet), XYZ Bronze network 1 (internet)", 4,
		},
		{
			"a subscription ends",
			func(lab *vcc.Lab) { unsubscribe(&lab.Tenants[0], "Silver") },
			refusal(`subscription of tenant "ABC" to hardware plan "Silver" with 3 networks, 2 default gateways`, "subscription:ABC/Silver"),
			[]string{"subscription:ABC/Silver", "Silver", "ABC"},
			"XYZ Gold network 1 (internet), XYZ Bronze network 1 (internet)", 6,
		},
		{
			"a subscription without gateways ends",
			func(lab *vcc.Lab) { unsubscribe(&lab.Tenants[0], "Gold") },
			refusal(`subscription of tenant "ABC" to hardware plan "Gold" with 2 networks`, "subscription:ABC/Gold"),
			[]string{"subscription:ABC/Gold"},
			"ABC Silver network 1 (internet), ABC Silver network 1, XYZ Gold network 1 (internet), XYZ Bronze network 1 (internet)", 4,
		},
		{
			"a plan is gone",
			func(lab *vcc.Lab) { drop(lab, "Bronze") },
			refusal(`hardware plan "Bronze" with 1 network, 1 default gateway`, "plan:Bronze"),
			[]string{"plan:Bronze", "Bronze"},
			"ABC Silver network 1 (internet), ABC Silver network 1, XYZ Gold network 1 (internet)", 5,
		},
		{
			"a tenant is gone, with its history",
			func(lab *vcc.Lab) { lab.Tenants = lab.Tenants[:1] },
			refusal(`tenant "XYZ" with 3 networks, 2 default gateways`, "tenant:XYZ"),
			[]string{"tenant:XYZ", "XYZ"},
			"ABC Silver network 1 (internet), ABC Silver network 1", 2,
		},
	} {
		for _, remove := range tc.remove {
			t.Run(tc.name+" by "+remove, func(t *testing.T) {
				f := newFixture(t)
				for i, name := range []string{"Silver network 1 (internet)", "Silver network 1"} {
					f.put(t, f.abc, f.network(t, f.abc, name).ID, ipv4(fmt.Sprintf("10.%d.0.1/16", i)))
				}
				for i, name := range []string{"Gold network 1 (internet)", "Bronze network 1 (internet)"} {
					f.put(t, f.xyz, f.network(t, f.xyz, name).ID, ipv4(fmt.Sprintf("10.%d.0.1/16", i)))
				}
				lab := changed(tc.change)
				f.unchanged(t, func() {
					wantError(t, f.ApplyLab(t.Context(), lab, nil), &vcc.Error{Code: vcc.CodeConflict, Message: tc.refusal})
				})
				ok(t, f.ApplyLab(t.Context(), lab, []string{remove}))
				var left []string
				for _, tenant := range lab.Tenants {
					for _, g := range f.gateways(t, f.actor(t, tenant.Name)) {
						left = append(left, tenant.Name+" "+g.NetworkName)
					}
					checkHistoryRevisions(t, f, tenant.Name)
				}
				equal(t, "gateways that are left", strings.Join(left, ", "), tc.gateways)
				rows := query(t, f.path, "SELECT actor, after IS NULL FROM changes")
				equal(t, "entries of the history", len(rows), tc.history)
				for _, row := range rows {
					if strings.HasSuffix(row, "| 1") && row != "lab file | 1" {
						t.Errorf("a removal of another actor: %s", row)
					}
				}
			})
		}
	}
}

// checkHistoryRevisions checks that a tenant's revisions are 1, 2, 3 and so on.
func checkHistoryRevisions(t *testing.T, f *fixture, tenant string) {
	t.Helper()
	checkNoGap(t, f, f.actor(t, tenant).TenantID)
}

func TestApplyLabRefuses(t *testing.T) { onBoth(t, testApplyLabRefuses) }

func testApplyLabRefuses(t *testing.T) {
	cannot := func(tenant, plan, host, kind string) *vcc.Error {
		return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf("tenant %q cannot be subscribed to hardware plan %q: host %q has no free VLAN for a network "+
			"%s internet access; widen its ranges or free a network; nothing was changed", tenant, plan, host, kind)}
	}
	unused := func(name string) *vcc.Error {
		return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf("%q was named for removal, but applying this lab removes nothing of that name; nothing was changed", name)}
	}
	for _, tc := range []struct {
		name   string
		change func(lab *vcc.Lab)
		remove []string
		want   *vcc.Error
	}{
		{"an invalid lab", func(lab *vcc.Lab) { lab.ServiceProvider.Name = "" }, nil,
			&vcc.Error{Code: vcc.CodeInvalidValue, Field: "service_provider.name", Message: "a name is required"}},
		{"no free VLAN with internet access", func(lab *vcc.Lab) { lab.HardwarePlans[0].Networks.WithInternet = 4; lab.Tenants[0].Jobs = nil }, nil,
			cannot("ABC", "Silver", "esx01", "with")},
		{"no free VLAN without", func(lab *vcc.Lab) {
			lab.Hosts[1].VLANs[0].WithoutInternet = vcc.VLANRange{First: 211, Last: 212}
			lab.Tenants = append(lab.Tenants, vcc.LabTenant{Name: "New", Subscriptions: []string{"Gold"}})
		}, nil, cannot("New", "Gold", "hyperv01", "without")},
		{"a plan in use moves to another host", func(lab *vcc.Lab) { lab.HardwarePlans[0].Host = "hyperv01" }, nil,
			&vcc.Error{Code: vcc.CodeConflict, Message: `hardware plan "Silver" cannot move to host "hyperv01": 3 networks of its subscribers have VLANs on its present host; nothing was changed`}},
		{"an unknown name to remove", func(lab *vcc.Lab) { *lab = renamed(*lab) }, []string{"Platinum"}, unused("Platinum")},
		{"the same lab with a name to remove", func(*vcc.Lab) {}, []string{"Silver"}, unused("Silver")},
		{"a name to remove that the lab still has", func(lab *vcc.Lab) { drop(lab, "Bronze") }, []string{"Bronze", "Gold"}, unused("Gold")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			f.unchanged(t, func() { wantError(t, f.ApplyLab(t.Context(), changed(tc.change), tc.remove), tc.want) })
		})
	}
}

// TestApplyLabTells: what it answers is what a preview said, and a comparison before it.
func TestApplyLabTells(t *testing.T) { onBoth(t, testApplyLabTells) }

func testApplyLabTells(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	f.put(t, f.xyz, f.network(t, f.xyz, "Bronze network 1 (internet)").ID, app)
	lab := changed(func(lab *vcc.Lab) {
		lab.HardwarePlans[0].Networks.WithoutInternet = 2
		lab.Tenants = append(lab.Tenants[:1], vcc.LabTenant{Name: "New", Subscriptions: []string{"Gold"}})
	})
	want := []string{
		`~ hardware plan "Silver": networks.without_internet from 1 to 2`,
		`- tenant "XYZ" with 3 networks, 1 default gateway`,
		`+ network "Silver network 2" of tenant "ABC"`,
		`+ tenant "New" with 2 networks`,
	}
	lines := func(changes []vcc.LabChange, err error) ([]string, error) {
		return each(changes, vcc.LabChange.Line), err
	}
	outcome := func(o vcc.LabOutcome, err error) ([]string, error) { return lines(o.Changes, err) }
	f.unchanged(t, func() {
		got, err := outcome(f.PreviewLab(ctx, valid(lab), nil))
		equal(t, "changes of a preview", got, want)
		wantCode(t, "a preview that names nothing", err, vcc.CodeConflict)
		got, err = outcome(f.PreviewLab(ctx, valid(lab), []string{"XYZ"}))
		ok(t, err)
		equal(t, "changes of a preview", got, want)
		got, err = lines(f.CompareLab(ctx, valid(lab)))
		ok(t, err)
		equal(t, "changes of a comparison", got, want)
		got, err = outcome(f.PreviewLab(ctx, valid(testLab()), nil))
		ok(t, err)
		equal(t, "changes to the same", got, []string{})
	})
	got, err := outcome(f.Store.ApplyLab(ctx, valid(lab), []string{"XYZ"}))
	ok(t, err)
	equal(t, "changes", got, want)
	got, err = lines(f.CompareLab(ctx, valid(lab)))
	ok(t, err)
	equal(t, "changes afterwards", got, []string{})
	got, err = lines(f.CompareLab(ctx, valid(testLab())))
	ok(t, err)
	equal(t, "changes back", got, []string{
		`~ hardware plan "Silver": networks.without_internet from 2 to 1`,
		`- tenant "New" with 2 networks`,
		`- network "Silver network 2" of tenant "ABC"`,
		`+ tenant "XYZ" with 3 networks`,
	})
}

// TestUnchangedLabWaitsForNobody: who declares what is declared, or compares, takes no lock of
// a writer.
func TestUnchangedLabWaitsForNobody(t *testing.T) { onBoth(t, testUnchangedLabWaitsForNobody) }

func testUnchangedLabWaitsForNobody(t *testing.T) {
	f := newFixture(t)
	other := &fixture{path: f.path}
	other.open(t)
	ok(t, other.Holding(t.Context(), func() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // busyTimeout is longer
		defer cancel()
		ok(t, f.ApplyLab(ctx, testLab(), nil))
		_, err := f.CompareLab(ctx, valid(renamed(testLab())))
		ok(t, err)
		_, err = f.Seed(ctx, valid(testLab()), true)
		ok(t, err)
	}))
}

func TestApplyLabMovesAPlanNobodyUses(t *testing.T) { onBoth(t, testApplyLabMovesAPlanNobodyUses) }

func testApplyLabMovesAPlanNobodyUses(t *testing.T) {
	f := newFixture(t)
	ok(t, f.ApplyLab(t.Context(), changed(func(lab *vcc.Lab) {
		lab.HardwarePlans[1].Host = "hyperv01"
		unsubscribe(&lab.Tenants[1], "Bronze")
	}), []string{"subscription:XYZ/Bronze"}))
	ok(t, f.ApplyLab(t.Context(), changed(func(lab *vcc.Lab) { lab.HardwarePlans[1].Host = "hyperv01" }), nil))
	equal(t, "networks", f.describe(t), strings.Replace(testLabNetworks, "Bronze network 1 (internet): 103", "Bronze network 1 (internet): 203", 1))
}

// TestApplyLabJobs checks that a job keeps its runs while the lab has it.
func TestApplyLabJobs(t *testing.T) { onBoth(t, testApplyLabJobs) }

func testApplyLabJobs(t *testing.T) {
	f := newFixture(t)
	f.run(t, "Weekly", 1, map[string]vcc.GatewaySettings{"Gold network 1 (internet)": app, "Gold network 1": office})
	weekly := f.job(t, f.abc, "Weekly")
	list := func() []string {
		jobs, _, err := f.ReplicationJobs(t.Context(), f.abc, everything)
		ok(t, err)
		return each(jobs, func(j vcc.ReplicationJob) string { return fmt.Sprint(j.Name, " of ", j.HardwarePlanName, ": ", j.Runs) })
	}
	ok(t, f.ApplyLab(t.Context(), changed(func(lab *vcc.Lab) {
		slices.Reverse(lab.Tenants[0].Jobs)
		lab.Tenants[0].Jobs[0].HardwarePlan = "Silver"
	}), nil))
	equal(t, "jobs in another order, one for another plan", list(), []string{"Weekly of Silver: 1", "Nightly of Silver: 0"})
	equal(t, "ID", f.job(t, f.abc, "Weekly").ID, weekly.ID)

	ok(t, f.ApplyLab(t.Context(), changed(func(lab *vcc.Lab) { lab.Tenants[0].Jobs = lab.Tenants[0].Jobs[:1] }), nil))
	equal(t, "jobs", list(), []string{"Nightly of Silver: 0"})
	ok(t, f.ApplyLab(t.Context(), testLab(), nil))
	equal(t, "a job that has been away is a new one", list(), []string{"Nightly of Silver: 0", "Weekly of Gold: 0"})
	if id := f.job(t, f.abc, "Weekly").ID; id == weekly.ID {
		t.Error("it has the ID of the old one")
	}
}

// TestApplyLabIsAtomic makes each kind of write fail, one table after another,
// in an application that writes to every table.
func TestApplyLabIsAtomic(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	onBoth(t, testApplyLabIsAtomic)
}

func testApplyLabIsAtomic(t *testing.T) {
	lab := changed(func(lab *vcc.Lab) {
		lab.Hosts = append(lab.Hosts[:1:1], vcc.Host{Name: "esx02", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 9}}}})
		drop(lab, "Gold")
		lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{Name: "Iron", Host: "esx02", Networks: vcc.LabNetworkCount{WithInternet: 1}})
		lab.Tenants[1].Name = "New"
		lab.Tenants[1].Subscriptions = append(lab.Tenants[1].Subscriptions, "Iron")
		// Of what stays every kind of row changes, too: rows that stay as they are, are not written.
		lab.Hosts[0].VLANs[0].WithInternet.Last++
		lab.HardwarePlans[0].Networks.WithoutInternet++
		lab.Tenants[0].Subscriptions = slices.Insert(lab.Tenants[0].Subscriptions, 0, "Iron")
		lab.Tenants[0].Jobs[0].ApplicationAware = false
	})
	f := newFixture(t)
	f.put(t, f.abc, f.network(t, f.abc, "Gold network 1 (internet)").ID, app)
	f.put(t, f.xyz, f.network(t, f.xyz, "Bronze network 1 (internet)").ID, app)
	apply := func() error { return f.ApplyLab(t.Context(), lab, []string{"Gold", "XYZ", "hyperv01"}) }
	before := dump(t, f.path)
	for table, writes := range map[string][]string{
		"lab":              {"INSERT", "UPDATE"},
		"hosts":            {"INSERT", "UPDATE", "DELETE"},
		"hardware_plans":   {"INSERT", "UPDATE", "DELETE"},
		"tenants":          {"INSERT", "UPDATE", "DELETE"},
		"subscriptions":    {"INSERT", "UPDATE", "DELETE"},
		"cloud_networks":   {"INSERT", "DELETE"},
		"default_gateways": {"DELETE"},
		"replication_jobs": {"INSERT", "UPDATE", "DELETE"},
		"changes":          {"INSERT", "DELETE"},

		"connected_networks": {"DELETE"},
	} {
		for _, write := range writes {
			if isPostgres(f.path) {
				query(t, f.path, "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'out of order'; END $$")
				query(t, f.path, fmt.Sprintf("CREATE TRIGGER fail BEFORE %s ON %s EXECUTE FUNCTION fail()", write, table))
			} else {
				query(t, f.path, fmt.Sprintf("CREATE TRIGGER fail BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'out of order'); END", write, table))
			}
			if err := apply(); err == nil || !strings.Contains(err.Error(), "out of order") {
				t.Fatalf("%s on %s: got %v", write, table, err)
			}
			drop := "DROP TRIGGER fail"
			if isPostgres(f.path) {
				drop += " ON " + table
			}
			query(t, f.path, drop)
			equal(t, fmt.Sprintf("content of the database after a failing %s on %s", write, table), dump(t, f.path), before)
		}
	}
	ok(t, apply()) // what would have happened
}
