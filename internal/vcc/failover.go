package vcc

import (
	"context"
	"time"
)

// FailoverKind says what a failover does to an appliance. It does one kind at a
// time (rule 14).
type FailoverKind string

// The kinds of failover.
const (
	// FailoverFullSite: the whole site fails over, and the appliances become the
	// default gateways.
	FailoverFullSite FailoverKind = "fullSite"
	// FailoverPartialSite: one VM fails over while production lives; the appliance
	// is the end of a layer-2 tunnel instead.
	FailoverPartialSite FailoverKind = "partialSite"
)

// FailoverOperation is what can be done with a failover plan (rule 18).
type FailoverOperation string

// The operations.
const (
	// FailoverStart: the whole site fails over.
	FailoverStart FailoverOperation = "start"
	// FailoverUndo: the addresses are taken away, and the appliances stop.
	FailoverUndo FailoverOperation = "undo"
	// FailoverTest: what a start would do is said, and nothing changes.
	FailoverTest FailoverOperation = "test"
)

// ParseFailoverOperation reads an operation. The error has no field: the caller
// knows where the value stood.
func ParseFailoverOperation(s string) (FailoverOperation, error) {
	switch o := FailoverOperation(s); o {
	case FailoverStart, FailoverUndo, FailoverTest:
		return o, nil
	}
	return "", invalid("", "%q is not an operation; use %s, %s or %s", s, FailoverStart, FailoverUndo, FailoverTest)
}

// FailoverPlan is a cloud failover plan: the VMs to start together at full site
// failover, and public IP rules.
type FailoverPlan struct {
	ID            string
	Name          string
	VMs           []string
	PublicIPRules []LabPublicIPRule
	// Session is the plan's failover under way, nil for none.
	Session *FailoverSession
}

// FailoverSession is one failover, from its start to its end.
type FailoverSession struct {
	ID   string
	Kind FailoverKind
	// PlanID and PlanName are empty at partial site failover, VM at full site
	// failover.
	PlanID, PlanName string
	VM               string
	StartedAt        time.Time
	StartedBy        string
	// EndedAt is zero, and EndedBy empty, while the failover is under way.
	EndedAt  time.Time
	EndedBy  string
	Log      []FailoverLogEntry
	Problems []ApplianceProblem
	// Test says that nothing was started: the log says what would be (rule 18).
	Test bool
}

// FailoverLogEntry is one line of a session's log.
type FailoverLogEntry struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// FailoverService starts and ends failovers. Each start and each end is one
// transaction: a session is under way or it is not, also after a crash.
type FailoverService interface {
	// FailoverPlans returns a page of the tenant's plans in the order of their
	// declaration, and how many there are.
	FailoverPlans(ctx context.Context, as Actor, page Page) ([]FailoverPlan, int, error)

	// StartFailover starts full site failover: from then on the stored gateways, the
	// routing option and the plan's public IP rules are what the appliances do, and
	// every change reaches them at once (rules 15 and 19).
	// With force it ends the partial failovers that keep an appliance busy, in the same
	// transaction. CodeNotFound: no such plan. CodeConflict: an appliance is busy (rule 14).
	StartFailover(ctx context.Context, as Actor, planID string, force bool) (*FailoverSession, error)

	// UndoFailover ends a plan's failover: the addresses are taken away and the
	// appliances stop (rule 18).
	// CodeNotFound: no such plan. CodeConflict: the plan is not failed over.
	UndoFailover(ctx context.Context, as Actor, planID string) (*FailoverSession, error)

	// TestFailover says what StartFailover would do, and changes nothing (rule 18).
	// The session that it returns is kept nowhere.
	// CodeNotFound: no such plan.
	TestFailover(ctx context.Context, as Actor, planID string) (*FailoverSession, error)

	// StartPartialFailover and StopPartialFailover occupy the appliances for one VM,
	// and nothing else. CodeNotFound: no such VM. CodeConflict: an appliance does
	// full site failover (rule 14); the VM is failed over already, or is not.
	StartPartialFailover(ctx context.Context, as Actor, vm string) (*FailoverSession, error)
	StopPartialFailover(ctx context.Context, as Actor, vm string) (*FailoverSession, error)
}
