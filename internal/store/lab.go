package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// labActor is whom the history names for gateways that went with a removal.
const labActor = "lab file"

// ApplyLab implements vcc.LabService.
func (s *Store) ApplyLab(ctx context.Context, lab vcc.Lab, remove []string) (changes []vcc.LabChange, err error) {
	if err := lab.Validate(); err != nil {
		return nil, err
	}
	// A look first, because who declares what is declared already need not wait for writers.
	if len(remove) == 0 && len(lab.Passwords) == 0 {
		if same, err := s.isDeclared(ctx, lab); same || err != nil {
			return nil, err
		}
	}
	hashes, err := s.declaredHashes(ctx, lab)
	if err != nil {
		return nil, err
	}
	err = s.write(ctx, everything, func(tx querier) (err error) {
		changes, err = s.applyLab(ctx, tx, lab, hashes, remove)
		return err
	})
	return changes, err
}

// errPreview ends a transaction that was only to be looked at.
var errPreview = errors.New("a preview keeps nothing")

// PreviewLab implements vcc.LabService.
func (s *Store) PreviewLab(ctx context.Context, lab vcc.Lab, remove []string) (changes []vcc.LabChange, err error) {
	if err := lab.Validate(); err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for username := range lab.Passwords {
		hashes[username] = "none" // hashing takes long, and nothing of it is kept
	}
	err = s.write(ctx, everything, func(tx querier) (err error) {
		if changes, err = s.applyLab(ctx, tx, lab, hashes, remove); err == nil {
			err = errPreview
		}
		return err
	})
	if errors.Is(err, errPreview) {
		err = nil
	}
	return changes, err
}

// CompareLab returns what declaring a lab would change, without a look at what could stand in
// its way, and without waiting for anybody who writes. The lab must be valid.
func (s *Store) CompareLab(ctx context.Context, lab vcc.Lab) (changes []vcc.LabChange, err error) {
	if same, err := s.isDeclared(ctx, lab); same || err != nil {
		return nil, err
	}
	err = s.read(ctx, func(tx querier) (err error) {
		_, changes, err = changesTo(ctx, tx, lab)
		return err
	})
	return changes, err
}

// isDeclared reports whether a lab is the one that was declared last, to the letter.
func (s *Store) isDeclared(ctx context.Context, lab vcc.Lab) (bool, error) {
	digest, err := digestOf(lab)
	if err != nil {
		return false, err
	}
	declared, err := declaredLab(ctx, querier{store: s})
	return declared == digest, s.engine.translate(err)
}

func digestOf(lab vcc.Lab) (string, error) {
	text, err := encode(lab)
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), err
}

// Lab implements vcc.LabService.
func (s *Store) Lab(ctx context.Context) (lab vcc.Lab, err error) {
	err = s.read(ctx, func(tx querier) (err error) {
		lab, err = storedLab(ctx, tx)
		return err
	})
	return lab, err
}

func storedLab(ctx context.Context, tx querier) (lab vcc.Lab, err error) {
	lab.ServiceProvider.Name, err = queryValue[string](ctx, tx, "SELECT service_provider FROM lab")
	if errors.Is(err, sql.ErrNoRows) {
		return lab, notFound("", "no lab was declared yet")
	}
	if err != nil {
		return lab, err
	}
	plans, err := queryAll[hardwarePlanRow](ctx, tx, "SELECT "+hardwarePlanColumns+
		" FROM hardware_plans AS p JOIN hosts AS h ON h.id = p.host_id ORDER BY p.name")
	for _, p := range plans {
		lab.HardwarePlans = append(lab.HardwarePlans, vcc.LabHardwarePlan{
			Name: p.Name, Host: p.HostName, Networks: vcc.LabNetworkCount{WithInternet: p.WithInternet, WithoutInternet: p.WithoutInternet},
		})
	}
	if err == nil {
		lab.Hosts, err = declarations[vcc.Host](ctx, tx, "SELECT declaration FROM hosts ORDER BY name")
	}
	if err == nil {
		lab.Tenants, err = declarations[vcc.LabTenant](ctx, tx, "SELECT declaration FROM tenants ORDER BY ordinal")
	}
	return lab, err
}

