package vcc

import (
	"context"
	"fmt"
	"slices"
)

// Network is a cloud network: one virtual network that a tenant gets through a
// hardware plan, on a VLAN of its own.
type Network struct {
	ID               string
	Name             string
	HardwarePlanID   string
	HardwarePlanName string
	// HostID is the host the plan is on; networks of one tenant on one host share
	// a network extension appliance.
	HostID         string
	VLANID         int
	InternetAccess bool
}

// NetworkName returns the name of a plan's n-th network, n from 1: those with
// internet access come first.
func NetworkName(plan string, n int) string {
	return fmt.Sprintf("%s network %d", plan, n)
}

// HardwarePlan is what a service provider sells for replicas; to the tenant it
// appears as a cloud host.
type HardwarePlan struct {
	ID       string
	Name     string
	HostName string
	Platform Platform
	// NetworksWithInternet and NetworksWithoutInternet are how many cloud networks
	// a subscriber gets.
	NetworksWithInternet    int
	NetworksWithoutInternet int
}

// NetworkFilter selects cloud networks; an empty field selects all.
type NetworkFilter struct {
	HardwarePlanID string
	Name           string
}

// NetworkService lists what a tenant got from its service provider.
type NetworkService interface {
	// HardwarePlans returns a page of the plans that the tenant is subscribed to,
	// in the order of its subscriptions, and how many there are.
	HardwarePlans(ctx context.Context, as Actor, page Page) ([]HardwarePlan, int, error)

	// Networks returns a page of the tenant's cloud networks that match the
	// filter, in plan and network order, and how many match.
	Networks(ctx context.Context, as Actor, filter NetworkFilter, page Page) ([]Network, int, error)
}

// NetworkExtensionAppliance is the small router that the service provider runs
// for a tenant on one host.
type NetworkExtensionAppliance struct {
	HostID string
	// Networks are the cloud networks of all the tenant's plans on that host.
	Networks []Network
}

// VNICs returns how many virtual network adapters the appliance has: one per
// cloud network, and one on the service provider's external network (rule 3).
func (a NetworkExtensionAppliance) VNICs() int { return len(a.Networks) + 1 }

// Appliances groups a tenant's networks by host, in order of first appearance:
// there is one appliance per tenant and host (rule 3).
func Appliances(networks []Network) []NetworkExtensionAppliance {
	var appliances []NetworkExtensionAppliance
	for _, n := range networks {
		i := slices.IndexFunc(appliances, func(a NetworkExtensionAppliance) bool { return a.HostID == n.HostID })
		if i < 0 {
			i = len(appliances)
			appliances = append(appliances, NetworkExtensionAppliance{HostID: n.HostID})
		}
		appliances[i].Networks = append(appliances[i].Networks, n)
	}
	return appliances
}
