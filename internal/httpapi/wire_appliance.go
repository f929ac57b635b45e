package httpapi

import (
	"fmt"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireAppliance is a network extension appliance: what it does while a full site
// failover is active, and what it would do at one otherwise.
type wireAppliance struct {
	ID             string                   `json:"id"`
	HostName       string                   `json:"hostName"`
	Platform       vcc.Platform             `json:"platform" enum:"VMware,HyperV"`
	HardwarePlans  []string                 `json:"hardwarePlans" doc:"Names of the plans whose networks it serves"`
	State          string                   `json:"state" enum:"stopped,fullSiteFailover,partialSiteFailover"`
	Session        *wireFailoverSession     `json:"session" required:"false"`
	Interfaces     []wireApplianceInterface `json:"interfaces"`
	Routes         []wireApplianceRoute     `json:"routes"`
	SourceNAT      []wireSourceNATRule      `json:"sourceNat"`
	DestinationNAT []wireDestinationNATRule `json:"destinationNat"`
	Problems       []wireApplianceProblem   `json:"problems"`
}

// wireApplianceInterface is one of an appliance's network adapters.
type wireApplianceInterface struct {
	Name        string   `json:"name" doc:"ext0 or netN"`
	NetworkID   string   `json:"networkId" doc:"Empty for ext0"`
	NetworkName string   `json:"networkName" doc:"Empty for ext0"`
	Addresses   []string `json:"addresses" doc:"With their prefix lengths"`
}

// wireApplianceRoute is a connected route, or a default route with a gateway.
type wireApplianceRoute struct {
	Destination string `json:"destination"`
	Interface   string `json:"interface"`
	Gateway     string `json:"gateway" doc:"Empty for a connected route"`
}

// wireSourceNATRule gives what leaves through ext0 an external source address.
type wireSourceNATRule struct {
	Interfaces []string `json:"interfaces"`
	To         string   `json:"to"`
}

// wireDestinationNATRule is a public IP rule at work.
type wireDestinationNATRule struct {
	Public    string `json:"public"`
	Internal  string `json:"internal"`
	Interface string `json:"interface"`
}

// wireApplianceProblem is something that people should know before they rely on an
// appliance.
type wireApplianceProblem struct {
	Code        vcc.ProblemCode `json:"code"`
	NetworkID   string          `json:"networkId"`
	NetworkName string          `json:"networkName"`
	Message     string          `json:"message"`
}

func newWireAppliance(a vcc.ApplianceState) wireAppliance {
	w := wireAppliance{
		ID: a.ID, HostName: a.HostName, Platform: a.Platform, State: a.State(),
		HardwarePlans: append([]string{}, a.HardwarePlans...),
		Interfaces: convert(a.Interfaces, func(i vcc.ApplianceInterface) wireApplianceInterface {
			return wireApplianceInterface{i.Name, i.NetworkID, i.NetworkName, convert(i.Addresses, netip.Prefix.String)}
		}),
		Routes: convert(a.Routes, func(r vcc.ApplianceRoute) wireApplianceRoute {
			return wireApplianceRoute{r.Destination.String(), r.Interface, optionalText(r.Gateway)}
		}),
		SourceNAT: convert(a.SourceNAT, func(r vcc.SourceNATRule) wireSourceNATRule {
			return wireSourceNATRule{r.Interfaces, r.To.String()}
		}),
		DestinationNAT: convert(a.DestinationNAT, func(r vcc.DestinationNATRule) wireDestinationNATRule {
			return wireDestinationNATRule{r.Public.String(), r.Internal.String(), r.Interface}
		}),
		Problems: convert(a.Problems, newWireApplianceProblem),
	}
	if a.Session != nil {
		session := newWireFailoverSession(*a.Session)
		w.Session = &session
	}
	return w
}

func (w wireAppliance) decode() (vcc.ApplianceState, error) {
	a := vcc.ApplianceState{ID: w.ID, HostName: w.HostName, Platform: w.Platform, HardwarePlans: w.HardwarePlans}
	var err error
	if a.Session, err = decodeOptional("session", w.Session); err != nil {
		return a, err
	}
	if a.Problems, err = decodeList("problems", w.Problems); err != nil {
		return a, err
	}
	var r textReader
	for i, w := range w.Interfaces {
		a.Interfaces = append(a.Interfaces, vcc.ApplianceInterface{
			Name: w.Name, NetworkID: w.NetworkID, NetworkName: w.NetworkName,
			Addresses: readList(&r, fmt.Sprintf("interfaces[%d].addresses", i), w.Addresses, netip.ParsePrefix),
		})
	}
	for i, w := range w.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		a.Routes = append(a.Routes, vcc.ApplianceRoute{
			Destination: r.prefix(at+".destination", w.Destination), Interface: w.Interface,
			Gateway: readOptionalText(&r, at+".gateway", w.Gateway, netip.ParseAddr),
		})
	}
	for i, w := range w.SourceNAT {
		a.SourceNAT = append(a.SourceNAT, vcc.SourceNATRule{Interfaces: w.Interfaces, To: r.address(fmt.Sprintf("sourceNat[%d].to", i), w.To)})
	}
	for i, w := range w.DestinationNAT {
		at := fmt.Sprintf("destinationNat[%d]", i)
		a.DestinationNAT = append(a.DestinationNAT, vcc.DestinationNATRule{
			Public: r.addrPort(at+".public", w.Public), Internal: r.addrPort(at+".internal", w.Internal), Interface: w.Interface,
		})
	}
	return a, r.err
}

func newWireApplianceProblem(p vcc.ApplianceProblem) wireApplianceProblem {
	return wireApplianceProblem(p)
}

func (w wireApplianceProblem) decode() (vcc.ApplianceProblem, error) {
	return vcc.ApplianceProblem(w), nil
}
