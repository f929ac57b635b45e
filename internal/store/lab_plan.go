package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// labPlan lists the rows that change so that a database has a lab, in the order in which
// applyLab writes them. Rows that stay as they are have no part in it.
type labPlan struct {
	changes []vcc.LabChange
	// withoutAccount are the tenants that nobody can log in for afterwards.
	withoutAccount []vcc.Tenant
	passwordsLeft  vcc.PasswordsLeft
	// changesWhatIs says that not every row is new.
	changesWhatIs bool
	// firstRevision is where new tenants begin from then on.
	firstRevision int64
	// Removals of networks come before allocations, so that a VLAN that is given back can
	// be given out again, and parents before children where rows are added.
	removedNetworks []cloudNetworkRow
	hosts           []hostRow
	plans           []planRow
	tenants         []tenantRow
	newTenants      []string // their IDs
	subscriptions   []subscriptionRow
	// Those among them that were there before, and are at another place now.
	movedSubscriptions []subscriptionRow
	networks           []newNetworkRow
	jobs               []labJobRow
	removedJobs        []labJobRow
	failoverPlans      []labFailoverPlanRow
	removedPlans       []labFailoverPlanRow
	// redeclared are those that were in force as they were declared, and are declared otherwise or no longer.
	redeclared []redeclaredPlan
	// keptBeside are the warnings about plans that somebody specified, whose declaration changes.
	keptBeside []vcc.Warning
	// dependsOnPlans says that something may be wrong once somebody has specified another failover plan.
	dependsOnPlans bool
	// What the lab no longer has goes once nothing depends on it.
	removedSubscriptions []subscriptionRow
	removedTenants       []tenantRow
	removedHardwarePlans []planRow
	removedHosts         []hostRow
	removedAccounts      []accountRow
	accounts             []accountRow
	passwords            []accountRow // with their new hashes
	// lab is nil where its row stays as it is.
	lab *labRow
}

// planStored plans a lab on what is stored now, without its accounts. The changes come with an
// error, too.
func (s *Store) planStored(ctx context.Context, tx querier, lab vcc.ValidLab, remove []string) (*labPlanner, error) {
	stored, err := readLab(ctx, tx)
	if err != nil {
		return &labPlanner{}, err
	}
	return planLab(stored, lab, remove, uuid.NewString)
}

// removes reports whether something goes that other writes may have changed meanwhile.
func (p *labPlan) removes() bool {
	return len(p.removedNetworks)+len(p.removedJobs)+len(p.removedPlans)+len(p.removedSubscriptions)+
		len(p.removedTenants)+len(p.removedHardwarePlans)+len(p.removedHosts) > 0
}

// compare returns a lab in the spelling of what is stored, and the changes that it makes, with
// the number of stored gateways that go with each removal.
func (l storedLab) compare(lab vcc.Lab) (vcc.Lab, []vcc.LabChange) {
	lab = lab.Respelled(
		convert(l.lab.Hosts, func(h vcc.Host) string { return h.Name }),
		convert(l.lab.HardwarePlans, func(p vcc.LabHardwarePlan) string { return p.Name }),
		convert(l.lab.Tenants, func(t vcc.LabTenant) string { return t.Name }),
	)
	changes := vcc.CompareLabs(l.lab, lab)
	tenants, plans := map[string]string{}, map[string]string{}
	for name, t := range l.tenants {
		tenants[t.ID] = name
	}
	for name, p := range l.plans {
		plans[p.ID] = name
	}
	var gateways []vcc.LabNetwork
	for _, n := range l.networks {
		if n.HasGateway {
			plan := plans[n.PlanID]
			gateways = append(gateways, vcc.LabNetwork{Tenant: tenants[n.TenantID], Plan: plan, Name: vcc.NetworkName(plan, n.InternetAccess, n.Position)})
		}
	}
	vcc.CountGateways(changes, gateways)
	return lab, changes
}

// labPlanner plans one lab.
type labPlanner struct {
	labPlan
	stored storedLab
	lab    vcc.Lab
	newID  func() string
	// replaced are the user names of accounts that others take the place of.
	replaced map[string]bool
	// What the lab declares by name, and IDs by name.
	hosts                       map[string]vcc.Host
	plans                       map[string]vcc.LabHardwarePlan
	tenants                     map[string]vcc.LabTenant
	hostIDs, planIDs, tenantIDs map[string]string
	networksThatStay            []cloudNetworkRow
}

type subscriptionKey struct{ tenantID, planID string }

