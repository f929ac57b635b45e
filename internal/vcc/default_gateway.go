package vcc

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Origin says how a gateway came to be stored (D7).
type Origin string

// The origins.
const (
	// OriginDetected: saved by the first run of a replication job.
	OriginDetected Origin = "detected"
	// OriginSpecified: written by somebody. Editing a detected gateway makes it
	// specified (our decision).
	OriginSpecified Origin = "specified"
)

// ParseOrigin reads an origin. The error has no field: the caller knows where the
// value stood.
func ParseOrigin(s string) (Origin, error) {
	switch o := Origin(s); o {
	case OriginDetected, OriginSpecified:
		return o, nil
	}
	return "", invalid("", "%q is not an origin; use %s or %s", s, OriginDetected, OriginSpecified)
}

// GatewaySettings are the values of a default gateway that a person decides.
type GatewaySettings struct {
	// IPv4 and IPv6 are nil where the gateway has no settings of that family.
	IPv4 *IPv4Settings
	IPv6 *IPv6Settings
}

// Validate checks that there are settings of at least one family (D8) and
// that each obeys its own rules (D9 and D10). It lists every value that is wrong.
func (s GatewaySettings) Validate() error {
	if s.IPv4 == nil && s.IPv6 == nil {
		return invalid("", "a default gateway needs IPv4 settings, IPv6 settings, or both; to have none, remove the gateway")
	}
	var v4, v6 error
	if s.IPv4 != nil {
		v4 = Within("ipv4", s.IPv4.Validate())
	}
	if s.IPv6 != nil {
		v6 = Within("ipv6", s.IPv6.Validate())
	}
	return errors.Join(v4, v6)
}

// Serves reports whether an address is in one of the gateway's networks.
func (s GatewaySettings) Serves(a netip.Addr) bool {
	return s.IPv4 != nil && s.IPv4.Network().Contains(a) || s.IPv6 != nil && s.IPv6.Network.Contains(a)
}

// Warnings returns advice about settings that are valid (D11).
func (s GatewaySettings) Warnings() []Warning {
	if s.IPv6 == nil {
		return nil
	}
	warnings := s.IPv6.Warnings()
	for i := range warnings {
		warnings[i].Field = "ipv6." + warnings[i].Field
	}
	return warnings
}

// Equal reports whether both settings mean the same.
func (s GatewaySettings) Equal(o GatewaySettings) bool {
	return equalPtr(s.IPv4, o.IPv4) && equalPtr(s.IPv6, o.IPv6)
}

