package vcc

import (
	"context"
	"fmt"
	"time"
)

// FailoverKind says what a failover does to an appliance. It does one kind at a
// time (D14).
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

// FailoverOperation is an operation on a failover plan (D18).
type FailoverOperation string

// The operations.
const (
	// FailoverStart: the whole site fails over.
	FailoverStart FailoverOperation = "start"
	// FailoverUndo: the addresses are taken away, and the appliances stop.
	FailoverUndo FailoverOperation = "undo"
	// FailoverTest: the log says what a start would do. Nothing is started and nothing of the site
	// changes; a report is kept.
	FailoverTest FailoverOperation = "test"
	// FailoverRehearse: the caller rebuilds what a start would do and tries it, and nothing of
	// what is stored changes.
	FailoverRehearse FailoverOperation = "rehearse"
)

// ParseFailoverOperation reads an operation. The error has no field: the caller
// knows where the value stood.
func ParseFailoverOperation(s string) (FailoverOperation, error) {
	switch o := FailoverOperation(s); o {
	case FailoverStart, FailoverUndo, FailoverTest, FailoverRehearse:
		return o, nil
	}
	return "", invalid("", "%q is not an operation; use %s, %s, %s or %s", s, FailoverStart, FailoverUndo, FailoverTest, FailoverRehearse)
}

// Consequence says in a sentence or two what an operation does.
func (o FailoverOperation) Consequence() string {
	switch o {
	case FailoverStart:
		return "The appliances become the default gateways of their networks: they do what is stored of gateways, of the routing option and of the plan's public IP rules, and every change reaches them at once."
	case FailoverUndo:
		return "The addresses are taken away from the appliances, and the appliances stop."
	case FailoverTest:
		return "A test says what a start would do. Nothing is started, and nothing of the site changes."
	}
	return ""
}

// FailoverSession is one failover, from its start to its end, or the report of a test of one.
type FailoverSession struct {
	// ID is empty for a test of which no report is kept.
	ID   string
	Kind FailoverKind
	// PlanID and PlanName are empty at partial site failover, VM at full site
	// failover.
	PlanID, PlanName string
	VM               string
	StartedAt        time.Time
	StartedBy        string
	// EndedAt is zero, and EndedBy empty, while the failover is under way, and for a test.
	EndedAt  time.Time
	EndedBy  string
	Log      []FailoverLogEntry
	Problems []ApplianceProblem
	// Networks, Machines and PublicAddresses are what got which address at the start, or would get it in
	// a test. A partial failover has none, and neither has a session that a release without them stored.
	Networks        []SessionNetwork
	Machines        []SessionMachine
	PublicAddresses []SessionPublicAddress
	// Test says that nothing was started: the log says what would be (D18).
	Test bool
}

// FailoverLogEntry is one line of a session's log.
type FailoverLogEntry struct {
	Time    time.Time
	Message string
}

// String names a failover for people: the full site failover of plan "Whole site".
func (s FailoverSession) String() string {
	if s.Kind == FailoverPartialSite {
		return fmt.Sprintf("the partial site failover of VM %q", s.VM)
	}
	return fmt.Sprintf("the full site failover of plan %q", s.PlanName)
}

// Done is the part of the log that is about the last operation. What an ended failover did at its
// start was said then.
func (s FailoverSession) Done() []FailoverLogEntry {
	if s.EndedAt.IsZero() {
		return s.Log
	}
	var done []FailoverLogEntry
	for _, e := range s.Log {
		if !e.Time.Before(s.EndedAt) {
			done = append(done, e)
		}
	}
	return done
}

// CheckOccupied checks D14 for a failover that is to start: active are the failovers under
// way on one of its appliances. CodeConflict: one of them keeps an appliance busy.
func CheckOccupied(start FailoverSession, active []FailoverSession) error {
	for _, a := range active {
		if a.Kind == FailoverPartialSite && start.Kind == FailoverPartialSite && a.VM != start.VM {
			continue // an appliance serves any number of partial failovers
		}
		wayOut := "End that one first"
		if a.Kind == FailoverPartialSite && start.Kind == FailoverFullSite {
			wayOut += ", or start with force, which ends partial failovers"
		}
		return &Error{Code: CodeConflict, ResourceID: a.ID, Message: fmt.Sprintf(
			"the network extension appliance is busy with %s since %s; an appliance does one kind of failover at a time. %s",
			a, TimeText(a.StartedAt), wayOut)}
	}
	return nil
}

