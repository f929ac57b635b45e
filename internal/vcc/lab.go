package vcc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Lab declares who exists in a reference backend: hosts, hardware plans,
// tenants with their sites, replication jobs and failover plans. In the real
// world all of that is there before anybody opens the Default Gateways window.
type Lab struct {
	ServiceProvider ServiceProvider   `json:"serviceProvider" yaml:"service_provider"`
	Hosts           []Host            `json:"hosts" yaml:"hosts"`
	HardwarePlans   []LabHardwarePlan `json:"hardwarePlans" yaml:"hardware_plans"`
	Tenants         []LabTenant       `json:"tenants" yaml:"tenants"`
	// Passwords, by user name, are what whoever read a lab file found in the environment
	// (LabTenant.PasswordEnv). A tenant that has none here keeps its account as it is.
	Passwords map[string]string `json:"-" yaml:"-"`
}

// ServiceProvider runs the Cloud Connect infrastructure.
type ServiceProvider struct {
	Name string `json:"name" yaml:"name"`
}

// LabHardwarePlan declares a hardware plan.
type LabHardwarePlan struct {
	Name     string          `json:"name" yaml:"name"`
	Host     string          `json:"host" yaml:"host"`
	Networks LabNetworkCount `json:"networks" yaml:"networks"`
}

// LabNetworkCount says how many cloud networks a plan has.
type LabNetworkCount struct {
	WithInternet    int `json:"withInternet" yaml:"with_internet"`
	WithoutInternet int `json:"withoutInternet" yaml:"without_internet"`
}

