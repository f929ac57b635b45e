package vcc

import "fmt"

// Precondition makes a write depend on what is stored (RFC 9110, 13.1). The zero value makes
// it unconditional.
type Precondition struct {
	// Revision, if not nil, must be the current revision.
	Revision *int64
	// Absent demands that nothing is stored.
	Absent bool
}

// IfRevision is the condition that the revision is still the one that was read.
func IfRevision(revision int64) Precondition { return Precondition{Revision: &revision} }

// CheckGateway checks the condition against the stored gateway of a network, nil for none.
// CodePreconditionFailed: it does not hold, and Current is that gateway.
func (p Precondition) CheckGateway(n Network, current *DefaultGateway) error {
	failed := func(format string, args ...any) error {
		e := &Error{Code: CodePreconditionFailed, ResourceID: n.ID, Message: fmt.Sprintf(format, args...)}
		if current != nil {
			e.Current = current
		}
		return e
	}
	switch {
	case p.Absent && current != nil:
		return failed("%q has a default gateway already, %s by %s; nothing was changed", n.Name, current.Origin, current.UpdatedBy)
	case p.Revision != nil && current == nil:
		return failed("the default gateway of %q was removed since it was read; nothing was changed", n.Name)
	case p.Revision != nil && *p.Revision != current.Revision:
		return failed("the default gateway of %q was changed by %s since it was read; nothing was changed now", n.Name, current.UpdatedBy)
	}
	return nil
}

// CheckRouting checks the condition against the routing option, which always has a value.
// CodePreconditionFailed: it does not hold, and Current is the option.
func (p Precondition) CheckRouting(current NetworkRouting) error {
	failed := &Error{Code: CodePreconditionFailed, ResourceID: current.TenantID, Current: &current}
	switch {
	case p.Absent:
		failed.Message = "the routing option always has a value; name its revision instead"
		return failed
	case p.Revision != nil && *p.Revision != current.Revision:
		failed.Message = fmt.Sprintf("the routing option was changed by %s since it was read; nothing was changed now", current.UpdatedBy)
		return failed
	}
	return nil
}
