package vcc

import (
	"net/netip"
	"regexp"
	"strings"
	"sync"
)

// MaxTraceRequests is how many questions one request may ask.
const MaxTraceRequests = 1000

// MaxTraceWays is how many pairs of addresses the questions of one request have together at most: each costs as much
// as a question about two addresses.
const MaxTraceWays = 1 << 14

// Internet is the word for an end of a question that stands for any address on the internet.
const Internet = "internet"

// TraceEnd is an end of a question: an address, a VM of the tenant's site, or the
// internet.
type TraceEnd struct {
	// Address is set for an address, and is the zero value for the others.
	Address netip.Addr
	// VM is the name of a VM, Internet stands for any address out there.
	VM       string
	Internet bool
}

// ParseTraceEnd reads an end. What is no address and not the word internet is the name
// of a VM, which only the backend knows. The error has no field.
func ParseTraceEnd(s string) (TraceEnd, error) {
	addr, err := netip.ParseAddr(s)
	switch {
	case s == Internet:
		return TraceEnd{Internet: true}, nil
	case err == nil && (addr.Zone() != "" || addr.Is4In6()):
		return TraceEnd{}, invalid("", "%q has a zone, or is an IPv4-mapped address, which no packet on the way has; write it plain, such as 172.17.52.10 or 2001:db8:52::10", s)
	case err == nil:
		return TraceEnd{Address: addr}, nil
	case s == "":
		return TraceEnd{}, invalid("", "an end is required: the name of a VM, an IP address, or %s", Internet)
	case strings.TrimSpace(s) != s:
		return TraceEnd{}, invalid("", "%q begins or ends with white space; remove it", s)
	case strings.Count(s, ":") > 1 || fourNumbers().MatchString(s):
		return TraceEnd{}, invalid("", "%q is not an IP address; write one such as 172.17.52.10 or 2001:db8:52::10", s)
	}
	return TraceEnd{VM: s}, nil
}

// fourNumbers matches text that looks like an IPv4 address, with or without a port or a
// prefix length, in range or not. It is no name of a VM.
var fourNumbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+([:/]\d*)?$`) })

// String returns the end as it is written.
func (e TraceEnd) String() string {
	switch {
	case e.Internet:
		return Internet
	case e.VM != "":
		return e.VM
	}
	return e.Address.String()
}

// TraceRequest asks whether something would be reached after full site failover.
type TraceRequest struct {
	Source, Destination TraceEnd
	// Protocol is tcp, udp or icmp, which means ICMPv6 between IPv6 addresses.
	Protocol string
	// Port is the destination's, 1 to 65535; 0 with icmp.
	Port int
	// Unwanted says that the destination should not be reached. Where a question has
	// several ways, because a VM has several adapters, the one reported is the first
	// that is not as it should be.
	Unwanted bool
	// Reason is what should settle it, "" where any reason will do.
	Reason Reason
}

// Holds reports whether an outcome is as it should be. The reason is that of Reachability.Outcome.
func (r TraceRequest) Holds(reachable bool, reason Reason) bool {
	return reachable != r.Unwanted && (r.Reason == "" || r.Reason == reason)
}

// ParseTraceRequest reads a request; port is nil where there is none. The error lists
// every value that is wrong, with the fields "source", "destination", "protocol" and
// "port".
func ParseTraceRequest(source, destination, protocol string, port *int) (TraceRequest, error) {
	r := TraceRequest{Protocol: protocol}
	var v errorList
	for _, end := range []struct {
		field, value string
		into         *TraceEnd
	}{{"source", source, &r.Source}, {"destination", destination, &r.Destination}} {
		parsed, err := ParseTraceEnd(end.value)
		if err != nil {
			v = append(v, Within(end.field, err))
		}
		*end.into = parsed
	}
	from, to := r.Source, r.Destination
	switch {
	case len(v) > 0:
	case from.Internet && to.Internet:
		v.add("destination", "source and destination are both the internet, and such packets do not come this way; name a VM or an address at one end")
	case from.Address.IsValid() && to.Address.IsValid() && from.Address.Is4() != to.Address.Is4():
		v.add("destination", "%s and the source %s are not of one family", destination, source)
	}
	r.Port = parsePort(&v, protocol, port)
	return r, v.err()
}

// parsePort checks a protocol, and reads the destination port that it needs.
func parsePort(v *errorList, protocol string, port *int) int {
	switch protocol {
	case "tcp", "udp":
		if port == nil {
			v.add("port", "a destination port from 1 to 65535 is required with %s", protocol)
			return 0
		}
		if *port < 1 || *port > 65535 {
			v.add("port", "%d is not a port; use 1 to 65535", *port)
		}
		return *port
	case "icmp":
		if port != nil {
			v.add("port", "there are no ports in icmp; leave it out")
		}
	default:
		v.add("protocol", "%q is not a protocol; use tcp, udp or icmp", protocol)
	}
	return 0
}

// IsNetworkOrBroadcast reports whether an address is the first or the last of an IPv4 network, which are no host's
// (RFC 1122, 3.2.1.3) except in a /31 and a /32 (RFC 3021).
func IsNetworkOrBroadcast(a netip.Addr, network netip.Prefix) bool {
	network = network.Masked()
	return a.Is4() && network.Bits() < 31 && network.Contains(a) && (a == network.Addr() || a == lastIPv4(network))
}

// Ways are the pairs of addresses, of one family each, that a question is about:
// between every adapter of a VM and the other end. The internet is represented by the
// addresses in outside, of which there is one per family at most. The errors are those
// of ParseTraceRequest.
func (r TraceRequest) Ways(site Site, outside []netip.Addr) ([][2]netip.Addr, error) {
	var v errorList
	addressesOf := func(field string, e TraceEnd) []netip.Addr {
		addresses, err := site.addressesOf(e, outside)
		switch {
		case err != nil:
			v = append(v, Within(field, err))
		case e.VM != "" && len(addresses) == 0:
			v.add(field, "the address of VM %q is not known; write the address that it has instead of its name", e.VM)
		}
		return addresses
	}
	from, to := addressesOf("source", r.Source), addressesOf("destination", r.Destination)
	if len(v) > 0 {
		return nil, v.err()
	}
	ways := pairs(from, to)
	if len(ways) == 0 {
		v.add("destination", "%s has no address of the family of the source %s", r.Destination, r.Source)
	}
	return ways, v.err()
}

// addressesOf returns the addresses that an end stands for: none for a VM whose addresses are
// not known. The error, which has no field, is about a VM that there is not.
func (s Site) addressesOf(e TraceEnd, outside []netip.Addr) ([]netip.Addr, error) {
	switch {
	case e.Internet:
		return outside, nil
	case e.VM == "":
		return []netip.Addr{e.Address}, nil
	}
	vm, ok := s.VM(e.VM)
	if !ok {
		return nil, invalid("", "%q is no VM of the tenant's site, no IP address and not the word %s; %s", e.VM, Internet, prose(s.namesVMs(e.VM)))
	}
	return vm.Addresses(), nil
}

// namesVMs says which VMs there are, the nearest to a name first.
func (s Site) namesVMs(name string) string {
	if len(s.VMs) == 0 {
		return "the site has no VMs"
	}
	return DidYouMean(name, names(s.VMs, func(vm VM) string { return vm.Name }))
}
