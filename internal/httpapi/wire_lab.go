package httpapi

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireLab declares a lab, with the words of a lab file in camel case.
type wireLab struct {
	ServiceProvider wireServiceProvider   `json:"serviceProvider"`
	Hosts           []wireHost            `json:"hosts"`
	HardwarePlans   []wireLabHardwarePlan `json:"hardwarePlans"`
	Tenants         []wireLabTenant       `json:"tenants"`
	// Passwords are never in an answer.
	Passwords map[string]string `json:"passwords,omitempty" doc:"Passwords by user name. An account that is left out keeps its own; a server never looks for passwordEnv in its own environment"`
}

type wireServiceProvider struct {
	Name string `json:"name"`
}

type wireHost struct {
	Name     string          `json:"name"`
	Platform vcc.Platform    `json:"platform"`
	VLANs    []wireVLANRange `json:"vlans"`
}

// wireVLANRange is a pair of ranges, each as [first, last].
type wireVLANRange struct {
	WithInternet    []int `json:"withInternet,omitempty"`
	WithoutInternet []int `json:"withoutInternet,omitempty"`
}

type wireLabHardwarePlan struct {
	Name     string              `json:"name"`
	Host     string              `json:"host"`
	Networks wireLabNetworkCount `json:"networks"`
}

type wireLabNetworkCount struct {
	WithInternet    int `json:"withInternet"`
	WithoutInternet int `json:"withoutInternet"`
}

type wireLabTenant struct {
	Name               string                  `json:"name"`
	Username           string                  `json:"username,omitempty"`
	PasswordEnv        string                  `json:"passwordEnv,omitempty"`
	Subscriptions      []string                `json:"subscriptions"`
	PublicIPs          []string                `json:"publicIps,omitempty"`
	Appliances         []wireLabAppliance      `json:"appliances,omitempty"`
	ProductionNetworks []wireProductionNetwork `json:"productionNetworks,omitempty"`
	VMs                []wireVM                `json:"vms,omitempty"`
	Jobs               []wireLabReplicationJob `json:"replicationJobs,omitempty"`
	FailoverPlans      []wireLabFailoverPlan   `json:"failoverPlans,omitempty"`
}

type wireLabAppliance struct {
	Host     string          `json:"host"`
	External wireLabExternal `json:"external"`
}

type wireLabExternal struct {
	IPv4        string `json:"ipv4,omitempty"`
	IPv4Gateway string `json:"ipv4Gateway,omitempty"`
	IPv6        string `json:"ipv6,omitempty"`
	IPv6Gateway string `json:"ipv6Gateway,omitempty"`
}

type wireProductionNetwork struct {
	Name        string `json:"name"`
	IPv4        string `json:"ipv4,omitempty"`
	IPv4Gateway string `json:"ipv4Gateway,omitempty"`
	IPv6        string `json:"ipv6,omitempty"`
	IPv6Gateway string `json:"ipv6Gateway,omitempty"`
}

func newWireProductionNetwork(p vcc.ProductionNetwork) wireProductionNetwork {
	return wireProductionNetwork{p.Name, optionalText(p.IPv4), optionalText(p.IPv4Gateway), optionalText(p.IPv6), optionalText(p.IPv6Gateway)}
}

func (w wireProductionNetwork) decode() (vcc.ProductionNetwork, error) {
	return vcc.ParseProductionNetwork(w.Name, w.IPv4, w.IPv4Gateway, w.IPv6, w.IPv6Gateway)
}

type wireVM struct {
	Name  string    `json:"name"`
	Guest vcc.Guest `json:"guest"`
	NICs  []wireNIC `json:"nics"`
}

type wireNIC struct {
	Network string `json:"network"`
	IPv4    string `json:"ipv4,omitempty"`
	IPv6    string `json:"ipv6,omitempty"`
}

type wireLabReplicationJob struct {
	Name             string            `json:"name"`
	HardwarePlan     string            `json:"hardwarePlan"`
	ApplicationAware bool              `json:"applicationAware,omitempty"`
	VMs              []string          `json:"vms"`
	Mapping          map[string]string `json:"mapping,omitempty"`
}

