package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// FailoverPlan is a cloud failover plan.
type FailoverPlan struct {
	ID            string           `json:"id"`
	Name          string           `json:"name"`
	VMs           []string         `json:"vms"`
	PublicIPRules []PublicIPRule   `json:"publicIpRules"`
	Session       *FailoverSession `json:"session" required:"false" doc:"The failover under way, null for none"`
}

// PublicIPRule maps a public address and port to an address and port in a cloud
// network.
type PublicIPRule struct {
	Address   string `json:"address"`
	Port      int    `json:"port"`
	ToAddress string `json:"toAddress"`
	ToPort    int    `json:"toPort"`
}

// FailoverSession is one failover, from its start to its end.
type FailoverSession struct {
	ID        string             `json:"id" doc:"Empty for a test, which is kept nowhere"`
	Kind      vcc.FailoverKind   `json:"kind" enum:"fullSite,partialSite"`
	PlanID    string             `json:"planId"`
	PlanName  string             `json:"planName"`
	VM        string             `json:"vm"`
	StartedAt time.Time          `json:"startedAt"`
	StartedBy string             `json:"startedBy"`
	EndedAt   *time.Time         `json:"endedAt" required:"false"`
	EndedBy   string             `json:"endedBy"`
	Log       []FailoverLogEntry `json:"log"`
	Problems  []ApplianceProblem `json:"problems"`
	Test      bool               `json:"test" doc:"Whether it is a test: nothing was started, and the log says what would be"`
}

// FailoverLogEntry is one line of a session's log.
type FailoverLogEntry struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// Appliance is a network extension appliance: what it does while a full site
// failover is active, and what it would do at one otherwise.
type Appliance struct {
	ID             string               `json:"id"`
	HostName       string               `json:"hostName"`
	Platform       vcc.Platform         `json:"platform" enum:"VMware,HyperV"`
	HardwarePlans  []string             `json:"hardwarePlans" doc:"Names of the plans whose networks it serves"`
	State          string               `json:"state" enum:"stopped,fullSiteFailover,partialSiteFailover"`
	Session        *FailoverSession     `json:"session" required:"false"`
	Interfaces     []ApplianceInterface `json:"interfaces"`
	Routes         []ApplianceRoute     `json:"routes"`
	SourceNAT      []SourceNATRule      `json:"sourceNat"`
	DestinationNAT []DestinationNATRule `json:"destinationNat"`
	Problems       []ApplianceProblem   `json:"problems"`
}

// ApplianceInterface is one of an appliance's network adapters.
type ApplianceInterface struct {
	Name        string   `json:"name" doc:"ext0 or netN"`
	NetworkID   string   `json:"networkId" doc:"Empty for ext0"`
	NetworkName string   `json:"networkName" doc:"Empty for ext0"`
	Addresses   []string `json:"addresses" doc:"With their prefix lengths"`
}

// ApplianceRoute is a connected route, or a default route with a gateway.
type ApplianceRoute struct {
	Destination string `json:"destination"`
	Interface   string `json:"interface"`
	Gateway     string `json:"gateway" doc:"Empty for a connected route"`
}

// SourceNATRule gives what leaves through ext0 an external source address.
type SourceNATRule struct {
	Interfaces []string `json:"interfaces"`
	To         string   `json:"to"`
}

// DestinationNATRule is a public IP rule at work.
type DestinationNATRule struct {
	Public    string `json:"public"`
	Internal  string `json:"internal"`
	Interface string `json:"interface"`
}

// ApplianceProblem is something that people should know before they rely on an
// appliance.
type ApplianceProblem struct {
	Code        string `json:"code"`
	NetworkID   string `json:"networkId"`
	NetworkName string `json:"networkName"`
	Message     string `json:"message"`
}

func newFailoverPlan(p vcc.FailoverPlan) FailoverPlan {
	plan := FailoverPlan{
		ID: p.ID, Name: p.Name, VMs: convert(p.VMs, func(s string) string { return s }),
		PublicIPRules: convert(p.PublicIPRules, func(r vcc.LabPublicIPRule) PublicIPRule { return PublicIPRule(r) }),
	}
	if p.Session != nil {
		plan.Session = newFailoverSession(p.Session)
	}
	return plan
}

