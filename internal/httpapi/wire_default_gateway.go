package httpapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireGatewaySettings is what a PUT of a default gateway takes: the settings of each
// family the gateway is to have. A family that is left out is not kept.
type wireGatewaySettings struct {
	IPv4 *wireIPv4Settings `json:"ipv4,omitempty"`
	IPv6 *wireIPv6Settings `json:"ipv6,omitempty"`
}

// wireIPv4Settings are the values of the console's IPv4 dialog.
type wireIPv4Settings struct {
	Address    string `json:"address" example:"172.17.52.1"`
	SubnetMask string `json:"subnetMask" example:"255.255.254.0"`
}

// wireIPv6Settings are the values of the console's IPv6 dialog.
type wireIPv6Settings struct {
	Address      string `json:"address" example:"fe80::1"`
	Network      string `json:"network" example:"2001:db8:52::"`
	PrefixLength int    `json:"prefixLength" example:"64"`
}

// wireIPv4 are IPv4 settings as they are stored, with the network that follows.
type wireIPv4 struct {
	wireIPv4Settings
	CIDR wireCIDR `json:"cidr" example:"172.17.52.0/23"`
}

// wireIPv6 are IPv6 settings as they are stored, with the network in one piece.
type wireIPv6 struct {
	wireIPv6Settings
	CIDR wireCIDR `json:"cidr" example:"2001:db8:52::/64"`
}

// wireCIDR is a network that follows from the values beside it, so that reading leaves it out: a
// plan of thousands of gateways needs no memory for it.
type wireCIDR string

// UnmarshalJSON reads nothing.
func (*wireCIDR) UnmarshalJSON([]byte) error { return nil }

// wireDetectedSettings are settings as they are stored, null for a family without any: those of
// a gateway, or those that a replication job had detected.
type wireDetectedSettings struct {
	IPv4 *wireIPv4 `json:"ipv4" required:"false"`
	IPv6 *wireIPv6 `json:"ipv6" required:"false"`
}

// wireGatewayState is what a history entry says of a gateway.
type wireGatewayState struct {
	Origin vcc.Origin `json:"origin" enum:"detected,specified"`
	wireDetectedSettings
}

// wireDefaultGateway is a stored default gateway.
type wireDefaultGateway struct {
	NetworkID        string    `json:"networkId"`
	NetworkName      string    `json:"networkName"`
	HardwarePlanID   string    `json:"hardwarePlanId"`
	HardwarePlanName string    `json:"hardwarePlanName"`
	Revision         int64     `json:"revision"`
	UpdatedAt        time.Time `json:"updatedAt"`
	UpdatedBy        string    `json:"updatedBy"`
	wireGatewayState
	Detected *wireDetectedSettings `json:"detected,omitempty" doc:"What a replication job had detected before these settings were specified in its place; absent where nothing was"`
	Warnings []wireWarning         `json:"warnings,omitempty" doc:"Advice about what was stored; in the answer to a write only"`
}

// wireWarning is advice about a value that was stored.
type wireWarning struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// wireChange is one entry of a gateway's history.
type wireChange struct {
	NetworkID string            `json:"networkId,omitempty" doc:"The network, in the history of all of the tenant's networks"`
	Revision  int64             `json:"revision"`
	Time      time.Time         `json:"time"`
	Actor     string            `json:"actor"`
	Before    *wireGatewayState `json:"before" required:"false"`
	After     *wireGatewayState `json:"after" required:"false"`
	// Provenance is absent for changes that came from no real backup server.
	Provenance *wireProvenance `json:"provenance,omitempty" doc:"The export of a real backup server that the change came from; absent where it came from none"`
}

// TransformSchema and its like are for huma (see withFieldsOf).
func (wireIPv4) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireIPv4Settings](r, s)
}

// TransformSchema is for huma.
func (wireIPv6) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireIPv6Settings](r, s)
}

// TransformSchema is for huma.
func (wireGatewayState) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireDetectedSettings](r, s)
}

// TransformSchema is for huma.
func (wireDefaultGateway) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireGatewayState](r, s)
}

// newWireGatewaySettings writes settings as a PUT takes them.
func newWireGatewaySettings(s vcc.GatewaySettings) wireGatewaySettings {
	var w wireGatewaySettings
	if s.IPv4 != nil {
		v4 := newWireIPv4Settings(*s.IPv4)
		w.IPv4 = &v4
	}
	if s.IPv6 != nil {
		v6 := newWireIPv6Settings(*s.IPv6)
		w.IPv6 = &v6
	}
	return w
}

func newWireIPv4Settings(s vcc.IPv4Settings) wireIPv4Settings {
	return wireIPv4Settings{Address: s.Address.String(), SubnetMask: s.SubnetMask()}
}

func newWireIPv6Settings(s vcc.IPv6Settings) wireIPv6Settings {
	return wireIPv6Settings{Address: s.Address.String(), Network: s.Network.Addr().String(), PrefixLength: s.Network.Bits()}
}

// parse returns settings that obey the rules. The error lists every value that breaks one,
// with its path in this form as the field.
func (w wireGatewaySettings) parse() (vcc.GatewaySettings, error) {
	var s vcc.GatewaySettings
	var errs [2]error
	if w.IPv4 != nil {
		v4, err := vcc.ParseIPv4Settings(w.IPv4.Address, w.IPv4.SubnetMask)
		s.IPv4, errs[0] = &v4, vcc.Within("ipv4", err)
	}
	if w.IPv6 != nil {
		v6, err := vcc.ParseIPv6Settings(w.IPv6.Address, w.IPv6.Network, w.IPv6.PrefixLength)
		s.IPv6, errs[1] = &v6, vcc.Within("ipv6", err)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return vcc.GatewaySettings{}, err
	}
	return s, s.Validate()
}