// planLab plans a lab without its accounts, which planAccounts adds. It does no I/O.
// CodeConflict: a removal that remove does not name, no free VLAN, a plan that cannot move to
// another host, a failover plan that is failed over, or a user name that is another account's.
// The changes come with an error, too.
func planLab(stored storedLab, lab vcc.ValidLab, remove []string, newID func() string) (*labPlanner, error) {
	p := &labPlanner{
		stored: stored, newID: newID, replaced: map[string]bool{},
		hosts: map[string]vcc.Host{}, plans: map[string]vcc.LabHardwarePlan{}, tenants: map[string]vcc.LabTenant{},
		hostIDs: map[string]string{}, planIDs: map[string]string{}, tenantIDs: map[string]string{},
	}
	p.lab, p.changes = stored.compare(lab.Lab())
	replaced, err := vcc.ReplacedAccounts(p.labAccounts(), p.lab, lab.Passwords())
	for _, c := range replaced {
		p.replaced[c.Name] = true
	}
	p.changes = append(p.changes, replaced...)
	if err == nil {
		err = vcc.CheckRemovals(p.changes, remove)
	}
	if err != nil {
		return p, err
	}
	digest, err := labDigest(p.lab)
	if err != nil {
		return p, err
	}
	p.firstRevision = stored.firstRevision
	if r := (labRow{p.lab.ServiceProvider.Name, digest}); r != (labRow{stored.lab.ServiceProvider.Name, stored.digest}) {
		p.labPlan.lab = &r
	}
	p.index()
	for _, step := range []func() error{
		p.planNetworkRemovals, p.planHosts, p.planHardwarePlans, p.planTenants, p.planNetworks, p.planJobs, p.planFailoverPlans, p.planRemovals,
	} {
		if err := step(); err != nil {
			return p, err
		}
	}
	return p, nil
}

// labAccounts lists the accounts that are stored.
func (p *labPlanner) labAccounts() []vcc.LabAccount {
	names := map[string]string{}
	for name, t := range p.stored.tenants {
		names[t.ID] = name
	}
	return convert(p.stored.accounts, func(a accountRow) vcc.LabAccount {
		l := vcc.LabAccount{Username: a.Username, Declared: a.Declared}
		if a.TenantID != nil {
			l.Tenant = names[*a.TenantID]
		}
		return l
	})
}

// index gives everything that is declared or stored an ID.
func (p *labPlanner) index() {
	for name, r := range p.stored.hosts {
		p.hostIDs[name] = r.ID
	}
	for name, r := range p.stored.plans {
		p.planIDs[name] = r.ID
	}
	for name, r := range p.stored.tenants {
		p.tenantIDs[name] = r.ID
	}
	identify := func(ids map[string]string, name string) {
		if ids[name] == "" {
			ids[name] = p.newID()
		}
	}
	for _, h := range p.lab.Hosts {
		p.hosts[h.Name] = h
		identify(p.hostIDs, h.Name)
	}
	for _, plan := range p.lab.HardwarePlans {
		p.plans[plan.Name] = plan
		identify(p.planIDs, plan.Name)
	}
	for _, t := range p.lab.Tenants {
		p.tenants[t.Name] = t
		identify(p.tenantIDs, t.Name)
	}
	for name, t := range p.stored.tenants {
		if _, stays := p.tenants[name]; !stays {
			p.firstRevision = max(p.firstRevision, t.Revision)
		}
	}
}

// differs reports whether a row is new or not as it is stored, and notes which.
func differs[K, R comparable](p *labPlanner, stored map[K]R, key K, r R) bool {
	old, there := stored[key]
	p.changesWhatIs = p.changesWhatIs || there && old != r
	return !there || old != r
}

// isStored reports whether a tenant is there already.
func (p *labPlanner) isStored(tenant string) bool {
	_, there := p.stored.tenants[tenant]
	return there
}

// wanted returns how many networks of one kind a tenant is to have of a plan.
func (p *labPlanner) wanted(tenant, plan string, internetAccess bool) int {
	switch {
	case !slices.Contains(p.tenants[tenant].Subscriptions, plan):
		return 0
	case internetAccess:
		return p.plans[plan].Networks.WithInternet
	default:
		return p.plans[plan].Networks.WithoutInternet
	}
}

// planNetworkRemovals removes the networks that the lab no longer has.
func (p *labPlanner) planNetworkRemovals() error {
	tenants, plans := map[string]string{}, map[string]string{}
	for name, id := range p.tenantIDs {
		tenants[id] = name
	}
	for name, id := range p.planIDs {
		plans[id] = name
	}
	for _, n := range p.stored.networks {
		if n.Position > p.wanted(tenants[n.TenantID], plans[n.PlanID], n.InternetAccess) {
			p.removedNetworks = append(p.removedNetworks, n)
		} else {
			p.networksThatStay = append(p.networksThatStay, n)
		}
	}
	return nil
}

