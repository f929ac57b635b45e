package linuxrouter

import (
	"errors"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ErrBroken is the error of a router that no configuration makes good again.
var ErrBroken = errors.New("the router is not what it should be any more")

// Options are how a router is opened. The zero value is good.
type Options struct {
	// MaxFlows bounds the flow table; 0 is appliance.DefaultMaxFlows. (The kernel's own bound,
	// nf_conntrack_max, holds for all namespaces together and cannot be set in one.)
	MaxFlows int
	// Linked, if not nil, is called in Apply for each interface that is new, when both of its ends
	// are up and the router's own has no address yet. An error ends Apply.
	Linked func(appliance.Interface) error
}

// Entry is one packet that the ruleset has settled: a drop, or the first packet of a flow that
// was forwarded, or a packet to the appliance itself. Later packets of a flow make no entries.
type Entry struct {
	Verdict vcc.Verdict
	Reason  vcc.Reason
	// Packet is what appliance.Trace takes. It is the zero value but for Interface where Raw is
	// neither TCP nor UDP nor an echo.
	Packet appliance.Packet
	// Raw is the packet from its IP header on, as it arrived, and cut off after 256 bytes.
	Raw []byte
}
