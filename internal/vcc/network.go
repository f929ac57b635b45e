package vcc

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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

// renamed is the advice about a name in a mapping table that no network of a plan has and that one
// had before networks were counted within each kind: what that is called now, and what the
// other names of the table meant then, of which some mean another network today. It is "" for any
// other name.
func (p LabHardwarePlan) renamed(name string, mapping map[string]string) string {
	now := p.nameSinceRenaming(name)
	if now == "" || slices.Contains(p.NetworkNames(), name) {
		return ""
	}
	others := map[string]bool{}
	for _, other := range mapping {
		if now := p.nameSinceRenaming(other); now != "" && other != name && now != other {
			others[fmt.Sprintf("%q was what is %q now", other, now)] = true
		}
	}
	advice := fmt.Sprintf("before networks with and without internet access were counted apart, that was what is %q now", now)
	if len(others) > 0 {
		advice += ", and " + FirstTen(slices.Sorted(maps.Keys(others)), ", ")
	}
	return advice
}

// nameSinceRenaming returns what a network is called whose number counted over all
// networks of its plan, those with internet access first; "" for a name that was none.
func (p LabHardwarePlan) nameSinceRenaming(name string) string {
	number, _ := strings.CutPrefix(name, p.Name+" network ")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 1 || n > p.Networks.WithInternet+p.Networks.WithoutInternet:
		return ""
	case n <= p.Networks.WithInternet:
		return NetworkName(p.Name, true, n)
	default:
		return NetworkName(p.Name, false, n-p.Networks.WithInternet)
	}
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