// valid reports whether a host could give that many networks a VLAN each.
func (c LabNetworkCount) valid() bool {
	return 0 <= c.WithInternet && c.WithInternet <= maxVLAN && 0 <= c.WithoutInternet && c.WithoutInternet <= maxVLAN &&
		1 <= c.WithInternet+c.WithoutInternet && c.WithInternet+c.WithoutInternet <= maxVLAN
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

// LabTenant declares a tenant.
type LabTenant struct {
	Name string `json:"name" yaml:"name"`
	// Username and PasswordEnv, the environment variable that holds the password,
	// make an account in a served backend.
	Username      string         `json:"username,omitempty" yaml:"username"`
	PasswordEnv   string         `json:"passwordEnv,omitempty" yaml:"password_env"`
	Subscriptions []string       `json:"subscriptions" yaml:"subscriptions"`
	PublicIPs     []string       `json:"publicIps,omitempty" yaml:"public_ips"`
	Appliances    []LabAppliance `json:"appliances,omitempty" yaml:"appliances"`
	Site          `yaml:",inline"`
	Jobs          []LabReplicationJob `json:"replicationJobs,omitempty" yaml:"replication_jobs"`
	FailoverPlans []LabFailoverPlan   `json:"failoverPlans,omitempty" yaml:"failover_plans"`
}

// Site is a tenant's own site.
type Site struct {
	ProductionNetworks []ProductionNetwork `json:"productionNetworks,omitempty" yaml:"production_networks"`
	VMs                []VM                `json:"vms,omitempty" yaml:"vms"`
}

// LabAppliance declares the external side of a tenant's network extension
// appliance on a host.
type LabAppliance struct {
	Host     string      `json:"host" yaml:"host"`
	External LabExternal `json:"external" yaml:"external"`
}

// LabExternal are the settings of an appliance's vNIC on the service provider's
// external network. Either family may be left out.
type LabExternal struct {
	IPv4        string `json:"ipv4,omitempty" yaml:"ipv4"`
	IPv4Gateway string `json:"ipv4Gateway,omitempty" yaml:"ipv4_gateway"`
	IPv6        string `json:"ipv6,omitempty" yaml:"ipv6"`
	IPv6Gateway string `json:"ipv6Gateway,omitempty" yaml:"ipv6_gateway"`
}

// LabReplicationJob declares a replication job.
type LabReplicationJob struct {
	Name             string   `json:"name" yaml:"name"`
	HardwarePlan     string   `json:"hardwarePlan" yaml:"hardware_plan"`
	ApplicationAware bool     `json:"applicationAware,omitempty" yaml:"application_aware"`
	VMs              []string `json:"vms" yaml:"vms"`
	// Mapping names the cloud network of each production network, where automatic
	// mapping does not apply (rule 6).
	Mapping map[string]string `json:"mapping,omitempty" yaml:"mapping"`
}

// LabFailoverPlan declares the VMs to start together at full site failover.
type LabFailoverPlan struct {
	Name          string            `json:"name" yaml:"name"`
	VMs           []string          `json:"vms" yaml:"vms"`
	PublicIPRules []LabPublicIPRule `json:"publicIpRules,omitempty" yaml:"public_ip_rules"`
}

// LabPublicIPRule maps a public address and port of the tenant's allocation to
// an address and port in one of its cloud networks (rule 17).
type LabPublicIPRule struct {
	Address   string `json:"address" yaml:"address"`
	Port      int    `json:"port" yaml:"port"`
	ToAddress string `json:"toAddress" yaml:"to_address"`
	ToPort    int    `json:"toPort" yaml:"to_port"`
}

// LabService declares labs.
type LabService interface {
	// ApplyLab makes the backend match a lab and returns what it added, changed and removed.
	// It never touches a stored default gateway, a routing option or an allocated VLAN
	// of what stays. What goes must be named (CheckRemovals). All of it is one
	// transaction, and an unchanged lab costs none.
	// CodeInvalidValue: the lab is not valid. CodeConflict: no free VLAN, or a removal
	// that remove does not name.
	ApplyLab(ctx context.Context, lab Lab, remove []string) ([]LabChange, error)
	// PreviewLab returns what ApplyLab would, and keeps nothing. With CodeConflict the
	// changes that ApplyLab would refuse are returned beside the error.
	PreviewLab(ctx context.Context, lab Lab, remove []string) ([]LabChange, error)
	// Lab returns the lab as it was declared last, hosts and plans in order of their
	// names, without passwords. CodeNotFound: none was.
	Lab(ctx context.Context) (Lab, error)
	// Tenant returns the tenant of a name or an ID. CodeNotFound: there is none.
	Tenant(ctx context.Context, nameOrID string) (Tenant, error)
	// TenantsWithoutAccount returns the tenants that were declared with a user name and
	// never with a password, so that they cannot log in.
	TenantsWithoutAccount(ctx context.Context) ([]Tenant, error)
}

// Validate checks a lab whole and lists everything that is wrong. Fields are
// paths in the lab file's spelling, such as "tenants[0].subscriptions[1]".
func (l Lab) Validate() error {
	l = l.Respelled(nil, nil, nil)
	v := &labValidator{lab: l}
	v.name("service_provider.name", l.ServiceProvider.Name)
	v.hosts()
	v.hardwarePlans()
	if len(l.Tenants) == 0 {
		v.add("tenants", "a lab needs at least one tenant")
	}
	tenants, usernames, publicIPs := map[string]string{}, map[string]string{}, map[string]string{}
	for i, t := range l.Tenants {
		at := fmt.Sprintf("tenants[%d]", i)
		v.unique(at+".name", t.Name, tenants)
		if t.Username != "" {
			v.unique(at+".username", t.Username, usernames)
			if err := ValidateUsername(t.Username); err != nil {
				v.add(at+".username", "%v", err)
			}
		}
		if password, given := l.Passwords[t.Username]; given {
			if err := ValidatePassword(password); err != nil {
				v.add(at+".password_env", "%v", err)
			}
		}
		v.tenant(at, t, publicIPs)
	}
	return v.err()
}

// enoughErrors is how many errors say all that they could.
const enoughErrors = 20

// labValidator collects what is wrong with a lab.
type labValidator struct {
	errorList
	lab Lab
}

// under adds every error of err with its field below parent, in the lab file's
// spelling of fields.
func (v *labValidator) under(parent string, err error) {
	if err != nil {
		v.errorList = append(v.errorList, Within(parent, err))
	}
}

func (v *labValidator) name(field, name string) {
	if err := ValidateName(name); err != nil {
		v.add(field, "%v", err)
	}
}

func (v *labValidator) unique(field, name string, seen map[string]string) {
	v.name(field, name)
	key := NormalName(name)
	if other, taken := seen[key]; taken {
		v.add(field, "%s is at %s already; it must be unique", Clip(name), other)
		return
	}
	seen[key] = field
}

// known checks that a name is one of those declared.
func (v *labValidator) known(field, kind, name string, declared []string) bool {
	if slices.Contains(declared, name) {
		return true
	}
	switch {
	case len(declared) == 0:
		v.add(field, "there is no %s %s; none is declared", kind, Clip(name))
	case len(v.errorList) > enoughErrors || len(name) > MaxName: // whose nearest nobody reads, and which take long to find
		v.add(field, "there is no %s %s", kind, Clip(name))
	default:
		v.add(field, "there is no %s %s; %s", kind, Clip(name), DidYouMean(name, declared))
	}
	return false
}

func (v *labValidator) hosts() {
	seen := map[string]string{}
	for i, h := range v.lab.Hosts {
		at := fmt.Sprintf("hosts[%d]", i)
		v.unique(at+".name", h.Name, seen)
		v.under(at, h.Validate())
	}
}

func (v *labValidator) hardwarePlans() {
	hosts := names(v.lab.Hosts, func(h Host) string { return h.Name })
	seen := map[string]string{}
	for i, p := range v.lab.HardwarePlans {
		at := fmt.Sprintf("hardware_plans[%d]", i)
		v.unique(at+".name", p.Name, seen)
		v.known(at+".host", "host", p.Host, hosts)
		if !p.Networks.valid() {
			v.add(at+".networks", "a hardware plan needs 1 to %d networks, with and without internet access together", maxVLAN)
		}
	}
}

var envName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })

