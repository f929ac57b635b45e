package vcc_test

import (
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// A gateway of two families is parsed, and compared with the one of another network.
func Example() {
	v4, err := vcc.ParseIPv4WithLength("172.17.52.1/23")
	if err != nil {
		fmt.Println(err)
		return
	}
	v6, err := vcc.ParseIPv6Settings("fe80::1", "2001:db8:52::", 64)
	if err != nil {
		fmt.Println(err)
		return
	}
	web := vcc.GatewaySettings{IPv4: &v4, IPv6: &v6}
	fmt.Println(web.Validate(), web.IPv4.Network(), web.IPv6.Network)

	db, err := vcc.ParseIPv4Settings("172.17.53.1", "255.255.255.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	stored := []vcc.DefaultGateway{{NetworkName: "web", GatewaySettings: web}}
	for _, e := range vcc.Errors(vcc.CheckOverlap(vcc.GatewaySettings{IPv4: &db}, stored)) {
		fmt.Println(e.Code, e.Field)
	}
	// Output:
	// <nil> 172.17.52.0/23 2001:db8:52::/64
	// Conflict ipv4
}

// A refusal says what would be right, and lists every value that is wrong.
func ExampleParseIPv4Settings() {
	_, err := vcc.ParseIPv4Settings("172.17.52.1/23", "0.0.1.255")
	for _, e := range vcc.Errors(err) {
		fmt.Printf("%s: %s\n", e.Field, e.Message)
	}
	// Output:
	// address: "172.17.52.1/23" has a prefix length; write the address alone, and the length as the subnet mask
	// subnetMask: 0.0.1.255 is a wildcard mask; the subnet mask is 255.255.254.0
}
