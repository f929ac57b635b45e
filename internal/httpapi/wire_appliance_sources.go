package httpapi

import (
	"fmt"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireApplianceSources are what an appliance is compiled from and what stands around it after
// full site failover, as stored at one moment.
type wireApplianceSources struct {
	ID             string               `json:"id"`
	HostID         string               `json:"hostId"`
	HostName       string               `json:"hostName"`
	Platform       vcc.Platform         `json:"platform" enum:"VMware,HyperV"`
	External       wireLabExternal      `json:"external"`
	Networks       []wireSourceNetwork  `json:"networks" doc:"net1, net2 and so on, in this order"`
	RoutingEnabled bool                 `json:"routingEnabled"`
	PublicIPRules  []wirePublicIPRule   `json:"publicIpRules" doc:"Those of the plan that is failed over, and of all plans while none is"`
	Session        *wireFailoverSession `json:"session" required:"false" doc:"The failover that the appliance is busy with, null for none"`
	Replicas       []wireReplica        `json:"replicas" doc:"The VMs of the tenant's site that have an adapter on one of the networks after failover"`
	SiteNetworks   []string             `json:"siteNetworks" doc:"The IP networks of productionNetworks"`
	Production     []wireLostNetwork    `json:"productionNetworks" doc:"The networks of the tenant's own site, which is lost at full site failover"`
	PublicIPs      []string             `json:"publicIps" doc:"The tenant's public addresses, with public IP rules or without"`
}

// wireLostNetwork is a production network with where its hosts are after failover.
type wireLostNetwork struct {
	wireProductionNetwork
	CloudNetworkIDs []string `json:"cloudNetworkIds" doc:"Those that replication jobs map it to"`
}

// TransformSchema is for huma.
func (wireLostNetwork) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireProductionNetwork](r, s)
}

// wireSourceNetwork is a cloud network with the gateway that is stored for it.
type wireSourceNetwork struct {
	wireNetwork
	Gateway *wireDetectedSettings `json:"gateway" required:"false" doc:"Null where none is stored"`
}

// wireReplica is a VM as it is at the service provider after failover.
type wireReplica struct {
	Name string           `json:"name"`
	NICs []wireReplicaNIC `json:"nics"`
}

// wireReplicaNIC is an adapter on a cloud network.
type wireReplicaNIC struct {
	NetworkID string `json:"networkId"`
	IPv4      string `json:"ipv4" doc:"The guest's own address with its prefix length, empty where it is not known"`
	IPv6      string `json:"ipv6" doc:"As ipv4"`
}

// TransformSchema is for huma.
func (wireSourceNetwork) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireNetwork](r, s)
}

func newWireLabExternal(e vcc.ExternalSettings) wireLabExternal {
	return wireLabExternal{optionalText(e.IPv4), optionalText(e.IPv4Gateway), optionalText(e.IPv6), optionalText(e.IPv6Gateway)}
}

func newWireApplianceSources(s vcc.ApplianceSources) wireApplianceSources {
	w := wireApplianceSources{
		ID: s.ID, HostID: s.HostID, HostName: s.HostName, Platform: s.Platform, External: newWireLabExternal(s.External), RoutingEnabled: s.RoutingEnabled,
		Networks: convert(s.Networks, func(n vcc.Network) wireSourceNetwork {
			w := wireSourceNetwork{wireNetwork: newWireNetwork(n)}
			if g, stored := s.Gateways[n.ID]; stored {
				settings := newWireDetectedSettings(g)
				w.Gateway = &settings
			}
			return w
		}),
		PublicIPRules: convert(s.PublicIPRules, newWirePublicIPRule),
		Replicas: convert(s.Replicas, func(r vcc.Replica) wireReplica {
			return wireReplica{r.Name, convert(r.NICs, func(n vcc.ReplicaNIC) wireReplicaNIC {
				return wireReplicaNIC{n.NetworkID, optionalText(n.IPv4), optionalText(n.IPv6)}
			})}
		}),
		SiteNetworks: convert(s.Site(), netip.Prefix.String),
		Production: convert(s.Production, func(p vcc.SiteNetwork) wireLostNetwork {
			return wireLostNetwork{newWireProductionNetwork(p.ProductionNetwork), p.CloudNetworks}
		}),
		PublicIPs: convert(s.PublicIPs, netip.Addr.String),
	}
	if s.Session != nil {
		session := newWireFailoverSession(*s.Session)
		w.Session = &session
	}
	return w
}

// decode reads the sources. Their version is the answer's ETag.
func (w wireApplianceSources) decode() (s vcc.ApplianceSources, err error) {
	s.ID, s.HostID, s.HostName, s.Platform, s.RoutingEnabled = w.ID, w.HostID, w.HostName, w.Platform, w.RoutingEnabled
	if s.PublicIPRules, err = decodeList("publicIpRules", w.PublicIPRules); err != nil {
		return s, err
	}
	if s.Session, err = decodeOptional("session", w.Session); err != nil {
		return s, err
	}
	if s.External, err = vcc.ParseExternal(w.External.IPv4, w.External.IPv4Gateway, w.External.IPv6, w.External.IPv6Gateway); err != nil {
		return s, vcc.Within("external", err)
	}
	s.Gateways = map[string]vcc.GatewaySettings{}
	for i, n := range w.Networks {
		s.Networks = append(s.Networks, vcc.Network(n.wireNetwork))
		if n.Gateway == nil {
			continue
		}
		if s.Gateways[n.ID], err = n.Gateway.decode(); err != nil {
			return s, fmt.Errorf("networks[%d].gateway.%w", i, err)
		}
	}
	var r textReader
	for i, w := range w.Replicas {
		replica := vcc.Replica{Name: w.Name}
		for j, n := range w.NICs {
			at := fmt.Sprintf("replicas[%d].nics[%d]", i, j)
			replica.NICs = append(replica.NICs, vcc.ReplicaNIC{NetworkID: n.NetworkID,
				IPv4: readOptionalText(&r, at+".ipv4", n.IPv4, netip.ParsePrefix), IPv6: readOptionalText(&r, at+".ipv6", n.IPv6, netip.ParsePrefix)})
		}
		s.Replicas = append(s.Replicas, replica)
	}
	for i, p := range w.Production {
		network, err := p.decode()
		if err != nil {
			return s, vcc.Within(fmt.Sprintf("productionNetworks[%d]", i), err)
		}
		s.Production = append(s.Production, vcc.SiteNetwork{ProductionNetwork: network, CloudNetworks: p.CloudNetworkIDs})
	}
	s.PublicIPs = readList(&r, "publicIps", w.PublicIPs, netip.ParseAddr)
	return s, r.err
}
