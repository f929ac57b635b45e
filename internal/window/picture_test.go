package window_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/cockroachdb/datadriven" // its flag -rewrite
	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/window"
)

// picture draws the first appliance.
func (s site) picture(skip int) string {
	s.t.Helper()
	states, _, err := s.Appliances(s.t.Context(), s.as, vcc.Page{Limit: 1})
	ok(s.t, err)
	routing, err := s.NetworkRouting(s.t.Context(), s.as)
	ok(s.t, err)
	sources, err := s.ApplianceSources(s.t.Context(), s.as, states[0].ID, "")
	ok(s.t, err)
	svg, err := window.Picture(states[0], s.networks(), sources.Replicas, routing.Enabled, skip)
	ok(s.t, err)
	return svg
}

// The pictures in testdata are what an appliance looks like. This draws them anew, to be looked at:
//
//	go test ./internal/window -run TestPicture -rewrite
func TestPicture(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T) string{
		// What most people see first: some gateways were detected, one network has none.
		"stopped": func(t *testing.T) string {
			s := newSite(t, nil)
			s.gateway("VMware Silver network 1 (internet)", "172.17.52.1/23", "fe80::1 2001:db8:52::/64")
			s.gateway("VMware Silver network 2 (internet)", "172.17.56.1/24", "")
			return s.picture(0)
		},
		"running": func(t *testing.T) string {
			s := newSite(t, nil)
			for network, ipv4 := range map[string]string{
				"VMware Silver network 1 (internet)": "172.17.52.1/23", "VMware Silver network 2 (internet)": "172.17.56.1/24", "VMware Silver network 1": "172.17.54.1/24",
				"VMware Silver network 2": "172.17.62.1/24", "VMware Bronze network 1 (internet)": "172.17.58.1/24", "VMware Bronze network 1": "172.17.60.1/24",
			} {
				s.gateway(network, ipv4, "")
			}
			_, err := s.PutNetworkRouting(t.Context(), s.as, true, vcc.Precondition{})
			ok(t, err)
			s.replicated()
			_, err = s.StartFailover(t.Context(), s.as, s.plan("Whole site").ID, false)
			ok(t, err)
			return s.picture(0)
		},
		// Names that are markup, longer than any box, or not for people's eyes; an appliance without an outside; a busy one.
		"hostile": func(t *testing.T) string {
			const script = `<script>alert("x")</script>`
			s := newSite(t, func(lab *vcc.Lab) {
				abc := &lab.Tenants[0]
				lab.HardwarePlans[0].Name, abc.Subscriptions[0], abc.Jobs[0].HardwarePlan, abc.Jobs[0].Mapping = script, script, script, nil
				lab.Hosts[0].Name = `"><b>`
				lab.HardwarePlans[0].Host, lab.HardwarePlans[1].Host = lab.Hosts[0].Name, lab.Hosts[0].Name
				lab.Tenants[1].Appliances[1].Host = lab.Hosts[0].Name
				lab.HardwarePlans[0].Networks = vcc.LabNetworkCount{WithInternet: 3}
				abc.Appliances = nil
				for i, name := range []string{`</text><script>`, strings.Repeat("long ", 40) + "name", "&amp;"} {
					abc.VMs[0].NICs = abc.VMs[0].NICs[:1]
					abc.VMs = append(abc.VMs, vcc.VM{Name: name, Guest: vcc.GuestOther, NICs: []vcc.NIC{{Network: "App", IPv4: netip.AddrFrom4([4]byte{172, 17, 52, byte(100 + i)})}}})
					abc.Jobs[0].VMs = append(abc.Jobs[0].VMs, name)
				}
			})
			s.gateway(script+" network 1 (internet)", "172.17.52.1/23", "2001:db8:52::1 2001:db8:52::/60")
			_, err := s.RunReplicationJob(t.Context(), s.as, every(t, s.as, s.ReplicationJobs)[0].ID)
			ok(t, err)
			_, err = s.StartPartialFailover(t.Context(), s.as, `</text><script>`)
			ok(t, err)
			return s.picture(0)
		},
		// The second page of many networks, and many rules.
		"many": func(t *testing.T) string {
			s := newSite(t, func(lab *vcc.Lab) {
				lab.HardwarePlans[0].Networks = vcc.LabNetworkCount{WithInternet: 15, WithoutInternet: 15}
				abc := &lab.Tenants[0]
				for port := range 20 {
					rules := &abc.FailoverPlans[0].PublicIPRules
					*rules = append(*rules, vcc.PublicIPRule{
						Public: netip.AddrPortFrom(netip.MustParseAddr("203.0.113.10"), uint16(1000+port)), Internal: netip.AddrPortFrom(netip.MustParseAddr("172.17.52.10"), uint16(1000+port)),
					})
				}
			})
			for i, n := range s.networks()[:30] {
				s.gateway(n.ID, fmt.Sprintf("172.17.%d.1/24", 52+i), "")
			}
			return s.picture(vcc.MaxListed + 3) // somewhere on that page
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg := prepare(t)
			file := filepath.Join("testdata", "pictures", name+".svg")
			if flag.Lookup("rewrite").Value.String() == "true" {
				ok(t, os.WriteFile(file, []byte(svg), 0o600))
			}
			want, err := os.ReadFile(file)
			ok(t, err)
			if diff := cmp.Diff(string(want), svg); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
			checkSVG(t, svg)
		})
	}
}

// checkSVG looks for elements and attributes that no picture has, and for text that leaves its box.
func checkSVG(t *testing.T, svg string) {
	t.Helper()
	allowed := map[string]bool{"svg": true, "title": true, "desc": true, "path": true, "rect": true, "text": true}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		ok(t, err)
		if e, is := token.(xml.StartElement); is {
			if !allowed[e.Name.Local] {
				t.Errorf("an element <%s>", e.Name.Local)
			}
			for _, a := range e.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("an attribute %s", a.Name.Local)
				}
			}
		}
	}
}
