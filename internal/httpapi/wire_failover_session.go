package httpapi

import (
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireSessionNetwork is an appliance's adapter with the addresses that a failover gives it.
type wireSessionNetwork struct {
	HostName    string   `json:"hostName"`
	Interface   string   `json:"interface" doc:"ext0 or netN"`
	NetworkID   string   `json:"networkId" doc:"Empty for ext0"`
	NetworkName string   `json:"networkName" doc:"Empty for ext0"`
	Addresses   []string `json:"addresses" doc:"With their prefix lengths; empty where the network has no usable gateway"`
}

// wireSessionMachine is the replica of a VM on a host.
type wireSessionMachine struct {
	VM       string           `json:"vm"`
	HostName string           `json:"hostName"`
	NICs     []wireSessionNIC `json:"nics"`
}

// wireSessionNIC is an adapter of a replica on a cloud network.
type wireSessionNIC struct {
	NetworkID   string   `json:"networkId"`
	NetworkName string   `json:"networkName"`
	Addresses   []string `json:"addresses" doc:"The guest's own, with their prefix lengths; empty where they are not known"`
}

// wireSessionPublicAddress is a public address and port that leads to a cloud network.
type wireSessionPublicAddress struct {
	Public      string `json:"public"`
	Internal    string `json:"internal"`
	HostName    string `json:"hostName"`
	NetworkName string `json:"networkName"`
}

func newWireSessionNetwork(n vcc.SessionNetwork) wireSessionNetwork {
	return wireSessionNetwork{n.HostName, n.Interface, n.NetworkID, n.NetworkName, convert(n.Addresses, netip.Prefix.String)}
}

func (w wireSessionNetwork) decode() (vcc.SessionNetwork, error) {
	var r textReader
	return vcc.SessionNetwork{
		HostName: w.HostName, Interface: w.Interface, NetworkID: w.NetworkID, NetworkName: w.NetworkName,
		Addresses: readList(&r, "addresses", w.Addresses, netip.ParsePrefix),
	}, r.err
}

func newWireSessionMachine(m vcc.SessionMachine) wireSessionMachine {
	return wireSessionMachine{m.VM, m.HostName, convert(m.NICs, func(n vcc.SessionNIC) wireSessionNIC {
		return wireSessionNIC{n.NetworkID, n.NetworkName, convert(n.Addresses, netip.Prefix.String)}
	})}
}

func (w wireSessionMachine) decode() (vcc.SessionMachine, error) {
	nics, err := decodeList("nics", w.NICs)
	return vcc.SessionMachine{VM: w.VM, HostName: w.HostName, NICs: nics}, err
}

func (w wireSessionNIC) decode() (vcc.SessionNIC, error) {
	var r textReader
	return vcc.SessionNIC{
		NetworkID: w.NetworkID, NetworkName: w.NetworkName, Addresses: readList(&r, "addresses", w.Addresses, netip.ParsePrefix),
	}, r.err
}

func newWireSessionPublicAddress(p vcc.SessionPublicAddress) wireSessionPublicAddress {
	return wireSessionPublicAddress{p.Public.String(), p.Internal.String(), p.HostName, p.NetworkName}
}

func (w wireSessionPublicAddress) decode() (vcc.SessionPublicAddress, error) {
	var r textReader
	return vcc.SessionPublicAddress{
		Public: r.addrPort("public", w.Public), Internal: r.addrPort("internal", w.Internal), HostName: w.HostName, NetworkName: w.NetworkName,
	}, r.err
}
