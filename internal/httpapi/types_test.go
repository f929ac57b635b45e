package httpapi

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// byValue lets cmp look at addresses, which have only unexported fields.
var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func domainIPv4(gateway string) *vcc.IPv4Settings {
	p := netip.MustParsePrefix(gateway)
	return &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}
}

func domainIPv6(gateway, network string) *vcc.IPv6Settings {
	return &vcc.IPv6Settings{Address: netip.MustParseAddr(gateway), Network: netip.MustParsePrefix(network)}
}

// TestSettingsPair converts settings there and back.
func TestSettingsPair(t *testing.T) {
	v4, v6 := domainIPv4("172.17.52.1/23"), domainIPv6("fe80::1", "2001:db8:52::/64")
	wire4, wire6 := IPv4Settings{"172.17.52.1", "255.255.254.0"}, IPv6Settings{"fe80::1", "2001:db8:52::", 64}
	for name, tc := range map[string]struct {
		domain vcc.GatewaySettings
		wire   GatewaySettings
	}{
		"IPv4":         {vcc.GatewaySettings{IPv4: v4}, GatewaySettings{IPv4: &wire4}},
		"IPv6":         {vcc.GatewaySettings{IPv6: v6}, GatewaySettings{IPv6: &wire6}},
		"both":         {vcc.GatewaySettings{IPv4: v4, IPv6: v6}, GatewaySettings{&wire4, &wire6}},
		"/32 and /128": {vcc.GatewaySettings{IPv4: domainIPv4("10.0.0.1/32"), IPv6: domainIPv6("2001:db8::1", "2001:db8::1/128")}, GatewaySettings{&IPv4Settings{"10.0.0.1", "255.255.255.255"}, &IPv6Settings{"2001:db8::1", "2001:db8::1", 128}}},
		"/1 and /3":    {vcc.GatewaySettings{IPv4: domainIPv4("10.0.0.1/1"), IPv6: domainIPv6("3001::", "2000::/3")}, GatewaySettings{&IPv4Settings{"10.0.0.1", "128.0.0.0"}, &IPv6Settings{"3001::", "2000::", 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.wire, NewGatewaySettings(tc.domain)); diff != "" {
				t.Errorf("to the wire (-want +got):\n%s", diff)
			}
			back, err := tc.wire.Parse()
			if diff := cmp.Diff(tc.domain, back, byValue); diff != "" || err != nil {
				t.Errorf("from the wire: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestSettingsPairProperty does so with any valid settings.
func TestSettingsPairProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s vcc.GatewaySettings
		if rapid.Bool().Draw(t, "ipv4") {
			s.IPv4 = &vcc.IPv4Settings{
				Address:      netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))),
				PrefixLength: rapid.IntRange(1, 32).Draw(t, "mask"),
			}
		}
		if rapid.Bool().Draw(t, "ipv6") {
			addr := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")))
			s.IPv6 = &vcc.IPv6Settings{Address: addr, Network: netip.PrefixFrom(addr, rapid.IntRange(1, 128).Draw(t, "length")).Masked()}
		}
		if s.Validate() != nil {
			t.Skip("not valid")
		}
		wire := NewGatewaySettings(s)
		back, err := wire.Parse()
		if diff := cmp.Diff(s, back, byValue); diff != "" || err != nil {
			t.Fatalf("%+v: %v (-want +got):\n%s", wire, err, diff)
		}
		if !wire.Equal(wire) {
			t.Fatalf("%+v is not equal to itself", wire)
		}
	})
}

func TestSettingsEqual(t *testing.T) {
	v4 := func(address, mask string) GatewaySettings { return GatewaySettings{IPv4: &IPv4Settings{address, mask}} }
	v6 := func(address, network string, length int) GatewaySettings {
		return GatewaySettings{IPv6: &IPv6Settings{address, network, length}}
	}
	app := v4("172.17.52.1", "255.255.254.0")
	for _, tc := range []struct {
		a, b GatewaySettings
		want bool
	}{
		{app, v4("172.17.52.1", "255.255.254.0"), true},
		{app, v4("172.17.52.1", "255.255.255.0"), false},
		{app, v4("172.17.52.2", "255.255.254.0"), false},
		{v6("fe80::1", "2001:db8::", 64), v6("FE80:0:0::1", "2001:0DB8::0", 64), true},
		{v6("fe80::1", "2001:db8::", 64), v6("fe80::1", "2001:db8::", 63), false},
		{app, v6("fe80::1", "2001:db8::", 64), false},
		{app, GatewaySettings{app.IPv4, v6("fe80::1", "2001:db8::", 64).IPv6}, false},
		// What cannot be parsed equals what is spelled alike: it was stored before a rule was.
		{GatewaySettings{}, GatewaySettings{}, true},
		{v6("fe80::1", "fe80::", 64), v6("fe80::1", "fe80::", 64), true},
		{v6("fe80::1", "fe80::", 64), v6("fe80::1", "FE80::", 64), false},
		{v6("fe80::1", "fe80::", 64), v6("fe80::1", "2001:db8::", 64), false},
	} {
		if got, reverse := tc.a.Equal(tc.b), tc.b.Equal(tc.a); got != tc.want || reverse != tc.want {
			t.Errorf("%+v and %+v: got %t and %t, want %t", tc.a, tc.b, got, reverse, tc.want)
		}
	}
}