func newWireDetectedSettings(s vcc.GatewaySettings) wireDetectedSettings {
	var w wireDetectedSettings
	if v4 := s.IPv4; v4 != nil {
		w.IPv4 = &wireIPv4{newWireIPv4Settings(*v4), wireCIDR(v4.Network().String())}
	}
	if v6 := s.IPv6; v6 != nil {
		w.IPv6 = &wireIPv6{newWireIPv6Settings(*v6), wireCIDR(v6.Network.String())}
	}
	return w
}

func (w wireDetectedSettings) decode() (vcc.GatewaySettings, error) {
	var s vcc.GatewaySettings
	var r textReader
	if v4 := w.IPv4; v4 != nil {
		s.IPv4 = &vcc.IPv4Settings{
			Address:      r.address("ipv4.address", v4.Address),
			PrefixLength: readText(&r, "ipv4.subnetMask", v4.SubnetMask, readSubnetMask),
		}
	}
	if v6 := w.IPv6; v6 != nil {
		network := netip.PrefixFrom(r.address("ipv6.network", v6.Network), v6.PrefixLength)
		if r.err == nil && !network.IsValid() {
			r.err = fmt.Errorf("ipv6.prefixLength: %s has no prefix of length %d", v6.Network, v6.PrefixLength)
		}
		s.IPv6 = &vcc.IPv6Settings{Address: r.address("ipv6.address", v6.Address), Network: network}
	}
	return s, r.err
}

// readSubnetMask reads a mask by its form alone, where vcc.ParseSubnetMask demands that a
// gateway may have it: 0.0.0.0 has the length 0.
func readSubnetMask(text string) (int, error) {
	mask, err := netip.ParseAddr(text)
	if err != nil {
		return 0, err
	}
	if mask.Is4() {
		octets := mask.As4()
		number := binary.BigEndian.Uint32(octets[:])
		if length := bits.LeadingZeros32(^number); number<<length == 0 {
			return length, nil
		}
	}
	return 0, fmt.Errorf("%q is not a subnet mask", text)
}

func newWireGatewayState(s vcc.GatewayState) wireGatewayState {
	return wireGatewayState{s.Origin, newWireDetectedSettings(s.GatewaySettings)}
}

func (w wireGatewayState) decode() (vcc.GatewayState, error) {
	settings, err := w.wireDetectedSettings.decode()
	return vcc.GatewayState{Origin: w.Origin, GatewaySettings: settings}, err
}

func newWireDefaultGateway(g vcc.DefaultGateway) wireDefaultGateway {
	w := wireDefaultGateway{
		NetworkID: g.NetworkID, NetworkName: g.NetworkName, HardwarePlanID: g.HardwarePlanID, HardwarePlanName: g.HardwarePlanName,
		Revision: g.Revision, UpdatedAt: g.UpdatedAt, UpdatedBy: g.UpdatedBy,
		wireGatewayState: newWireGatewayState(vcc.GatewayState{Origin: g.Origin, GatewaySettings: g.GatewaySettings}),
	}
	if g.Detected != nil {
		detected := newWireDetectedSettings(*g.Detected)
		w.Detected = &detected
	}
	return w
}

func (w wireDefaultGateway) decode() (vcc.DefaultGateway, error) {
	settings, err := w.wireDetectedSettings.decode()
	if err != nil {
		return vcc.DefaultGateway{}, err
	}
	detected, err := decodeOptional("detected", w.Detected)
	return vcc.DefaultGateway{
		NetworkID: w.NetworkID, NetworkName: w.NetworkName, HardwarePlanID: w.HardwarePlanID, HardwarePlanName: w.HardwarePlanName,
		Origin: w.Origin, Revision: w.Revision, UpdatedAt: w.UpdatedAt, UpdatedBy: w.UpdatedBy,
		GatewaySettings: settings, Detected: detected,
	}, err
}

// newWrittenGateway is the answer to a write, which has the warnings about it.
func newWrittenGateway(g vcc.DefaultGateway) wireDefaultGateway {
	wire := newWireDefaultGateway(g)
	for _, w := range g.GatewaySettings.Warnings() {
		wire.Warnings = append(wire.Warnings, newWireWarning(w))
	}
	return wire
}

func newWireWarning(w vcc.Warning) wireWarning { return wireWarning(w) }

func (w wireWarning) decode() (vcc.Warning, error) { return vcc.Warning(w), nil }

func newWireChange(c vcc.Change) wireChange {
	w := wireChange{NetworkID: c.NetworkID, Revision: c.Revision, Time: c.Time, Actor: c.Actor, Provenance: newWireProvenance(c.Provenance)}
	if c.Before != nil {
		before := newWireGatewayState(*c.Before)
		w.Before = &before
	}
	if c.After != nil {
		after := newWireGatewayState(*c.After)
		w.After = &after
	}
	return w
}

func (w wireChange) decode() (vcc.Change, error) {
	before, err := decodeOptional("before", w.Before)
	if err != nil {
		return vcc.Change{}, err
	}
	after, err := decodeOptional("after", w.After)
	if err != nil {
		return vcc.Change{}, err
	}
	provenance, err := decodeOptional("provenance", w.Provenance)
	return vcc.Change{NetworkID: w.NetworkID, Revision: w.Revision, Time: w.Time, Actor: w.Actor, Before: before, After: after, Provenance: provenance}, err
}
