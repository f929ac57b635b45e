package cli

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

type gatewayCmds struct {
	List   gatewayListCmd   `cmd:"" help:"List the cloud networks with their default gateways; in JSON, the stored gateways."`
	Set    gatewaySetCmd    `cmd:"" help:"Set a default gateway. Settings without a flag stay as they are."`
	Remove gatewayRemoveCmd `cmd:"" help:"Remove a default gateway."`

	History gatewayHistoryCmd `cmd:"" help:"Show the history of a network's default gateway, newest first: the time, the account, and the gateway before and after."`
}

type gatewayListCmd struct {
	Stored bool `help:"Only the networks that have a gateway."`
}

// Run lists the networks with their gateways, as the console's window does. In JSON it prints the stored
// gateways, which are the API's objects.
func (c gatewayListCmd) Run(s *session) error {
	gateways, err := vcc.All(func(p vcc.Page) ([]vcc.DefaultGateway, int, error) { return s.client.DefaultGateways(s.ctx, s.as, p) })
	if err != nil {
		return err
	}
	var networks []vcc.Network
	if !c.Stored && !s.flags.JSON {
		if networks, err = s.networks(); err != nil {
			return err
		}
	}
	return s.print(gateways, func(w io.Writer) {
		row(w, "CLOUD NETWORK", "IP NETWORK", "DEFAULT GATEWAY", "ORIGIN", "CHANGED BY")
		stored := func(g vcc.DefaultGateway) {
			network, gateway := columns(g.GatewaySettings)
			row(w, g.NetworkName, network, gateway, g.Origin, g.UpdatedBy)
		}
		byNetwork := map[string]vcc.DefaultGateway{}
		for _, g := range gateways {
			byNetwork[g.NetworkID] = g
			if c.Stored {
				stored(g)
			}
		}
		for _, n := range networks {
			if g, ok := byNetwork[n.ID]; ok {
				stored(g)
			} else {
				row(w, n.Name, "", "None", "", "")
			}
		}
	})
}

// columns are what the console's table shows of a gateway.
func columns(g vcc.GatewaySettings) (network, gateway string) {
	var networks, gateways []string
	if g.IPv4 != nil {
		networks, gateways = append(networks, g.IPv4.Network().String()), append(gateways, g.IPv4.Address.String())
	}
	if g.IPv6 != nil {
		networks, gateways = append(networks, g.IPv6.Network.String()), append(gateways, g.IPv6.Address.String())
	}
	return strings.Join(networks, ", "), strings.Join(gateways, ", ")
}

func describe(g vcc.GatewaySettings) string {
	network, gateway := columns(g)
	return gateway + " in " + network
}

type gatewaySetCmd struct {
	Network     string `arg:"" help:"Name or ID of the cloud network."`
	IPv4        string `name:"ipv4" placeholder:"ADDR/LEN" help:"IPv4 address of the gateway with the length of its mask, such as 172.17.52.1/23."`
	IPv6        string `name:"ipv6" placeholder:"ADDR" help:"IPv6 address of the gateway, such as fe80::1."`
	IPv6Network string `name:"ipv6-network" placeholder:"PREFIX/LEN" help:"IPv6 network, such as 2001:db8:52::/64."`
}

// Run sets the gateway, unless somebody changes it at the same time.
func (c gatewaySetCmd) Run(s *session) error {
	if c.IPv4 == "" && c.IPv6 == "" && c.IPv6Network == "" {
		return usageError("nothing to set: give --ipv4, or --ipv6 and --ipv6-network, or all of them")
	}
	network, err := s.network(c.Network)
	if err != nil {
		return err
	}
	condition := vcc.Precondition{Absent: true}
	var stored vcc.GatewaySettings
	current, err := s.client.DefaultGateway(s.ctx, s.as, network.ID)
	switch {
	case err == nil:
		condition, stored = vcc.IfRevision(current.Revision), current.GatewaySettings
	case vcc.Code(err) != vcc.CodeNotFound:
		return err
	}
	settings, err := c.over(stored)
	if err != nil {
		return err
	}
	g, _, err := s.client.PutDefaultGateway(s.ctx, s.as, network.ID, settings, condition)
	if err != nil {
		return flagError(err)
	}
	return s.print(g, func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s: %s\n", g.NetworkName, describe(g.GatewaySettings))
		for _, warning := range g.GatewaySettings.Warnings() {
			_, _ = fmt.Fprintf(w, "Warning: %s\n", warning.Message)
		}
	})
}

