package vcc

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// HardwarePlan is a product that a service provider sells for replicas; to the tenant it
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

// LabHardwarePlan declares a hardware plan.
type LabHardwarePlan struct {
	Name string
	// Host is the name of the host that the plan is on.
	Host     string
	Networks LabNetworkCount
}

// LabNetworkCount says how many cloud networks a plan has.
type LabNetworkCount struct {
	WithInternet, WithoutInternet int
}

func (n LabNetworkCount) total() int { return n.WithInternet + n.WithoutInternet }

// isPossible reports whether a host could give that many networks a VLAN each.
func (n LabNetworkCount) isPossible() bool {
	return 0 <= n.WithInternet && n.WithInternet <= maxVLAN && 0 <= n.WithoutInternet && n.WithoutInternet <= maxVLAN &&
		1 <= n.total() && n.total() <= maxVLAN
}

// NetworkNames lists the names of a valid plan's networks: those with internet access first.
func (p LabHardwarePlan) NetworkNames() []string {
	var names []string
	for n := 1; n <= p.Networks.WithInternet; n++ {
		names = append(names, NetworkName(p.Name, true, n))
	}
	for n := 1; n <= p.Networks.WithoutInternet; n++ {
		names = append(names, NetworkName(p.Name, false, n))
	}
	return names
}

// hasNetwork reports whether a valid plan has a network of a name, and makes no list of them.
func (p LabHardwarePlan) hasNetwork(name string) bool {
	rest, ofPlan := strings.CutPrefix(name, p.Name+" network ")
	number, withInternet := strings.CutSuffix(rest, " (internet)")
	n, err := strconv.Atoi(number)
	most := p.Networks.WithoutInternet
	if withInternet {
		most = p.Networks.WithInternet
	}
	return ofPlan && err == nil && 1 <= n && n <= most && name == NetworkName(p.Name, withInternet, n)
}

func (c *labCheck) checkHardwarePlans() {
	names := map[string]string{}
	for i, p := range c.lab.HardwarePlans {
		at := fmt.Sprintf("hardware_plans[%d]", i)
		c.unique(at+".name", p.Name, names)
		c.known(at+".host", "host", p.Host, c.hosts)
		if !p.Networks.isPossible() {
			c.add(at+".networks", "a hardware plan needs 1 to %d networks, with and without internet access together", maxVLAN)
		}
	}
}

// renamed is the advice about a name in a mapping table that a network of the plan had before
// networks were counted within each kind. It says the network's present name, and which other
// names of the table meant other networks then. It is "" for a name that a network has today,
// or never had.
func (p LabHardwarePlan) renamed(name string, mapping map[string]string) string {
	now := p.nameSinceRenaming(name)
	if now == "" || p.hasNetwork(name) {
		return ""
	}
	others := map[string]bool{}
	for _, other := range mapping {
		if now := p.nameSinceRenaming(other); now != "" && other != name && now != other {
			others[fmt.Sprintf("%q was the present %q", other, now)] = true
		}
	}
	advice := fmt.Sprintf("before networks with and without internet access were counted apart, that was the name of the present %q", now)
	if len(others) > 0 {
		advice += ", and " + FirstTen(slices.Sorted(maps.Keys(others)), ", ")
	}
	return advice
}

// nameSinceRenaming returns the present name of a network by its former one, whose number
// counted over all networks of the plan, those with internet access first. It is "" for a
// name that no network had.
func (p LabHardwarePlan) nameSinceRenaming(name string) string {
	number, _ := strings.CutPrefix(name, p.Name+" network ")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 1 || n > p.Networks.total():
		return ""
	case n <= p.Networks.WithInternet:
		return NetworkName(p.Name, true, n)
	default:
		return NetworkName(p.Name, false, n-p.Networks.WithInternet)
	}
}
