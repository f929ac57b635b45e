// Package httpapi is the wire contract between the provider and the backend,
// both ends of it: the server, the client, and the types between them.
//
// It follows the conventions of the product's own REST API: camelCase JSON,
// paging by skip and limit, and errors with an errorCode. Every gateway and the
// routing option carry a revision as their ETag, and writes may depend on it
// (RFC 9110, conditional requests).
package httpapi

import (
	"errors"
	"reflect"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// APIVersion is the version of the contract, which the paths carry as v1.
const APIVersion = "1.0"

const basePath = "/api/v1/cloudConnect"

// ServerInfo describes the backend.
type ServerInfo struct {
	Name         string `json:"name" doc:"Name of the service provider's server"`
	BuildVersion string `json:"buildVersion" doc:"Version of the program"`
	APIVersion   string `json:"apiVersion" doc:"Version of this contract"`
}

// HardwarePlan is a hardware plan that the tenant is subscribed to.
type HardwarePlan struct {
	ID                      string       `json:"id"`
	Name                    string       `json:"name"`
	HostName                string       `json:"hostName"`
	Platform                vcc.Platform `json:"platform" enum:"VMware,HyperV"`
	NetworksWithInternet    int          `json:"networksWithInternet"`
	NetworksWithoutInternet int          `json:"networksWithoutInternet"`
}

// Network is a cloud network of the tenant.
type Network struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	HardwarePlanID   string `json:"hardwarePlanId"`
	HardwarePlanName string `json:"hardwarePlanName"`
	HostID           string `json:"hostId" doc:"The host that the plan is on; networks on one host share a network extension appliance"`
	VLANID           int    `json:"vlanId"`
	InternetAccess   bool   `json:"internetAccess"`
}

// GatewaySettings is what a PUT of a default gateway takes: the settings of each
// family the gateway is to have. A family that is left out is not kept.
type GatewaySettings struct {
	IPv4 *IPv4Settings `json:"ipv4,omitempty"`
	IPv6 *IPv6Settings `json:"ipv6,omitempty"`
}

// IPv4Settings are the values of the console's IPv4 dialog.
type IPv4Settings struct {
	Address    string `json:"address" example:"172.17.52.1"`
	SubnetMask string `json:"subnetMask" example:"255.255.254.0"`
}

// IPv6Settings are the values of the console's IPv6 dialog.
type IPv6Settings struct {
	Address      string `json:"address" example:"fe80::1"`
	Network      string `json:"network" example:"2001:db8:52::"`
	PrefixLength int    `json:"prefixLength" example:"64"`
}

// IPv4 are IPv4 settings as they are stored, with the network that follows.
type IPv4 struct {
	IPv4Settings
	CIDR string `json:"cidr" example:"172.17.52.0/23"`
}

// IPv6 are IPv6 settings as they are stored, with the network in one piece.
type IPv6 struct {
	IPv6Settings
	CIDR string `json:"cidr" example:"2001:db8:52::/64"`
}

// NewIPv4 writes IPv4 settings.
func NewIPv4(s vcc.IPv4Settings) *IPv4 {
	return &IPv4{IPv4Settings{s.Address.String(), s.SubnetMask()}, s.Network().String()}
}

// NewIPv6 writes IPv6 settings.
func NewIPv6(s vcc.IPv6Settings) *IPv6 {
	return &IPv6{IPv6Settings{s.Address.String(), s.Network.Addr().String(), s.Network.Bits()}, s.Network.String()}
}

// GatewayState is what a history entry says of a gateway.
type GatewayState struct {
	Origin vcc.Origin `json:"origin" enum:"detected,specified"`
	IPv4   *IPv4      `json:"ipv4" required:"false"`
	IPv6   *IPv6      `json:"ipv6" required:"false"`
}