func TestParseListsEveryWrongValue(t *testing.T) {
	s := GatewaySettings{&IPv4Settings{"172.17.52", "255.0.255.0"}, &IPv6Settings{"1.2.3.4", "::1", 0}}
	_, err := s.Parse()
	var fields []string
	for _, e := range vcc.Errors(err) {
		fields = append(fields, e.Field)
	}
	if diff := cmp.Diff([]string{"ipv4.address", "ipv4.subnetMask", "ipv6.address", "ipv6.network", "ipv6.prefixLength"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

// TestObjectPairs converts whole objects, and the settings in them back.
func TestObjectPairs(t *testing.T) {
	at := time.Date(2025, 11, 3, 10, 0, 0, 0, time.UTC)
	settings := vcc.GatewaySettings{IPv4: domainIPv4("172.17.52.1/23"), IPv6: domainIPv6("fe80::1", "2001:db8:52::/64")}
	state := GatewayState{
		Origin: vcc.OriginDetected,
		IPv4:   &IPv4{IPv4Settings{"172.17.52.1", "255.255.254.0"}, "172.17.52.0/23"},
		IPv6:   &IPv6{IPv6Settings{"fe80::1", "2001:db8:52::", 64}, "2001:db8:52::/64"},
	}
	back, err := state.Settings().Parse()
	if diff := cmp.Diff(settings, back, byValue); diff != "" || err != nil {
		t.Errorf("settings of a state: %v (-want +got):\n%s", err, diff)
	}
	domainState := &vcc.GatewayState{Origin: vcc.OriginDetected, GatewaySettings: settings}
	gateway := vcc.DefaultGateway{
		NetworkID: "n", NetworkName: "Silver network 1 (internet)", HardwarePlanID: "p", HardwarePlanName: "Silver",
		Origin: vcc.OriginDetected, Revision: 7, UpdatedAt: at, UpdatedBy: "anna", GatewaySettings: settings,
	}
	wireGateway := DefaultGateway{
		NetworkID: "n", NetworkName: "Silver network 1 (internet)", HardwarePlanID: "p", HardwarePlanName: "Silver",
		Revision: 7, UpdatedAt: at, UpdatedBy: "anna", GatewayState: state,
	}
	job := vcc.ReplicationJob{ID: "j", Name: "Nightly", HardwarePlanID: "p", HardwarePlanName: "Silver", ApplicationAware: true, Runs: 1, LastRun: at}
	wireJob := ReplicationJob{ID: "j", Name: "Nightly", HardwarePlanID: "p", HardwarePlanName: "Silver", ApplicationAware: true, Runs: 1, LastRun: &at}
	for name, tc := range map[string]struct{ got, want any }{
		"gateway":           {newDefaultGateway(gateway), wireGateway},
		"change":            {newChange(vcc.Change{Revision: 7, Time: at, Actor: "anna", After: domainState}), Change{Revision: 7, Time: at, Actor: "anna", After: &state}},
		"removal":           {newChange(vcc.Change{Revision: 8, Time: at, Actor: "anna", Before: domainState}), Change{Revision: 8, Time: at, Actor: "anna", Before: &state}},
		"routing":           {newNetworkRouting(vcc.NetworkRouting{TenantID: "t", TenantName: "ABC", Enabled: true, Revision: 7, UpdatedAt: at, UpdatedBy: "anna"}), NetworkRouting{NetworkRoutingSettings{true}, "t", "ABC", 7, &at, "anna"}},
		"routing never set": {newNetworkRouting(vcc.NetworkRouting{TenantID: "t", TenantName: "ABC"}), NetworkRouting{TenantID: "t", TenantName: "ABC"}},
		"plan": {
			newHardwarePlan(vcc.HardwarePlan{ID: "p", Name: "Silver", HostName: "esx01", Platform: vcc.PlatformVMware, NetworksWithInternet: 1, NetworksWithoutInternet: 2}),
			HardwarePlan{ID: "p", Name: "Silver", HostName: "esx01", Platform: vcc.PlatformVMware, NetworksWithInternet: 1, NetworksWithoutInternet: 2},
		},
		"network": {
			newNetwork(vcc.Network{ID: "n", Name: "Silver network 1 (internet)", HardwarePlanID: "p", HardwarePlanName: "Silver", HostID: "h", VLANID: 101, InternetAccess: true}),
			Network{ID: "n", Name: "Silver network 1 (internet)", HardwarePlanID: "p", HardwarePlanName: "Silver", HostID: "h", VLANID: 101, InternetAccess: true},
		},
		"job":           {newReplicationJob(job), wireJob},
		"job never run": {newReplicationJob(vcc.ReplicationJob{ID: "j"}), ReplicationJob{ID: "j"}},
		"run": {
			newJobRun(vcc.JobRun{Job: job, Detected: []vcc.DefaultGateway{gateway}, Skipped: []vcc.DetectionSkip{{ProductionNetwork: "Data", Reason: "r"}}}),
			JobRun{Job: wireJob, Detected: []DefaultGateway{wireGateway}, Skipped: []DetectionSkip{{"Data", "r"}}},
		},
		"run that found nothing": {newJobRun(vcc.JobRun{Job: job}), JobRun{Job: wireJob, Detected: []DefaultGateway{}, Skipped: []DetectionSkip{}}},
	} {
		if diff := cmp.Diff(tc.want, tc.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
