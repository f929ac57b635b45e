package provider

import (
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ipv4Settings are those of an address with the length of its mask.
func ipv4Settings(address string) vcc.GatewaySettings {
	p := netip.MustParsePrefix(address)
	return vcc.GatewaySettings{IPv4: &vcc.IPv4Settings{Address: p.Addr(), PrefixLength: p.Bits()}}
}
