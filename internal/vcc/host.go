package vcc

import (
	"fmt"
	"slices"
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
	Name     string      `json:"name" yaml:"name"`
	Platform Platform    `json:"platform" yaml:"platform"`
	VLANs    []VLANRange `json:"vlans" yaml:"vlans"`
}

// VLANRange is a pair of ranges of VLAN IDs that a host gives to cloud networks.
// Each is [first, last], both included; an absent one gives none.
type VLANRange struct {
	WithInternet    []int `json:"withInternet,omitempty" yaml:"with_internet,flow"`
	WithoutInternet []int `json:"withoutInternet,omitempty" yaml:"without_internet,flow"`
}

// The VLAN IDs that IEEE 802.1Q leaves to users.
const (
	minVLAN = 1
	maxVLAN = 4094
)

// Validate checks a host's own values, and that no VLAN ID stands in two of its
// ranges: an ID can be given to one network only (rule 1).
func (h Host) Validate() error {
	if h.Platform != PlatformVMware && h.Platform != PlatformHyperV {
		return invalid("platform", "%q is not a platform; use %s or %s", h.Platform, PlatformVMware, PlatformHyperV)
	}
	type named struct {
		field       string
		first, last int
	}
	var seen []named
	for i, v := range h.VLANs {
		for _, r := range []struct {
			name  string
			value []int
		}{{"with_internet", v.WithInternet}, {"without_internet", v.WithoutInternet}} {
			if r.value == nil {
				continue
			}
			field := fmt.Sprintf("vlans[%d].%s", i, r.name)
			if len(r.value) != 2 || r.value[0] > r.value[1] || r.value[0] < minVLAN || r.value[1] > maxVLAN {
				return invalid(field, "%s is not a VLAN range; write [first, last] with %d <= first <= last <= %d", list(r.value...), minVLAN, maxVLAN)
			}
			for _, s := range seen {
				if r.value[0] <= s.last && s.first <= r.value[1] {
					return invalid(field, "VLAN range %s overlaps %s %s of the same host; a VLAN ID can be given out once", list(r.value...), s.field, list(s.first, s.last))
				}
			}
			seen = append(seen, named{field, r.value[0], r.value[1]})
		}
	}
	return nil
}

// list writes numbers as a lab file does: [1, 10].
func list(numbers ...int) string { return strings.ReplaceAll(fmt.Sprint(numbers), " ", ", ") }

// NextVLAN returns the lowest VLAN ID of the host's matching ranges that is not
// taken (rule 1). IDs in taken count whether or not a range still has them
// (rule 2).
// CodeConflict: every one is taken.
func (h Host) NextVLAN(internetAccess bool, taken []int) (int, error) {
	kind, free := "without", 0
	for _, v := range h.VLANs {
		r := v.WithoutInternet
		if internetAccess {
			kind, r = "with", v.WithInternet
		}
		if len(r) != 2 {
			continue
		}
		for id := r[0]; id <= r[1]; id++ {
			if !slices.Contains(taken, id) && (free == 0 || id < free) {
				free = id
			}
		}
	}
	if free == 0 {
		return 0, &Error{Code: CodeConflict, Message: fmt.Sprintf(
			"host %q has no free VLAN for a network %s internet access; widen its ranges or free a network", h.Name, kind)}
	}
	return free, nil
}
