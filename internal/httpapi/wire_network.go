package httpapi

import "github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"

// wireHardwarePlan is a hardware plan that the tenant is subscribed to.
type wireHardwarePlan struct {
	ID                      string       `json:"id"`
	Name                    string       `json:"name"`
	HostName                string       `json:"hostName"`
	Platform                vcc.Platform `json:"platform" enum:"VMware,HyperV"`
	NetworksWithInternet    int          `json:"networksWithInternet"`
	NetworksWithoutInternet int          `json:"networksWithoutInternet"`
}

func newWireHardwarePlan(p vcc.HardwarePlan) wireHardwarePlan { return wireHardwarePlan(p) }

func (w wireHardwarePlan) decode() (vcc.HardwarePlan, error) { return vcc.HardwarePlan(w), nil }

// wireNetwork is a cloud network of the tenant.
type wireNetwork struct {
	ID               string `json:"id"`
	Name             string `json:"name"`
	HardwarePlanID   string `json:"hardwarePlanId"`
	HardwarePlanName string `json:"hardwarePlanName"`
	HostID           string `json:"hostId" doc:"The host that the plan is on; networks on one host share a network extension appliance"`
	VLANID           int    `json:"vlanId"`
	InternetAccess   bool   `json:"internetAccess"`
}

func newWireNetwork(n vcc.Network) wireNetwork { return wireNetwork(n) }

func (w wireNetwork) decode() (vcc.Network, error) { return vcc.Network(w), nil }