// DefaultGateway is a stored default gateway.
type DefaultGateway struct {
	NetworkID        string    `json:"networkId"`
	NetworkName      string    `json:"networkName"`
	HardwarePlanID   string    `json:"hardwarePlanId"`
	HardwarePlanName string    `json:"hardwarePlanName"`
	Revision         int64     `json:"revision"`
	UpdatedAt        time.Time `json:"updatedAt"`
	UpdatedBy        string    `json:"updatedBy"`
	GatewayState
	Detected *DetectedSettings `json:"detected,omitempty" doc:"What a replication job had detected before these settings were specified in its place; absent where nothing was"`
	Warnings []Warning         `json:"warnings,omitempty" doc:"Advice about what was stored; in the answer to a write only"`
}

// DetectedSettings are what a replication job had detected.
type DetectedSettings struct {
	IPv4 *IPv4 `json:"ipv4" required:"false"`
	IPv6 *IPv6 `json:"ipv6" required:"false"`
}

// Warning is advice about a value that was stored.
type Warning struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Change is one entry of a gateway's history.
type Change struct {
	Revision int64         `json:"revision"`
	Time     time.Time     `json:"time"`
	Actor    string        `json:"actor"`
	Before   *GatewayState `json:"before" required:"false"`
	After    *GatewayState `json:"after" required:"false"`
}

// NetworkRoutingSettings is what a PUT of the routing option takes.
type NetworkRoutingSettings struct {
	Enabled bool `json:"enabled" doc:"Route traffic between the tenant's networks of one hardware plan"`
}

// NetworkRouting is the routing option.
type NetworkRouting struct {
	NetworkRoutingSettings
	TenantID   string     `json:"tenantId"`
	TenantName string     `json:"tenantName"`
	Revision   int64      `json:"revision" doc:"0 if nobody ever set the option"`
	UpdatedAt  *time.Time `json:"updatedAt" required:"false"`
	UpdatedBy  string     `json:"updatedBy"`
}

// ReplicationJob is a replication job of the tenant.
type ReplicationJob struct {
	ID               string     `json:"id"`
	Name             string     `json:"name"`
	HardwarePlanID   string     `json:"hardwarePlanId"`
	HardwarePlanName string     `json:"hardwarePlanName"`
	ApplicationAware bool       `json:"applicationAware"`
	Runs             int        `json:"runs" doc:"How often it ran; the first run detects gateways"`
	LastRun          *time.Time `json:"lastRun" required:"false"`
}

// JobRun is the outcome of one run of a job.
type JobRun struct {
	Job      ReplicationJob   `json:"job"`
	Detected []DefaultGateway `json:"detected" doc:"The gateways that this run saved"`
	Skipped  []DetectionSkip  `json:"skipped" doc:"The production networks that a first run saved nothing for"`
}

// DetectionSkip says why detection saved no gateway for a production network.
type DetectionSkip struct {
	ProductionNetwork string `json:"productionNetwork"`
	Reason            string `json:"reason"`
}

// List is one page of a list.
type List[T any] struct {
	Data       []T        `json:"data"`
	Pagination Pagination `json:"pagination"`
}

// Pagination says which part of a list a page is.
type Pagination struct {
	Total int `json:"total"`
	Count int `json:"count"`
	Skip  int `json:"skip"`
	Limit int `json:"limit"`
}

// NewGatewaySettings puts settings into their wire form.
func NewGatewaySettings(s vcc.GatewaySettings) GatewaySettings {
	state := newGatewayState(vcc.GatewayState{GatewaySettings: s})
	return state.Settings()
}

// Settings returns the part of a state that a PUT takes.
func (s GatewayState) Settings() GatewaySettings {
	var settings GatewaySettings
	if s.IPv4 != nil {
		settings.IPv4 = &s.IPv4.IPv4Settings
	}
	if s.IPv6 != nil {
		settings.IPv6 = &s.IPv6.IPv6Settings
	}
	return settings
}

// Equal reports whether both mean the same, whatever their spelling. Settings that
// cannot be parsed, such as those from before a rule, equal only what is spelled alike.
func (s GatewaySettings) Equal(o GatewaySettings) bool {
	if reflect.DeepEqual(s, o) {
		return true
	}
	a, errA := s.Parse()
	b, errB := o.Parse()
	return errA == nil && errB == nil && a.Equal(b)
}

