package httpapi

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// byValue lets cmp compare addresses, which have only unexported fields.
var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{})

func domainIPv4(gateway string) *vcc.IPv4Settings {
	p := netip.MustParsePrefix(gateway)
	return &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}
}

func domainIPv6(gateway, network string) *vcc.IPv6Settings {
	return &vcc.IPv6Settings{Address: netip.MustParseAddr(gateway), Network: netip.MustParsePrefix(network)}
}

// overTheWire writes a value, reads its JSON and decodes it.
func overTheWire[Wire interface{ decode() (T, error) }, T any](t rapid.TB, w Wire) (T, error) {
	t.Helper()
	content, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return readJSON[Wire](answer{content: content})
}

// TestSettings compares settings with their JSON, and reads it back.
func TestSettings(t *testing.T) {
	v4, v6 := domainIPv4("172.17.52.1/23"), domainIPv6("fe80::1", "2001:db8:52::/64")
	const (
		json4 = `{"address":"172.17.52.1","subnetMask":"255.255.254.0"}`
		json6 = `{"address":"fe80::1","network":"2001:db8:52::","prefixLength":64}`
	)
	for name, tc := range map[string]struct {
		settings vcc.GatewaySettings
		want     string
	}{
		"IPv4": {vcc.GatewaySettings{IPv4: v4}, `{"ipv4":` + json4 + `}`},
		"IPv6": {vcc.GatewaySettings{IPv6: v6}, `{"ipv6":` + json6 + `}`},
		"both": {vcc.GatewaySettings{IPv4: v4, IPv6: v6}, `{"ipv4":` + json4 + `,"ipv6":` + json6 + `}`},
		"/32 and /128": {
			vcc.GatewaySettings{IPv4: domainIPv4("10.0.0.1/32"), IPv6: domainIPv6("2001:db8::1", "2001:db8::1/128")},
			`{"ipv4":{"address":"10.0.0.1","subnetMask":"255.255.255.255"},"ipv6":{"address":"2001:db8::1","network":"2001:db8::1","prefixLength":128}}`,
		},
		"/1 and /3": {
			vcc.GatewaySettings{IPv4: domainIPv4("10.0.0.1/1"), IPv6: domainIPv6("3001::", "2000::/3")},
			`{"ipv4":{"address":"10.0.0.1","subnetMask":"128.0.0.0"},"ipv6":{"address":"3001::","network":"2000::","prefixLength":3}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWireGatewaySettings(tc.settings)
			if content, err := json.Marshal(w); string(content) != tc.want || err != nil {
				t.Errorf("got %s, %v, want %s", content, err, tc.want)
			}
			parsed, err := w.parse()
			if diff := cmp.Diff(tc.settings, parsed, byValue); diff != "" || err != nil {
				t.Errorf("parsed: %v (-want +got):\n%s", err, diff)
			}
			decoded, err := overTheWire(t, newWireDetectedSettings(tc.settings))
			if diff := cmp.Diff(tc.settings, decoded, byValue); diff != "" || err != nil {
				t.Errorf("decoded: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// drawSettings draws settings that may break rules, but have a form on the wire.
func drawSettings(t *rapid.T) (s vcc.GatewaySettings) {
	if rapid.Bool().Draw(t, "ipv4") {
		s.IPv4 = &vcc.IPv4Settings{
			Address:      netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))),
			PrefixLength: rapid.IntRange(0, 32).Draw(t, "mask"),
		}
	}
	if rapid.Bool().Draw(t, "ipv6") {
		address := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")))
		s.IPv6 = &vcc.IPv6Settings{Address: address, Network: netip.PrefixFrom(address, rapid.IntRange(0, 128).Draw(t, "length"))}
		if rapid.Bool().Draw(t, "masked") {
			s.IPv6.Network = s.IPv6.Network.Masked()
		}
	}
	return s
}

// TestSettingsProperty: an answer brings any settings, those from before a rule included. A
// request brings those that obey the rules, and no others.
func TestSettingsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSettings(t)
		decoded, err := overTheWire(t, newWireDetectedSettings(s))
		if diff := cmp.Diff(s, decoded, byValue); diff != "" || err != nil {
			t.Fatalf("decoded: %v (-want +got):\n%s", err, diff)
		}
		parsed, err := newWireGatewaySettings(s).parse()
		if valid := s.Validate() == nil; (err == nil) != valid {
			t.Fatalf("%+v are valid: %t, and a request with them: %v", s, valid, err)
		}
		if diff := cmp.Diff(s, parsed, byValue); err == nil && diff != "" {
			t.Fatalf("parsed (-want +got):\n%s", diff)
		}
	})
}

func TestParseListsEveryWrongValue(t *testing.T) {
	w := wireGatewaySettings{&wireIPv4Settings{"172.17.52", "255.0.255.0"}, &wireIPv6Settings{"1.2.3.4", "::1", 0}}
	_, err := w.parse()
	var fields []string
	for _, e := range vcc.Errors(err) {
		fields = append(fields, e.Field)
	}
	if diff := cmp.Diff([]string{"ipv4.address", "ipv4.subnetMask", "ipv6.address", "ipv6.network", "ipv6.prefixLength"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// TestAnswersOfAnotherForm: the error names the value.
func TestAnswersOfAnotherForm(t *testing.T) {
	gateway := func(content string) error {
		_, err := readJSON[wireDefaultGateway](answer{content: []byte(content)})
		return err
	}
	for content, want := range map[string]string{
		`{"ipv4": {"address": "x", "subnetMask": "255.0.0.0"}}`:                                  "ipv4.address: ",
		`{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.0.255.0"}}`:                         "ipv4.subnetMask: ",
		`{"ipv4": {"address": "10.0.0.1", "subnetMask": "::"}}`:                                  "ipv4.subnetMask: ",
		`{"ipv4": {"address": "10.0.0.1"}}`:                                                      "ipv4.subnetMask: ",
		`{"ipv6": {"address": "fe80::1", "network": "2001:db8::/64", "prefixLength": 64}}`:       "ipv6.network: ",
		`{"ipv6": {"address": "fe80::1", "network": "2001:db8::", "prefixLength": 129}}`:         "ipv6.prefixLength: ",
		`{"ipv6": {"address": "fe80::1", "network": "2001:db8::", "prefixLength": -1}}`:          "ipv6.prefixLength: ",
		`{"ipv6": {"address": "", "network": "2001:db8::", "prefixLength": 64}}`:                 "ipv6.address: ",
		`{"detected": {"ipv4": {"address": "10.0.0", "subnetMask": "255.0.0.0"}, "ipv6": null}}`: "detected.ipv4.address: ",
	} {
		if err := gateway(content); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", content, err, want)
		}
	}
	appliance := `{"interfaces": [{"addresses": ["10.0.0.1/8"]}, {"addresses": ["10.0.0.1/8", "10.0.0.1"]}]}`
	if _, err := readJSON[wireAppliance](answer{content: []byte(appliance)}); err == nil || !strings.HasPrefix(err.Error(), "interfaces[1].addresses[1]: ") {
		t.Errorf("got %v", err)
	}
	lab := `{"tenants": [{"publicIps": ["192.0.2.1", "x"]}]}`
	if _, err := readJSON[wireLab](answer{content: []byte(lab)}); err == nil || !strings.HasPrefix(err.Error(), "tenants[0].publicIps[1]: ") {
		t.Errorf("got %v", err)
	}
}

// TestObjects writes whole objects and reads them back.
func TestObjects(t *testing.T) {
	at := time.Date(2025, 11, 3, 10, 0, 0, 0, time.UTC)
	settings := vcc.GatewaySettings{IPv4: domainIPv4("172.17.52.1/23"), IPv6: domainIPv6("fe80::1", "2001:db8:52::/64")}
	state := &vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: settings}
	gateway := vcc.DefaultGateway{
		NetworkID: "n", NetworkName: "Silver network 1 (internet)", HardwarePlanID: "p", HardwarePlanName: "Silver",
		Origin: vcc.OriginSpecified, Revision: 7, UpdatedAt: at, UpdatedBy: "anna", GatewaySettings: settings,
		Detected: &vcc.GatewaySettings{IPv4: settings.IPv4},
	}
	job := vcc.ReplicationJob{ID: "j", Name: "Nightly", HardwarePlanID: "p", HardwarePlanName: "Silver", ApplicationAware: true, Runs: 1, LastRun: at}
	problem := vcc.ApplianceProblem{Code: vcc.ProblemNoDefaultGateway, NetworkID: "n", NetworkName: "N", Message: "m"}
	session := vcc.FailoverSession{
		ID: "s", Kind: vcc.FailoverFullSite, PlanID: "p", PlanName: "P", VM: "v", StartedAt: at, StartedBy: "anna", EndedAt: at, EndedBy: "bert",
		Log: []vcc.FailoverLogEntry{{Time: at, Message: "m"}}, Problems: []vcc.ApplianceProblem{problem}, Test: true,
	}
	rule := vcc.PublicIPRule{Public: netip.MustParseAddrPort("203.0.113.10:443"), Internal: netip.MustParseAddrPort("172.17.52.10:8443")}
	packet := vcc.TracedPacket{
		Verdict: vcc.Forwarded, Reason: vcc.ReasonSameNetwork, Source: netip.MustParseAddrPort("[2001:db8::1]:1"), Destination: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), 0),
		Steps: []vcc.TraceStep{
			{Kind: vcc.StepSourceNAT, Message: "m", From: netip.MustParseAddrPort("10.0.0.1:1"), To: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), 0)},
			{Kind: vcc.StepRoute, Message: "m", Interface: "net1", Route: netip.MustParsePrefix("10.0.0.0/8")},
		},
	}
	appliance := vcc.ApplianceState{
		ID: "a", HostName: "h", Platform: vcc.PlatformHyperV, HardwarePlans: []string{"Silver", "Gold"}, Session: &session,
		Interfaces:     []vcc.ApplianceInterface{{Name: "ext0"}, {Name: "net1", NetworkID: "n", NetworkName: "N", Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fe80::1/64")}}},
		Routes:         []vcc.ApplianceRoute{{Destination: netip.MustParsePrefix("10.0.0.0/24"), Interface: "net1"}, {Destination: netip.MustParsePrefix("::/0"), Interface: "ext0", Gateway: netip.MustParseAddr("2001:db8::1")}},
		SourceNAT:      []vcc.SourceNATRule{{Interfaces: []string{"net1", "net2"}, To: netip.MustParseAddr("198.51.100.5")}},
		DestinationNAT: []vcc.DestinationNATRule{{Public: rule.Public, Internal: rule.Internal, Interface: "net1"}},
		Problems:       []vcc.ApplianceProblem{problem},
	}
	roundTrip(t, newWireDefaultGateway, gateway)
	roundTrip(t, newWireChange, vcc.Change{Revision: 7, Time: at, Actor: "anna", After: state})
	roundTrip(t, newWireChange, vcc.Change{NetworkID: "b", Revision: 8, Time: at, Actor: "anna", Before: state})
	roundTrip(t, newWireNetworkRouting, vcc.NetworkRouting{TenantID: "t", TenantName: "ABC", Enabled: true, Revision: 7, UpdatedAt: at, UpdatedBy: "anna"})
	roundTrip(t, newWireNetworkRouting, vcc.NetworkRouting{TenantID: "t", TenantName: "ABC"})
	roundTrip(t, newWireHardwarePlan, vcc.HardwarePlan{ID: "p", Name: "Silver", HostName: "esx01", Platform: vcc.PlatformVMware, NetworksWithInternet: 1, NetworksWithoutInternet: 2})
	roundTrip(t, newWireNetwork, vcc.Network{ID: "n", Name: "N", HardwarePlanID: "p", HardwarePlanName: "Silver", HostID: "h", VLANID: 101, InternetAccess: true})
	roundTrip(t, newWireReplicationJob, vcc.ReplicationJob{ID: "j"})
	roundTrip(t, newWireJobRun, vcc.JobRun{Job: job, Detected: []vcc.DefaultGateway{gateway}, Skipped: []vcc.DetectionSkip{{ProductionNetwork: "Data", Reason: "r"}}})
	roundTrip(t, newWireJobRun, vcc.JobRun{Job: job})
	roundTrip(t, newWireFailoverPlan, vcc.FailoverPlan{
		ID: "p", Name: "P", Origin: vcc.OriginSpecified, Revision: 7, UpdatedAt: session.StartedAt, UpdatedBy: "abc", Session: &session,
		FailoverPlanSettings: vcc.FailoverPlanSettings{VMs: []string{"web01"}, Delays: map[string]time.Duration{"web01": time.Minute}, PublicIPRules: []vcc.PublicIPRule{rule}},
		Declared:             &vcc.FailoverPlanSettings{VMs: []string{"web01"}},
	})
	roundTrip(t, newWireFailoverSession, vcc.FailoverSession{ID: "s", Kind: vcc.FailoverPartialSite})
	roundTrip(t, newWireAppliance, appliance)
	roundTrip(t, newWireReachability, vcc.Reachability{Reachable: true, Explanation: "e", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, TracedPacket: packet, Reply: &packet})
	roundTrip(t, newWireReachability, vcc.Reachability{Explanation: "e", TracedPacket: packet})
	roundTrip(t, newWireLabChange, vcc.LabChange{Action: vcc.LabRemoves, Kind: vcc.LabKindSubscription, Tenant: "ABC", Name: "Silver", Details: []string{"d"}, Networks: 2, Gateways: 1})
	roundTrip(t, newWireLabApplied, vcc.LabOutcome{PasswordsLeft: vcc.PasswordsLeft{Missing: 1, Unchecked: 2}})
	roundTrip(t, newWireLab, vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: "sp"},
		Hosts:           []vcc.Host{{Name: "h", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 10}}, {WithoutInternet: vcc.VLANRange{First: 11, Last: 11}}}}},
		HardwarePlans:   []vcc.LabHardwarePlan{{Name: "p", Host: "h", Networks: vcc.LabNetworkCount{WithInternet: 1, WithoutInternet: 2}}},
		Tenants: []vcc.LabTenant{{
			Name: "t", Username: "u", PasswordEnv: "E", Subscriptions: []string{"p"}, PublicIPs: []netip.Addr{rule.Public.Addr(), netip.MustParseAddr("2001:db8::1")},
			Appliances: []vcc.LabAppliance{{Host: "h", External: vcc.ExternalSettings{
				IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1"), IPv6: netip.MustParsePrefix("2001:db8::5/64"),
			}}},
			Site: vcc.Site{
				ProductionNetworks: []vcc.ProductionNetwork{{Name: "n", IPv4: netip.MustParsePrefix("10.0.0.0/8"), IPv6: netip.MustParsePrefix("2001:db8:1::/64"), IPv6Gateway: netip.MustParseAddr("fe80::1")}},
				VMs:                []vcc.VM{{Name: "v", Guest: vcc.GuestOther, NICs: []vcc.NIC{{Network: "n", IPv4: netip.MustParseAddr("10.0.0.2")}}}},
			},
			Jobs:          []vcc.LabReplicationJob{{Name: "j", HardwarePlan: "p", ApplicationAware: true, VMs: []string{"v"}, Mapping: map[string]string{"n": "p network 1"}}},
			FailoverPlans: []vcc.LabFailoverPlan{{Name: "f", VMs: []string{"v"}, PublicIPRules: []vcc.PublicIPRule{rule}}},
		}},
	})
}

// roundTrip writes a value and reads it back.
func roundTrip[Wire interface{ decode() (T, error) }, T any](t *testing.T, encode func(T) Wire, value T) {
	t.Helper()
	got, err := overTheWire(t, encode(value))
	if diff := cmp.Diff(value, got, byValue); diff != "" || err != nil {
		t.Errorf("%T: %v (-want +got):\n%s", value, err, diff)
	}
}
