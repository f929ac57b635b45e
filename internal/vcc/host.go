package vcc

import (
	"fmt"
	"strings"
)

// Platform is the virtualization platform of a host.
type Platform string

// The platforms.
const (
	PlatformVMware Platform = "VMware"
	PlatformHyperV Platform = "HyperV"
)

// Host is the service provider's virtualization host or cluster that replicas go to.
type Host struct {
	Name     string
	Platform Platform
	VLANs    []VLANRanges
}

// VLANRanges are a pair of ranges of VLAN IDs that a host gives to cloud networks.
type VLANRanges struct {
	WithInternet, WithoutInternet VLANRange
}

// VLANRange is a range of VLAN IDs, both ends included. The zero value has none.
type VLANRange struct{ First, Last int }

// ParseVLANRange reads a range as a lab file has it: [first, last], nil for none. The error
// has no field.
func ParseVLANRange(ends []int) (VLANRange, error) {
	if ends == nil {
		return VLANRange{}, nil
	}
	if len(ends) != 2 {
		return VLANRange{}, notVLANRange(ends...)
	}
	r := VLANRange{ends[0], ends[1]}
	if err := r.validate(); err != nil {
		return VLANRange{}, err
	}
	return r, nil
}

// validate checks a range that is to have IDs: those that IEEE 802.1Q leaves to users.
func (r VLANRange) validate() error {
	if r.First > r.Last || r.First < minVLAN || r.Last > maxVLAN {
		return notVLANRange(r.First, r.Last)
	}
	return nil
}

// String writes a range as a lab file does: [1, 10].
func (r VLANRange) String() string { return fmt.Sprintf("[%d, %d]", r.First, r.Last) }

func notVLANRange(ends ...int) error {
	written := strings.ReplaceAll(fmt.Sprint(ends), " ", ", ")
	return invalid("", "%s is not a VLAN range; write [first, last] with %d <= first <= last <= %d", written, minVLAN, maxVLAN)
}

// The VLAN IDs that IEEE 802.1Q leaves to users.
const (
	minVLAN = 1
	maxVLAN = 4094
)

// Validate checks a host's own values, and that no VLAN ID stands in two of its
// ranges: an ID can be given to one network only (D1).
func (h Host) Validate() error {
	if h.Platform != PlatformVMware && h.Platform != PlatformHyperV {
		return invalid("platform", "%q is not a platform; use %s or %s", h.Platform, PlatformVMware, PlatformHyperV)
	}
	type declared struct {
		field string
		VLANRange
	}
	var earlier []declared
	for i, ranges := range h.VLANs {
		for _, r := range []declared{
			{fmt.Sprintf("vlans[%d].with_internet", i), ranges.WithInternet},
			{fmt.Sprintf("vlans[%d].without_internet", i), ranges.WithoutInternet},
		} {
			if r.VLANRange == (VLANRange{}) {
				continue
			}
			if err := r.validate(); err != nil {
				return Within(r.field, err)
			}
			for _, e := range earlier {
				if r.First <= e.Last && e.First <= r.Last {
					return invalid(r.field, "VLAN range %s overlaps %s %s of the same host; a VLAN ID can be given out once", r.VLANRange, e.field, e.VLANRange)
				}
			}
			earlier = append(earlier, r)
		}
	}
	return nil
}

func (c *labCheck) checkHosts() {
	names := map[string]string{}
	for i, h := range c.lab.Hosts {
		at := fmt.Sprintf("hosts[%d]", i)
		c.unique(at+".name", h.Name, names)
		c.under(at, h.Validate())
	}
}

// NextVLAN returns the lowest VLAN ID of the host's matching ranges that is not
// taken (D1). IDs in taken count whether or not a range still has them (D2).
// CodeConflict: every one is taken.
func (h Host) NextVLAN(internetAccess bool, taken map[int]bool) (int, error) {
	kind, free := "without", 0
	for _, v := range h.VLANs {
		r := v.WithoutInternet
		if internetAccess {
			kind, r = "with", v.WithInternet
		}
		if r == (VLANRange{}) {
			continue
		}
		for id := r.First; id <= r.Last; id++ {
			if !taken[id] {
				if free == 0 || id < free {
					free = id
				}
				break
			}
		}
	}
	if free == 0 {
		return 0, &Error{Code: CodeConflict, Message: fmt.Sprintf(
			"host %q has no free VLAN for a network %s internet access; widen its ranges or free a network", h.Name, kind)}
	}
	return free, nil
}
