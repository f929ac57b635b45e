package backend

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/appliance"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// StartFailover implements vcc.FailoverService.
func (s *Services) StartFailover(ctx context.Context, as vcc.Actor, planID string, force bool) (*vcc.FailoverSession, error) {
	return s.Store.StartFailover(ctx, as, planID, force, prepare)
}

// TestFailover implements vcc.FailoverService.
func (s *Services) TestFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return s.Store.TestFailover(ctx, as, planID, prepare)
}

// PreviewFailover implements vcc.FailoverPreview.
func (s *Services) PreviewFailover(ctx context.Context, as vcc.Actor, planID string) (*vcc.FailoverSession, error) {
	return s.Store.PreviewFailover(ctx, as, planID, prepare)
}

// prepare says what full site failover makes of each appliance, and what people should
// know before they rely on it (D15). A test says what it would make (D18).
func prepare(test bool, at time.Time, inputs []vcc.ApplianceInputs) (p store.Prepared) {
	started, gets, leads := "started", "gets", "leads"
	if test {
		started, gets, leads = "would start", "would get", "would lead"
	}
	for _, in := range withOwnRules(inputs) {
		add := func(format string, args ...any) {
			p.Log = append(p.Log, vcc.FailoverLogEntry{Time: at, Message: in.HostName + ": " + fmt.Sprintf(format, args...)})
		}
		add("network extension appliance %s with %d network adapters", started, in.VNICs())
		compiled := appliance.Compile(in)
		nameOf := map[string]string{} // of the network at an interface
		for _, i := range compiled.Interfaces {
			name := i.Name
			if i.NetworkName != "" {
				name = fmt.Sprintf("%s (%s)", i.Name, i.NetworkName)
			}
			if len(i.Addresses) == 0 {
				add("%s %s no address", name, gets)
			}
			for _, a := range i.Addresses {
				add("%s %s %s", name, gets, a)
			}
			nameOf[i.Name] = i.NetworkName
			p.Networks = append(p.Networks, vcc.SessionNetwork{
				HostName: in.HostName, Interface: i.Name, NetworkID: i.NetworkID, NetworkName: i.NetworkName,
				Addresses: append([]netip.Prefix(nil), i.Addresses...),
			})
		}
		for _, r := range compiled.DestinationNAT {
			add("public address %s %s to %s through %s", r.Public, leads, r.Internal, r.Interface)
			p.PublicAddresses = append(p.PublicAddresses, vcc.SessionPublicAddress{
				Public: r.Public, Internal: r.Internal, HostName: in.HostName, NetworkName: nameOf[r.Interface],
			})
		}
		p.Problems = append(p.Problems, compiled.Problems...)
	}
	return p
}