func (p *labPlanner) planHosts() error {
	for _, h := range p.lab.Hosts {
		declaration, err := encode(newHostRecord(h))
		if err != nil {
			return err
		}
		if r := (hostRow{p.hostIDs[h.Name], h.Name, declaration}); differs(p, p.stored.hosts, h.Name, r) {
			p.labPlan.hosts = append(p.labPlan.hosts, r)
		}
	}
	return nil
}

func (p *labPlanner) planHardwarePlans() error {
	for _, plan := range p.lab.HardwarePlans {
		r := planRow{p.planIDs[plan.Name], plan.Name, p.hostIDs[plan.Host], plan.Networks.WithInternet, plan.Networks.WithoutInternet}
		// A VLAN that was given out stays given out (D2), so a plan in use stays on its host.
		elsewhere := 0
		for _, n := range p.networksThatStay {
			if n.PlanID == r.ID && n.HostID != r.HostID {
				elsewhere++
			}
		}
		if elsewhere > 0 {
			return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
				"hardware plan %q cannot move to host %q: %d networks of its subscribers have VLANs on its present host; nothing was changed", plan.Name, plan.Host, elsewhere)}
		}
		if differs(p, p.stored.plans, plan.Name, r) {
			p.labPlan.plans = append(p.labPlan.plans, r)
		}
	}
	return nil
}

func (p *labPlanner) planTenants() error {
	stored := map[subscriptionKey]subscriptionRow{}
	for _, s := range p.stored.subscriptions {
		stored[subscriptionKey{s.TenantID, s.PlanID}] = s
	}
	for i, t := range p.lab.Tenants {
		record := newTenantRecord(t)
		record.Jobs, record.FailoverPlans = nil, nil // which have rows of their own
		declaration, err := encode(record)
		if err != nil {
			return err
		}
		r := tenantRow{p.tenantIDs[t.Name], t.Name, i, declaration, p.firstRevision}
		if old, there := p.stored.tenants[t.Name]; there {
			r.Revision = old.Revision
		} else {
			p.newTenants = append(p.newTenants, r.ID)
		}
		if differs(p, p.stored.tenants, t.Name, r) {
			p.labPlan.tenants = append(p.labPlan.tenants, r)
			p.dependsOnPlans = p.dependsOnPlans || p.isStored(t.Name)
		}
		for j, plan := range t.Subscriptions {
			s := subscriptionRow{r.ID, p.planIDs[plan], j}
			if differs(p, stored, subscriptionKey{s.TenantID, s.PlanID}, s) {
				p.subscriptions = append(p.subscriptions, s)
				if _, there := stored[subscriptionKey{s.TenantID, s.PlanID}]; there {
					p.movedSubscriptions = append(p.movedSubscriptions, s)
				}
				p.changesWhatIs = p.changesWhatIs || p.isStored(t.Name)
			}
		}
	}
	return nil
}

// planNetworks gives each subscriber the networks it lacks, each on the next free VLAN of
// the host (D1). Networks that are there keep their VLANs (D2).
func (p *labPlanner) planNetworks() error {
	type kind struct {
		subscriptionKey
		internetAccess bool
	}
	have, taken := map[kind]int{}, map[string]map[int]bool{} // VLAN IDs by host
	take := func(hostID string, vlan int) {
		if taken[hostID] == nil {
			taken[hostID] = map[int]bool{}
		}
		taken[hostID][vlan] = true
	}
	for _, n := range p.networksThatStay {
		have[kind{subscriptionKey{n.TenantID, n.PlanID}, n.InternetAccess}]++
		take(n.HostID, n.VLANID)
	}
	for _, t := range p.lab.Tenants {
		for ordinal, plan := range t.Subscriptions {
			host := p.hosts[p.plans[plan].Host]
			hostID := p.hostIDs[host.Name]
			for _, internetAccess := range []bool{true, false} {
				key := subscriptionKey{p.tenantIDs[t.Name], p.planIDs[plan]}
				for position := have[kind{key, internetAccess}] + 1; position <= p.wanted(t.Name, plan, internetAccess); position++ {
					vlan, err := host.NextVLAN(internetAccess, taken[hostID])
					if err != nil {
						var e *vcc.Error
						if errors.As(err, &e) {
							e.Message = fmt.Sprintf("tenant %q cannot be subscribed to hardware plan %q: %s; nothing was changed", t.Name, plan, e.Message)
						}
						return err
					}
					take(hostID, vlan)
					p.changesWhatIs = p.changesWhatIs || p.isStored(t.Name)
					p.networks = append(p.networks, newNetworkRow{cloudNetworkRow{
						ID: p.newID(), TenantID: key.tenantID, PlanID: key.planID, HostID: hostID,
						InternetAccess: internetAccess, Position: position, VLANID: vlan,
					}, listGroup(ordinal, internetAccess)})
				}
			}
		}
	}
	return nil
}

