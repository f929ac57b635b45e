package httpapi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireFailoverPlanValues are the values of a failover plan that a person decides.
type wireFailoverPlanValues struct {
	VMs           []string           `json:"vms" doc:"Names of the VMs, in the order in which they are started"`
	Delays        map[string]int64   `json:"delays" required:"false" doc:"How many seconds a failover waits after it started a VM, before it starts the next one, by the VM's name; none for those that are not named"`
	PublicIPRules []wirePublicIPRule `json:"publicIpRules" required:"false"`
}

// wireFailoverPlanSettings is what a PUT of a failover plan takes: all of the plan.
type wireFailoverPlanSettings struct {
	Name string `json:"name" doc:"A plan keeps its name"`
	wireFailoverPlanValues
}

// wireFailoverPlanState is what a history entry says of a plan.
type wireFailoverPlanState struct {
	Origin vcc.Origin `json:"origin" enum:"declared,specified"`
	wireFailoverPlanValues
}

// wireFailoverPlan is a cloud failover plan.
type wireFailoverPlan struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Revision  int64      `json:"revision"`
	UpdatedAt *time.Time `json:"updatedAt" required:"false" doc:"Null for a plan that is as the lab declared it first"`
	UpdatedBy string     `json:"updatedBy"`
	wireFailoverPlanState
	Declared *wireFailoverPlanValues `json:"declared,omitempty" doc:"What the lab declares, in whose place this was specified; absent where it declares nothing of the name"`
	Session  *wireFailoverSession    `json:"session" required:"false" doc:"The failover under way, null for none"`
}

// wireFailoverPlanChange is one entry of a plan's history.
type wireFailoverPlanChange struct {
	Revision int64                  `json:"revision"`
	Time     time.Time              `json:"time"`
	Actor    string                 `json:"actor"`
	Before   *wireFailoverPlanState `json:"before" required:"false"`
	After    *wireFailoverPlanState `json:"after" required:"false"`
}

// TransformSchema and its like are for huma (see withFieldsOf).
func (wireFailoverPlanSettings) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireFailoverPlanValues](r, s)
}

// TransformSchema is for huma.
func (wireFailoverPlanState) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireFailoverPlanValues](r, s)
}

// TransformSchema is for huma.
func (wireFailoverPlan) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireFailoverPlanState](r, s)
}

func newWireFailoverPlanValues(s vcc.FailoverPlanSettings) wireFailoverPlanValues {
	w := wireFailoverPlanValues{
		VMs: append([]string{}, s.VMs...), Delays: map[string]int64{}, PublicIPRules: convert(s.PublicIPRules, newWirePublicIPRule),
	}
	for vm, d := range s.Delays {
		w.Delays[vm] = int64(d / time.Second)
	}
	return w
}

// parse returns the settings of a request. The error lists every value that cannot be read.
func (w wireFailoverPlanValues) parse() (vcc.FailoverPlanSettings, error) {
	delays, delaysErr := w.delays()
	rules, rulesErr := parsePublicIPRules(w.PublicIPRules)
	return vcc.FailoverPlanSettings{VMs: w.VMs, Delays: delays, PublicIPRules: rules}, errors.Join(delaysErr, rulesErr)
}

// parsePublicIPRules reads the rules of a request. The error lists every value that cannot be read, with
// fields such as "publicIpRules[1].toPort".
func parsePublicIPRules(list []wirePublicIPRule) (rules []vcc.PublicIPRule, err error) {
	var errs []error
	for i, w := range list {
		rule, err := w.decode()
		errs = append(errs, vcc.Within(fmt.Sprintf("publicIpRules[%d]", i), err))
		rules = append(rules, rule)
	}
	return rules, errors.Join(errs...)
}

// delays reads the delays. The error lists every one that is not possible.
func (w wireFailoverPlanValues) delays() (map[string]time.Duration, error) {
	if len(w.Delays) == 0 {
		return nil, nil
	}
	delays := map[string]time.Duration{}
	var errs []error
	for _, vm := range slices.Sorted(maps.Keys(w.Delays)) {
		delay, err := vcc.ParseStartDelay(w.Delays[vm])
		errs = append(errs, vcc.Within("delays", err))
		delays[vm] = delay
	}
	return delays, errors.Join(errs...)
}

func (w wireFailoverPlanValues) decode() (vcc.FailoverPlanSettings, error) {
	delays, delaysErr := w.delays()
	rules, rulesErr := decodeList("publicIpRules", w.PublicIPRules)
	return vcc.FailoverPlanSettings{VMs: w.VMs, Delays: delays, PublicIPRules: rules}, errors.Join(delaysErr, rulesErr)
}

func newWireFailoverPlan(p vcc.FailoverPlan) wireFailoverPlan {
	w := wireFailoverPlan{
		ID: p.ID, Name: p.Name, Revision: p.Revision, UpdatedAt: optionalTime(p.UpdatedAt), UpdatedBy: p.UpdatedBy,
		wireFailoverPlanState: newWireFailoverPlanState(vcc.FailoverPlanState{Origin: p.Origin, FailoverPlanSettings: p.FailoverPlanSettings}),
	}
	if p.Declared != nil {
		declared := newWireFailoverPlanValues(*p.Declared)
		w.Declared = &declared
	}
	if p.Session != nil {
		session := newWireFailoverSession(*p.Session)
		w.Session = &session
	}
	return w
}

// decode reads a plan, also of a server whose release knows no origins: its plans are those that the lab declares.
func (w wireFailoverPlan) decode() (vcc.FailoverPlan, error) {
	settings, err := w.wireFailoverPlanValues.decode()
	if err != nil {
		return vcc.FailoverPlan{}, err
	}
	declared, err := decodeOptional("declared", w.Declared)
	if err != nil {
		return vcc.FailoverPlan{}, err
	}
	session, err := decodeOptional("session", w.Session)
	p := vcc.FailoverPlan{
		ID: w.ID, Name: w.Name, Origin: w.Origin, Revision: w.Revision, UpdatedAt: timeOrZero(w.UpdatedAt), UpdatedBy: w.UpdatedBy,
		FailoverPlanSettings: settings, Declared: declared, Session: session,
	}
	if p.Origin == "" {
		p.Origin = vcc.OriginDeclared
	}
	return p, err
}

func newWireFailoverPlanState(s vcc.FailoverPlanState) wireFailoverPlanState {
	return wireFailoverPlanState{s.Origin, newWireFailoverPlanValues(s.FailoverPlanSettings)}
}

func (w wireFailoverPlanState) decode() (vcc.FailoverPlanState, error) {
	settings, err := w.wireFailoverPlanValues.decode()
	return vcc.FailoverPlanState{Origin: w.Origin, FailoverPlanSettings: settings}, err
}

func newWireFailoverPlanChange(c vcc.FailoverPlanChange) wireFailoverPlanChange {
	w := wireFailoverPlanChange{Revision: c.Revision, Time: c.Time, Actor: c.Actor}
	if c.Before != nil {
		before := newWireFailoverPlanState(*c.Before)
		w.Before = &before
	}
	if c.After != nil {
		after := newWireFailoverPlanState(*c.After)
		w.After = &after
	}
	return w
}

func (w wireFailoverPlanChange) decode() (vcc.FailoverPlanChange, error) {
	before, err := decodeOptional("before", w.Before)
	if err != nil {
		return vcc.FailoverPlanChange{}, err
	}
	after, err := decodeOptional("after", w.After)
	return vcc.FailoverPlanChange{Revision: w.Revision, Time: w.Time, Actor: w.Actor, Before: before, After: after}, err
}