// changesTo returns a lab in the spelling of what is stored, what has to change so that the
// backend has it, and with each removal how many stored gateways go.
func changesTo(ctx context.Context, tx querier, lab vcc.Lab) (vcc.Lab, []vcc.LabChange, error) {
	stored, err := storedLab(ctx, tx)
	if err != nil && vcc.Code(err) != vcc.CodeNotFound {
		return lab, nil, err
	}
	lab = lab.Respelled(
		convert(stored.Hosts, func(h vcc.Host) string { return h.Name }),
		convert(stored.HardwarePlans, func(p vcc.LabHardwarePlan) string { return p.Name }),
		convert(stored.Tenants, func(t vcc.LabTenant) string { return t.Name }),
	)
	changes := vcc.CompareLabs(stored, lab)
	if !slices.ContainsFunc(changes, func(c vcc.LabChange) bool { return c.Address() != "" }) {
		return lab, changes, nil
	}
	gateways, err := queryAll[placedRow](ctx, tx, "SELECT t.name, p.name, c.internet_access, c.position FROM default_gateways AS g "+
		"JOIN cloud_networks AS c ON c.id = g.network_id JOIN tenants AS t ON t.id = c.tenant_id JOIN hardware_plans AS p ON p.id = c.hardware_plan_id")
	vcc.CountGateways(changes, convert(gateways, func(g placedRow) vcc.LabNetwork {
		return vcc.LabNetwork{Tenant: g.Tenant, Plan: g.Plan, Name: vcc.NetworkName(g.Plan, g.InternetAccess, g.Position)}
	}))
	return lab, changes, err
}

// placedRow is where a network is.
type placedRow struct {
	Tenant, Plan   string
	InternetAccess bool
	Position       int
}

func (r *placedRow) fields() []any { return []any{&r.Tenant, &r.Plan, &r.InternetAccess, &r.Position} }

// namedRow is something that has a name.
type namedRow struct{ ID, Name string }

func (r *namedRow) fields() []any { return []any{&r.ID, &r.Name} }

// declaredRow is something that the lab declares.
type declaredRow struct{ ID, Name, Declaration string }

func (r *declaredRow) fields() []any { return []any{&r.ID, &r.Name, &r.Declaration} }

