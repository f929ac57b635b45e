package vcc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// LabAction is what declaring a lab does with something.
type LabAction string

// The actions.
const (
	LabAdds    LabAction = "add"
	LabChanges LabAction = "change"
	LabRemoves LabAction = "remove"
)

// LabKind is a kind of what a lab declares.
type LabKind string

// The kinds. Those with a removal of their own (LabChange.Address) come first.
const (
	LabKindTenant       LabKind = "tenant"
	LabKindHost         LabKind = "host"
	LabKindPlan         LabKind = "plan"
	LabKindSubscription LabKind = "subscription"
	LabKindNetwork      LabKind = "network"

	LabKindServiceProvider LabKind = "serviceProvider"
	LabKindTenants         LabKind = "tenants" // their order
	LabKindJob             LabKind = "replicationJob"
	LabKindFailoverPlan    LabKind = "failoverPlan"
)

// labWords are the kinds in sentences.
var labWords = map[LabKind]string{
	LabKindPlan: "hardware plan", LabKindServiceProvider: "service provider",
	LabKindJob: "replication job", LabKindFailoverPlan: "failover plan",
}

// LabChange is one thing that declaring a lab adds, changes or removes. What belongs to
// something that is added or removed as a whole has no entry of its own.
type LabChange struct {
	Action LabAction
	Kind   LabKind
	// Tenant is whose it is, "" for what is no tenant's.
	Tenant string
	// Name is the plan's for a subscription.
	Name string
	// Plan is the hardware plan of a network.
	Plan string
	// Details are the values that change, each with what it was and what it becomes.
	Details []string
	// Networks is how many cloud networks come or go with a tenant, a plan or a
	// subscription.
	Networks int
	// Gateways is how many stored default gateways go.
	Gateways int
}

// labObject is what a removal can be named by.
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

// lineage lists a removal and what it belongs to. Nil: it need not be named.
func (c LabChange) lineage() []labObject {
	self := labObject{c.Kind, c.Tenant, c.Name}
	tenant := labObject{LabKindTenant, "", c.Tenant}
	switch c.Kind {
	case LabKindTenant, LabKindHost, LabKindPlan:
		return []labObject{self}
	case LabKindSubscription:
		return []labObject{self, tenant, {LabKindPlan, "", c.Name}}
	case LabKindNetwork:
		return []labObject{self, {LabKindSubscription, c.Tenant, c.Plan}, tenant, {LabKindPlan, "", c.Plan}}
	}
	return nil
}

// Address is how the removal of a tenant, a host, a plan, a subscription or a network is
// named: "tenant:NAME", "host:NAME", "plan:NAME", "subscription:TENANT/PLAN",
// "network:TENANT/NETWORK". It is "" for everything else.
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

// String names what changes: network "VMware Silver network 1" of tenant "ABC Company".
func (c LabChange) String() string {
	word := labWords[c.Kind]
	if word == "" {
		word = string(c.Kind)
	}
	switch {
	case c.Kind == LabKindTenants:
		return word
	case c.Kind == LabKindSubscription:
		return fmt.Sprintf("subscription of tenant %q to hardware plan %q", c.Tenant, c.Name)
	case c.Tenant != "":
		return fmt.Sprintf("%s %q of tenant %q", word, c.Name, c.Tenant)
	}
	return fmt.Sprintf("%s %q", word, c.Name)
}