// planJobs keeps the ID of each job that stays, and with it how often the job has run: only a
// job that is new, or has been away, has a first run before it.
func (p *labPlanner) planJobs() error {
	left := maps.Clone(p.stored.jobs)
	for _, t := range p.lab.Tenants {
		for i, j := range t.Jobs {
			declaration, err := encode(newJobRecord(j))
			if err != nil {
				return err
			}
			key := ownedName{p.tenantIDs[t.Name], vcc.NormalName(j.Name)}
			old, there := left[key]
			delete(left, key)
			r := labJobRow{old.ID, key.tenantID, j.Name, i, p.planIDs[j.HardwarePlan], declaration}
			if !there {
				r.ID = p.newID()
			}
			if r != old {
				p.jobs = append(p.jobs, r)
				p.changesWhatIs = p.changesWhatIs || p.isStored(t.Name)
			}
		}
	}
	p.removedJobs = slices.Collect(maps.Values(left))
	return nil
}

// planRemovals removes what the lab no longer has.
func (p *labPlanner) planRemovals() error {
	subscribed := map[subscriptionKey]bool{}
	for _, t := range p.lab.Tenants {
		for _, plan := range t.Subscriptions {
			subscribed[subscriptionKey{p.tenantIDs[t.Name], p.planIDs[plan]}] = true
		}
	}
	for _, s := range p.stored.subscriptions {
		if !subscribed[subscriptionKey{s.TenantID, s.PlanID}] {
			p.removedSubscriptions = append(p.removedSubscriptions, s)
		}
	}
	for name, r := range p.stored.tenants {
		if _, stays := p.tenants[name]; !stays {
			p.removedTenants = append(p.removedTenants, r)
		}
	}
	for name, r := range p.stored.plans {
		if _, stays := p.plans[name]; !stays {
			p.removedHardwarePlans = append(p.removedHardwarePlans, r)
		}
	}
	for name, r := range p.stored.hosts {
		if _, stays := p.hosts[name]; !stays {
			p.removedHosts = append(p.removedHosts, r)
		}
	}
	return nil
}

// planAccounts makes the accounts that the lab declares, as far as their passwords are settled,
// and removes those that it no longer declares or takes the place of. Those of tenants that go, go
// with them.
func (p *labPlanner) planAccounts(passwords labPasswords) {
	gone := map[string]bool{}
	for _, t := range p.removedTenants {
		gone[t.ID] = true
	}
	declared := map[string]string{} // user names by tenant
	for _, t := range p.lab.Tenants {
		declared[p.tenantIDs[t.Name]] = t.Username
	}
	accounts, has := map[string]accountRow{}, map[string]bool{} // by user name, and by tenant
	for _, a := range p.stored.accounts {
		switch {
		case a.TenantID != nil && gone[*a.TenantID]:
		case p.replaced[a.Username], a.TenantID != nil && a.Declared && a.Username != declared[*a.TenantID]:
			p.removedAccounts = append(p.removedAccounts, a)
			p.changesWhatIs = true
		default:
			accounts[a.Username] = a
			if a.TenantID != nil {
				has[*a.TenantID] = true
			}
		}
	}
	for _, t := range p.lab.Tenants {
		id := p.tenantIDs[t.Name]
		if _, given := passwords.given[t.Username]; given && t.Username != "" {
			a, there := accounts[t.Username]
			hash, settled := passwords.settled[t.Username]
			switch {
			case !there && settled:
				p.accounts = append(p.accounts, accountRow{Username: t.Username, TenantID: &id, PasswordHash: hash.is, Declared: true})
				has[id] = true
			case !there:
				p.passwordsLeft.Missing++
			case !settled || hash.was != a.PasswordHash: // which somebody else changed meanwhile
				p.passwordsLeft.Unchecked++
			case hash.is != hash.was:
				a.PasswordHash = hash.is
				p.passwords = append(p.passwords, a)
				p.changesWhatIs = true
			}
		}
		if t.Username != "" && !has[id] {
			p.withoutAccount = append(p.withoutAccount, vcc.Tenant{ID: id, Name: t.Name})
		}
	}
}