func newFailoverSession(s *vcc.FailoverSession) *FailoverSession {
	if s == nil {
		return nil
	}
	return &FailoverSession{
		ID: s.ID, Kind: s.Kind, PlanID: s.PlanID, PlanName: s.PlanName, VM: s.VM,
		StartedAt: s.StartedAt, StartedBy: s.StartedBy, EndedAt: optional(s.EndedAt), EndedBy: s.EndedBy,
		Log:      convert(s.Log, func(e vcc.FailoverLogEntry) FailoverLogEntry { return FailoverLogEntry(e) }),
		Problems: convert(s.Problems, newApplianceProblem), Test: s.Test,
	}
}

func newApplianceProblem(p vcc.ApplianceProblem) ApplianceProblem { return ApplianceProblem(p) }

// The states of an appliance on the wire.
var stateOf = map[vcc.FailoverKind]string{
	vcc.FailoverFullSite:    "fullSiteFailover",
	vcc.FailoverPartialSite: "partialSiteFailover",
}

func newAppliance(a vcc.ApplianceState) Appliance {
	wire := Appliance{
		ID: a.ID, HostName: a.HostName, Platform: a.Platform, State: "stopped", Session: newFailoverSession(a.Session),
		HardwarePlans: []string{},
		Interfaces: convert(a.Interfaces, func(i vcc.ApplianceInterface) ApplianceInterface {
			return ApplianceInterface{i.Name, i.NetworkID, i.NetworkName, convert(i.Addresses, netip.Prefix.String)}
		}),
		Routes: convert(a.Routes, func(r vcc.ApplianceRoute) ApplianceRoute {
			gateway := ""
			if r.Gateway.IsValid() {
				gateway = r.Gateway.String()
			}
			return ApplianceRoute{r.Destination.String(), r.Interface, gateway}
		}),
		SourceNAT: convert(a.SourceNAT, func(r vcc.SourceNATRule) SourceNATRule {
			return SourceNATRule{r.Interfaces, r.To.String()}
		}),
		DestinationNAT: convert(a.DestinationNAT, func(r vcc.DestinationNATRule) DestinationNATRule {
			return DestinationNATRule{r.Public.String(), r.Internal.String(), r.Interface}
		}),
		Problems: convert(a.Problems, newApplianceProblem),
	}
	if a.Session != nil {
		wire.State = stateOf[a.Session.Kind]
	}
	for _, n := range a.Networks {
		if plans := wire.HardwarePlans; len(plans) == 0 || plans[len(plans)-1] != n.HardwarePlanName {
			wire.HardwarePlans = append(plans, n.HardwarePlanName)
		}
	}
	return wire
}

// IDPath names an object in the path.
type IDPath struct {
	ID string `path:"id"`
}

// StartFailoverInput is a start of full site failover.
type StartFailoverInput struct {
	IDPath
	Force bool `query:"force" doc:"End the partial site failovers that keep an appliance busy, instead of refusing"`
}

// VMPath names a VM in the path.
type VMPath struct {
	VM string `path:"vm"`
}