// Line is the change on a line of its own, led by +, ~ or -.
func (c LabChange) Line() string {
	line := map[LabAction]string{LabAdds: "+ ", LabChanges: "~ ", LabRemoves: "- "}[c.Action] + c.String()
	var with []string
	if c.Networks > 0 {
		with = append(with, counted(c.Networks, "network"))
	}
	if c.Gateways > 0 {
		with = append(with, counted(c.Gateways, "default gateway"))
	}
	if len(with) > 0 {
		line += " with " + strings.Join(with, ", ")
	}
	if len(c.Details) > 0 {
		line += ": " + FirstTen(c.Details, ", ")
	}
	return line
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// FirstTen joins the first ten entries of a list, and says how many more there are.
func FirstTen(list []string, separator string) string {
	const most = 10
	if len(list) <= most {
		return strings.Join(list, separator)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(list[:most], separator), separator, len(list)-most)
}

// CheckRemovals checks that each removal of a tenant, a host, a plan, a subscription or a
// network is named: by its address, or that of something that it belongs to, or by the
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
	named := map[labObject]bool{}
	for _, entry := range remove {
		meant := map[labObject]bool{}
		for _, o := range objects {
			if SameName(o.address(), entry) {
				meant[o] = true
			}
		}
		if len(meant) == 0 {
			for _, o := range objects {
				if SameName(o.name, entry) && o.kind != LabKindSubscription {
					meant[o] = true
				}
			}
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
			return conflict("%q was named for removal and can mean more than one thing; nothing was changed. Say which is meant: %s", entry, FirstTen(flags, " or "))
		}
	}
	var unnamed, flags []string
	for _, c := range changes {
		if c.Address() != "" && !slices.ContainsFunc(c.lineage(), func(o labObject) bool { return named[o] }) {
			unnamed = append(unnamed, strings.TrimPrefix(c.Line(), "- "))
			flags = append(flags, removeFlag(c.Address()))
		}
	}
	if len(unnamed) == 0 {
		return nil
	}
	return conflict("the lab no longer has %s; nothing was changed. Put back what is to stay, or name what is to go: %s",
		FirstTen(unnamed, "; "), FirstTen(flags, " "))
}

// removeFlag is the flag that names a removal, as a shell takes it.
func removeFlag(address string) string { return "--remove " + ShellQuote(address) }

// ShellQuote writes a word so that a shell takes it as it is, in quotes only where it must, and
// so that a terminal shows it: what cannot be printed is escaped.
func ShellQuote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,:/@%="
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "$'" + strings.ReplaceAll(strings.Trim(strconv.Quote(word), `"`), "'", `\'`) + "'"
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func conflict(format string, args ...any) *Error {
	return &Error{Code: CodeConflict, Message: fmt.Sprintf(format, args...)}
}

// CompareLabs lists what has to change so that a backend that has one valid lab has another:
// first what is no tenant's, then tenant by tenant. The order of hosts and of plans
// says nothing, and lists that are empty are as if left out.
func CompareLabs(before, after Lab) []LabChange {
	c := &labComparison{before: before, after: after}
	if from, to := before.ServiceProvider.Name, after.ServiceProvider.Name; from == "" {
		c.add(LabChange{Action: LabAdds, Kind: LabKindServiceProvider, Name: to})
	} else if from != to {
		c.add(LabChange{Action: LabChanges, Kind: LabKindServiceProvider, Name: from, Details: []string{fmt.Sprintf("name from %q to %q", from, to)}})
	}
	compareNamed(c, LabChange{Kind: LabKindHost}, before.Hosts, after.Hosts, func(h Host) string { return h.Name })
	planName := func(p LabHardwarePlan) string { return p.Name }
	from := len(c.changes)
	compareNamed(c, LabChange{Kind: LabKindPlan}, before.HardwarePlans, after.HardwarePlans, planName)
	for i, change := range c.changes[from:] {
		if change.Action == LabRemoves {
			for _, t := range before.Tenants {
				c.changes[from+i].Networks += len(networksOf(before, t, change.Name))
			}
		}
	}
	tenantName := func(t LabTenant) string { return t.Name }
	was, is := names(before.Tenants, tenantName), names(after.Tenants, tenantName)
	if was, is := common(was, is), common(is, was); !slices.Equal(was, is) {
		c.add(LabChange{Action: LabChanges, Kind: LabKindTenants, Details: []string{
			fmt.Sprintf("order from %s to %s", FirstTen(quoteEach(was), ", "), FirstTen(quoteEach(is), ", ")),
		}})
	}
	olds, news := byName(before.Tenants, tenantName), byName(after.Tenants, tenantName)
	for _, t := range before.Tenants {
		if _, stays := news[t.Name]; !stays {
			c.add(LabChange{Action: LabRemoves, Kind: LabKindTenant, Name: t.Name, Networks: allNetworksOf(before, t)})
		}
	}
	for _, t := range after.Tenants {
		if old, stays := olds[t.Name]; stays {
			c.tenant(old, t)
		} else {
			c.add(LabChange{Action: LabAdds, Kind: LabKindTenant, Name: t.Name, Networks: allNetworksOf(after, t)})
		}
	}
	return c.changes
}

