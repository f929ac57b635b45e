package vcc

import (
	"fmt"
	"net/netip"
	"slices"
)

// MaxFailoverTests is how many reports of tests are kept of each failover plan, and of all plans that
// are gone together; the newest stay (our decision). So somebody who tests one plan every hour pushes
// out nothing of another plan, a weekly test is on record for a year, and what is kept stays bounded: a
// report names every network and VM. Failovers themselves are kept without a bound, like the history of
// gateways.
const MaxFailoverTests = 60

// SessionNetwork is a network adapter of an appliance with the addresses that a failover gives it, or
// would give it.
type SessionNetwork struct {
	// HostName is the host of the appliance, and Interface its adapter: "ext0" or "net1" and so on.
	HostName, Interface string
	// NetworkID and NetworkName are empty for ext0.
	NetworkID, NetworkName string
	// Addresses are the appliance's own with their prefix lengths, IPv4 first; none where the network
	// has no usable gateway.
	Addresses []netip.Prefix
}

// SessionMachine is the replica of a VM that a failover starts on a host, or would start.
type SessionMachine struct {
	VM, HostName string
	// NICs are its adapters on the cloud networks of the host. None: its networks are mapped to none.
	NICs []SessionNIC
}

// SessionNIC is an adapter on a cloud network. The addresses are the guest's own with the length of its
// production network's prefix, IPv4 first; none are known where the lab declares none.
type SessionNIC struct {
	NetworkID, NetworkName string
	Addresses              []netip.Prefix
}

// SessionPublicAddress is a public address and port that leads to a replica, or would.
type SessionPublicAddress struct {
	Public, Internal netip.AddrPort
	// HostName is the host of the appliance, and NetworkName the cloud network that it leads to.
	HostName, NetworkName string
}

// SessionMachines are the replicas that a failover starts, in the order of the VMs. hosts are those that have a
// replica of a VM, by its name, and appliances are all of the tenant's. Where the adapters of a replica are is
// as in Replicas.
func (t LabTenant) SessionMachines(vms []string, hosts map[string][]string, appliances []ApplianceInputs) []SessionMachine {
	var networks []Network
	gateways, hostOf := map[string]GatewaySettings{}, map[string]string{} // by network ID
	for _, a := range appliances {
		networks = append(networks, a.Networks...)
		for _, n := range a.Networks {
			gateways[n.ID], hostOf[n.ID] = a.Gateways[n.ID], a.HostName
		}
	}
	nameOf := make(map[string]string, len(networks))
	for _, n := range networks {
		nameOf[n.ID] = n.Name
	}
	t.VMs = slices.DeleteFunc(slices.Clone(t.VMs), func(vm VM) bool { return !slices.Contains(vms, vm.Name) })
	replicas := map[string]Replica{}
	for _, r := range t.Replicas(networks, gateways) {
		replicas[r.Name] = r
	}
	var machines []SessionMachine
	for _, vm := range vms {
		for _, host := range hosts[vm] {
			m := SessionMachine{VM: vm, HostName: host}
			for _, n := range replicas[vm].NICs {
				if hostOf[n.NetworkID] != host {
					continue
				}
				nic := SessionNIC{NetworkID: n.NetworkID, NetworkName: nameOf[n.NetworkID]}
				for _, a := range []netip.Prefix{n.IPv4, n.IPv6} {
					if a.IsValid() {
						nic.Addresses = append(nic.Addresses, a)
					}
				}
				m.NICs = append(m.NICs, nic)
			}
			machines = append(machines, m)
		}
	}
	return machines
}

// Operation returns what made the session: FailoverTest, or FailoverStart, also of a partial failover.
func (s FailoverSession) Operation() FailoverOperation {
	if s.Test {
		return FailoverTest
	}
	return FailoverStart
}

// IsKept reports whether the session is stored. A test is not for one of the reasons of NotKept.
func (s FailoverSession) IsKept() bool { return s.ID != "" }

// NotKept says to a client why no report of a test is kept.
const NotKept = "the account may read and not write, or the backend is of a release that keeps no reports"

// Subject is the name of what was failed over: the plan, or the VM at partial site failover.
func (s FailoverSession) Subject() string {
	if s.Kind == FailoverPartialSite {
		return s.VM
	}
	return s.PlanName
}

// FailoverSessionFilter selects sessions. The zero value of a field selects all.
type FailoverSessionFilter struct {
	// PlanID is of a plan that there is, or that there was.
	PlanID string
	Kind   FailoverKind
	// Operation is FailoverTest or FailoverStart.
	Operation FailoverOperation
}

// ParseSessionOperation reads the operation of a filter, "" for all. The error has no field: the caller
// knows where the value stood.
func ParseSessionOperation(s string) (FailoverOperation, error) {
	switch o := FailoverOperation(s); o {
	case "", FailoverTest, FailoverStart:
		return o, nil
	}
	return "", invalid("", "%q leaves no session; use %s or %s", s, FailoverTest, FailoverStart)
}

// ParseFailoverKind reads the kind of a filter, "" for all. The error has no field.
func ParseFailoverKind(s string) (FailoverKind, error) {
	switch k := FailoverKind(s); k {
	case "", FailoverFullSite, FailoverPartialSite:
		return k, nil
	}
	return "", invalid("", "%q is no kind of failover; use %s or %s", s, FailoverFullSite, FailoverPartialSite)
}

// DescribeLatest says in a sentence when a failover plan was last tested or failed over, by whom, and with
// which problems. operation and latest are those of a list of sessions, newest first: "" for all, nil for
// none. plan is the name of the plan that was asked about, "" for all of them.
func DescribeLatest(plan string, operation FailoverOperation, latest *FailoverSession) string {
	if latest == nil {
		of, wayOut := "a failover plan", "test one"
		if plan != "" {
			of, wayOut = fmt.Sprintf("failover plan %q", plan), "test it"
		}
		switch operation {
		case FailoverTest:
			return fmt.Sprintf("No test of %s is on record; %s.", of, wayOut)
		case FailoverStart:
			return fmt.Sprintf("No failover by %s is on record.", of)
		}
		return fmt.Sprintf("Neither a test of %s nor a failover by it is on record; %s.", of, wayOut)
	}
	what := fmt.Sprintf("Failover plan %q", latest.PlanName)
	if latest.Kind == FailoverPartialSite {
		what = fmt.Sprintf("VM %q", latest.VM)
	}
	verb := "failed over"
	if latest.Test {
		verb = "tested"
	}
	s := fmt.Sprintf("%s was last %s at %s by %s", what, verb, TimeText(latest.StartedAt), latest.StartedBy)
	switch n := len(latest.Problems); n {
	case 0:
		return s + ", without problems."
	case 1:
		return fmt.Sprintf("%s, with a problem: %s.", s, latest.Problems[0].Message)
	default:
		return fmt.Sprintf("%s, with %d problems, the first: %s.", s, n, latest.Problems[0].Message)
	}
}
