package vbr_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vbr"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// backupServer is a backup server that is played: what its console shows of one service provider.
type backupServer struct {
	routing  bool
	gateways []server // one for each network, as in the console
}

// export writes what the server has, in one of the forms that PowerShell gives it.
func (s backupServer) export(t *rapid.T, at time.Time) string {
	gateways := []any{}
	for _, g := range s.gateways {
		gateways = append(gateways, g)
	}
	var list any = gateways
	switch {
	case len(gateways) == 1 && rapid.Bool().Draw(t, "without brackets"):
		list = gateways[0]
	case rapid.Bool().Draw(t, "wrapped"):
		list = map[string]any{"value": gateways, "Count": len(gateways)}
	case rapid.Bool().Draw(t, "with null"):
		list = append(gateways, nil)
	}
	var networks []any
	for i, g := range s.gateways {
		networks = append(networks, map[string]any{"id": fmt.Sprintf("n-%d", i), "name": g.Name, "platform": rapid.SampledFrom([]any{"VMWare", "HyperV", 0}).Draw(t, "platform")})
	}
	content, err := json.Marshal(map[string]any{
		"format": 1, "server": "vbr01", "exportedAt": at.Format(time.RFC3339),
		"providers": []any{map[string]any{"id": "5f2b0c1e-3f7a-4d0c-9a55-0d6f3c1b7e21", "name": "sp.example.net", "error": nil, "routingEnabled": s.routing, "gateways": list, "networks": networks}},
	})
	ok(t, err)
	if !rapid.Bool().Draw(t, "UTF-16") {
		return string(content)
	}
	text := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(string(content))) {
		text = append(text, byte(unit), byte(unit>>8))
	}
	return string(text)
}

// run does what the script for a block of data does to the server. The one thing that it does and the script leaves to
// the console is to clear one family of a gateway.
func (s backupServer) run(b block, allowRemoval bool) (backupServer, error) {
	after := backupServer{s.routing, slices.Clone(s.gateways)}
	for _, change := range b.Gateways {
		at := slices.IndexFunc(s.gateways, func(g server) bool { return g.Name == change.Name })
		if at < 0 {
			return s, fmt.Errorf("%q is not there", change.Name)
		}
		present, imported, wanted := s.gateways[at].settings(), change.Imported.settings(), change.Wanted.settings()
		switch {
		case present == wanted:
			continue
		case present != imported:
			return s, errNeither
		case change.Wanted == nil && !allowRemoval:
			return s, errors.New("it is to be removed")
		}
		wanted.ID, wanted.Name = s.gateways[at].ID, s.gateways[at].Name
		after.gateways[at] = wanted
	}
	if b.Routing != nil {
		after.routing = b.Routing.Wanted
	}
	return after, nil
}

var errNeither = errors.New("it has neither what was imported nor what is wanted")

// randomGateway draws the settings of the n-th network, which overlap with no other network's.
func randomGateway(t *rapid.T, n int) *vcc.GatewaySettings {
	var s vcc.GatewaySettings
	families := rapid.IntRange(0, 3).Draw(t, "families")
	if families&1 != 0 {
		v4, err := vcc.ParseIPv4WithLength(fmt.Sprintf("10.%d.%d.%d/%d", n, rapid.IntRange(0, 255).Draw(t, "subnet"), rapid.IntRange(1, 126).Draw(t, "host"), rapid.IntRange(16, 25).Draw(t, "length")))
		ok(t, err)
		s.IPv4 = &v4
	}
	if families&2 != 0 {
		network := fmt.Sprintf("2001:db8:%x::/64", n)
		v6, err := vcc.ParseIPv6WithLength(rapid.SampledFrom([]string{"fe80::1", fmt.Sprintf("2001:db8:%x::1", n)}).Draw(t, "address"), network)
		ok(t, err)
		s.IPv6 = &v6
	}
	if families == 0 {
		return nil
	}
	return &s
}

// played returns a gateway as the server has it.
func played(t *rapid.T, n int, name string, s *vcc.GatewaySettings) server {
	g := server{ID: fmt.Sprintf("g-%d", n), Name: name}
	if s != nil && s.IPv4 != nil {
		g.IPAddress, g.NetworkMask = s.IPv4.Address.String(), s.IPv4.SubnetMask()
	}
	if s != nil && s.IPv6 != nil {
		g.IPv6Address, g.IPv6SubnetAddress, g.IPv6PrefixLength = s.IPv6.Address.String(), s.IPv6.Network.Addr().String(), 64
	}
	return g
}