func quoteEach(list []string) []string {
	return names(list, func(s string) string { return fmt.Sprintf("%q", s) })
}

func byName[T any](list []T, name func(T) string) map[string]T {
	m := make(map[string]T, len(list))
	for _, v := range list {
		m[name(v)] = v
	}
	return m
}

// common lists what of a list stands in another, too.
func common(list, other []string) []string {
	in := byName(other, func(s string) string { return s })
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { _, has := in[s]; return !has })
}

// networksOf lists the names of the networks that a tenant has of a plan.
func networksOf(l Lab, t LabTenant, plan string) []string {
	i := slices.IndexFunc(l.HardwarePlans, func(p LabHardwarePlan) bool { return p.Name == plan })
	if i < 0 || !slices.Contains(t.Subscriptions, plan) {
		return nil
	}
	return l.HardwarePlans[i].NetworkNames()
}

func allNetworksOf(l Lab, t LabTenant) (n int) {
	for _, s := range t.Subscriptions {
		n += len(networksOf(l, t, s))
	}
	return n
}

// labComparison collects changes.
type labComparison struct {
	before, after Lab
	changes       []LabChange
}

func (c *labComparison) add(change LabChange) { c.changes = append(c.changes, change) }

// compareNamed compares what is known by its name. of says what it is and whose.
func compareNamed[T any](c *labComparison, of LabChange, before, after []T, name func(T) string) {
	olds, news := byName(before, name), byName(after, name)
	for _, v := range before {
		if _, stays := news[name(v)]; !stays {
			of.Action, of.Name, of.Details = LabRemoves, name(v), nil
			c.add(of)
		}
	}
	for _, v := range after {
		of.Action, of.Name, of.Details = LabAdds, name(v), nil
		if old, stays := olds[name(v)]; stays {
			if of.Action, of.Details = LabChanges, differences(old, v); of.Details == nil {
				continue
			}
		}
		c.add(of)
	}
}

// tenant compares a tenant that stays.
func (c *labComparison) tenant(before, after LabTenant) {
	old, changed := before, after // without what other changes tell of
	old.Subscriptions, changed.Subscriptions = common(before.Subscriptions, after.Subscriptions), common(after.Subscriptions, before.Subscriptions)
	old.Jobs, old.FailoverPlans, changed.Jobs, changed.FailoverPlans = nil, nil, nil, nil
	details := differences(old, changed)
	jobName, planName := func(j LabReplicationJob) string { return j.Name }, func(p LabFailoverPlan) string { return p.Name }
	for _, l := range []struct {
		field   string
		was, is []string
	}{
		{"replication_jobs", names(before.Jobs, jobName), names(after.Jobs, jobName)},
		{"failover_plans", names(before.FailoverPlans, planName), names(after.FailoverPlans, planName)},
	} {
		if !slices.Equal(common(l.was, l.is), common(l.is, l.was)) {
			details = append(details, l.field+" in another order")
		}
	}
	if details != nil {
		c.add(LabChange{Action: LabChanges, Kind: LabKindTenant, Name: after.Name, Details: details})
	}
	plans := names(c.after.HardwarePlans, func(p LabHardwarePlan) string { return p.Name })
	for _, plan := range before.Subscriptions {
		if !slices.Contains(after.Subscriptions, plan) && slices.Contains(plans, plan) {
			c.add(LabChange{Action: LabRemoves, Kind: LabKindSubscription, Tenant: after.Name, Name: plan, Networks: len(networksOf(c.before, before, plan))})
		}
	}
	for _, plan := range after.Subscriptions {
		had, has := networksOf(c.before, before, plan), networksOf(c.after, after, plan)
		if !slices.Contains(before.Subscriptions, plan) {
			c.add(LabChange{Action: LabAdds, Kind: LabKindSubscription, Tenant: after.Name, Name: plan, Networks: len(has)})
			continue
		}
		for _, n := range had {
			if !slices.Contains(has, n) {
				c.add(LabChange{Action: LabRemoves, Kind: LabKindNetwork, Tenant: after.Name, Name: n, Plan: plan})
			}
		}
		for _, n := range has {
			if !slices.Contains(had, n) {
				c.add(LabChange{Action: LabAdds, Kind: LabKindNetwork, Tenant: after.Name, Name: n, Plan: plan})
			}
		}
	}
	compareNamed(c, LabChange{Kind: LabKindJob, Tenant: after.Name}, before.Jobs, after.Jobs, jobName)
	compareNamed(c, LabChange{Kind: LabKindFailoverPlan, Tenant: after.Name}, before.FailoverPlans, after.FailoverPlans, planName)
}