func (v *labValidator) tenant(at string, t LabTenant, publicIPs map[string]string) {
	if t.PasswordEnv != "" && !envName().MatchString(t.PasswordEnv) {
		v.add(at+".password_env", "not the name of an environment variable; the password itself must not stand in this file")
	}
	plans := names(v.lab.HardwarePlans, func(p LabHardwarePlan) string { return p.Name })
	subscribed := map[string]string{}
	for i, s := range t.Subscriptions {
		field := fmt.Sprintf("%s.subscriptions[%d]", at, i)
		if v.known(field, "hardware plan", s, plans) {
			v.unique(field, s, subscribed)
		}
	}
	for i, s := range t.PublicIPs {
		field := fmt.Sprintf("%s.public_ips[%d]", at, i)
		if addr, err := netip.ParseAddr(s); err != nil || addr.Zone() != "" || addr.Is4In6() {
			v.add(field, "%q is not an IP address", s)
		} else {
			v.unique(field, addr.String(), publicIPs)
		}
	}
	v.appliances(at, t)
	v.site(at, t.Site)
	v.jobs(at, t)
	v.failoverPlans(at, t)
}

func (v *labValidator) appliances(at string, t LabTenant) {
	hosts := names(v.lab.Hosts, func(h Host) string { return h.Name })
	seen := map[string]string{}
	for i, a := range t.Appliances {
		at := fmt.Sprintf("%s.appliances[%d]", at, i)
		if v.known(at+".host", "host", a.Host, hosts) {
			v.unique(at+".host", a.Host, seen)
		}
		v.external(at+".external.ipv4", a.External.IPv4, a.External.IPv4Gateway, "198.51.100.5/24", netip.Addr.Is4)
		v.external(at+".external.ipv6", a.External.IPv6, a.External.IPv6Gateway, "2001:db8:ffff::5/64", isPlainIPv6)
	}
}

func isPlainIPv6(a netip.Addr) bool { return a.Is6() && !a.Is4In6() && a.Zone() == "" }

// external checks one family of an appliance's external vNIC: an address with
// its prefix length, and a gateway beside it, or a link-local one.
func (v *labValidator) external(field, address, gateway, example string, family func(netip.Addr) bool) {
	if address == "" {
		if gateway != "" {
			v.add(field+"_gateway", "a gateway without an address; add %s, such as %s", lastElement(field), example)
		}
		return
	}
	prefix, err := netip.ParsePrefix(address)
	if err != nil || !family(prefix.Addr()) {
		v.add(field, "%q is not an address with its prefix length; write it like %s", address, example)
		return
	}
	if gateway == "" {
		return
	}
	gw, err := netip.ParseAddr(gateway)
	switch {
	case err != nil || !family(gw):
		v.add(field+"_gateway", "%q is not an address of the family of %s", gateway, address)
	case gw == prefix.Addr():
		v.add(field+"_gateway", "%s is the appliance's own address; the gateway is the next router", gateway)
	case !prefix.Contains(gw) && !gw.IsLinkLocalUnicast():
		v.add(field+"_gateway", "%s is outside %s", gateway, prefix.Masked())
	}
}

func lastElement(field string) string { return field[strings.LastIndex(field, ".")+1:] }

