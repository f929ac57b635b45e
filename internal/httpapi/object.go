package httpapi

import (
	"fmt"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// LabRefusal is the outcome of a dry run that would be refused.
type LabRefusal struct {
	vcc.LabOutcome
	// Message says why.
	Message string
}

// ExportStatus is what is stored and not on the backup server that it was imported from.
type ExportStatus struct {
	vcc.LastExport
	Pending []vcc.PendingChange
}

// Object returns the JSON form that the API has for a value of the domain, for programs that
// print what an answer says. A *vcc.DefaultGateway is the answer to a write, with warnings.
// It panics for a type that no answer has.
func Object(value any) any {
	switch v := value.(type) {
	case []vcc.Network:
		return convert(v, newWireNetwork)
	case []vcc.DefaultGateway:
		return convert(v, newWireDefaultGateway)
	case *vcc.DefaultGateway:
		return newWrittenGateway(*v)
	case []vcc.Change:
		return convert(v, newWireChange)
	case *vcc.NetworkRouting:
		return newWireNetworkRouting(*v)
	case *vcc.JobRun:
		return newWireJobRun(*v)
	case []vcc.FailoverPlan:
		return convert(v, newWireFailoverPlan)
	case []vcc.FailoverSession:
		return convert(v, newWireFailoverSession)
	case *vcc.FailoverPlan:
		return newWireFailoverPlan(*v)
	case []vcc.FailoverPlanChange:
		return convert(v, newWireFailoverPlanChange)
	case *vcc.FailoverSession:
		return newWireFailoverSession(*v)
	case vcc.Reachability:
		return newWireReachability(v)
	case *vcc.ReachabilityMatrix:
		return newWireMatrix(*v)
	case vcc.Lab:
		return newWireLab(v)
	case vcc.LabOutcome:
		return newWireLabApplied(v)
	case *vcc.LastExport:
		return newWireLastExport(*v)
	case ExportStatus:
		return newWireExportStatus(v)
	case vcc.ImportOutcome:
		return newWireImport(v)
	case LabRefusal:
		applied := newWireLabApplied(v.LabOutcome)
		applied.Refusal = v.Message
		return applied
	}
	panic(fmt.Sprintf("the API has no object for %T", value))
}
