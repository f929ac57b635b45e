package store

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The records are what columns of JSON hold. Their form belongs to the schema's version: a
// change of it needs a migration. TestRecords holds them.
type (
	// labRecord is a whole lab. It is stored nowhere; its digest is.
	labRecord struct {
		ServiceProvider struct {
			Name string `json:"name"`
		} `json:"serviceProvider"`
		Hosts         []hostRecord   `json:"hosts"`
		HardwarePlans []planRecord   `json:"hardwarePlans"`
		Tenants       []tenantRecord `json:"tenants"`
	}

	hostRecord struct {
		Name     string             `json:"name"`
		Platform vcc.Platform       `json:"platform"`
		VLANs    []vlanRangesRecord `json:"vlans"`
	}

	// vlanRangesRecord has ranges of the form [first, last].
	vlanRangesRecord struct {
		WithInternet    []int `json:"withInternet,omitempty"`
		WithoutInternet []int `json:"withoutInternet,omitempty"`
	}

	planRecord struct {
		Name     string `json:"name"`
		Host     string `json:"host"`
		Networks struct {
			WithInternet    int `json:"withInternet"`
			WithoutInternet int `json:"withoutInternet"`
		} `json:"networks"`
	}

	// tenantRecord has no jobs and no failover plans where it is a tenant's row: those have
	// rows of their own.
	tenantRecord struct {
		Name               string                    `json:"name"`
		Username           string                    `json:"username,omitempty"`
		PasswordEnv        string                    `json:"passwordEnv,omitempty"`
		Subscriptions      []string                  `json:"subscriptions"`
		PublicIPs          []string                  `json:"publicIps,omitempty"`
		Appliances         []applianceRecord         `json:"appliances,omitempty"`
		ProductionNetworks []productionNetworkRecord `json:"productionNetworks,omitempty"`
		VMs                []vmRecord                `json:"vms,omitempty"`
		Jobs               []jobRecord               `json:"replicationJobs,omitempty"`
		FailoverPlans      []failoverPlanRecord      `json:"failoverPlans,omitempty"`
	}

	applianceRecord struct {
		Host     string         `json:"host"`
		External externalRecord `json:"external"`
	}

	externalRecord struct {
		IPv4        string `json:"ipv4,omitempty"`
		IPv4Gateway string `json:"ipv4Gateway,omitempty"`
		IPv6        string `json:"ipv6,omitempty"`
		IPv6Gateway string `json:"ipv6Gateway,omitempty"`
	}

	productionNetworkRecord struct {
		Name        string `json:"name"`
		IPv4        string `json:"ipv4,omitempty"`
		IPv4Gateway string `json:"ipv4Gateway,omitempty"`
		IPv6        string `json:"ipv6,omitempty"`
		IPv6Gateway string `json:"ipv6Gateway,omitempty"`
	}

	vmRecord struct {
		Name  string      `json:"name"`
		Guest vcc.Guest   `json:"guest"`
		NICs  []nicRecord `json:"nics"`
	}

	nicRecord struct {
		Network string `json:"network"`
		IPv4    string `json:"ipv4,omitempty"`
		IPv6    string `json:"ipv6,omitempty"`
	}

	jobRecord struct {
		Name             string            `json:"name"`
		HardwarePlan     string            `json:"hardwarePlan"`
		ApplicationAware bool              `json:"applicationAware,omitempty"`
		VMs              []string          `json:"vms"`
		Mapping          map[string]string `json:"mapping,omitempty"`
	}

	// failoverPlanRecord is what a lab declares, or somebody specified: only that has delays, in seconds.
	failoverPlanRecord struct {
		Name          string               `json:"name"`
		VMs           []string             `json:"vms"`
		Delays        map[string]int       `json:"delays,omitempty"`
		PublicIPRules []publicIPRuleRecord `json:"publicIpRules,omitempty"`
	}

	publicIPRuleRecord struct {
		Address   string `json:"address"`
		Port      int    `json:"port"`
		ToAddress string `json:"toAddress"`
		ToPort    int    `json:"toPort"`
	}

	// logEntryRecord and problemRecord are what a failover session keeps.
	logEntryRecord struct {
		Time    time.Time `json:"time"`
		Message string    `json:"message"`
	}

	problemRecord struct {
		Code        vcc.ProblemCode `json:"code"`
		NetworkID   string          `json:"networkId"`
		NetworkName string          `json:"networkName"`
		Message     string          `json:"message"`
	}
)

func newLabRecord(l vcc.Lab) labRecord {
	r := labRecord{
		Hosts: each(l.Hosts, newHostRecord), HardwarePlans: each(l.HardwarePlans, newPlanRecord), Tenants: each(l.Tenants, newTenantRecord),
	}
	r.ServiceProvider.Name = l.ServiceProvider.Name
	return r
}

func newHostRecord(h vcc.Host) hostRecord {
	ends := func(r vcc.VLANRange) []int {
		if r == (vcc.VLANRange{}) {
			return nil
		}
		return []int{r.First, r.Last}
	}
	return hostRecord{Name: h.Name, Platform: h.Platform, VLANs: each(h.VLANs, func(v vcc.VLANRanges) vlanRangesRecord {
		return vlanRangesRecord{ends(v.WithInternet), ends(v.WithoutInternet)}
	})}
}

func (r hostRecord) host() (vcc.Host, error) {
	h := vcc.Host{Name: r.Name, Platform: r.Platform}
	var p recordParser
	for _, v := range r.VLANs {
		h.VLANs = append(h.VLANs, vcc.VLANRanges{
			WithInternet: parsed(&p, vcc.ParseVLANRange, v.WithInternet), WithoutInternet: parsed(&p, vcc.ParseVLANRange, v.WithoutInternet),
		})
	}
	return h, p.err("host", r.Name)
}