type wireLabFailoverPlan struct {
	Name          string                `json:"name"`
	VMs           []string              `json:"vms"`
	PublicIPRules []wireLabPublicIPRule `json:"publicIpRules,omitempty"`
}

// wireLabPublicIPRule is a wirePublicIPRule under the name that /openapi.json has for those of
// labs.
type wireLabPublicIPRule wirePublicIPRule

// wireLabApplied is what came of declaring a lab, or would.
type wireLabApplied struct {
	Changes  []wireLabChange `json:"changes" doc:"What was added, changed and removed, or with dryRun would be"`
	Refusal  string          `json:"refusal,omitempty" doc:"With dryRun: why the lab would be refused, absent if it would not"`
	Warnings []wireWarning   `json:"warnings" doc:"Tenants that cannot log in"`
	// PasswordsLeft is absent where all are in force.
	PasswordsLeft *wirePasswordsLeft `json:"passwordsLeft,omitempty" doc:"How many passwords are not in force yet, because a request hashes them for some seconds at most; send the lab again, without remove, until this is absent"`
}

// wirePasswordsLeft counts passwords that are not in force yet.
type wirePasswordsLeft struct {
	Missing   int `json:"missing" doc:"Those of accounts that are still to be made"`
	Unchecked int `json:"unchecked" doc:"Those of accounts that may have another password"`
}

// wireLabChange is one thing that declaring a lab adds, changes or removes. What belongs to
// something that is added or removed as a whole has no entry of its own.
type wireLabChange struct {
	Action   vcc.LabAction `json:"action" enum:"add,change,remove"`
	Kind     vcc.LabKind   `json:"kind" enum:"tenant,host,plan,subscription,network,account,serviceProvider,tenants,replicationJob,failoverPlan" doc:"What it is; tenants for their order"`
	Tenant   string        `json:"tenant,omitempty" doc:"Whose it is"`
	Name     string        `json:"name,omitempty" doc:"Its name, the plan's for a subscription"`
	Details  []string      `json:"details,omitempty" doc:"The values that change, with what they were and what they become"`
	Networks int           `json:"networks,omitempty" doc:"How many cloud networks come or go with it"`
	Gateways int           `json:"gateways,omitempty" doc:"How many stored default gateways go with it"`
	Remove   string        `json:"remove,omitempty" doc:"The value of the query parameter remove that allows the removal"`
	Text     string        `json:"text" doc:"The change on a line, for people"`
}

func newWireLab(l vcc.Lab) wireLab {
	return wireLab{
		ServiceProvider: wireServiceProvider(l.ServiceProvider),
		Hosts: convertOrNil(l.Hosts, func(h vcc.Host) wireHost {
			return wireHost{h.Name, h.Platform, convertOrNil(h.VLANs, newWireVLANRange)}
		}),
		HardwarePlans: convertOrNil(l.HardwarePlans, func(p vcc.LabHardwarePlan) wireLabHardwarePlan {
			return wireLabHardwarePlan{p.Name, p.Host, wireLabNetworkCount(p.Networks)}
		}),
		Tenants: convertOrNil(l.Tenants, newWireLabTenant),
	}
}

func newWireVLANRange(v vcc.VLANRanges) wireVLANRange {
	ends := func(r vcc.VLANRange) []int {
		if r == (vcc.VLANRange{}) {
			return nil
		}
		return []int{r.First, r.Last}
	}
	return wireVLANRange{ends(v.WithInternet), ends(v.WithoutInternet)}
}

