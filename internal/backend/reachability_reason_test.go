package backend_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A question that names a reason is answered with the first way that has another one.
func TestTraceReason(t *testing.T) {
	t.Parallel()
	s := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: changedLab(t, func(abc, _ *vcc.LabTenant) {
		for i := range abc.ProductionNetworks {
			if abc.ProductionNetworks[i].Name == "Data" {
				abc.ProductionNetworks[i].IPv6 = netip.MustParsePrefix("2001:db8:54::/64")
			}
		}
		abc.VMs = append(abc.VMs, vcc.VM{Name: "both", Guest: vcc.GuestLinux, NICs: []vcc.NIC{{Network: "Data", IPv4: addr("172.17.54.50"), IPv6: addr("2001:db8:54::50")}}})
	})})
	s.run("Silver nightly")
	s.gateway(silver1, "172.17.54.1/24")
	q := question(t, "icmp both internet")
	q.Unwanted = true
	for reason, want := range map[vcc.Reason]string{
		"":                           "no_internet_access: both (172.17.54.50)",
		vcc.ReasonNoInternetAccess:   "no_public_ip_rule: both (2001:db8:54::50)", // which no gateway serves
		vcc.ReasonNoPublicIPRule:     "no_internet_access: both (172.17.54.50)",
		vcc.ReasonPrivateDestination: "no_internet_access: both (172.17.54.50)",
		vcc.ReasonInternetAccess:     `questions[0].reason: "internet_access" is no reason to be not reachable`,
		vcc.Reason("the weather"):    `questions[0].reason: "the weather" is no reason to be not reachable`,
		vcc.ReasonNoDefaultGateway:   "no_internet_access: both (172.17.54.50)",
	} {
		q.Reason = reason
		answers, err := s.Client.Trace(t.Context(), self, []vcc.TraceRequest{q}, vcc.Assumption{})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = string(answers[0].Outcome()) + ": " + answers[0].Explanation
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("for reason %q: got %s, want %s", reason, got, want)
		}
	}
}