func equalPtr[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

var linkLocal = netip.MustParsePrefix("fe80::/10") // RFC 4291, 2.5.6

// Networks lists the IP networks that a router with these settings would be
// connected to, by family: "ipv4", "ipv6". Link-local ones are left out: they are per link by definition
// and never collide.
func (s GatewaySettings) Networks() map[string]netip.Prefix {
	networks := map[string]netip.Prefix{}
	if s.IPv4 != nil {
		networks["ipv4"] = s.IPv4.Network()
	}
	if s.IPv6 != nil && (s.IPv6.Network.Bits() < linkLocal.Bits() || !linkLocal.Contains(s.IPv6.Network.Addr())) {
		networks["ipv6"] = s.IPv6.Network
	}
	return networks
}

// DefaultGateway is the stored gateway of one cloud network: the gateway of the
// production network that it stands for.
type DefaultGateway struct {
	NetworkID        string
	NetworkName      string
	HardwarePlanID   string
	HardwarePlanName string
	Origin           Origin
	// Revision is the tenant's revision at the last change of this gateway. It
	// grows with every change and is never reused, even after a removal.
	Revision  int64
	UpdatedAt time.Time
	UpdatedBy string
	GatewaySettings
	// Detected are the settings that a replication job had detected before somebody
	// specified others in their place. nil: there were none, or these are they.
	Detected *GatewaySettings
}

// Change is one entry of a gateway's history.
type Change struct {
	// NetworkID is there in the history of all of a tenant's networks alone.
	NetworkID string
	// Revision is the tenant's revision that the change made.
	Revision int64
	Time     time.Time
	Actor    string
	// Before and After are nil where there was, or is, no gateway.
	Before, After *GatewayState
	// Provenance is nil for a change that came from no real backup server.
	Provenance *Provenance
}

// GatewayState is the part of a gateway that a history entry keeps.
type GatewayState struct {
	Origin Origin
	GatewaySettings
}

// DefaultGatewayService keeps the default gateways of a tenant. Every write is
// one transaction that also appends to the history and moves the revision; a
// write that returned without an error survives a crash. A network that belongs
// to another tenant is CodeNotFound throughout (D20).
type DefaultGatewayService interface {
	// DefaultGateway returns the gateway of one network.
	// CodeNotFound: no such network, or no gateway stored for it.
	DefaultGateway(ctx context.Context, as Actor, networkID string) (*DefaultGateway, error)

	// DefaultGateways returns a page of the tenant's gateways in plan and network
	// order, and how many there are in all.
	DefaultGateways(ctx context.Context, as Actor, page Page) ([]DefaultGateway, int, error)

	// DefaultGatewaysVersion returns a text that is another one whenever anything that
	// DefaultGateways lists for the tenant has changed.
	DefaultGatewaysVersion(ctx context.Context, as Actor) (string, error)

	// PutDefaultGateway stores settings for a network in place of whatever it had
	// and makes the gateway specified. Settings that are stored already, as
	// specified, change nothing: no revision, no history. created says whether
	// there was none before.
	// CodeInvalidValue: the settings break D8 to D10. CodeConflict: D12.
	// CodePreconditionFailed: the precondition does not hold. CodeNotFound: no
	// such network.
	PutDefaultGateway(ctx context.Context, as Actor, networkID string, s GatewaySettings, p Precondition) (gateway *DefaultGateway, created bool, err error)

	// PutDefaultGateways gives all networks of a scope the gateways of a set, and the others of the scope none, in one
	// transaction: it is done whole or not at all, so that networks can swap their IP networks. Each network that
	// changes has an entry of its own in the history; those that have what they are to have, as specified, do not change.
	// CodeInvalidValue: the settings break D8 to D10, or a network is there twice. CodeConflict: D12.
	// CodePreconditionFailed: what is stored is not what was expected, with an error for each network.
	// CodeNotFound: no such plan, or no such network in the scope.
	PutDefaultGateways(ctx context.Context, as Actor, set GatewaySet) (GatewaySetOutcome, error)

	// RemoveDefaultGateway removes the gateway of a network.
	// CodeNotFound: no such network, or no gateway stored for it.
	// CodePreconditionFailed: the precondition does not hold.
	RemoveDefaultGateway(ctx context.Context, as Actor, networkID string, p Precondition) error

	// RestoreDetectedGateway takes away what was specified for a network: it brings back
	// what had been detected before, with its origin, and returns that; or removes the
	// gateway and returns nil, where it has no Detected.
	// CodeConflict: what was detected breaks D12 by now; nothing was changed.
	// CodeNotFound, CodePreconditionFailed: as RemoveDefaultGateway.
	RestoreDetectedGateway(ctx context.Context, as Actor, networkID string, p Precondition) (*DefaultGateway, error)

	// DefaultGatewayChanges returns a page of a network's history, newest first,
	// and how many entries there are. It outlives the gateway.
	// CodeNotFound: no such network.
	DefaultGatewayChanges(ctx context.Context, as Actor, networkID string, page Page) ([]Change, int, error)

	// TenantGatewayChanges is DefaultGatewayChanges for all of the tenant's networks together,
	// of which networkID is one. Each entry has its NetworkID, also that of a network that is gone.
	TenantGatewayChanges(ctx context.Context, as Actor, networkID string, page Page) ([]Change, int, error)
}