func newPlanRecord(p vcc.LabHardwarePlan) planRecord {
	r := planRecord{Name: p.Name, Host: p.Host}
	r.Networks.WithInternet, r.Networks.WithoutInternet = p.Networks.WithInternet, p.Networks.WithoutInternet
	return r
}

func newTenantRecord(t vcc.LabTenant) tenantRecord {
	return tenantRecord{
		Name: t.Name, Username: t.Username, PasswordEnv: t.PasswordEnv, Subscriptions: t.Subscriptions,
		PublicIPs: each(t.PublicIPs, netip.Addr.String),
		Appliances: each(t.Appliances, func(a vcc.LabAppliance) applianceRecord {
			e := a.External
			return applianceRecord{a.Host, externalRecord{text(e.IPv4), text(e.IPv4Gateway), text(e.IPv6), text(e.IPv6Gateway)}}
		}),
		ProductionNetworks: each(t.ProductionNetworks, func(n vcc.ProductionNetwork) productionNetworkRecord {
			return productionNetworkRecord{n.Name, text(n.IPv4), text(n.IPv4Gateway), text(n.IPv6), text(n.IPv6Gateway)}
		}),
		VMs: each(t.VMs, func(vm vcc.VM) vmRecord {
			return vmRecord{vm.Name, vm.Guest, each(vm.NICs, func(n vcc.NIC) nicRecord { return nicRecord{n.Network, text(n.IPv4), text(n.IPv6)} })}
		}),
		Jobs: each(t.Jobs, newJobRecord), FailoverPlans: each(t.FailoverPlans, newFailoverPlanRecord),
	}
}

func (r tenantRecord) tenant() (vcc.LabTenant, error) {
	t := vcc.LabTenant{Name: r.Name, Username: r.Username, PasswordEnv: r.PasswordEnv, Subscriptions: r.Subscriptions}
	var p recordParser
	for _, a := range r.PublicIPs {
		t.PublicIPs = append(t.PublicIPs, parsed(&p, netip.ParseAddr, a))
	}
	for _, a := range r.Appliances {
		e, err := vcc.ParseExternal(a.External.IPv4, a.External.IPv4Gateway, a.External.IPv6, a.External.IPv6Gateway)
		p.add(err)
		t.Appliances = append(t.Appliances, vcc.LabAppliance{Host: a.Host, External: e})
	}
	for _, n := range r.ProductionNetworks {
		network, err := vcc.ParseProductionNetwork(n.Name, n.IPv4, n.IPv4Gateway, n.IPv6, n.IPv6Gateway)
		p.add(err)
		t.ProductionNetworks = append(t.ProductionNetworks, network)
	}
	for _, vm := range r.VMs {
		v := vcc.VM{Name: vm.Name, Guest: vm.Guest}
		for _, n := range vm.NICs {
			nic, err := vcc.ParseNIC(n.Network, n.IPv4, n.IPv6)
			p.add(err)
			v.NICs = append(v.NICs, nic)
		}
		t.VMs = append(t.VMs, v)
	}
	return t, p.err("tenant", r.Name)
}

func newJobRecord(j vcc.LabReplicationJob) jobRecord { return jobRecord(j) }

func (r jobRecord) job() (vcc.LabReplicationJob, error) { return vcc.LabReplicationJob(r), nil }

func newFailoverPlanRecord(p vcc.LabFailoverPlan) failoverPlanRecord {
	return failoverPlanRecord{Name: p.Name, VMs: p.VMs, PublicIPRules: each(p.PublicIPRules, func(r vcc.PublicIPRule) publicIPRuleRecord {
		return publicIPRuleRecord{r.Public.Addr().String(), int(r.Public.Port()), r.Internal.Addr().String(), int(r.Internal.Port())}
	})}
}

func (r failoverPlanRecord) plan() (vcc.LabFailoverPlan, error) {
	plan := vcc.LabFailoverPlan{Name: r.Name, VMs: r.VMs}
	var p recordParser
	for _, rule := range r.PublicIPRules {
		parsed, err := vcc.ParsePublicIPRule(rule.Address, rule.Port, rule.ToAddress, rule.ToPort)
		p.add(err)
		plan.PublicIPRules = append(plan.PublicIPRules, parsed)
	}
	return plan, p.err("failover plan", r.Name)
}

// recordParser collects what cannot be read in a record.
type recordParser struct{ errs []error }

func (p *recordParser) add(err error) { p.errs = append(p.errs, err) }

// err returns an error of this program's: records were checked before they were stored.
func (p *recordParser) err(kind, name string) error {
	if err := errors.Join(p.errs...); err != nil {
		return fmt.Errorf("reading the stored %s %q: %s", kind, name, err) //nolint:errorlint // no error of the caller's
	}
	return nil
}

func parsed[Text, T any](p *recordParser, parse func(Text) (T, error), text Text) T {
	v, err := parse(text)
	p.add(err)
	return v
}

// text writes an address or a prefix, "" for the zero value.
func text[T interface {
	comparable
	String() string
}](v T) string {
	var zero T
	if v == zero {
		return ""
	}
	return v.String()
}

// each maps a list; nil stays nil.
func each[T, R any](list []T, to func(T) R) []R {
	if list == nil {
		return nil
	}
	return convert(list, to)
}

// declared reads a record and what it says.
func declared[R, T any](record string, value func(R) (T, error)) (T, error) {
	r, err := decode[R](record)
	if err != nil {
		var none T
		return none, err
	}
	return value(r)
}
