package provider_test

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// update plans a change of what a state has.
func (c *change) update(state *tfprotov6.DynamicValue) string {
	t := c.s.t
	t.Helper()
	c.prior = state
	resp, err := c.s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: c.resource, PriorState: state, ProposedNewState: c.config, Config: c.config,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.planned = resp.PlannedState
	return lines(resp.Diagnostics)
}

// imported is a resource that is imported by its ID, and read.
func (s *server) imported(resource, id string) *change {
	s.t.Helper()
	resp, err := s.ImportResourceState(s.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: resource, ID: id})
	if err != nil || len(resp.Diagnostics) > 0 {
		s.t.Fatal(err, lines(resp.Diagnostics))
	}
	c := &change{s: s, resource: resource, state: resp.ImportedResources[0].State}
	must(s.t, c.refresh())
	return c
}

// refresh reads what is stored into the state, and returns what the provider says.
func (c *change) refresh() string {
	t := c.s.t
	t.Helper()
	resp, err := c.s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: c.resource, CurrentState: c.state})
	if err != nil {
		t.Fatal(err)
	}
	c.state = resp.NewState
	return lines(resp.Diagnostics)
}

// attribute returns what the state has at a path of attribute names.
func (c *change) attribute(names ...string) tftypes.Value {
	t := c.s.t
	t.Helper()
	v, err := c.state.Unmarshal(c.s.schemas.ResourceSchemas[c.resource].ValueType())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var attributes map[string]tftypes.Value
		if err := v.As(&attributes); err != nil {
			t.Fatal(err)
		}
		v = attributes[name]
	}
	return v
}

// put replaces what the state has at a path of attribute names.
func (c *change) put(value tftypes.Value, names ...string) {
	t := c.s.t
	t.Helper()
	at := tftypes.NewAttributePath()
	for _, name := range names {
		at = at.WithAttributeName(name)
	}
	typ := c.s.schemas.ResourceSchemas[c.resource].ValueType()
	v, err := c.state.Unmarshal(typ)
	if err != nil {
		t.Fatal(err)
	}
	v, err = tftypes.Transform(v, func(p *tftypes.AttributePath, old tftypes.Value) (tftypes.Value, error) {
		if p.Equal(at) {
			return value, nil
		}
		return old, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	state, err := tfprotov6.NewDynamicValue(typ, v)
	if err != nil {
		t.Fatal(err)
	}
	c.state = &state
}

func enabled(on bool) map[string]tftypes.Value {
	return map[string]tftypes.Value{"enabled": tftypes.NewValue(tftypes.Bool, on)}
}

// A refresh tells of others who switched the option, on as well as off, and of nobody else.
func TestRefresh_routingOption(t *testing.T) {
	for switched, on := range map[string]bool{"on": true, "off": false} {
		t.Run(switched, func(t *testing.T) {
			l := newTestLab(t)
			c := l.served().creation("vcc_network_routing", enabled(!on))
			must(t, c.plan())
			must(t, c.apply())
			if said := c.refresh(); said != "" {
				t.Errorf("nothing was changed, and the refresh says %s", said)
			}
			l.command("routing", switched)
			expectText(t, c.refresh(), "WARNING", "Routing Option Changed Outside Terraform",
				fmt.Sprintf("(command line) changed enabled from %t to %t", !on, on))
			if got := c.attribute("enabled"); !got.Equal(tftypes.NewValue(tftypes.Bool, on)) {
				t.Errorf("the state has %s", got)
			}
			if said := c.refresh(); said != "" {
				t.Errorf("told once, and the refresh says %s", said)
			}
		})
	}
}

// Where the history does not know the settings of the state, as after a backup was restored, a refresh
// takes over what is stored and warns of nothing: it could name nobody. The plan shows the change.
func TestRefresh_settingsThatTheHistoryLacks(t *testing.T) {
	l := newTestLab(t)
	c := l.served().creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.1"))
	must(t, c.plan())
	must(t, c.apply())
	for name, address := range map[string]string{"another address": "172.17.54.99", "what is no address": "gateway"} {
		t.Run(name, func(t *testing.T) {
			c.put(text(address), "ipv4", "address")
			before := c.state
			if said := c.refresh(); said != "" {
				t.Errorf("the refresh says %s", said)
			}
			if got := c.attribute("ipv4", "address"); !got.Equal(text("172.17.54.1")) {
				t.Errorf("the state has %s", got)
			}
			// A write that was planned from such a state changes nothing, and has no history to tell of, either.
			update := l.served().creation("vcc_default_gateway", l.gatewayOf(silver3, "172.17.54.2"))
			must(t, update.update(before))
			expectText(t, update.apply(), "ERROR", "has other settings than this plan was made from, and keeps them: nothing was changed")
			if g := l.stored(silver3); g.IPv4.Address.String() != "172.17.54.1" {
				t.Errorf("stored is %+v", g.IPv4)
			}
		})
	}
}

// TestRefresh_setThatTheHistoryLacks: where the history does not know what a vcc_default_gateways last saw, the drift says what is there now.
func TestRefresh_setThatTheHistoryLacks(t *testing.T) {
	l := newTestLab(t)
	c := l.applied("vcc_default_gateways", setAttributes(map[string]string{silver3: "172.17.54.1"}))
	seen, err := tftypes.Transform(setAttributes(map[string]string{silver3: "172.17.54.99"})["gateways"], func(p *tftypes.AttributePath, old tftypes.Value) (tftypes.Value, error) {
		switch steps := p.Steps(); {
		case len(steps) == 0:
		case steps[len(steps)-1] == tftypes.AttributeName("network_id"):
			return text(l.ids[silver3]), nil
		case steps[len(steps)-1] == tftypes.AttributeName("cidr") && old.IsNull():
			return text("172.17.54.0/24"), nil
		}
		return old, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.put(seen, "gateways")
	expectText(t, c.refresh(), "WARNING", "Default Gateways Changed Outside Terraform", fmt.Sprintf("gateways[%q]:\n  - now it is specified by ", silver3), "172.17.54.1")
}
