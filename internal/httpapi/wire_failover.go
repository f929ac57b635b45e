package httpapi

import (
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wirePublicIPRule maps a public address and port to an address and port in a cloud
// network.
type wirePublicIPRule struct {
	Address   string `json:"address"`
	Port      int    `json:"port"`
	ToAddress string `json:"toAddress"`
	ToPort    int    `json:"toPort"`
}

// wireFailoverSession is one failover, from its start to its end, or the report of a test of one.
type wireFailoverSession struct {
	ID        string                 `json:"id" doc:"Empty for a test of which no report is kept, because the account may not write"`
	Kind      vcc.FailoverKind       `json:"kind" enum:"fullSite,partialSite"`
	PlanID    string                 `json:"planId"`
	PlanName  string                 `json:"planName"`
	VM        string                 `json:"vm"`
	StartedAt time.Time              `json:"startedAt"`
	StartedBy string                 `json:"startedBy"`
	EndedAt   *time.Time             `json:"endedAt" required:"false" doc:"Null while the failover is under way, and for a test"`
	EndedBy   string                 `json:"endedBy"`
	Log       []wireFailoverLogEntry `json:"log"`
	Problems  []wireApplianceProblem `json:"problems"`
	// What got which address, or would.
	Networks        []wireSessionNetwork       `json:"networks" doc:"The appliances' adapters with the addresses that they got at the start, or would get; empty at partial site failover"`
	Machines        []wireSessionMachine       `json:"machines" doc:"The replicas that were started, or would be; empty at partial site failover"`
	PublicAddresses []wireSessionPublicAddress `json:"publicAddresses" doc:"Where public addresses lead, or would"`

	Test bool `json:"test" doc:"Whether it is a test: nothing was started, and the log says what would be"`
}

// wireFailoverLogEntry is one line of a session's log.
type wireFailoverLogEntry struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

func newWirePublicIPRule(r vcc.PublicIPRule) wirePublicIPRule {
	return wirePublicIPRule{
		Address: optionalText(r.Public.Addr()), Port: int(r.Public.Port()),
		ToAddress: optionalText(r.Internal.Addr()), ToPort: int(r.Internal.Port()),
	}
}

func (w wirePublicIPRule) decode() (vcc.PublicIPRule, error) {
	rule, err := vcc.ParsePublicIPRule(w.Address, w.Port, w.ToAddress, w.ToPort)
	return rule, vcc.RuleFieldsOfAPI(err)
}

func newWireFailoverSession(s vcc.FailoverSession) wireFailoverSession {
	return wireFailoverSession{
		ID: s.ID, Kind: s.Kind, PlanID: s.PlanID, PlanName: s.PlanName, VM: s.VM,
		StartedAt: s.StartedAt, StartedBy: s.StartedBy, EndedAt: optionalTime(s.EndedAt), EndedBy: s.EndedBy,
		Log:      convert(s.Log, func(e vcc.FailoverLogEntry) wireFailoverLogEntry { return wireFailoverLogEntry(e) }),
		Problems: convert(s.Problems, newWireApplianceProblem), Test: s.Test,
		Networks: convert(s.Networks, newWireSessionNetwork), Machines: convert(s.Machines, newWireSessionMachine),
		PublicAddresses: convert(s.PublicAddresses, newWireSessionPublicAddress),
	}
}

func (w wireFailoverLogEntry) decode() (vcc.FailoverLogEntry, error) {
	return vcc.FailoverLogEntry(w), nil
}

func (w wireFailoverSession) decode() (vcc.FailoverSession, error) {
	s := vcc.FailoverSession{
		ID: w.ID, Kind: w.Kind, PlanID: w.PlanID, PlanName: w.PlanName, VM: w.VM,
		StartedAt: w.StartedAt, StartedBy: w.StartedBy, EndedAt: timeOrZero(w.EndedAt), EndedBy: w.EndedBy, Test: w.Test,
	}
	var err error
	if s.Log, err = decodeList("log", w.Log); err != nil {
		return s, err
	}
	if s.Problems, err = decodeList("problems", w.Problems); err != nil {
		return s, err
	}
	if s.Networks, err = decodeList("networks", w.Networks); err != nil {
		return s, err
	}
	if s.Machines, err = decodeList("machines", w.Machines); err != nil {
		return s, err
	}
	s.PublicAddresses, err = decodeList("publicAddresses", w.PublicAddresses)
	return s, err
}