func (v *labValidator) site(at string, s Site) {
	seen := map[string]string{}
	for i, p := range s.ProductionNetworks {
		at := fmt.Sprintf("%s.production_networks[%d]", at, i)
		v.unique(at+".name", p.Name, seen)
		_, err := p.gateway()
		v.under(at, err)
	}
	networks := names(s.ProductionNetworks, func(p ProductionNetwork) string { return p.Name })
	vms := map[string]string{}
	for i, vm := range s.VMs {
		at := fmt.Sprintf("%s.vms[%d]", at, i)
		v.unique(at+".name", vm.Name, vms)
		if vm.Guest != GuestWindows && vm.Guest != GuestLinux && vm.Guest != GuestOther {
			v.add(at+".guest", "%q is not a guest; use %s, %s or %s", vm.Guest, GuestWindows, GuestLinux, GuestOther)
		}
		for j, n := range vm.NICs {
			at := fmt.Sprintf("%s.nics[%d]", at, j)
			if !v.known(at+".network", "production network", n.Network, networks) {
				continue
			}
			p := s.ProductionNetworks[slices.Index(networks, n.Network)]
			v.inNetwork(at+".ipv4", n.IPv4, p.IPv4, p.Name)
			v.inNetwork(at+".ipv6", n.IPv6, p.IPv6, p.Name)
		}
	}
}

func (v *labValidator) inNetwork(field, address, network, name string) {
	if address == "" {
		return
	}
	addr, err := netip.ParseAddr(address)
	if err != nil {
		v.add(field, "%q is not an IP address", address)
		return
	}
	if network == "" {
		v.add(field, "production network %q has no network of that family; add it, or leave this out", name)
		return
	}
	// A network that is none is reported where it is declared.
	if prefix, err := netip.ParsePrefix(network); err == nil && !prefix.Contains(addr) {
		v.add(field, "%s is outside %s of production network %q", addr, prefix, name)
	}
}

// gateway returns what a production network's gateway would be as a default
// gateway, with the rules of default gateways checked.
func (p ProductionNetwork) gateway() (GatewaySettings, error) {
	var s GatewaySettings
	v4, err4 := p.network("ipv4", p.IPv4, p.IPv4Gateway, netip.Addr.Is4)
	v6, err6 := p.network("ipv6", p.IPv6, p.IPv6Gateway, isPlainIPv6)
	if err4 == nil && p.IPv4Gateway != "" {
		addr, err := ParseIPv4Address(p.IPv4Gateway)
		if err == nil && !v4.Contains(addr) {
			err = invalid("", "%s is outside %s", addr, v4)
		}
		if err == nil {
			s.IPv4 = &IPv4Settings{Address: addr, PrefixLength: v4.Bits()}
			err = s.IPv4.Validate()
		}
		err4 = inProduction("ipv4", err)
	}
	if err6 == nil && p.IPv6Gateway != "" {
		addr, err := ParseIPv6Address(p.IPv6Gateway)
		if err == nil {
			s.IPv6 = &IPv6Settings{Address: addr, Network: v6}
			err = s.IPv6.Validate()
		}
		err6 = inProduction("ipv6", err)
	}
	return s, errors.Join(err4, err6)
}

func (p ProductionNetwork) network(field, network, gateway string, family func(netip.Addr) bool) (netip.Prefix, error) {
	if network == "" {
		if gateway != "" {
			return netip.Prefix{}, invalid(field, "a gateway without its network; add %s", field)
		}
		return netip.Prefix{}, nil
	}
	prefix, err := netip.ParsePrefix(network)
	switch {
	case err != nil || !family(prefix.Addr()):
		return netip.Prefix{}, invalid(field, "%q is not an IP network of that family; write it like 172.17.52.0/23 or 2001:db8:52::/64", network)
	case prefix != prefix.Masked():
		return netip.Prefix{}, invalid(field, "%s has bits set below its prefix length; the network is %s", prefix, prefix.Masked())
	}
	return prefix, nil
}

// inProduction moves every error in err from the settings of a default gateway
// to the production network: what is not about the address is about the network.
func inProduction(family string, err error) error {
	var moved []error
	for _, e := range Errors(err) {
		e := *e
		if e.Field == "" || e.Field == "address" {
			e.Field = family + "_gateway"
		} else {
			e.Field = family
		}
		moved = append(moved, &e)
	}
	return errors.Join(moved...)
}

