package appliance_test

import (
	"fmt"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Two networks of one hardware plan, and a packet from one to the other.
func Example() {
	gateway := func(address string) vcc.GatewaySettings {
		p := netip.MustParsePrefix(address)
		return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}
	}
	in := vcc.ApplianceInputs{
		NetworkExtensionAppliance: vcc.NetworkExtensionAppliance{
			HostName: "esx01", Platform: vcc.PlatformVMware,
			Networks: []vcc.Network{
				{ID: "web", Name: "Silver network 1 (internet)", HardwarePlanID: "silver", HardwarePlanName: "Silver", InternetAccess: true},
				{ID: "db", Name: "Silver network 1", HardwarePlanID: "silver", HardwarePlanName: "Silver"},
			},
		},
		Gateways: map[string]vcc.GatewaySettings{"web": gateway("172.17.52.1/23"), "db": gateway("172.17.54.1/24")},
		External: vcc.ExternalSettings{IPv4: netip.MustParsePrefix("198.51.100.5/24"), IPv4Gateway: netip.MustParseAddr("198.51.100.1")},
	}
	fromWebToDB := appliance.Packet{
		Interface: 1, Protocol: appliance.TCP, HopLimit: 64,
		Source: netip.MustParseAddrPort("172.17.52.10:40000"), Destination: netip.MustParseAddrPort("172.17.54.20:5432"),
	}
	for _, in.RoutingEnabled = range []bool{false, true} {
		fmt.Println("routing enabled:", in.RoutingEnabled)
		for _, step := range appliance.Trace(appliance.Compile(in), fromWebToDB).Steps {
			fmt.Println(step.Message)
		}
	}
	// Output:
	// routing enabled: false
	// tcp from 172.17.52.10:40000 to 172.17.54.20:5432 arrives on net1 (Silver network 1 (internet))
	// dropped, routing_disabled: 172.17.54.20 is in net2 (Silver network 1), and traffic between networks is not routed; switch the routing option on
	// routing enabled: true
	// tcp from 172.17.52.10:40000 to 172.17.54.20:5432 arrives on net1 (Silver network 1 (internet))
	// forwarded, routing_enabled: traffic is routed between the networks of hardware plan "Silver"
	// 172.17.54.20 is in 172.17.54.0/24, directly connected
	// leaves through net2 (Silver network 1) with a hop limit of 63
}
