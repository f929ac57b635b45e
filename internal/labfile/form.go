// Package labfile owns the form of the files that people write: a lab file declares who exists in a reference
// backend, and a checks file who should reach whom after failover. Both are YAML, which is read strictly, and
// errors name the line. Package vcc has the rules.
//
// Reading is the only I/O: of a file, of the lab that is built in, and of the environment
// for passwords.
package labfile

import (
	"fmt"
	"net/netip"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// The comments of the types below and of their fields are the reference of the lab file that people read:
// internal/docpages makes a page of it.

// lab is a lab file as it is written. Its keys are those that users type.
type lab struct {
	// Who runs the Cloud Connect infrastructure. Required.
	ServiceProvider serviceProvider `yaml:"service_provider"`
	// The provider's hosts, which replicas start on.
	Hosts []host `yaml:"hosts"`
	// What tenants can subscribe to.
	HardwarePlans []hardwarePlan `yaml:"hardware_plans"`
	// The companies that replicate to the provider. At least one.
	Tenants []tenant `yaml:"tenants"`
}

type serviceProvider struct {
	// Required.
	Name string `yaml:"name"`
}

type host struct {
	// Required, and unique among hosts.
	Name string `yaml:"name"`
	// `VMware` or `HyperV`. Required.
	Platform string `yaml:"platform"`
	// The VLAN IDs that cloud networks get, in order. No ID stands in two ranges of a host.
	VLANs []vlanRanges `yaml:"vlans"`
}

type vlanRanges struct {
	// First and last ID, such as `[101, 140]`, within 1 to 4094, for networks with internet access.
	WithInternet []int `yaml:"with_internet,flow"`
	// The same, for networks without.
	WithoutInternet []int `yaml:"without_internet,flow"`
}

type hardwarePlan struct {
	// Required, and unique among plans. The names of its networks begin with it.
	Name string `yaml:"name"`
	// Name of the host. Required.
	Host string `yaml:"host"`
	// How many cloud networks each subscription gets. At least one in all.
	Networks networkCount `yaml:"networks"`
}

type networkCount struct {
	// Networks with internet access, named `PLAN network N (internet)`.
	WithInternet int `yaml:"with_internet"`
	// Networks without, named `PLAN network N`.
	WithoutInternet int `yaml:"without_internet"`
}

type tenant struct {
	// Required, and unique among tenants.
	Name string `yaml:"name"`
	// User name of the tenant's account at a served backend. Unique. Without it the lab makes no account.
	Username string `yaml:"username"`
	// Name of the environment variable that has the account's password. The password itself never stands in the file.
	PasswordEnv string `yaml:"password_env"`
	// Names of the hardware plans that the tenant has.
	Subscriptions []string `yaml:"subscriptions"`
	// Public addresses that the tenant may use. No two tenants have the same.
	PublicIPs []string `yaml:"public_ips"`
	// The tenant's network extension appliances, one for each host at most.
	Appliances []appliance `yaml:"appliances"`
	// The networks of the tenant's own site.
	ProductionNetworks []productionNetwork `yaml:"production_networks"`
	// The VMs of the tenant's own site.
	VMs []vm `yaml:"vms"`
	// The jobs that copy VMs to the provider.
	Jobs []replicationJob `yaml:"replication_jobs"`
	// Which VMs start at the provider, and what of them the internet reaches.
	FailoverPlans []failoverPlan `yaml:"failover_plans"`
}

type appliance struct {
	// Name of the host. Required.
	Host string `yaml:"host"`
	// The adapter that faces the internet. Either family may be left out.
	External external `yaml:"external"`
}

type external struct {
	// Its address with the prefix length, such as `198.51.100.5/24`.
	IPv4 string `yaml:"ipv4"`
	// The next router, inside that network.
	IPv4Gateway string `yaml:"ipv4_gateway"`
	// Its address with the prefix length, such as `2001:db8:ffff::5/64`.
	IPv6 string `yaml:"ipv6"`
	// The next router, inside that network or link-local.
	IPv6Gateway string `yaml:"ipv6_gateway"`
}

type productionNetwork struct {
	// Required, and unique within the tenant.
	Name string `yaml:"name"`
	// The network, such as `172.17.52.0/23`.
	IPv4 string `yaml:"ipv4"`
	// Its default gateway, which the first run of a job detects.
	IPv4Gateway string `yaml:"ipv4_gateway"`
	// The network, such as `2001:db8:52::/64`.
	IPv6 string `yaml:"ipv6"`
	// Its default gateway. Jobs with `application_aware` detect it.
	IPv6Gateway string `yaml:"ipv6_gateway"`
}

type vm struct {
	// Required, and unique within the tenant.
	Name string `yaml:"name"`
	// `windows`, `linux` or `other`. Required. Gateways of Windows guests alone are detected.
	Guest string `yaml:"guest"`
	// Its network adapters, 68 at most.
	NICs []nic `yaml:"nics"`
}

type nic struct {
	// Name of the production network. Required.
	Network string `yaml:"network"`
	// Its address, inside that network.
	IPv4 string `yaml:"ipv4"`
	// The same for IPv6.
	IPv6 string `yaml:"ipv6"`
}

type replicationJob struct {
	// Required, and unique within the tenant.
	Name string `yaml:"name"`
	// Name of a plan that the tenant subscribes to. Required.
	HardwarePlan string `yaml:"hardware_plan"`
	// Whether the first run detects IPv6 gateways, too.
	ApplicationAware bool `yaml:"application_aware"`
	// Names of the VMs that it copies. At least one.
	VMs []string `yaml:"vms"`
	// Which cloud network stands for which production network: `{PRODUCTION NETWORK: CLOUD NETWORK}`. Refused if the VMs are on as many
	// production networks as the plan has cloud networks: then they are mapped in order.
	Mapping map[string]string `yaml:"mapping"`
}

type failoverPlan struct {
	// Required, and unique within the tenant.
	Name string `yaml:"name"`
	// Names of the VMs that start, in this order. At least one.
	VMs []string `yaml:"vms"`
	// What the internet reaches.
	PublicIPRules []publicIPRule `yaml:"public_ip_rules"`
}

type publicIPRule struct {
	// One of the tenant's `public_ips`, which no other plan of the tenant uses. Required.
	Address string `yaml:"address"`
	// Port there, 1 to 65535. Required. Port 22 is refused: the appliance is managed through it.
	Port int `yaml:"port"`
	// Address that it leads to, of the same family. Required.
	ToAddress string `yaml:"to_address"`
	// Port there, 1 to 65535. Required.
	ToPort int `yaml:"to_port"`
}

// read returns the lab that is written, checked. The errors have the paths of their values
// as fields.
func (l lab) read() (vcc.ValidLab, error) {
	r := &reader{}
	return vcc.Lab{
		ServiceProvider: vcc.ServiceProvider{Name: l.ServiceProvider.Name},
		Hosts: each(l.Hosts, "hosts", func(at string, h host) vcc.Host {
			return vcc.Host{
				Name: h.Name, Platform: vcc.Platform(h.Platform),
				VLANs: each(h.VLANs, at+".vlans", func(at string, v vlanRanges) vcc.VLANRanges {
					return vcc.VLANRanges{
						WithInternet:    r.vlanRange(at+".with_internet", v.WithInternet),
						WithoutInternet: r.vlanRange(at+".without_internet", v.WithoutInternet),
					}
				}),
			}
		}),
		HardwarePlans: each(l.HardwarePlans, "hardware_plans", func(_ string, p hardwarePlan) vcc.LabHardwarePlan {
			return vcc.LabHardwarePlan{Name: p.Name, Host: p.Host, Networks: vcc.LabNetworkCount(p.Networks)}
		}),
		Tenants: each(l.Tenants, "tenants", r.tenant),
	}.Check(r.errors...)
}

// reader collects the errors about values that cannot be read.
type reader struct{ errors []error }

func (r *reader) add(field string, err error) {
	if err != nil {
		r.errors = append(r.errors, vcc.Within(field, err))
	}
}

func (r *reader) vlanRange(field string, ends []int) vcc.VLANRange {
	parsed, err := vcc.ParseVLANRange(ends)
	if err != nil {
		r.add(field, err)
		return vcc.VLANRange{} // one that is out of order would be refused twice
	}
	return parsed
}

// each turns every entry of a list into another, with the path of each. A list that is left
// out stays so.
func each[T, U any](list []T, field string, to func(at string, entry T) U) []U {
	if list == nil {
		return nil
	}
	out := make([]U, len(list))
	for i, entry := range list {
		out[i] = to(fmt.Sprintf("%s[%d]", field, i), entry)
	}
	return out
}

func (r *reader) tenant(at string, t tenant) vcc.LabTenant {
	return vcc.LabTenant{
		Name: t.Name, Username: t.Username, PasswordEnv: t.PasswordEnv, Subscriptions: t.Subscriptions,
		PublicIPs: each(t.PublicIPs, at+".public_ips", func(at, text string) netip.Addr {
			a, err := vcc.ParsePublicIP(text)
			r.add(at, err)
			return a
		}),
		Appliances: each(t.Appliances, at+".appliances", func(at string, a appliance) vcc.LabAppliance {
			e := a.External
			settings, err := vcc.ParseExternal(e.IPv4, e.IPv4Gateway, e.IPv6, e.IPv6Gateway)
			r.add(at+".external", err)
			return vcc.LabAppliance{Host: a.Host, External: settings}
		}),
		Site: vcc.Site{
			ProductionNetworks: each(t.ProductionNetworks, at+".production_networks", func(at string, p productionNetwork) vcc.ProductionNetwork {
				network, err := vcc.ParseProductionNetwork(p.Name, p.IPv4, p.IPv4Gateway, p.IPv6, p.IPv6Gateway)
				r.add(at, err)
				return network
			}),
			VMs: each(t.VMs, at+".vms", func(at string, v vm) vcc.VM {
				return vcc.VM{Name: v.Name, Guest: vcc.Guest(v.Guest), NICs: each(v.NICs, at+".nics", func(at string, n nic) vcc.NIC {
					connected, err := vcc.ParseNIC(n.Network, n.IPv4, n.IPv6)
					r.add(at, err)
					return connected
				})}
			}),
		},
		Jobs: each(t.Jobs, at+".replication_jobs", func(_ string, j replicationJob) vcc.LabReplicationJob {
			return vcc.LabReplicationJob(j)
		}),
		FailoverPlans: each(t.FailoverPlans, at+".failover_plans", func(at string, p failoverPlan) vcc.LabFailoverPlan {
			return vcc.LabFailoverPlan{Name: p.Name, VMs: p.VMs, PublicIPRules: each(p.PublicIPRules, at+".public_ip_rules", func(at string, rule publicIPRule) vcc.PublicIPRule {
				mapped, err := vcc.ParsePublicIPRule(rule.Address, rule.Port, rule.ToAddress, rule.ToPort)
				r.add(at, err)
				return mapped
			})}
		}),
	}
}

// newLab returns a lab as it is to be written.
func newLab(l vcc.Lab) lab {
	return lab{
		ServiceProvider: serviceProvider{Name: l.ServiceProvider.Name},
		Hosts: each(l.Hosts, "", func(_ string, h vcc.Host) host {
			return host{Name: h.Name, Platform: string(h.Platform), VLANs: each(h.VLANs, "", func(_ string, v vcc.VLANRanges) vlanRanges {
				return vlanRanges{WithInternet: ends(v.WithInternet), WithoutInternet: ends(v.WithoutInternet)}
			})}
		}),
		HardwarePlans: each(l.HardwarePlans, "", func(_ string, p vcc.LabHardwarePlan) hardwarePlan {
			return hardwarePlan{Name: p.Name, Host: p.Host, Networks: networkCount(p.Networks)}
		}),
		Tenants: each(l.Tenants, "", newTenant),
	}
}

func newTenant(_ string, t vcc.LabTenant) tenant {
	return tenant{
		Name: t.Name, Username: t.Username, PasswordEnv: t.PasswordEnv, Subscriptions: t.Subscriptions,
		PublicIPs: each(t.PublicIPs, "", func(_ string, a netip.Addr) string { return address(a) }),
		Appliances: each(t.Appliances, "", func(_ string, a vcc.LabAppliance) appliance {
			e := a.External
			return appliance{Host: a.Host, External: external{
				IPv4: prefix(e.IPv4), IPv4Gateway: address(e.IPv4Gateway), IPv6: prefix(e.IPv6), IPv6Gateway: address(e.IPv6Gateway),
			}}
		}),
		ProductionNetworks: each(t.ProductionNetworks, "", func(_ string, p vcc.ProductionNetwork) productionNetwork {
			return productionNetwork{
				Name: p.Name, IPv4: prefix(p.IPv4), IPv4Gateway: address(p.IPv4Gateway), IPv6: prefix(p.IPv6), IPv6Gateway: address(p.IPv6Gateway),
			}
		}),
		VMs: each(t.VMs, "", func(_ string, v vcc.VM) vm {
			return vm{Name: v.Name, Guest: string(v.Guest), NICs: each(v.NICs, "", func(_ string, n vcc.NIC) nic {
				return nic{Network: n.Network, IPv4: address(n.IPv4), IPv6: address(n.IPv6)}
			})}
		}),
		Jobs: each(t.Jobs, "", func(_ string, j vcc.LabReplicationJob) replicationJob { return replicationJob(j) }),
		FailoverPlans: each(t.FailoverPlans, "", func(_ string, p vcc.LabFailoverPlan) failoverPlan {
			return failoverPlan{Name: p.Name, VMs: p.VMs, PublicIPRules: each(p.PublicIPRules, "", func(_ string, rule vcc.PublicIPRule) publicIPRule {
				return publicIPRule{
					Address: address(rule.Public.Addr()), Port: int(rule.Public.Port()), ToAddress: address(rule.Internal.Addr()), ToPort: int(rule.Internal.Port()),
				}
			})}
		}),
	}
}

// ends writes a range as a list, nil for none.
func ends(r vcc.VLANRange) []int {
	if r == (vcc.VLANRange{}) {
		return nil
	}
	return []int{r.First, r.Last}
}

// address writes an address, "" for none.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// prefix writes a network, "" for none.
func prefix(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}
