package vcc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// labObject names a removal, or something that the removed object belongs to.
type labObject struct {
	kind         LabKind
	tenant, name string
}

// address writes an object so that --remove takes it.
func (o labObject) address() string {
	if o.tenant != "" {
		return fmt.Sprintf("%s:%s/%s", o.kind, o.tenant, o.name)
	}
	return fmt.Sprintf("%s:%s", o.kind, o.name)
}

// lineage lists the object that changes and everything that it belongs to; nil for a kind
// whose removal need not be named.
func (c LabChange) lineage() []labObject {
	self := labObject{c.Kind, c.Tenant, c.Name}
	tenant := labObject{LabKindTenant, "", c.Tenant}
	switch c.Kind {
	case LabKindTenant, LabKindHost, LabKindPlan:
		return []labObject{self}
	case LabKindAccount: // whose name is its own in the whole backend
		return []labObject{{LabKindAccount, "", c.Name}, tenant}
	case LabKindSubscription:
		return []labObject{self, tenant, {LabKindPlan, "", c.Name}}
	case LabKindNetwork:
		return []labObject{self, {LabKindSubscription, c.Tenant, c.Plan}, tenant, {LabKindPlan, "", c.Plan}}
	}
	return nil
}

// Address is how the removal of a tenant, a host, a plan, a subscription, a network or an
// account is named: "tenant:NAME", "host:NAME", "plan:NAME", "subscription:TENANT/PLAN",
// "network:TENANT/NETWORK", "account:NAME". It is "" for everything else.
func (c LabChange) Address() string {
	if objects := c.lineage(); c.Action == LabRemoves && objects != nil {
		return objects[0].address()
	}
	return ""
}

// LabNetwork says where a network is.
type LabNetwork struct{ Tenant, Plan, Name string }

// CountGateways enters with each removal how many of the stored gateways go with it, of
// which it is given the networks.
func CountGateways(changes []LabChange, stored []LabNetwork) {
	counts := map[labObject]int{}
	for _, n := range stored {
		for _, o := range (LabChange{Kind: LabKindNetwork, Tenant: n.Tenant, Plan: n.Plan, Name: n.Name}).lineage() {
			counts[o]++
		}
	}
	for i, c := range changes {
		if c.Action == LabRemoves {
			changes[i].Gateways = counts[labObject{c.Kind, c.Tenant, c.Name}]
		}
	}
}

// CheckRemovals checks that each removal of a tenant, a host, a plan, a subscription, a network
// or an account is named: by its address, or that of something that it belongs to, or by the
// mere name of either where nothing else that goes has that name, too.
// CodeConflict: one is not, and the message lists those and how to name them; or an entry
// of remove names nothing that goes, or more than one thing.
func CheckRemovals(changes []LabChange, remove []string) error {
	var objects []labObject
	for _, c := range changes {
		if c.Action == LabRemoves {
			objects = append(objects, c.lineage()...)
		}
	}
	byAddress, byName := map[string]map[labObject]bool{}, map[string]map[labObject]bool{}
	index := func(by map[string]map[labObject]bool, name string, o labObject) {
		key := NormalName(name)
		if by[key] == nil {
			by[key] = map[labObject]bool{}
		}
		by[key][o] = true
	}
	if len(remove) > 0 {
		for _, o := range objects {
			index(byAddress, o.address(), o)
			if o.kind != LabKindSubscription {
				index(byName, o.name, o)
			}
		}
	}
	named := map[labObject]bool{}
	for _, entry := range remove {
		meant := byAddress[NormalName(entry)]
		if len(meant) == 0 {
			meant = byName[NormalName(entry)]
		}
		switch len(meant) {
		case 0:
			return conflict("%q was named for removal, but applying this lab removes nothing of that name; nothing was changed", entry)
		case 1:
			maps.Copy(named, meant)
		default:
			var flags []string
			for o := range meant {
				flags = append(flags, removeFlag(o.address()))
			}
			slices.Sort(flags)
			return conflict("%q was named for removal and can mean more than one thing; nothing was changed. Say which is meant: %s", entry, prose(FirstTen(flags, " or ")))
		}
	}
	var gone, replaced, flags []string
	for _, c := range changes {
		if c.Address() != "" && !slices.ContainsFunc(c.lineage(), func(o labObject) bool { return named[o] }) {
			list := &gone
			if c.Kind == LabKindAccount {
				list = &replaced
			}
			*list = append(*list, strings.TrimPrefix(c.Line(), "- "))
			flags = append(flags, removeFlag(c.Address()))
		}
	}
	var what, instead []string
	if len(gone) > 0 {
		what, instead = append(what, "no longer has "+FirstTen(gone, "; ")), append(instead, "put back what is to stay")
	}
	if len(replaced) > 0 {
		what, instead = append(what, "replaces "+FirstTen(replaced, "; ")), append(instead, "use other user names")
	}
	if what == nil {
		return nil
	}
	advice := strings.Join(append(instead, "or name what is to go"), ", ")
	return conflict("the lab %s; nothing was changed. %s: %s", prose(strings.Join(what, ", and ")), strings.ToUpper(advice[:1])+advice[1:], prose(FirstTen(flags, " ")))
}

// removeFlag is the flag that names a removal, as a shell takes it.
func removeFlag(address string) string { return "--remove " + ShellQuote(address) }

func conflict(format string, args ...any) *Error {
	return &Error{Code: CodeConflict, Message: Message(format, args...)}
}