func newWireLabTenant(t vcc.LabTenant) wireLabTenant {
	return wireLabTenant{
		Name: t.Name, Username: t.Username, PasswordEnv: t.PasswordEnv, Subscriptions: t.Subscriptions,
		PublicIPs: convertOrNil(t.PublicIPs, optionalText),
		Appliances: convertOrNil(t.Appliances, func(a vcc.LabAppliance) wireLabAppliance {
			e := a.External
			return wireLabAppliance{a.Host, newWireLabExternal(e)}
		}),
		ProductionNetworks: convertOrNil(t.ProductionNetworks, newWireProductionNetwork),
		VMs: convertOrNil(t.VMs, func(vm vcc.VM) wireVM {
			return wireVM{vm.Name, vm.Guest, convertOrNil(vm.NICs, func(n vcc.NIC) wireNIC {
				return wireNIC{n.Network, optionalText(n.IPv4), optionalText(n.IPv6)}
			})}
		}),
		Jobs: convertOrNil(t.Jobs, func(j vcc.LabReplicationJob) wireLabReplicationJob {
			return wireLabReplicationJob(j)
		}),
		FailoverPlans: convertOrNil(t.FailoverPlans, func(p vcc.LabFailoverPlan) wireLabFailoverPlan {
			return wireLabFailoverPlan{p.Name, p.VMs, convertOrNil(p.PublicIPRules, func(r vcc.PublicIPRule) wireLabPublicIPRule {
				return wireLabPublicIPRule(newWirePublicIPRule(r))
			})}
		}),
	}
}

// parse returns a lab that obeys the rules, with its passwords. The error lists everything that
// is wrong, with paths in this form as the fields.
func (w wireLab) parse() (vcc.ValidLab, error) {
	lab, unread := w.read()
	valid, err := lab.Check(unread...)
	if err != nil {
		return vcc.ValidLab{}, wireSpelling(err)
	}
	valid, err = valid.WithPasswords(w.Passwords)
	return valid, wireSpelling(err)
}

func (w wireLab) decode() (vcc.Lab, error) {
	lab, unread := w.read()
	return lab, wireSpelling(errors.Join(unread...))
}

// read reads the texts of a lab and checks no rules. It returns an error for each value that
// cannot be read, with paths in the lab file's spelling as the fields. Such a value is the zero
// value in the lab.
func (w wireLab) read() (lab vcc.Lab, unread []error) {
	r := &labReader{}
	lab = vcc.Lab{
		ServiceProvider: vcc.ServiceProvider(w.ServiceProvider),
		Hosts: readEach("hosts", w.Hosts, func(at string, h wireHost) vcc.Host {
			return vcc.Host{Name: h.Name, Platform: h.Platform, VLANs: readEach(at+".vlans", h.VLANs, r.vlans)}
		}),
		HardwarePlans: convertOrNil(w.HardwarePlans, func(p wireLabHardwarePlan) vcc.LabHardwarePlan {
			return vcc.LabHardwarePlan{Name: p.Name, Host: p.Host, Networks: vcc.LabNetworkCount(p.Networks)}
		}),
		Tenants: readEach("tenants", w.Tenants, r.tenant),
	}
	return lab, r.unread
}

// labReader collects the errors of values that cannot be read.
type labReader struct{ unread []error }

// value returns a value, or the zero value and keeps the error if it cannot be read.
func value[T any](r *labReader, at string, read T, err error) T {
	if err != nil {
		r.unread = append(r.unread, vcc.Within(at, err))
	}
	return read
}

// readEach reads each entry of a list that stands at a path; of nil it returns nil.
func readEach[Wire, T any](at string, list []Wire, read func(at string, w Wire) T) []T {
	if list == nil {
		return nil
	}
	values := make([]T, len(list))
	for i, w := range list {
		values[i] = read(at+"["+strconv.Itoa(i)+"]", w)
	}
	return values
}

func (r *labReader) vlans(at string, w wireVLANRange) vcc.VLANRanges {
	with, err := vcc.ParseVLANRange(w.WithInternet)
	ranges := vcc.VLANRanges{WithInternet: value(r, at+".with_internet", with, err)}
	without, err := vcc.ParseVLANRange(w.WithoutInternet)
	ranges.WithoutInternet = value(r, at+".without_internet", without, err)
	return ranges
}

