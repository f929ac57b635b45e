package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// model is the plainest store of one tenant that could be right.
type model struct {
	revision int64
	gateways map[string]vcc.DefaultGateway // by network
	changes  map[string][]vcc.Change       // by network, oldest first
	routing  vcc.NetworkRouting
}

// precondition returns the code that a condition fails with on a gateway.
func (m *model) precondition(networkID string, p vcc.Precondition) vcc.ErrorCode {
	current, stored := m.gateways[networkID]
	if p.Absent && stored || p.Revision != nil && (!stored || *p.Revision != current.Revision) {
		return vcc.CodePreconditionFailed
	}
	return ""
}

func (m *model) put(as vcc.Actor, networks []vcc.Network, n vcc.Network, s vcc.GatewaySettings, p vcc.Precondition, at time.Time) vcc.ErrorCode {
	if code := m.precondition(n.ID, p); code != "" {
		return code
	}
	current, stored := m.gateways[n.ID]
	if stored && current.Origin == vcc.OriginSpecified && current.Equal(s) {
		return ""
	}
	detected := current.Detected
	if stored && current.Origin == vcc.OriginDetected {
		detected = &current.GatewaySettings
	}
	return m.store(as, networks, n, vcc.GatewayState{Origin: vcc.OriginSpecified, GatewaySettings: s}, detected, at)
}

// store puts a gateway in the place of whatever a network had.
func (m *model) store(as vcc.Actor, networks []vcc.Network, n vcc.Network, s vcc.GatewayState, detected *vcc.GatewaySettings, at time.Time) vcc.ErrorCode {
	for _, other := range networks {
		if g, stored := m.gateways[other.ID]; stored && other.ID != n.ID && other.HostID == n.HostID && overlap(g.GatewaySettings, s.GatewaySettings) {
			return vcc.CodeConflict
		}
	}
	m.revision++
	m.gateways[n.ID] = vcc.DefaultGateway{
		NetworkID: n.ID, NetworkName: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: n.HardwarePlanName,
		Origin: s.Origin, Revision: m.revision, UpdatedAt: at, UpdatedBy: as.Name, GatewaySettings: s.GatewaySettings, Detected: detected,
	}
	m.record(as, n.ID, &s, at)
	return ""
}

// detect is the first run of a job that finds settings for some networks.
func (m *model) detect(as vcc.Actor, networks []vcc.Network, found map[string]vcc.GatewaySettings, at time.Time) {
	for _, n := range networks {
		if s, ok := found[n.ID]; ok {
			if _, stored := m.gateways[n.ID]; !stored {
				m.store(as, networks, n, vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: s}, nil, at) // or a conflict
			}
		}
	}
}

// restore is remove, or brings back what was detected.
func (m *model) restore(as vcc.Actor, networks []vcc.Network, n vcc.Network, p vcc.Precondition, at time.Time) vcc.ErrorCode {
	current := m.gateways[n.ID]
	if current.Detected == nil || m.precondition(n.ID, p) != "" {
		return m.remove(as, n.ID, p, at)
	}
	return m.store(as, networks, n, vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: *current.Detected}, nil, at)
}

func (m *model) remove(as vcc.Actor, networkID string, p vcc.Precondition, at time.Time) vcc.ErrorCode {
	if _, stored := m.gateways[networkID]; !stored {
		return vcc.CodeNotFound
	}
	if code := m.precondition(networkID, p); code != "" {
		return code
	}
	m.revision++
	delete(m.gateways, networkID)
	m.record(as, networkID, nil, at)
	return ""
}

func (m *model) record(as vcc.Actor, networkID string, after *vcc.GatewayState, at time.Time) {
	c := vcc.Change{Revision: m.revision, Time: at, Actor: as.Name, After: after}
	if before := m.changes[networkID]; len(before) > 0 {
		c.Before = before[len(before)-1].After
	}
	m.changes[networkID] = append(m.changes[networkID], c)
}

func (m *model) putRouting(as vcc.Actor, enabled bool, p vcc.Precondition, at time.Time) vcc.ErrorCode {
	if p.Absent || p.Revision != nil && *p.Revision != m.routing.Revision {
		return vcc.CodePreconditionFailed
	}
	if m.routing.Enabled != enabled {
		m.revision++
		m.routing.Enabled, m.routing.Revision, m.routing.UpdatedAt, m.routing.UpdatedBy = enabled, m.revision, at, as.Name
	}
	return ""
}

func overlap(a, b vcc.GatewaySettings) bool {
	return a.IPv4 != nil && b.IPv4 != nil && a.IPv4.Network().Overlaps(b.IPv4.Network()) ||
		a.IPv6 != nil && b.IPv6 != nil && a.IPv6.Network.Overlaps(b.IPv6.Network)
}

// TestStoreAgainstModel plays random writes on the store and on the model.
func TestStoreAgainstModel(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	onBoth(t, testStoreAgainstModel)
}