// Parse returns the domain's form. The error lists every value that breaks a
// rule, with its path in this form as the field.
func (s GatewaySettings) Parse() (vcc.GatewaySettings, error) {
	var settings vcc.GatewaySettings
	var errs [2]error
	if s.IPv4 != nil {
		v4, err := vcc.ParseIPv4Settings(s.IPv4.Address, s.IPv4.SubnetMask)
		settings.IPv4, errs[0] = &v4, vcc.Within("ipv4", err)
	}
	if s.IPv6 != nil {
		v6, err := vcc.ParseIPv6Settings(s.IPv6.Address, s.IPv6.Network, s.IPv6.PrefixLength)
		settings.IPv6, errs[1] = &v6, vcc.Within("ipv6", err)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return vcc.GatewaySettings{}, err
	}
	return settings, settings.Validate()
}

func newGatewayState(s vcc.GatewayState) GatewayState {
	state := GatewayState{Origin: s.Origin}
	if v4 := s.IPv4; v4 != nil {
		state.IPv4 = NewIPv4(*v4)
	}
	if v6 := s.IPv6; v6 != nil {
		state.IPv6 = NewIPv6(*v6)
	}
	return state
}

func newDefaultGateway(g vcc.DefaultGateway) DefaultGateway {
	wire := DefaultGateway{
		NetworkID: g.NetworkID, NetworkName: g.NetworkName, HardwarePlanID: g.HardwarePlanID, HardwarePlanName: g.HardwarePlanName,
		Revision: g.Revision, UpdatedAt: g.UpdatedAt, UpdatedBy: g.UpdatedBy,
		GatewayState: newGatewayState(vcc.GatewayState{Origin: g.Origin, GatewaySettings: g.GatewaySettings}),
	}
	if g.Detected != nil {
		detected := newGatewayState(vcc.GatewayState{GatewaySettings: *g.Detected})
		wire.Detected = &DetectedSettings{IPv4: detected.IPv4, IPv6: detected.IPv6}
	}
	return wire
}

func newChange(c vcc.Change) Change {
	change := Change{Revision: c.Revision, Time: c.Time, Actor: c.Actor}
	if c.Before != nil {
		before := newGatewayState(*c.Before)
		change.Before = &before
	}
	if c.After != nil {
		after := newGatewayState(*c.After)
		change.After = &after
	}
	return change
}

func newNetworkRouting(r vcc.NetworkRouting) NetworkRouting {
	return NetworkRouting{
		NetworkRoutingSettings: NetworkRoutingSettings{r.Enabled},
		TenantID:               r.TenantID, TenantName: r.TenantName,
		Revision: r.Revision, UpdatedAt: optional(r.UpdatedAt), UpdatedBy: r.UpdatedBy,
	}
}

func newHardwarePlan(p vcc.HardwarePlan) HardwarePlan { return HardwarePlan(p) }

func newNetwork(n vcc.Network) Network {
	return Network{
		ID: n.ID, Name: n.Name, HardwarePlanID: n.HardwarePlanID, HardwarePlanName: n.HardwarePlanName,
		HostID: n.HostID, VLANID: n.VLANID, InternetAccess: n.InternetAccess,
	}
}

func newReplicationJob(j vcc.ReplicationJob) ReplicationJob {
	return ReplicationJob{
		ID: j.ID, Name: j.Name, HardwarePlanID: j.HardwarePlanID, HardwarePlanName: j.HardwarePlanName,
		ApplicationAware: j.ApplicationAware, Runs: j.Runs, LastRun: optional(j.LastRun),
	}
}

func newJobRun(r vcc.JobRun) JobRun {
	return JobRun{
		Job:      newReplicationJob(r.Job),
		Detected: convert(r.Detected, newDefaultGateway),
		Skipped:  convert(r.Skipped, func(s vcc.DetectionSkip) DetectionSkip { return DetectionSkip(s) }),
	}
}

// optional returns nil for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// convert maps domain values to wire values; the result is never nil, so that
// an empty list is [] in JSON.
func convert[T, Wire any](values []T, to func(T) Wire) []Wire {
	list := make([]Wire, len(values))
	for i, v := range values {
		list[i] = to(v)
	}
	return list
}