// differences lists the values that differ between two declarations, in the lab file's
// spelling, each with what it was and what it becomes; nil for none.
func differences(before, after any) (list []string) {
	was, errWas := json.Marshal(before)
	is, errIs := json.Marshal(after)
	if errWas == nil && errIs == nil && bytes.Equal(was, is) {
		return nil
	}
	var from, to any
	if json.Unmarshal(was, &from) != nil || json.Unmarshal(is, &to) != nil {
		return []string{"everything"} // no declaration is like that
	}
	differ("", from, to, &list)
	return list
}

func differ(path string, before, after any, list *[]string) {
	if isNothing(before) && isNothing(after) {
		return
	}
	from, isObject := before.(map[string]any)
	to, isObjectToo := after.(map[string]any)
	if isObject && isObjectToo {
		keys := slices.Compact(slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(from)), slices.Collect(maps.Keys(to))))))
		for _, k := range keys {
			below := strings.TrimPrefix(path+"."+fileSpelling(k), ".")
			if strings.HasSuffix(path, "mapping") { // whose keys are names
				below = fmt.Sprintf("%s[%q]", path, k)
			}
			differ(below, from[k], to[k], list)
		}
		return
	}
	olds, oldOrder := keyed(before)
	news, newOrder := keyed(after)
	if olds != nil && news != nil {
		for _, k := range oldOrder {
			if v, stays := news[k]; stays {
				differ(fmt.Sprintf("%s[%s]", path, k), olds[k], v, list)
			} else {
				*list = append(*list, fmt.Sprintf("%s[%s] removed", path, k))
			}
		}
		for _, k := range newOrder {
			if _, had := olds[k]; !had {
				*list = append(*list, fmt.Sprintf("%s[%s] added", path, k))
			}
		}
		if !slices.Equal(common(oldOrder, newOrder), common(newOrder, oldOrder)) {
			*list = append(*list, path+" in another order")
		}
		return
	}
	if !reflect.DeepEqual(before, after) {
		*list = append(*list, fmt.Sprintf("%s from %s to %s", path, shortened(before), shortened(after)))
	}
}

// isNothing reports whether a value is as if it were left out.
func isNothing(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case float64:
		return v == 0
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// keyed returns the entries of a list by what tells them apart, and those keys in order;
// nil for a list of single values, and for what is none.
func keyed(v any) (entries map[string]any, order []string) {
	list, isList := v.([]any)
	if v != nil && !isList {
		return nil, nil
	}
	entries = map[string]any{}
	for i, e := range list {
		object, isObject := e.(map[string]any)
		if !isObject {
			return nil, nil
		}
		key := fmt.Sprint(i)
		for _, k := range []string{"name", "host"} {
			if name, ok := object[k].(string); ok {
				key = fmt.Sprintf("%q", name)
				break
			}
		}
		entries[key], order = e, append(order, key)
	}
	return entries, order
}

// fileSpelling returns a key of JSON as a lab file spells it: public_ips for publicIps.
func fileSpelling(key string) string {
	var b strings.Builder
	for _, r := range key {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// shortened writes a value, cut where it is long.
func shortened(v any) string {
	const most = 60 // runes
	if isNothing(v) {
		return "nothing"
	}
	text, _ := json.Marshal(v) // of a value that came of JSON
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(text)
}
