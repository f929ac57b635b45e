package window

import (
	"net/url"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Picture draws a page of an appliance's networks, after the first skip, as an SVG of its own.
func Picture(state vcc.ApplianceState, networks []vcc.Network, replicas []vcc.Replica, routing bool, skip int) (string, error) {
	p := pictured{ApplianceState: state, Networks: map[string]vcc.Network{}, Replicas: replicas, RoutingEnabled: routing}
	for _, n := range networks {
		p.Networks[n.ID] = n
	}
	var b strings.Builder
	err := parseTemplates()["appliance.html"].ExecuteTemplate(&b, "picture", newApplianceView(p, skip).Picture)
	return b.String(), err
}

// ReachabilityQuery reads the form of who reaches whom, and writes it.
func ReachabilityQuery(typed url.Values) string { return readReachabilityForm(typed).query() }

// ReachabilityErrors are the messages at the fields of that form.
func ReachabilityErrors(typed url.Values, networks []vcc.Network) map[string]string {
	_, err := readReachabilityForm(typed).assumption(networks)
	return formErrors(err)
}
