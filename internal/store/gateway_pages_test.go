package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestGatewayPagesWhileTheyChange reads pages, each behind the one before, while gateways come and
// go. Every gateway that is there all the time is read once, and all are read in order.
func TestGatewayPagesWhileTheyChange(t *testing.T) { onBoth(t, testGatewayPagesWhileTheyChange) }

func testGatewayPagesWhileTheyChange(t *testing.T) {
	f := newFixture(t)
	networks := f.networks(t, f.abc)
	place, settings := map[string]int{}, map[string]vcc.GatewaySettings{}
	for i, n := range networks {
		place[n.ID], settings[n.ID] = i, ipv4(fmt.Sprintf("10.%d.0.1/16", i))
	}
	rapid.Check(t, func(t *rapid.T) {
		always := map[string]bool{} // there, or not there, from the first page to the last
		there := func(id string, want bool) {
			t.Helper()
			if want {
				f.put(t, f.abc, id, settings[id])
			} else if err := f.RemoveDefaultGateway(t.Context(), f.abc, id, vcc.Precondition{}); vcc.Code(err) != vcc.CodeNotFound {
				ok(t, err)
			}
		}
		for _, n := range networks {
			has := rapid.Bool().Draw(t, "gateway of "+n.Name)
			there(n.ID, has)
			always[n.ID] = has
		}
		seen, last := map[string]int{}, -1
		for p := (vcc.Page{Limit: rapid.IntRange(1, 3).Draw(t, "limit")}); ; {
			list, total, err := f.DefaultGateways(t.Context(), f.abc, p)
			ok(t, err)
			equal(t, "total", total, len(f.gateways(t, f.abc)))
			for _, g := range list {
				if place[g.NetworkID] <= last {
					t.Errorf("%q comes after a network that comes after it", g.NetworkName)
				}
				last = place[g.NetworkID]
				seen[g.NetworkID]++
			}
			if len(list) < p.Limit {
				break
			}
			p.Skip, p.After = p.Skip+len(list), list[len(list)-1].NetworkID
			n := networks[rapid.IntRange(0, len(networks)-1).Draw(t, "changed")]
			there(n.ID, rapid.Bool().Draw(t, "there"))
			delete(always, n.ID)
		}
		for id, has := range always {
			if want := map[bool]int{true: 1}[has]; seen[id] != want {
				t.Errorf("%q was read %d times, want %d", networks[place[id]].Name, seen[id], want)
			}
		}
	})
}

// A page that begins behind a network that is gone, or that is another tenant's, begins where
// Skip says.
func TestGatewayPagesBehindNothing(t *testing.T) { onBoth(t, testGatewayPagesBehindNothing) }

func testGatewayPagesBehindNothing(t *testing.T) {
	f := newFixture(t)
	for i, n := range f.networks(t, f.abc) {
		f.put(t, f.abc, n.ID, ipv4(fmt.Sprintf("10.%d.0.1/16", i)))
	}
	want, wantTotal, err := f.DefaultGateways(t.Context(), f.abc, vcc.Page{Skip: 2, Limit: 2})
	ok(t, err)
	for _, id := range []string{unknownID, f.networks(t, f.xyz)[0].ID} {
		got, total, err := f.DefaultGateways(t.Context(), f.abc, vcc.Page{Skip: 2, Limit: 2, After: id})
		ok(t, err)
		equal(t, "page", got, want)
		equal(t, "total", total, wantTotal)
	}
}

// TestGatewayPagesCostTheirRows: the last page of many gateways takes from the tables and
// indexes what the first one takes, and neither is sorted.
func TestGatewayPagesCostTheirRows(t *testing.T) { onBoth(t, testGatewayPagesCostTheirRows) }

func testGatewayPagesCostTheirRows(t *testing.T) {
	const gateways, limit = 1400, 20
	f := newFixture(t)
	lab := fullLab()
	lab.Hosts[0].VLANs[0].WithInternet = vcc.VLANRange{First: 1001, Last: 1000 + 2*gateways}
	lab.HardwarePlans[0].Networks.WithInternet = gateways
	ok(t, f.ApplyLab(t.Context(), lab, nil))
	query(t, f.path, "DELETE FROM connected_networks")
	query(t, f.path, "DELETE FROM default_gateways")
	query(t, f.path, "INSERT INTO default_gateways (network_id, revision, updated_at, updated_by, origin, ipv4_address, ipv4_prefix_length) "+
		"SELECT id, 1, CURRENT_TIMESTAMP, 'test', 'specified', '10.0.0.1', 24 FROM cloud_networks")
	before := query(t, f.path, "SELECT id FROM cloud_networks WHERE tenant_id = ? AND list_group = 0 AND position = ?", f.abc.TenantID, gateways-2*limit)
	for what, place := range map[string][]any{
		"first": {-1, 0, ""},
		"last":  {0, gateways - 2*limit, before[0]},
	} {
		args := append([]any{f.abc.TenantID}, append(place, limit, 0)...)
		if !isPostgres(f.path) {
			plan := strings.Join(query(t, f.path, "EXPLAIN QUERY PLAN "+store.SelectGatewayPage, args...), "\n")
			if !strings.Contains(plan, "cloud_networks_in_order (tenant_id=? AND (list_group,position,id)>(?,?,?))") ||
				strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("the %s page is read so:\n%s", what, plan)
			}
			continue
		}
		query(t, f.path, "ANALYZE")
		var text []byte
		db := openPast(t, f.path)
		ok(t, db.QueryRowContext(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+store.SelectGatewayPage, args...).Scan(&text))
		ok(t, db.Close())
		var plans []struct{ Plan planNode }
		ok(t, json.Unmarshal(text, &plans))
		// Of each gateway rows of three tables, the few plans again and again, and what is passed on above.
		if rows := plans[0].Plan.rows(); rows > 12*limit {
			t.Errorf("the %s page of %d passes %v rows on, of %d gateways:\n%s", what, limit, rows, gateways, text)
		}
	}
}

// planNode is a node of a plan as PostgreSQL explains it once it has run.
type planNode struct {
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Plans   []planNode
}

// rows counts what the node and those below it read and pass on.
func (n planNode) rows() float64 {
	sum := (n.Rows + n.Removed) * n.Loops
	for _, below := range n.Plans {
		sum += below.rows()
	}
	return sum
}
