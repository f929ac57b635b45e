package cli

import (
	"fmt"
	"io"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type routingCmds struct {
	On   routingOnCmd   `cmd:"" help:"Route traffic between the networks of each hardware plan."`
	Off  routingOffCmd  `cmd:"" help:"Route no traffic between networks."`
	Show routingShowCmd `cmd:"" help:"Show the option."`
}

type (
	routingOnCmd   struct{}
	routingOffCmd  struct{}
	routingShowCmd struct{}
)

// Run switches the option on.
func (routingOnCmd) Run(s *session) error { return s.setRouting(true) }

// Run switches the option off.
func (routingOffCmd) Run(s *session) error { return s.setRouting(false) }

// Run shows the option.
func (routingShowCmd) Run(s *session) error {
	return s.printRouting(s.client.NetworkRouting(s.ctx, s.as))
}

func (s *session) setRouting(enabled bool) error {
	return s.printRouting(s.client.PutNetworkRouting(s.ctx, s.as, enabled, vcc.Precondition{}))
}

func (s *session) printRouting(r *vcc.NetworkRouting, err error) error {
	if err != nil {
		return err
	}
	return s.print(r, func(w io.Writer) {
		state := "off"
		if r.Enabled {
			state = "on"
		}
		_, _ = fmt.Fprintf(w, "Route traffic between these networks: %s\n", state)
	})
}