// TestRoundTrip: what a random server has is imported into a random store, which then has that; a random
// change by code makes a script that brings the server to what is stored; what is exported then is no
// difference, and the script for it is empty. A server that somebody changed meanwhile is refused.
func TestRoundTrip(t *testing.T) {
	var scripts []string
	changed, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := t.Context()
		var s backupServer
		s.routing = rapid.Bool().Draw(t, "routing")
		plan := rapid.SampledFrom([]string{"VMware Silver", "O'Brien’s \"Gold\" [EU] $x `n", "Größe 😀", "a'@b network 1"}).Draw(t, "plan")
		count := rapid.IntRange(1, 5).Draw(t, "networks")
		for n := range count {
			name := vcc.NetworkName(plan, n%2 == 0, n/2+1)
			s.gateways = append(s.gateways, played(t, n, name, randomGateway(t, n)))
		}
		at := time.Date(2026, 11, 27, 22, 0, 0, 0, time.UTC)
		read := func(text string) (vbr.Document, vcc.ServerExport) {
			d, err := vbr.Read(strings.NewReader(text))
			ok(t, err)
			e, err := d.Select("", nil)
			ok(t, err)
			return d, e
		}
		d, export := read(s.export(t, at))

		// The store has the networks, and whatever was stored before.
		lab, _, err := vbr.Lab(d, export)
		ok(t, err)
		st, err := store.OpenSQLite(ctx, filepath.Join(tempDir(t), "vcc.db"))
		ok(t, err)
		defer st.Close() //nolint:errcheck // the test is over
		_, err = st.ApplyLab(ctx, lab, nil)
		ok(t, err)
		tenants, err := st.Tenants(ctx)
		ok(t, err)
		as := vcc.Actor{TenantID: tenants[0].ID, Name: "anna"}
		networks, _, err := st.Networks(ctx, as, vcc.NetworkFilter{}, vcc.Page{Limit: 100})
		ok(t, err)
		equal(t, "networks", len(networks), count)
		index := map[string]int{}
		for n, g := range s.gateways {
			index[g.Name] = n
		}
		stored := func() (map[string]vcc.GatewaySettings, []vcc.DefaultGateway, bool) {
			list, _, err := st.DefaultGateways(ctx, as, vcc.Page{Limit: 100})
			ok(t, err)
			routing, err := st.NetworkRouting(ctx, as)
			ok(t, err)
			byName := map[string]vcc.GatewaySettings{}
			for _, g := range list {
				byName[g.NetworkName] = g.GatewaySettings
			}
			return byName, list, routing.Enabled
		}
		change := func() {
			for _, n := range networks {
				if !rapid.Bool().Draw(t, "touched") {
					continue
				}
				if settings := randomGateway(t, index[n.Name]); settings != nil {
					_, _, err := st.PutDefaultGateway(ctx, as, n.ID, *settings, vcc.Precondition{})
					ok(t, err)
				} else if err := st.RemoveDefaultGateway(ctx, as, n.ID, vcc.Precondition{}); vcc.Code(err) != vcc.CodeNotFound {
					ok(t, err)
				}
			}
			_, err := st.PutNetworkRouting(ctx, as, rapid.Bool().Draw(t, "routing"), vcc.Precondition{})
			ok(t, err)
		}
		same := func(what string, s backupServer) {
			t.Helper()
			got, _, routing := stored()
			want := map[string]vcc.GatewaySettings{}
			_, e := read(s.export(t, at))
			for _, n := range e.Networks {
				if n.Gateway != nil {
					want[n.Name] = *n.Gateway
				}
			}
			equal(t, what, got, want)
			equal(t, "routing, "+what, routing, s.routing)
		}
		change()

		// Import.
		before, _, routingBefore := stored()
		preview, err := st.ImportServerExport(ctx, as, export, true)
		ok(t, err)
		unchanged, _, routingNow := stored()
		equal(t, "stored after a dry run", unchanged, before)
		equal(t, "routing after a dry run", routingNow, routingBefore)
		outcome, err := st.ImportServerExport(ctx, as, export, false)
		ok(t, err)
		equal(t, "dry run", preview, outcome)
		same("stored after the import", s)

		// Change by code, and the script for it.
		change()
		last, err := st.LastExport(ctx, as)
		ok(t, err)
		_, list, routing := stored()
		pending := last.Pending(list, routing)
		text := script(t, *last, pending)
		checkASCII(t, text)
		scripts = append(scripts, text)
		data := dataBlock(t, text)
		equal(t, "gateways of the script, and what is pending", len(data.Gateways)+map[bool]int{true: 1}[data.Routing != nil], len(pending))
		after, err := s.run(data, true)
		ok(t, err)
		same("stored, by the server after the script", after)
		again, err := after.run(data, true)
		ok(t, err)
		equal(t, "server after the script ran twice", again.gateways, after.gateways)

		// Somebody changed something meanwhile.
		for _, c := range data.Gateways {
			n := index[c.Name]
			other := backupServer{s.routing, slices.Clone(s.gateways)}
			other.gateways[n] = played(t, n, c.Name, &vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: mustAddr(n), PrefixLength: 30}})
			changed++
			if got, err := other.run(data, true); !errors.Is(err, errNeither) || !slices.Equal(got.gateways, other.gateways) {
				t.Errorf("a value that is neither imported nor wanted is not refused: %v", err)
			}
			if c.Wanted == nil {
				refused++
				if _, err := s.run(data, false); err == nil {
					t.Error("a removal that is not allowed is not refused")
				}
			}
		}

		// Export again.
		_, export = read(after.export(t, at.Add(time.Hour)))
		outcome, err = st.ImportServerExport(ctx, as, export, false)
		ok(t, err)
		equal(t, "differences at the second import", outcome.Changes, []vcc.ImportChange(nil))
		last, err = st.LastExport(ctx, as)
		ok(t, err)
		_, list, routing = stored()
		data = dataBlock(t, script(t, *last, last.Pending(list, routing)))
		if len(data.Gateways) > 0 || data.Routing != nil {
			t.Errorf("the second script does something: %+v", data)
		}
	})
	if changed == 0 || refused == 0 {
		t.Errorf("%d values were changed meanwhile, and %d removals were not allowed", changed, refused)
	}
	distinct := map[string]bool{}
	for _, s := range scripts {
		distinct[s] = true
	}
	checkScripts(t, append(readingCommands, writingCommands...), slices.Sorted(maps.Keys(distinct))...)
}
