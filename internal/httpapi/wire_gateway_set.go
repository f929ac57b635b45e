package httpapi

import (
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireGatewaySet is what a PUT of all default gateways of a scope takes.
type wireGatewaySet struct {
	HardwarePlanID  string               `json:"hardwarePlanId,omitempty" doc:"The plan whose networks get these gateways; all of the tenant's networks where left out"`
	Gateways        []wireNetworkGateway `json:"gateways" nullable:"false" doc:"The gateways that these networks are to have. The other networks of the scope have none"`
	Expected        map[string]int64     `json:"expected,omitzero" required:"false" doc:"The revision of each gateway that the scope has now, by the ID of its network; networks that are not named have none. If that does not hold nothing is changed (412). Where it is left out the write is unconditional"`
	KeepOthers      bool                 `json:"keepOthers,omitempty" doc:"Leave networks alone that are neither in gateways nor in expected"`
	RestoreDetected bool                 `json:"restoreDetected,omitempty" doc:"Where a gateway that goes took the place of a detected one, bring that back"`
	RestoreRemoved  []string             `json:"restoreRemoved,omitempty" doc:"IDs of networks that get back the detected gateway that such a PUT removed"`
}

// wireNetworkGateway is the gateway that a network is to have.
type wireNetworkGateway struct {
	NetworkID string `json:"networkId"`
	wireGatewaySettings
}

// wireGatewaySetOutcome is what a PUT of all default gateways of a scope came to.
type wireGatewaySetOutcome struct {
	Gateways []wireDefaultGateway `json:"gateways" doc:"What the networks of the scope have now, in plan and network order"`
	Changed  []string             `json:"changed" doc:"IDs of the networks whose gateway is another one, or gone, since this write"`
}

// TransformSchema is for huma.
func (wireNetworkGateway) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return withFieldsOf[wireGatewaySettings](r, s)
}

func newWireGatewaySet(s vcc.GatewaySet) wireGatewaySet {
	return wireGatewaySet{
		HardwarePlanID: s.HardwarePlanID,
		Gateways: convert(s.Gateways, func(g vcc.NetworkGateway) wireNetworkGateway {
			return wireNetworkGateway{g.NetworkID, newWireGatewaySettings(g.GatewaySettings)}
		}),
		Expected: s.Expected, KeepOthers: s.KeepOthers, RestoreDetected: s.RestoreDetected, RestoreRemoved: s.RestoreRemoved,
	}
}

// parse returns a set that obeys the rules. The error lists every value that breaks one, with its path in this form.
func (w wireGatewaySet) parse() (vcc.GatewaySet, error) {
	s := vcc.GatewaySet{
		HardwarePlanID: w.HardwarePlanID, Gateways: make([]vcc.NetworkGateway, len(w.Gateways)),
		Expected: w.Expected, KeepOthers: w.KeepOthers, RestoreDetected: w.RestoreDetected, RestoreRemoved: w.RestoreRemoved,
	}
	var errs []error
	for i, g := range w.Gateways {
		settings, err := g.parse()
		if err != nil {
			errs = append(errs, vcc.Within(fmt.Sprintf("gateways[%d]", i), err))
		}
		s.Gateways[i] = vcc.NetworkGateway{NetworkID: g.NetworkID, GatewaySettings: settings}
	}
	if len(errs) > 0 {
		return vcc.GatewaySet{}, errors.Join(errs...)
	}
	return s, s.Validate()
}

func newWireGatewaySetOutcome(o vcc.GatewaySetOutcome) wireGatewaySetOutcome {
	return wireGatewaySetOutcome{convert(o.Gateways, newWrittenGateway), convert(o.Changed, func(id string) string { return id })}
}

func (w wireGatewaySetOutcome) decode() (vcc.GatewaySetOutcome, error) {
	gateways, err := decodeList("gateways", w.Gateways)
	return vcc.GatewaySetOutcome{Gateways: gateways, Changed: w.Changed}, err
}