func (s *server) registerFailover() {
	list(s, "failoverPlans", "List the tenant's cloud failover plans", newFailoverPlan,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.FailoverPlan, int, error) {
			return s.Services.FailoverPlans(ctx, as, in.page())
		})
	list(s, "networkExtensionAppliances", "List the tenant's network extension appliances", newAppliance,
		func(ctx context.Context, as vcc.Actor, in *PageQuery) ([]vcc.ApplianceState, int, error) {
			return s.Services.Appliances(ctx, as, in.page())
		})
	handle(s, http.MethodGet, "networkExtensionAppliances/{id}", "Get a network extension appliance",
		func(ctx context.Context, as vcc.Actor, in *IDPath) (*Body[Appliance], error) {
			a, err := s.Services.Appliance(ctx, as, in.ID)
			if err != nil {
				return nil, err
			}
			return &Body[Appliance]{newAppliance(*a)}, nil
		})
	s.registerTrace()
	handle(s, http.MethodPost, "failoverPlans/{id}/start", "Start full site failover",
		func(ctx context.Context, as vcc.Actor, in *StartFailoverInput) (*Body[FailoverSession], error) {
			return answerSession(s.Services.StartFailover(ctx, as, in.ID, in.Force))
		})
	for _, op := range []struct {
		verb, summary string
		act           func(context.Context, vcc.Actor, string) (*vcc.FailoverSession, error)
	}{
		{"undo", "Undo full site failover", s.Services.UndoFailover},
		{"test", "Say what a full site failover would do", s.Services.TestFailover},
	} {
		handle(s, http.MethodPost, "failoverPlans/{id}/"+op.verb, op.summary,
			func(ctx context.Context, as vcc.Actor, in *IDPath) (*Body[FailoverSession], error) {
				return answerSession(op.act(ctx, as, in.ID))
			})
	}
	for _, op := range []struct {
		verb, summary string
		act           func(context.Context, vcc.Actor, string) (*vcc.FailoverSession, error)
	}{
		{"start", "Start partial site failover of a VM", s.Services.StartPartialFailover},
		{"stop", "Stop partial site failover of a VM", s.Services.StopPartialFailover},
	} {
		handle(s, http.MethodPost, "partialFailovers/{vm}/"+op.verb, op.summary,
			func(ctx context.Context, as vcc.Actor, in *VMPath) (*Body[FailoverSession], error) {
				return answerSession(op.act(ctx, as, in.VM))
			})
	}
}

func answerSession(session *vcc.FailoverSession, err error) (*Body[FailoverSession], error) {
	if err != nil {
		return nil, err
	}
	return &Body[FailoverSession]{*newFailoverSession(session)}, nil
}

// FailoverPlans returns the tenant's cloud failover plans.
func (c *Client) FailoverPlans(ctx context.Context) ([]FailoverPlan, error) {
	return all[FailoverPlan](ctx, c, "failoverPlans", nil)
}

// StartFailover starts full site failover, with force also where partial ones are under
// way, which it ends. CodeNotFound, CodeConflict: as vcc.FailoverService says.
func (c *Client) StartFailover(ctx context.Context, planID string, force bool) (*FailoverSession, error) {
	query := url.Values{}
	if force {
		query.Set("force", "true")
	}
	out := new(FailoverSession)
	if err := c.call(ctx, http.MethodPost, basePath+"/failoverPlans/"+url.PathEscape(planID)+"/start", query, nil, nil, out); err != nil {
		return nil, err
	}
	return out, nil
}

// UndoFailover ends full site failover. CodeNotFound, CodeConflict: as
// vcc.FailoverService says.
func (c *Client) UndoFailover(ctx context.Context, planID string) (*FailoverSession, error) {
	return post[FailoverSession](ctx, c, "failoverPlans/"+url.PathEscape(planID)+"/undo", nil)
}

// TestFailover says what StartFailover would do. CodeNotFound: no such plan.
func (c *Client) TestFailover(ctx context.Context, planID string) (*FailoverSession, error) {
	return post[FailoverSession](withRepeats(ctx), c, "failoverPlans/"+url.PathEscape(planID)+"/test", nil)
}

// StartPartialFailover occupies the appliances for one VM. CodeNotFound,
// CodeConflict: as vcc.FailoverService says.
func (c *Client) StartPartialFailover(ctx context.Context, vm string) (*FailoverSession, error) {
	return post[FailoverSession](ctx, c, "partialFailovers/"+url.PathEscape(vm)+"/start", nil)
}

// StopPartialFailover ends what StartPartialFailover started.
func (c *Client) StopPartialFailover(ctx context.Context, vm string) (*FailoverSession, error) {
	return post[FailoverSession](ctx, c, "partialFailovers/"+url.PathEscape(vm)+"/stop", nil)
}

// Appliances returns the tenant's network extension appliances.
func (c *Client) Appliances(ctx context.Context) ([]Appliance, error) {
	return all[Appliance](ctx, c, "networkExtensionAppliances", nil)
}

// post sends a POST, which is never repeated by itself once it was sent.
func post[T any](ctx context.Context, c *Client, path string, in any) (*T, error) {
	out := new(T)
	if err := c.call(ctx, http.MethodPost, basePath+"/"+path, nil, nil, in, out); err != nil {
		return nil, err
	}
	return out, nil
}
