package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// Names that the lab file has in one normal form are typed in another.
func TestNamesInOtherNormalForms(t *testing.T) {
	const lab = `
service_provider: { name: sp.example.net }
hosts: [ { name: esx01, platform: VMware, vlans: [ { with_internet: [1, 10] } ] } ]
hardware_plans: [ { name: Sílber, host: esx01, networks: { with_internet: 2 } } ]
tenants:
  - name: Café
    subscriptions: [Sílber]
    production_networks: [ { name: Büro, ipv4: 172.17.52.0/23, ipv4_gateway: 172.17.52.1 } ]
    vms: [ { name: wéb, guest: windows, nics: [ { network: Büro } ] } ]
    replication_jobs: [ { name: nächtlich, hardware_plan: Sílber, vms: [wéb], mapping: { Büro: Sílber network 2 (internet) } } ]
    failover_plans: [ { name: Ganzes Büro, vms: [wéb] } ]
  - name: Other
`
	for _, forms := range [][2]norm.Form{{norm.NFD, norm.NFC}, {norm.NFC, norm.NFD}} {
		folder(t)
		file := filepath.Join(t.TempDir(), "lab.yaml")
		ok(t, os.WriteFile(file, []byte(forms[0].String(lab)), 0o600))
		done(t, "backend lab apply '"+file+"'")
		for _, line := range []string{
			"networks", "gateway set 'Sílber network 1 (internet)' --ipv4 10.0.0.1/24", "replicate 'nächtlich'", "failover test 'Ganzes Büro'",
			"failover partial start 'wéb'", "failover start 'Ganzes Büro' --force", "failover undo", "gateway remove 'Sílber network 2 (internet)'",
		} {
			done(t, forms[1].String("backend --tenant 'Café' "+line))
		}
		want := forms[0].String("Sílber network 1 (internet)")
		if list := done(t, "backend gateway list"); !strings.Contains(list, want) {
			t.Errorf("the list has no %q as it was declared:\n%s", want, list)
		}
		done(t, "backend lab apply '"+file+"'")
	}
}