func (r *labReader) tenant(at string, w wireLabTenant) vcc.LabTenant {
	t := vcc.LabTenant{
		Name: w.Name, Username: w.Username, PasswordEnv: w.PasswordEnv, Subscriptions: w.Subscriptions,
		Jobs: convertOrNil(w.Jobs, func(j wireLabReplicationJob) vcc.LabReplicationJob { return vcc.LabReplicationJob(j) }),
	}
	t.PublicIPs = readEach(at+".public_ips", w.PublicIPs, func(at string, text string) netip.Addr {
		address, err := vcc.ParsePublicIP(text)
		return value(r, at, address, err)
	})
	t.Appliances = readEach(at+".appliances", w.Appliances, func(at string, a wireLabAppliance) vcc.LabAppliance {
		e := a.External
		external, err := vcc.ParseExternal(e.IPv4, e.IPv4Gateway, e.IPv6, e.IPv6Gateway)
		return vcc.LabAppliance{Host: a.Host, External: value(r, at+".external", external, err)}
	})
	t.ProductionNetworks = readEach(at+".production_networks", w.ProductionNetworks, func(at string, p wireProductionNetwork) vcc.ProductionNetwork {
		network, err := p.decode()
		return value(r, at, network, err)
	})
	t.VMs = readEach(at+".vms", w.VMs, func(at string, vm wireVM) vcc.VM {
		return vcc.VM{Name: vm.Name, Guest: vm.Guest, NICs: readEach(at+".nics", vm.NICs, func(at string, n wireNIC) vcc.NIC {
			nic, err := vcc.ParseNIC(n.Network, n.IPv4, n.IPv6)
			return value(r, at, nic, err)
		})}
	})
	t.FailoverPlans = readEach(at+".failover_plans", w.FailoverPlans, func(at string, p wireLabFailoverPlan) vcc.LabFailoverPlan {
		return vcc.LabFailoverPlan{Name: p.Name, VMs: p.VMs, PublicIPRules: readEach(at+".public_ip_rules", p.PublicIPRules, func(at string, w wireLabPublicIPRule) vcc.PublicIPRule {
			rule, err := wirePublicIPRule(w).decode()
			return value(r, at, rule, err)
		})}
	})
	return t
}

// wireSpelling spells the fields of a lab file's errors as they are spelled here: public_ips is
// publicIps.
func wireSpelling(err error) error {
	var spelled []error
	for i, e := range vcc.Errors(err) {
		if i >= vcc.MaxListed { // nobody is shown the rest
			spelled = append(spelled, e)
			continue
		}
		e := *e
		words := strings.Split(e.Field, "_")
		for i, w := range words[1:] {
			if w != "" {
				words[i+1] = strings.ToUpper(w[:1]) + w[1:]
			}
		}
		e.Field = strings.Join(words, "")
		spelled = append(spelled, &e)
	}
	if spelled == nil {
		return err
	}
	return errors.Join(spelled...)
}

func newWireLabApplied(outcome vcc.LabOutcome) wireLabApplied {
	w := wireLabApplied{Changes: convert(outcome.Changes, newWireLabChange), Warnings: convert(outcome.Warnings, newWireWarning)}
	if left := outcome.PasswordsLeft; left.Total() > 0 {
		w.PasswordsLeft = new(wirePasswordsLeft(left))
	}
	return w
}

// decode returns the outcome; the refusal of a dry run is left to the caller.
func (w wireLabApplied) decode() (vcc.LabOutcome, error) {
	changes, err := decodeList("changes", w.Changes)
	if err != nil {
		return vcc.LabOutcome{}, err
	}
	warnings, err := decodeList("warnings", w.Warnings)
	outcome := vcc.LabOutcome{Changes: changes, Warnings: warnings}
	if w.PasswordsLeft != nil {
		outcome.PasswordsLeft = vcc.PasswordsLeft(*w.PasswordsLeft)
	}
	return outcome, err
}

func newWireLabChange(c vcc.LabChange) wireLabChange {
	return wireLabChange{
		Action: c.Action, Kind: c.Kind, Tenant: c.Tenant, Name: c.Name, Details: c.Details,
		Networks: c.Networks, Gateways: c.Gateways, Remove: c.Address(), Text: c.Line(),
	}
}

// decode returns the change without the plan of a network, which is not on the wire.
func (w wireLabChange) decode() (vcc.LabChange, error) {
	return vcc.LabChange{
		Action: w.Action, Kind: w.Kind, Tenant: w.Tenant, Name: w.Name, Details: w.Details,
		Networks: w.Networks, Gateways: w.Gateways,
	}, nil
}
