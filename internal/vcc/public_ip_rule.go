package vcc

import (
	"errors"
	"net/netip"
)

// PublicIPRule maps an address and port of a tenant's public addresses to an address and
// port in one of its cloud networks, for TCP and UDP alike (D17).
type PublicIPRule struct {
	Public, Internal netip.AddrPort
}

// ManagementPort is the TCP port of the external address through which the service provider
// manages an appliance; no public IP rule can have it (D17).
const ManagementPort = 22

// ParsePublicIPRule reads a rule. The error names the first value that cannot be read, with
// the field "address", "port", "to_address" or "to_port" (see RuleFieldsOfAPI). It checks no rules of
// the domain: Validate does.
func ParsePublicIPRule(address string, port int, toAddress string, toPort int) (PublicIPRule, error) {
	public, err := netip.ParseAddr(address)
	if err != nil {
		return PublicIPRule{}, invalid("address", "%q is not an IP address", address)
	}
	internal, err := netip.ParseAddr(toAddress)
	if err != nil {
		return PublicIPRule{}, invalid("to_address", notOfFamily, toAddress, address)
	}
	for _, p := range []struct {
		field string
		value int
	}{{"port", port}, {"to_port", toPort}} {
		if p.value < 0 || p.value > 65535 {
			return PublicIPRule{}, invalid(p.field, "%d is not a port; use 1 to 65535", p.value)
		}
	}
	return PublicIPRule{
		Public:   netip.AddrPortFrom(public, uint16(port)),     // #nosec G115 -- 0 to 65535
		Internal: netip.AddrPortFrom(internal, uint16(toPort)), // #nosec G115 -- 0 to 65535
	}, nil
}

const notOfFamily = "%q is not an address of the family of %s"

// validate checks D17, but for whose the public address is. Fields are those of
// ParsePublicIPRule.
func (r PublicIPRule) validate() error {
	public, internal := r.Public.Addr(), r.Internal.Addr()
	for _, a := range []struct {
		field string
		value netip.Addr
	}{{"address", public}, {"to_address", internal}} {
		if a.value.Zone() != "" || a.value.Is4In6() {
			return invalid(a.field, "%q is not a plain IP address; leave out a zone, and write an IPv4 address like 172.17.52.10", a.value)
		}
	}
	if !internal.IsValid() || internal.Is4() != public.Is4() {
		return invalid("to_address", notOfFamily, internal, public)
	}
	if why := noMachine(internal); why != "" {
		return invalid("to_address", "%s is the address of no machine in a cloud network: %s; use the address of one", internal, why)
	}
	if internal == public {
		return invalid("to_address", "%s is the public address itself; use the address of a machine in a cloud network", internal)
	}
	if r.Public.Port() == ManagementPort {
		return invalid("port", "public port %d is taken: the network extension appliance is managed through it; use another port", ManagementPort)
	}
	for _, p := range []struct {
		field string
		value uint16
	}{{"port", r.Public.Port()}, {"to_port", r.Internal.Port()}} {
		if p.value == 0 { // as where it was left out
			return invalid(p.field, "a port from 1 to 65535 is required")
		}
	}
	return nil
}

// noMachine says why no machine in a cloud network has an address, "" if one may.
func noMachine(a netip.Addr) string {
	for _, r := range reservedIPv4 {
		if r.block.Contains(a) {
			return r.use
		}
	}
	switch {
	case a.Is4():
		return ""
	case a.IsUnspecified(), a.IsLoopback(), a.IsMulticast():
		return "it is no unicast address of a network (RFC 4291)"
	case a.IsLinkLocalUnicast():
		return "link-local addresses are on every link (RFC 4291)"
	}
	return ""
}

// Validate checks D17 of a rule, but for whose the public address is. Fields are those of
// the API: "address", "port", "toAddress" and "toPort".
func (r PublicIPRule) Validate() error {
	return RuleFieldsOfAPI(r.validate())
}

// RuleFieldsOfAPI returns an error about one rule with the fields "toAddress" and "toPort" in place of
// "to_address" and "to_port", as lab files have them.
func RuleFieldsOfAPI(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	switch e.Field {
	case "to_address":
		moved.Field = "toAddress"
	case "to_port":
		moved.Field = "toPort"
	}
	return &moved
}

// addressOwners says which failover plan a public address belongs to: it belongs to one at a time (D17).
type addressOwners map[netip.Addr]*addressOwner

// addressOwner is a failover plan. id is empty where it has none yet.
type addressOwner struct{ id, name string }

// take gives an address to a plan. If it belongs to another plan it stays there, and the error says so.
func (o addressOwners) take(field string, address netip.Addr, plan *addressOwner) *Error {
	owner, taken := o[address]
	if !taken || owner == plan {
		o[address] = plan
		return nil
	}
	e := PublicAddressTaken(address, owner.name)
	e.Field, e.ResourceID = field, owner.id
	return e
}

// add gives the addresses of a stored plan's rules to it.
func (o addressOwners) add(plan *addressOwner, rules []PublicIPRule) {
	for _, r := range rules {
		_ = o.take("", r.Public.Addr(), plan) // what is stored was checked
	}
}

// PublicAddressTaken is the error about a public address that belongs to another plan (D17). CodeConflict.
func PublicAddressTaken(address netip.Addr, plan string) *Error {
	return &Error{Code: CodeConflict, Message: Message("%s belongs to failover plan %q already; a public address belongs to one failover plan at a time", address, plan)}
}

// listed is the part of a message that follows "is not a public address of the tenant".
func (c *labCheck) listed(address string, allocation []netip.Addr) string {
	if len(allocation) > 0 && c.enough() {
		return ""
	}
	return allocated(address, allocation, "public_ips lists")
}

// allocated says, after has, which public addresses a tenant has.
func allocated(address string, allocation []netip.Addr, has string) string {
	if len(allocation) == 0 {
		return "; " + has + " none"
	}
	return "; " + has + " " + QuoteNames(Nearest(address, names(allocation, netip.Addr.String)))
}
