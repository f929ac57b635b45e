package appliance

import (
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Config is everything that an appliance is made from: one tenant's networks on
// one host, and what is stored for them. The zero value is an appliance without
// networks and without an outside, which drops every packet.
type Config struct {
	// Host is the host that the appliance is on, of which only the name and the platform
	// count.
	Host     vcc.Host
	External External
	// Networks are the tenant's cloud networks on the host in plan and ordinal
	// order. The first becomes net1, the second net2, and so on.
	Networks []Network
	// RoutingEnabled is the tenant's routing option (rule 13).
	RoutingEnabled bool
	// PublicIPRules are those of the failover plan that was started.
	PublicIPRules []PublicIPRule
}

// External are the settings of the appliance's vNIC on the service provider's
// external network.
type External struct {
	IPv4, IPv6 ExternalSettings
}

// ExternalSettings are one family of External. The zero value means that the
// appliance has no outside in that family.
type ExternalSettings struct {
	// Address is the appliance's own address with the length of its network's
	// prefix, such as 198.51.100.5/24.
	Address netip.Prefix
	// Gateway is the next router. Without one nothing gets out in that family.
	Gateway netip.Addr
}

// Network is a cloud network with the default gateway that is stored for it.
type Network struct {
	vcc.Network
	// Gateway is empty where none is stored, and without settings of a family
	// where the stored one has none.
	Gateway vcc.GatewaySettings
}

// PublicIPRule maps an address and port of the tenant's public allocation to an
// address and port in one of its cloud networks, for TCP and UDP alike (rule 17).
type PublicIPRule struct {
	Public, Internal netip.AddrPort
}