func testStoreAgainstModel(t *testing.T) {
	outer := t
	f := newFixture(t)
	networks := f.networks(t, f.abc)
	ctx := context.Background()
	settings := rapid.Custom(func(t *rapid.T) vcc.GatewaySettings { // so few that they meet
		v4 := ipv4(rapid.SampledFrom([]string{"10.0.0.1/24", "10.0.0.2/23", "172.17.52.1/23", "172.17.53.1/24"}).Draw(t, "ipv4"))
		v6 := ipv6("fe80::1", rapid.SampledFrom([]string{"2001:db8::/64", "2001:db8:0:1::/64", "2001:db8:1::/64", "2001:db8::/48"}).Draw(t, "ipv6"))
		return rapid.SampledFrom([]vcc.GatewaySettings{v4, v6, both(v4, v6)}).Draw(t, "families")
	})
	condition := func(t *rapid.T, revision int64) vcc.Precondition {
		stale := revision + rapid.Int64Range(-1, 1).Draw(t, "distance")
		return rapid.SampledFrom([]vcc.Precondition{{}, {}, {Absent: true}, {Revision: &revision}, {Revision: &stale}}).Draw(t, "condition")
	}
	answered := func(t *rapid.T, err error, want vcc.ErrorCode) {
		if got := vcc.Code(err); got != want {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	}
	nothing := `DELETE FROM connected_networks; DELETE FROM default_gateways; DELETE FROM changes;
		UPDATE tenants SET revision = 0, gateways = 0, routing_enabled = FALSE, routing_revision = 0, routing_updated_at = NULL, routing_updated_by = ''`
	seen, restored := map[vcc.ErrorCode]int{}, map[vcc.ErrorCode]int{}
	job := f.job(t, f.abc, "Nightly")
	found := map[string]vcc.GatewaySettings{networks[0].ID: appBoth, networks[2].ID: officeBoth}

	all := func() bool {
		for _, code := range []vcc.ErrorCode{"", vcc.CodeConflict, vcc.CodePreconditionFailed, vcc.CodeNotFound} {
			if seen[code] == 0 || restored[code] == 0 && code != vcc.CodeConflict { // which is rare, and has a test of its own
				return false
			}
		}
		return true
	}
	checkUntil(t, all, func(rt *rapid.T) {
		query(t, f.path, nothing)
		m := &model{
			gateways: map[string]vcc.DefaultGateway{}, changes: map[string][]vcc.Change{},
			routing: vcc.NetworkRouting{TenantID: f.abc.TenantID, TenantName: "ABC"},
		}
		versions := map[string][]vcc.DefaultGateway{}
		as := func(t *rapid.T) vcc.Actor {
			return vcc.Actor{TenantID: f.abc.TenantID, Name: rapid.SampledFrom([]string{"anna", "bert"}).Draw(t, "actor")}
		}
		network := rapid.SampledFrom(networks)
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				as, n, s := as(t), network.Draw(t, "network"), settings.Draw(t, "settings")
				p := condition(t, m.gateways[n.ID].Revision)
				_, existed := m.gateways[n.ID]
				g, created, err := f.PutDefaultGateway(ctx, as, n.ID, s, p)
				answered(t, err, m.put(as, networks, n, s, p, f.at))
				seen[vcc.Code(err)]++
				if err == nil {
					equal(t, "answer", *g, m.gateways[n.ID])
					equal(t, "created", created, !existed)
				}
			},
			"remove": func(t *rapid.T) {
				as, n := as(t), network.Draw(t, "network")
				p := condition(t, m.gateways[n.ID].Revision)
				err := f.RemoveDefaultGateway(ctx, as, n.ID, p)
				answered(t, err, m.remove(as, n.ID, p, f.at))
				seen[vcc.Code(err)]++
			},
			"detect": func(t *rapid.T) {
				query(outer, f.path, "UPDATE replication_jobs SET runs = 0")
				_, err := f.RunReplicationJob(ctx, f.abc, job.ID)
				ok(t, err)
				m.detect(vcc.Actor{TenantID: f.abc.TenantID, Name: byNightly}, networks, found, f.at)
			},
			"restore": func(t *rapid.T) {
				as, n := as(t), network.Draw(t, "network")
				p := condition(t, m.gateways[n.ID].Revision)
				g, err := f.RestoreDetectedGateway(ctx, as, n.ID, p)
				answered(t, err, m.restore(as, networks, n, p, f.at))
				if err != nil || g != nil {
					restored[vcc.Code(err)]++
				}
				if g != nil {
					equal(t, "answer", *g, m.gateways[n.ID])
				}
			},
			"routing": func(t *rapid.T) {
				as, p, enabled := as(t), condition(t, m.routing.Revision), rapid.Bool().Draw(t, "enabled")
				r, err := f.PutNetworkRouting(ctx, as, enabled, p)
				answered(t, err, m.putRouting(as, enabled, p, f.at))
				if err == nil {
					equal(t, "answer", *r, m.routing)
				}
			},
			"": func(t *rapid.T) {
				f.at = f.at.Add(time.Second)
				var want []vcc.DefaultGateway
				for _, n := range networks {
					if g, stored := m.gateways[n.ID]; stored {
						want = append(want, g)
					}
				}
				equal(t, "gateways", f.gateways(t, f.abc), want)
				version, err := f.DefaultGatewaysVersion(ctx, f.abc)
				ok(t, err)
				if before, known := versions[version]; known {
					equal(t, "gateways of version "+version, want, before)
				}
				versions[version] = want
			},
		})
		for _, n := range networks {
			slices.Reverse(m.changes[n.ID])
			equal(rt, "changes of "+n.Name, f.changes(rt, f.abc, n.ID), m.changes[n.ID])
		}
		r, err := f.NetworkRouting(ctx, f.abc)
		ok(rt, err)
		equal(rt, "routing", *r, m.routing)
	})
}