// over returns the stored settings with the values given in their place.
func (c gatewaySetCmd) over(stored vcc.GatewaySettings) (vcc.GatewaySettings, error) {
	s := stored
	if c.IPv4 != "" {
		v4, err := vcc.ParseIPv4WithLength(c.IPv4)
		if err != nil {
			return s, flagError(vcc.Within("ipv4", err))
		}
		s.IPv4 = &v4
	}
	if c.IPv6 != "" || c.IPv6Network != "" {
		v6, err := c.ipv6Over(stored.IPv6)
		if err != nil {
			return s, err
		}
		s.IPv6 = &v6
	}
	return s, flagError(s.Validate())
}

// ipv6Over is over for IPv6, of which nothing may be stored.
func (c gatewaySetCmd) ipv6Over(stored *vcc.IPv6Settings) (vcc.IPv6Settings, error) {
	if stored == nil && (c.IPv6 == "" || c.IPv6Network == "") {
		return vcc.IPv6Settings{}, usageError("--ipv6 and --ipv6-network belong together: this gateway has no IPv6 settings yet")
	}
	var s vcc.IPv6Settings
	if stored != nil {
		s = *stored
	}
	if c.IPv6Network != "" {
		p, err := netip.ParsePrefix(c.IPv6Network)
		if err != nil || !p.Addr().Is6() {
			return s, fmt.Errorf("--ipv6-network: %q is not an IPv6 network with its prefix length; write it like 2001:db8:52::/64", c.IPv6Network)
		}
		s.Network = p
	}
	if c.IPv6 != "" {
		a, err := vcc.ParseIPv6Address(c.IPv6)
		if err != nil {
			return s, flagError(vcc.Within("ipv6.address", err))
		}
		s.Address = a
	}
	return s, nil
}

// flagOf names the flag that a field of the wire came from.
var flagOf = map[string]string{
	"endpoint": "--endpoint", "caCertificate": "--ca-certificate", "tenant": "--tenant",
	"ipv4": "--ipv4", "ipv4.address": "--ipv4", "ipv4.subnetMask": "--ipv4",
	"source": "--source", "destination": "--destination", "protocol": "--protocol", "port": "--port",
	"questions[0].source": "--source", "questions[0].destination": "--destination",
	"vms": "--vm", "delays": "--delay", "publicIpRules": "--rule",
	"ipv6": "--ipv6-network", "ipv6.address": "--ipv6", "ipv6.network": "--ipv6-network", "ipv6.prefixLength": "--ipv6-network",
}

// flagError names flags where an error names fields.
func flagError(err error) error {
	errs := vcc.Errors(err)
	if len(errs) == 0 {
		return err
	}
	named := make([]error, len(errs))
	for i, e := range errs {
		moved := *e
		field, _, _ := strings.Cut(e.Field, "[") // of a list that a repeated flag makes
		if flag, ok := flagOf[e.Field]; ok {
			moved.Field = flag
		} else if flag, ok := flagOf[field]; ok {
			moved.Field = flag
		}
		named[i] = &moved
	}
	return errors.Join(named...)
}

type gatewayRemoveCmd struct {
	Network string `arg:"" help:"Name or ID of the cloud network."`
}

// Run removes the gateway.
func (c gatewayRemoveCmd) Run(s *session) error {
	network, err := s.network(c.Network)
	if err != nil {
		return err
	}
	if err := s.client.RemoveDefaultGateway(s.ctx, s.as, network.ID, vcc.Precondition{}); err != nil {
		return err
	}
	return s.done("%s: None\n", network.Name)
}

type gatewayHistoryCmd struct {
	Network string `arg:"" help:"Name or ID of the cloud network."`
}

// Run shows the history.
func (c gatewayHistoryCmd) Run(s *session) error {
	network, err := s.network(c.Network)
	if err != nil {
		return err
	}
	changes, err := vcc.All(func(p vcc.Page) ([]vcc.Change, int, error) {
		return s.client.DefaultGatewayChanges(s.ctx, s.as, network.ID, p)
	})
	if err != nil {
		return err
	}
	return s.print(changes, func(w io.Writer) {
		row(w, "TIME", "CHANGED BY", "BEFORE", "AFTER")
		state := func(g *vcc.GatewayState) string {
			if g == nil {
				return "None"
			}
			return describe(g.GatewaySettings)
		}
		for _, change := range changes {
			by := change.Actor
			if change.Provenance != nil {
				by = change.Provenance.String()
			}
			row(w, vcc.TimeText(change.Time), by, state(change.Before), state(change.After))
		}
	})
}
