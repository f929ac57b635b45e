package vcc

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxName is how many bytes of UTF-8 a name has at most.
const MaxName = 255

// NormalName returns a name in Unicode Normalization Form C, in which names are compared
// (UAX #15): Terraform puts every string into that form, and editors and file systems
// into others. Names are stored as they were written.
func NormalName(name string) string { return norm.NFC.String(name) }

// SameName reports whether two names mean the same: they differ at most in their
// normalization form.
func SameName(a, b string) bool { return a == b || NormalName(a) == NormalName(b) }

// ValidateName checks that people can type a name, and that terminals and tables can
// show it as it is. The error has no field.
func ValidateName(name string) error {
	switch {
	case name == "":
		return invalid("", "a name is required")
	case len(name) > MaxName:
		return invalid("", "%s is a name of %d bytes; a name has %d at most", prose(Clip(name)), len(name), MaxName)
	case !utf8.ValidString(name):
		return invalid("", "%q is not text in UTF-8", name)
	case strings.TrimSpace(name) != name:
		return invalid("", "%q begins or ends with white space; remove it", name)
	}
	for _, r := range name {
		switch {
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return invalid("", "%q has the control character %U, which no name can have; remove it", name, r)
		case unicode.Is(unicode.Bidi_Control, r):
			return invalid("", "%q has the character %U, which is not seen and changes the order of what is; remove it", name, r)
		}
	}
	return nil
}

// spelling is how names are spelled where they are declared, by their normal form.
type spelling map[string]string

// newSpelling takes the first of names that mean the same.
func newSpelling(names []string) spelling {
	s := spelling{}
	for _, n := range names {
		if key := NormalName(n); s[key] == "" {
			s[key] = n
		}
	}
	return s
}

// declared returns a name in the spelling of its declaration, and unchanged if there is none.
func (s spelling) declared(name string) string {
	if spelled, ok := s[NormalName(name)]; ok {
		return spelled
	}
	return name
}

func (s spelling) each(names []string) []string {
	spelled := slices.Clone(names)
	for i, n := range names {
		spelled[i] = s.declared(n)
	}
	return spelled
}

// Respelled returns the lab with every reference in the spelling of the name that it refers
// to, so that references can be looked up. Hosts, plans and tenants that are known already keep
// the spelling that they have there.
func (l Lab) Respelled(knownHosts, knownPlans, knownTenants []string) Lab {
	known := func(name *string, names spelling) { *name = names.declared(*name) }
	l.Hosts, l.HardwarePlans, l.Tenants = slices.Clone(l.Hosts), slices.Clone(l.HardwarePlans), slices.Clone(l.Tenants)
	hosts, plans, tenants := newSpelling(knownHosts), newSpelling(knownPlans), newSpelling(knownTenants)
	for i := range l.Hosts {
		known(&l.Hosts[i].Name, hosts)
	}
	hosts = newSpelling(names(l.Hosts, func(h Host) string { return h.Name }))
	for i := range l.HardwarePlans {
		known(&l.HardwarePlans[i].Name, plans)
		known(&l.HardwarePlans[i].Host, hosts)
	}
	plans = newSpelling(names(l.HardwarePlans, func(p LabHardwarePlan) string { return p.Name }))
	for i := range l.Tenants {
		t := &l.Tenants[i]
		known(&t.Name, tenants)
		t.Subscriptions = plans.each(t.Subscriptions)
		t.Appliances = slices.Clone(t.Appliances)
		for j := range t.Appliances {
			known(&t.Appliances[j].Host, hosts)
		}
		production := newSpelling(names(t.ProductionNetworks, func(p ProductionNetwork) string { return p.Name }))
		t.VMs = slices.Clone(t.VMs)
		for j := range t.VMs {
			t.VMs[j].NICs = slices.Clone(t.VMs[j].NICs)
			for k := range t.VMs[j].NICs {
				known(&t.VMs[j].NICs[k].Network, production)
			}
		}
		vms := newSpelling(names(t.VMs, func(vm VM) string { return vm.Name }))
		t.Jobs = slices.Clone(t.Jobs)
		for j := range t.Jobs {
			job := &t.Jobs[j]
			known(&job.HardwarePlan, plans)
			job.VMs = vms.each(job.VMs)
			job.Mapping = respelledMapping(*job, production)
		}
		t.FailoverPlans = slices.Clone(t.FailoverPlans)
		for j := range t.FailoverPlans {
			t.FailoverPlans[j].VMs = vms.each(t.FailoverPlans[j].VMs)
		}
	}
	return l
}

// respelledMapping is a job's mapping with the names of networks as they are: a cloud
// network's begins with its plan's. Of two keys that mean the same one stays as it is
// written, and names nothing.
func respelledMapping(job LabReplicationJob, production spelling) map[string]string {
	if job.Mapping == nil {
		return nil
	}
	spelled := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(job.Mapping)) {
		to, key := job.Mapping[from], production.declared(from)
		if _, taken := spelled[key]; taken {
			key = from
		}
		spelled[key] = RespelledNetwork(to, job.HardwarePlan)
	}
	return spelled
}

// RespelledNetwork returns the name of a network with that of its plan in the spelling
// of plan, and any other name as it is.
func RespelledNetwork(name, plan string) string {
	if n, ok := strings.CutPrefix(NormalName(name), NormalName(plan)+" network "); ok {
		return plan + " network " + n
	}
	return name
}