// declarations reads what was declared.
func declarations[T any](ctx context.Context, q querier, query string) (list []T, err error) {
	rows, err := queryAll[one[string]](ctx, q, query)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		v, err := decode[T](r.value)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// Seed declares a lab in a database that has none, and gives each of its jobs their first
// run if run says so, all in one transaction. seeded is false where a lab had been declared
// already: then nothing happens.
func (s *Store) Seed(ctx context.Context, lab vcc.Lab, run bool) (seeded bool, err error) {
	if err := lab.Validate(); err != nil {
		return false, err
	}
	hashes, err := s.declaredHashes(ctx, lab)
	if err != nil {
		return false, err
	}
	// A look first, because a backend that is used daily need not take the write lock.
	if digest, err := declaredLab(ctx, querier{store: s}); err != nil || digest != "" {
		return false, s.engine.translate(err)
	}
	err = s.write(ctx, everything, func(tx querier) error {
		if digest, err := declaredLab(ctx, tx); err != nil || digest != "" {
			return err
		}
		if _, err := s.applyLab(ctx, tx, lab, hashes, nil); err != nil {
			return err
		}
		seeded = true
		if !run {
			return nil
		}
		jobs, err := queryAll[ownedRow](ctx, tx, "SELECT j.id, j.tenant_id, j.name FROM replication_jobs AS j "+
			"JOIN tenants AS t ON t.id = j.tenant_id ORDER BY t.ordinal, j.ordinal")
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if _, err := s.runJob(ctx, tx, vcc.Actor{TenantID: j.TenantID, Name: labActor}, j.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return seeded && err == nil, err
}

// IsDeclared reports whether any lab was declared.
func (s *Store) IsDeclared(ctx context.Context) (bool, error) {
	digest, err := declaredLab(ctx, querier{store: s})
	return digest != "", s.engine.translate(err)
}

// declaredLab returns the digest of the lab declared last, "" for none.
func declaredLab(ctx context.Context, q querier) (string, error) {
	digest, err := queryValue[string](ctx, q, "SELECT digest FROM lab")
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return digest, err
}

// Tenants returns every tenant in the order of the lab. It is for who opens the
// backend, not for who uses it.
func (s *Store) Tenants(ctx context.Context) ([]vcc.Tenant, error) {
	rows, err := queryAll[namedRow](ctx, querier{store: s}, "SELECT id, name FROM tenants ORDER BY ordinal")
	return convert(rows, func(r namedRow) vcc.Tenant { return vcc.Tenant(r) }), s.engine.translate(err)
}

// labChange is one application of a lab, inside its transaction.
type labChange struct {
	*Store
	ctx context.Context
	tx  querier
	lab vcc.Lab
	// hashes are the passwords' that it declares, by user name.
	hashes map[string]string
	// IDs by name.
	hosts, plans, tenants map[string]string
}

// applyLab makes the backend match a lab. The changes come with an error, too.
func (s *Store) applyLab(ctx context.Context, tx querier, lab vcc.Lab, hashes map[string]string, remove []string) ([]vcc.LabChange, error) {
	lab, changes, err := changesTo(ctx, tx, lab)
	if err == nil {
		err = vcc.CheckRemovals(changes, remove)
	}
	if err != nil {
		return changes, err
	}
	digest, err := digestOf(lab)
	if err != nil {
		return changes, err
	}
	c := &labChange{Store: s, ctx: ctx, tx: tx, lab: lab, hashes: hashes}
	declared, err := declaredLab(ctx, tx)
	if err != nil {
		return changes, err
	}
	if declared == digest {
		if c.tenants, err = c.tenantIDs(); err != nil || len(hashes) == 0 {
			return changes, err
		}
		return changes, c.putAccounts() // whose passwords are not part of the digest
	}
	// Removals come before allocations, so that a VLAN that is given back can be
	// given out again, and parents before children where rows are added.
	for _, step := range []func() error{
		c.removeNetworks, c.putHosts, c.putPlans, c.putTenants, c.allocateNetworks, c.putJobs, c.putFailoverPlans, c.removeParents, c.putAccounts,
	} {
		if err := step(); err != nil {
			return changes, err
		}
	}
	err = tx.exec(ctx, "INSERT INTO lab (id, service_provider, digest) VALUES (1, $1, $2) "+
		"ON CONFLICT (id) DO UPDATE SET service_provider = excluded.service_provider, digest = excluded.digest",
		lab.ServiceProvider.Name, digest)
	if err != nil {
		return changes, err
	}
	return changes, s.engine.analyze(ctx, tx)
}

// wanted returns how many networks of one kind a tenant is to have of a plan.
func (c *labChange) wanted(tenant, plan string, internetAccess bool) int {
	t := slices.IndexFunc(c.lab.Tenants, func(t vcc.LabTenant) bool { return t.Name == tenant })
	p := slices.IndexFunc(c.lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == plan })
	switch {
	case t < 0 || p < 0 || !slices.Contains(c.lab.Tenants[t].Subscriptions, plan):
		return 0
	case internetAccess:
		return c.lab.HardwarePlans[p].Networks.WithInternet
	default:
		return c.lab.HardwarePlans[p].Networks.WithoutInternet
	}
}

// positionRow is a network and its position among those of its kind.
type positionRow struct {
	networkRow
	Position int
}

func (r *positionRow) fields() []any { return append(r.networkRow.fields(), &r.Position) }

// removeNetworks removes the networks that the lab no longer has, and what is stored
// for them.
func (c *labChange) removeNetworks() error {
	tenants, err := c.tenantIDs()
	if err != nil {
		return err
	}
	for _, tenant := range slices.Sorted(maps.Keys(tenants)) {
		id := tenants[tenant]
		rows, err := queryAll[positionRow](c.ctx, c.tx, "SELECT "+networkColumns+", n.position"+fromNetworks+inNetworkOrder, id)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Position <= c.wanted(tenant, r.HardwarePlanName, r.InternetAccess) {
				continue
			}
			if err := c.removeNetwork(id, r.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *labChange) removeNetwork(tenantID, id string) error {
	_, gateway, err := findNetworkAndGateway(c.ctx, c.tx, tenantID, id)
	if err == nil && gateway != nil {
		err = c.removeGateway(c.ctx, c.tx, vcc.Actor{TenantID: tenantID, Name: labActor}, *gateway)
	}
	if err != nil {
		return err
	}
	return c.exec("DELETE FROM cloud_networks WHERE id = $1", id)
}

func (c *labChange) putHosts() (err error) {
	c.hosts, err = c.ids("SELECT id, name FROM hosts")
	for _, h := range c.lab.Hosts {
		if err != nil {
			return err
		}
		var text string
		if text, err = encode(h); err != nil {
			return err
		}
		err = c.exec("INSERT INTO hosts (id, name, declaration) VALUES ($1, $2, $3) "+
			"ON CONFLICT (id) DO UPDATE SET declaration = excluded.declaration", c.id(c.hosts, h.Name), h.Name, text)
	}
	return err
}

func (c *labChange) putPlans() (err error) {
	if c.plans, err = c.ids("SELECT id, name FROM hardware_plans"); err != nil {
		return err
	}
	for _, p := range c.lab.HardwarePlans {
		id, host := c.id(c.plans, p.Name), c.hosts[p.Host]
		// A VLAN that was given out stays given out, so a plan in use stays on its host.
		n, err := queryValue[int](c.ctx, c.tx, "SELECT count(*) FROM cloud_networks WHERE hardware_plan_id = $1 AND host_id <> $2", id, host)
		if err != nil {
			return err
		}
		if n > 0 {
			return &vcc.Error{Code: vcc.CodeConflict, Message: fmt.Sprintf(
				"hardware plan %q cannot move to host %q: %d networks of its subscribers have VLANs on its present host; nothing was changed", p.Name, p.Host, n)}
		}
		err = c.exec("INSERT INTO hardware_plans (id, name, host_id, with_internet, without_internet) VALUES ($1, $2, $3, $4, $5) "+
			"ON CONFLICT (id) DO UPDATE SET host_id = excluded.host_id, with_internet = excluded.with_internet, without_internet = excluded.without_internet",
			id, p.Name, host, p.Networks.WithInternet, p.Networks.WithoutInternet)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *labChange) putTenants() (err error) {
	if c.tenants, err = c.tenantIDs(); err != nil {
		return err
	}
	for i, t := range c.lab.Tenants {
		id := c.id(c.tenants, t.Name)
		text, err := encode(t)
		if err != nil {
			return err
		}
		err = c.exec("INSERT INTO tenants (id, name, ordinal, declaration) VALUES ($1, $2, $3, $4) "+
			"ON CONFLICT (id) DO UPDATE SET ordinal = excluded.ordinal, declaration = excluded.declaration", id, t.Name, i, text)
		if err != nil {
			return err
		}
		for j, plan := range t.Subscriptions {
			err := c.exec("INSERT INTO subscriptions (tenant_id, hardware_plan_id, ordinal) VALUES ($1, $2, $3) "+
				"ON CONFLICT (tenant_id, hardware_plan_id) DO UPDATE SET ordinal = excluded.ordinal", id, c.plans[plan], j)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// allocateNetworks gives each subscriber the networks it lacks, each on the
// next free VLAN of the host (rule 1). What is there keeps its VLAN (rule 2).
func (c *labChange) allocateNetworks() error {
	for _, t := range c.lab.Tenants {
		for _, plan := range t.Subscriptions {
			for _, internetAccess := range []bool{true, false} {
				if err := c.allocate(t.Name, plan, internetAccess); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *labChange) allocate(tenant, plan string, internetAccess bool) error {
	p := c.lab.HardwarePlans[slices.IndexFunc(c.lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == plan })]
	host := c.lab.Hosts[slices.IndexFunc(c.lab.Hosts, func(h vcc.Host) bool { return h.Name == p.Host })]
	have, err := queryValue[int](c.ctx, c.tx, "SELECT count(*) FROM cloud_networks "+
		"WHERE tenant_id = $1 AND hardware_plan_id = $2 AND internet_access = $3", c.tenants[tenant], c.plans[plan], internetAccess)
	if err != nil {
		return err
	}
	used, err := queryAll[one[int]](c.ctx, c.tx, "SELECT vlan_id FROM cloud_networks WHERE host_id = $1", c.hosts[host.Name])
	if err != nil {
		return err
	}
	taken := convert(used, func(r one[int]) int { return r.value })
	for position := have + 1; position <= c.wanted(tenant, plan, internetAccess); position++ {
		vlan, err := host.NextVLAN(internetAccess, taken)
		if err != nil {
			var e *vcc.Error
			if errors.As(err, &e) {
				e.Message = fmt.Sprintf("tenant %q cannot be subscribed to hardware plan %q: %s; nothing was changed", tenant, plan, e.Message)
			}
			return err
		}
		err = c.exec("INSERT INTO cloud_networks (id, tenant_id, hardware_plan_id, host_id, internet_access, position, vlan_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			uuid.NewString(), c.tenants[tenant], c.plans[plan], c.hosts[host.Name], internetAccess, position, vlan)
		if err != nil {
			return err
		}
		taken = append(taken, vlan)
	}
	return nil
}

// ownedRow is something that a tenant has, by its name.
type ownedRow struct{ ID, TenantID, Name string }

func (r *ownedRow) fields() []any { return []any{&r.ID, &r.TenantID, &r.Name} }

// putJobs keeps how often each job has run: only a job that is new, or has
// been away, has a first run before it.
func (c *labChange) putJobs() error {
	stored, err := queryAll[ownedRow](c.ctx, c.tx, "SELECT id, tenant_id, name FROM replication_jobs")
	if err != nil {
		return err
	}
	ids := map[[2]string]string{}
	for _, j := range stored {
		ids[[2]string{j.TenantID, vcc.NormalName(j.Name)}] = j.ID
	}
	for _, t := range c.lab.Tenants {
		for i, j := range t.Jobs {
			key := [2]string{c.tenants[t.Name], vcc.NormalName(j.Name)}
			id, ok := ids[key]
			if !ok {
				id = uuid.NewString()
			}
			delete(ids, key)
			text, err := encode(j)
			if err != nil {
				return err
			}
			err = c.exec("INSERT INTO replication_jobs (id, tenant_id, name, ordinal, hardware_plan_id, declaration) VALUES ($1, $2, $3, $4, $5, $6) "+
				"ON CONFLICT (id) DO UPDATE SET name = excluded.name, ordinal = excluded.ordinal, hardware_plan_id = excluded.hardware_plan_id, declaration = excluded.declaration",
				id, key[0], j.Name, i, c.plans[j.HardwarePlan], text)
			if err != nil {
				return err
			}
		}
	}
	for _, id := range ids {
		if err := c.exec("DELETE FROM replication_jobs WHERE id = $1", id); err != nil {
			return err
		}
	}
	return nil
}

// putFailoverPlans keeps the sessions of plans that stay. A plan that is failed
// over cannot go: nobody could undo it.
func (c *labChange) putFailoverPlans() error {
	stored, err := queryAll[ownedRow](c.ctx, c.tx, "SELECT id, tenant_id, name FROM failover_plans")
	if err != nil {
		return err
	}
	ids := map[[2]string]string{}
	for _, p := range stored {
		ids[[2]string{p.TenantID, vcc.NormalName(p.Name)}] = p.ID
	}
	for _, t := range c.lab.Tenants {
		for i, p := range t.FailoverPlans {
			key := [2]string{c.tenants[t.Name], vcc.NormalName(p.Name)}
			id, ok := ids[key]
			if !ok {
				id = uuid.NewString()
			}
			delete(ids, key)
			text, err := encode(p)
			if err != nil {
				return err
			}
			err = c.exec("INSERT INTO failover_plans (id, tenant_id, name, ordinal, declaration) VALUES ($1, $2, $3, $4, $5) "+
				"ON CONFLICT (id) DO UPDATE SET name = excluded.name, ordinal = excluded.ordinal, declaration = excluded.declaration", id, key[0], p.Name, i, text)
			if err != nil {
				return err
			}
		}
	}
	for key, id := range ids {
		active, err := queryValue[int](c.ctx, c.tx, "SELECT count(*) FROM failover_sessions WHERE plan_id = $1 AND ended_at IS NULL", id)
		if err != nil {
			return err
		}
		if active > 0 {
			return &vcc.Error{Code: vcc.CodeConflict, ResourceID: id, Message: fmt.Sprintf(
				"the lab no longer has failover plan %q, which is failed over; nothing was changed. Undo the failover first", key[1])}
		}
		if err := c.exec("DELETE FROM failover_plans WHERE id = $1", id); err != nil {
			return err
		}
	}
	return nil
}

// removeParents removes what the lab no longer has once nothing depends on it.
// A tenant takes its history and its sessions along.
func (c *labChange) removeParents() error {
	for name, id := range c.tenants {
		i := slices.IndexFunc(c.lab.Tenants, func(t vcc.LabTenant) bool { return t.Name == name })
		for plan, planID := range c.plans {
			if i >= 0 && slices.Contains(c.lab.Tenants[i].Subscriptions, plan) {
				continue
			}
			if err := c.exec("DELETE FROM subscriptions WHERE tenant_id = $1 AND hardware_plan_id = $2", id, planID); err != nil {
				return err
			}
		}
		if i >= 0 {
			continue
		}
		for _, statement := range []string{
			"DELETE FROM changes WHERE tenant_id = $1", "DELETE FROM failover_sessions WHERE tenant_id = $1", "DELETE FROM tenants WHERE id = $1",
		} {
			if err := c.exec(statement, id); err != nil {
				return err
			}
		}
	}
	for name, id := range c.plans {
		if !slices.ContainsFunc(c.lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == name }) {
			if err := c.exec("DELETE FROM hardware_plans WHERE id = $1", id); err != nil {
				return err
			}
		}
	}
	for name, id := range c.hosts {
		if !slices.ContainsFunc(c.lab.Hosts, func(h vcc.Host) bool { return h.Name == name }) {
			if err := c.exec("DELETE FROM hosts WHERE id = $1", id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *labChange) tenantIDs() (map[string]string, error) {
	return c.ids("SELECT id, name FROM tenants")
}

// ids returns IDs by name.
func (c *labChange) ids(query string) (map[string]string, error) {
	rows, err := queryAll[namedRow](c.ctx, c.tx, query)
	ids := map[string]string{}
	for _, r := range rows {
		ids[r.Name] = r.ID
	}
	return ids, err
}

// id returns the ID of a name, a new one if it has none yet.
func (c *labChange) id(ids map[string]string, name string) string {
	if ids[name] == "" {
		ids[name] = uuid.NewString()
	}
	return ids[name]
}

func (c *labChange) exec(query string, args ...any) error {
	return c.tx.exec(c.ctx, query, args...)
}
