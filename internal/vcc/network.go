package vcc

import (
	"context"
	"fmt"
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

// NetworkName returns the name of a plan's n-th network among those with internet access,
// or among those without, n from 1. The names are the product's: they stand in its console and in
// the help of its cmdlets. A plan that is widened so adds names and shifts none.
func NetworkName(plan string, internetAccess bool, n int) string {
	name := fmt.Sprintf("%s network %d", plan, n)
	if internetAccess {
		name += " (internet)"
	}
	return name
}

// NetworkFilter selects cloud networks; an empty field selects all.
type NetworkFilter struct {
	HardwarePlanID string
	Name           string
}

// NetworkService lists a tenant's hardware plans and cloud networks.
type NetworkService interface {
	// HardwarePlans returns a page of the plans that the tenant is subscribed to,
	// in the order of its subscriptions, and how many there are.
	HardwarePlans(ctx context.Context, as Actor, page Page) ([]HardwarePlan, int, error)

	// Networks returns a page of the tenant's cloud networks that match the
	// filter, in plan and network order, and how many match.
	Networks(ctx context.Context, as Actor, filter NetworkFilter, page Page) ([]Network, int, error)
}
