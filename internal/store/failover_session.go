package store

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"

	"github.com/google/uuid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What every query about sessions that are listed has: it binds them to the tenant $1.
const fromSessions = " FROM failover_sessions WHERE tenant_id = $1"

// FailoverSessions implements vcc.FailoverService.
func (s *Store) FailoverSessions(ctx context.Context, as vcc.Actor, f vcc.FailoverSessionFilter, p vcc.Page) ([]vcc.FailoverSession, int, error) {
	return readPage(ctx, s, func(tx querier) (page[vcc.FailoverSession], error) {
		return queryPage(ctx, tx, p, sessionRow.session, listedColumns,
			fromSessions+" AND ($2 = '' OR plan_id = $2) AND ($3 = '' OR kind = $3) AND ($4 = '' OR test = ($4 = 'test'))",
			" ORDER BY started_at DESC, id DESC", as.TenantID, f.PlanID, string(f.Kind), string(f.Operation))
	})
}

// FailoverSession implements vcc.FailoverService.
func (s *Store) FailoverSession(ctx context.Context, as vcc.Actor, id string) (*vcc.FailoverSession, error) {
	return read(ctx, s, func(tx querier) (*vcc.FailoverSession, error) { return findSession(ctx, tx, as, id) })
}

// findSession returns all of a session. CodeNotFound.
func findSession(ctx context.Context, q querier, as vcc.Actor, id string) (*vcc.FailoverSession, error) {
	row, err := queryFirst[sessionRow](ctx, q, "SELECT "+sessionColumns+fromSessions+" AND id = $2", as.TenantID, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = notFound(id, "there is no failover session with ID %s", id)
	}
	if err != nil {
		return nil, err
	}
	session, err := row.session()
	return &session, err
}

// TestFailover is vcc.FailoverService's; prepare tells what would happen.
func (s *Store) TestFailover(ctx context.Context, as vcc.Actor, planID string, prepare Prepare) (*vcc.FailoverSession, error) {
	// What takes long is only read: no write waits for it.
	session, err := s.PreviewFailover(ctx, as, planID, prepare)
	if err != nil {
		return nil, err
	}
	session.ID = uuid.NewString()
	return write(ctx, s, ofTenant(as.TenantID), func(tx querier) (*vcc.FailoverSession, error) {
		if err := insertSession(ctx, tx, as, *session, []string{}); err != nil {
			return nil, err
		}
		return session, forgetTests(ctx, tx, as, *session)
	})
}

// PreviewFailover is vcc.FailoverPreview's; prepare tells what would happen.
func (s *Store) PreviewFailover(ctx context.Context, as vcc.Actor, planID string, prepare Prepare) (*vcc.FailoverSession, error) {
	return read(ctx, s, func(tx querier) (*vcc.FailoverSession, error) {
		session, _, err := s.fullSite(ctx, tx, as, planID, true, prepare)
		if err != nil {
			return nil, err
		}
		return &session, nil
	})
}

func insertSession(ctx context.Context, tx querier, as vcc.Actor, session vcc.FailoverSession, hosts []string) error {
	r, err := newSessionRow(session, hosts)
	if err != nil {
		return err
	}
	return tx.exec(ctx, "INSERT INTO failover_sessions "+
		"(id, tenant_id, kind, plan_id, plan_name, vm, hosts, started_at, started_by, ended_at, log, problems, test, outcome) "+
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
		r.ID, as.TenantID, r.Kind, r.PlanID, r.PlanName, r.VM, r.Hosts, r.StartedAt, r.StartedBy, r.EndedAt, r.Log, r.Problems, r.Test, r.Outcome)
}

// forgetTests removes the reports beyond vcc.MaxFailoverTests: the oldest ones of the plan that was tested
// just now, and of the plans that are gone. The report of the new test stays, whatever the clock says.
func forgetTests(ctx context.Context, tx querier, as vcc.Actor, tested vcc.FailoverSession) error {
	const (
		ofPlan  = fromSessions + " AND test AND plan_id = $2 AND id <> $3"
		ofNone  = fromSessions + " AND test AND plan_id NOT IN (SELECT id FROM failover_plans WHERE tenant_id = $1)"
		inOrder = " ORDER BY started_at DESC, id DESC LIMIT "
	)
	return errors.Join(
		tx.exec(ctx, "DELETE"+ofPlan+" AND id NOT IN (SELECT id"+ofPlan+inOrder+"$4)", as.TenantID, tested.PlanID, tested.ID, vcc.MaxFailoverTests-1),
		tx.exec(ctx, "DELETE"+ofNone+" AND id NOT IN (SELECT id"+ofNone+inOrder+"$2)", as.TenantID, vcc.MaxFailoverTests),
	)
}

// outcomeRecord is what a failover session keeps of what got which address.
type outcomeRecord struct {
	Networks        []sessionNetworkRecord       `json:"networks,omitempty"`
	Machines        []sessionMachineRecord       `json:"machines,omitempty"`
	PublicAddresses []sessionPublicAddressRecord `json:"publicAddresses,omitempty"`
}

type (
	sessionNetworkRecord struct {
		HostName    string         `json:"hostName"`
		Interface   string         `json:"interface"`
		NetworkID   string         `json:"networkId,omitempty"`
		NetworkName string         `json:"networkName,omitempty"`
		Addresses   []netip.Prefix `json:"addresses,omitempty"`
	}

	sessionMachineRecord struct {
		VM       string             `json:"vm"`
		HostName string             `json:"hostName"`
		NICs     []sessionNICRecord `json:"nics,omitempty"`
	}

	sessionNICRecord struct {
		NetworkID   string         `json:"networkId"`
		NetworkName string         `json:"networkName"`
		Addresses   []netip.Prefix `json:"addresses,omitempty"`
	}

	sessionPublicAddressRecord struct {
		Public      netip.AddrPort `json:"public"`
		Internal    netip.AddrPort `json:"internal"`
		HostName    string         `json:"hostName"`
		NetworkName string         `json:"networkName"`
	}
)

// newOutcomeRecord returns what a session keeps, nil for nothing.
func newOutcomeRecord(s vcc.FailoverSession) *outcomeRecord {
	if len(s.Networks) == 0 && len(s.Machines) == 0 && len(s.PublicAddresses) == 0 {
		return nil
	}
	return &outcomeRecord{
		Networks: each(s.Networks, func(n vcc.SessionNetwork) sessionNetworkRecord { return sessionNetworkRecord(n) }),
		Machines: each(s.Machines, func(m vcc.SessionMachine) sessionMachineRecord {
			return sessionMachineRecord{m.VM, m.HostName, each(m.NICs, func(n vcc.SessionNIC) sessionNICRecord { return sessionNICRecord(n) })}
		}),
		PublicAddresses: each(s.PublicAddresses, func(p vcc.SessionPublicAddress) sessionPublicAddressRecord { return sessionPublicAddressRecord(p) }),
	}
}

// fill puts what was kept into a session.
func (r outcomeRecord) fill(s *vcc.FailoverSession) {
	s.Networks = each(r.Networks, func(n sessionNetworkRecord) vcc.SessionNetwork { return vcc.SessionNetwork(n) })
	s.Machines = each(r.Machines, func(m sessionMachineRecord) vcc.SessionMachine {
		return vcc.SessionMachine{VM: m.VM, HostName: m.HostName, NICs: each(m.NICs, func(n sessionNICRecord) vcc.SessionNIC { return vcc.SessionNIC(n) })}
	})
	s.PublicAddresses = each(r.PublicAddresses, func(p sessionPublicAddressRecord) vcc.SessionPublicAddress { return vcc.SessionPublicAddress(p) })
}