func (v *labValidator) jobs(at string, t LabTenant) {
	vms := names(t.VMs, func(vm VM) string { return vm.Name })
	production := names(t.ProductionNetworks, func(p ProductionNetwork) string { return p.Name })
	seen := map[string]string{}
	for i, j := range t.Jobs {
		at := fmt.Sprintf("%s.replication_jobs[%d]", at, i)
		v.unique(at+".name", j.Name, seen)
		v.vms(at+".vms", j.VMs, vms)
		if !v.known(at+".hardware_plan", "subscribed hardware plan", j.HardwarePlan, t.Subscriptions) {
			continue
		}
		plan := slices.IndexFunc(v.lab.HardwarePlans, func(p LabHardwarePlan) bool { return p.Name == j.HardwarePlan })
		if plan < 0 || !v.lab.HardwarePlans[plan].Networks.valid() || len(j.Mapping) == 0 {
			continue
		}
		targets := v.lab.HardwarePlans[plan].NetworkNames()
		if n := len(t.networksOf(j)); n == len(targets) {
			v.add(at+".mapping", "the job's VMs are on %d production networks and the plan has as many cloud networks, "+
				"so they are mapped in order and a table has no effect; remove it", n)
			continue
		}
		taken := map[string]string{}
		for _, from := range slices.Sorted(maps.Keys(j.Mapping)) {
			to := j.Mapping[from]
			v.known(at+".mapping", "production network", from, production)
			if hint := v.lab.HardwarePlans[plan].renamed(to, j.Mapping); hint != "" {
				v.add(at+".mapping", "there is no cloud network %q; %s", to, hint)
			} else if v.known(at+".mapping", "cloud network", to, targets) {
				if other, double := taken[to]; double {
					v.add(at+".mapping", "%q and %q are both mapped to %q; a cloud network stands for one production network", other, from, to)
				}
				taken[to] = from
			}
		}
	}
}

func (v *labValidator) vms(field string, listed, declared []string) {
	if len(listed) == 0 {
		v.add(field, "at least one VM is required")
	}
	seen := map[string]string{}
	for i, name := range listed {
		at := fmt.Sprintf("%s[%d]", field, i)
		if v.known(at, "VM", name, declared) {
			v.unique(at, name, seen)
		}
	}
}

func (v *labValidator) failoverPlans(at string, t LabTenant) {
	vms := names(t.VMs, func(vm VM) string { return vm.Name })
	seen := map[string]string{}
	owners := map[netip.Addr]int{} // which plan a public address belongs to
	for i, p := range t.FailoverPlans {
		at := fmt.Sprintf("%s.failover_plans[%d]", at, i)
		v.unique(at+".name", p.Name, seen)
		v.vms(at+".vms", p.VMs, vms)
		rules := map[string]string{}
		for j, r := range p.PublicIPRules {
			at := fmt.Sprintf("%s.public_ip_rules[%d]", at, j)
			if err := r.validate(t.PublicIPs); err != nil {
				v.under(at, err)
			} else { // one address has many spellings in IPv6
				public := netip.MustParseAddr(r.Address)
				v.unique(at, fmt.Sprintf("%s port %d", public, r.Port), rules)
				if owner, taken := owners[public]; taken && owner != i {
					v.add(at+".address", "%s belongs to failover plan %s already; a public address belongs to one failover plan at a time", public, Clip(t.FailoverPlans[owner].Name))
				} else {
					owners[public] = i
				}
			}
		}
	}
}

// validate checks rule 17 against the public addresses of the tenant.
func (r LabPublicIPRule) validate(allocation []string) error {
	address, err := netip.ParseAddr(r.Address)
	if err != nil || !slices.ContainsFunc(allocation, func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a == address }) {
		return invalid("address", "%q is not a public address of the tenant; public_ips lists %s", r.Address, cmp.Or(QuoteNames(Nearest(r.Address, allocation)), "none"))
	}
	to, err := netip.ParseAddr(r.ToAddress)
	if err != nil || to.Is4() != address.Is4() {
		return invalid("to_address", "%q is not an address of the family of %s", r.ToAddress, r.Address)
	}
	if r.Port == 22 {
		return invalid("port", "public port 22 is taken: the network extension appliance is managed through it; use another port")
	}
	for _, port := range []struct {
		field string
		value int
	}{{"port", r.Port}, {"to_port", r.ToPort}} {
		if port.value < 1 || port.value > 65535 {
			if port.value == 0 { // as where it was left out
				return invalid(port.field, "a port from 1 to 65535 is required")
			}
			return invalid(port.field, "%d is not a port; use 1 to 65535", port.value)
		}
	}
	return nil
}

func names[T any](all []T, name func(T) string) []string {
	list := make([]string, len(all))
	for i, t := range all {
		list[i] = name(t)
	}
	return list
}

// QuoteNames writes names for a message: "a", "b".
func QuoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(quoted, ", ")
}