// OccupiedProblems are what would refuse a start (D14), as problems of a test of it. The test's own plan may be
// failed over.
func OccupiedProblems(test FailoverSession, active []FailoverSession) (problems []ApplianceProblem) {
	for _, a := range active {
		if a.Kind == FailoverFullSite && a.PlanID == test.PlanID {
			continue
		}
		if err := CheckOccupied(test, []FailoverSession{a}); err != nil {
			problems = append(problems, ApplianceProblem{Code: ProblemApplianceBusy, Message: err.Error()})
		}
	}
	return problems
}

// FailoverService starts and ends failovers. Each start and each end is one
// transaction: a session is under way or it is not, also after a crash.
type FailoverService interface {
	// FailoverPlans returns a page of the tenant's plans in the order of their
	// declaration, and how many there are.
	FailoverPlans(ctx context.Context, as Actor, page Page) ([]FailoverPlan, int, error)

	// StartFailover starts full site failover: from then on the stored gateways, the
	// routing option and the plan's public IP rules are what the appliances do, and
	// every change reaches them at once (D15 and D19).
	// With force it ends the partial failovers that keep an appliance busy, in the same
	// transaction. CodeNotFound: no such plan. CodeConflict: an appliance is busy (D14).
	StartFailover(ctx context.Context, as Actor, planID string, force bool) (*FailoverSession, error)

	// UndoFailover ends a plan's failover: the addresses are taken away and the
	// appliances stop (D18).
	// CodeNotFound: no such plan. CodeConflict: the plan is not failed over.
	UndoFailover(ctx context.Context, as Actor, planID string) (*FailoverSession, error)

	// TestFailover says what StartFailover would do, and keeps that as a report. It starts nothing, and
	// changes nothing of the site (D18). The report is of one moment, and stored just after. Only the newest reports stay (MaxFailoverTests).
	// What keeps an appliance busy, so that StartFailover would be refused, is among its problems.
	// CodeNotFound: no such plan. CodeConflict: it has nothing to start.
	TestFailover(ctx context.Context, as Actor, planID string) (*FailoverSession, error)

	// FailoverSessions returns a page of the tenant's failovers and reports of tests, newest first, and
	// how many a filter selects. They lack what FailoverSession has for each network and VM: log,
	// networks, machines and public addresses.
	FailoverSessions(ctx context.Context, as Actor, filter FailoverSessionFilter, page Page) ([]FailoverSession, int, error)

	// FailoverSession returns one of them. CodeNotFound: no such session.
	FailoverSession(ctx context.Context, as Actor, id string) (*FailoverSession, error)

	// StartPartialFailover and StopPartialFailover occupy the appliances for one VM,
	// and nothing else. CodeNotFound: no such VM. CodeConflict: an appliance does
	// full site failover (D14); the VM is failed over already, or is not.
	StartPartialFailover(ctx context.Context, as Actor, vm string) (*FailoverSession, error)
	StopPartialFailover(ctx context.Context, as Actor, vm string) (*FailoverSession, error)
}

// FailoverPreview asks what a start would do, for who may not write and before a start is confirmed. It is
// the server's alone, like TenantService.
type FailoverPreview interface {
	// PreviewFailover is TestFailover without a report: the session that it returns is kept nowhere.
	PreviewFailover(ctx context.Context, as Actor, planID string) (*FailoverSession, error)
}

// FailoverTester tests failover plans, with a report and without.
type FailoverTester interface {
	TestFailover(ctx context.Context, as Actor, planID string) (*FailoverSession, error)
	FailoverPreview
}

// TestFor tests a failover plan for an account. A report is kept unless the account may not write.
func TestFor(ctx context.Context, tester FailoverTester, account Account, as Actor, planID string) (*FailoverSession, error) {
	if account.MayWrite() != nil {
		return tester.PreviewFailover(ctx, as, planID)
	}
	return tester.TestFailover(ctx, as, planID)
}
