package provider_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Which of two resources comes first is Terraform's choice. Here the provider is called in each order that an apply can have.

// change is one resource's way through a walk of Terraform's.
type change struct {
	s                             *server
	resource                      string
	config, prior, planned, state *tfprotov6.DynamicValue
}

// creation is a resource that is to be created.
func (s *server) creation(resource string, attributes map[string]tftypes.Value) *change {
	schema := s.schemas.ResourceSchemas[resource]
	return &change{s: s, resource: resource, config: s.value(schema, attributes), prior: s.none(schema)}
}

// removal is a resource of another walk that is to go. Its state is decoded, as Terraform does before that.
func (s *server) removal(c *change) *change {
	s.t.Helper()
	none := s.none(s.schemas.ResourceSchemas[c.resource])
	return &change{s: s, resource: c.resource, config: none, prior: c.state, planned: none}
}

func (s *server) none(schema *tfprotov6.Schema) *tfprotov6.DynamicValue {
	v, err := tfprotov6.NewDynamicValue(schema.ValueType(), tftypes.NewValue(schema.ValueType(), nil))
	if err != nil {
		s.t.Error(err)
	}
	return &v
}

// plan validates and plans a creation, and returns what the provider says.
func (c *change) plan() string {
	t := c.s.t
	t.Helper()
	validated, err := c.s.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: c.resource, Config: c.config})
	if err != nil || len(validated.Diagnostics) > 0 {
		t.Fatal(err, lines(validated.Diagnostics))
	}
	resp, err := c.s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: c.resource, PriorState: c.prior, ProposedNewState: c.config, Config: c.config,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.planned = resp.PlannedState
	return lines(resp.Diagnostics)
}

// apply applies what is planned, and returns what the provider says.
func (c *change) apply() string {
	t := c.s.t
	t.Helper()
	resp, err := c.s.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: c.resource, PriorState: c.prior, PlannedState: c.planned, Config: c.config,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.state = resp.NewState
	return lines(resp.Diagnostics)
}

// gone reports whether there is no state of the resource any more.
func (c *change) gone() bool {
	v, err := c.state.Unmarshal(c.s.schemas.ResourceSchemas[c.resource].ValueType())
	return err == nil && v.IsNull()
}

// gatewayOf is the configuration of a gateway in 172.17.54.0/24.
func (l *testLab) gatewayOf(network, address string) map[string]tftypes.Value {
	v4 := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"address": tftypes.String, "subnet_mask": tftypes.String, "cidr": tftypes.String}}
	return map[string]tftypes.Value{
		"network_id": text(l.ids[network]),
		"ipv4": tftypes.NewValue(v4, map[string]tftypes.Value{
			"address": text(address), "subnet_mask": text("255.255.255.0"), "cidr": tftypes.NewValue(tftypes.String, nil),
		}),
	}
}

func must(t *testing.T, said string) {
	t.Helper()
	if strings.Contains(said, "ERROR") {
		t.Fatal(said)
	}
}

func TestHandover_orders(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes long")
	}
	const resource = "vcc_default_gateway"
	address := func(l *testLab, network string) string {
		if g := l.stored(network); g != nil {
			return g.IPv4.Address.String()
		}
		return "none"
	}
	for name, test := range map[string]struct {
		steps string // r: the old one is removed, p: the new one is planned, c: it is created
		fails bool   // the backend refuses the new one
		want  string // what is stored in the end
		kept  bool   // the old one stays in the state
		says  string // the creation
	}{
		"removed, planned, created":               {"rpc", false, "172.17.54.2", false, ""},
		"planned, removed, created":               {"prc", false, "172.17.54.2", false, ""},
		"planned, created, removed":               {"pcr", false, "172.17.54.2", false, ""},
		"removed, planned, and refused":           {"rpc", true, "172.17.54.1", false, "Replaced Gateway Put Back"},
		"planned, removed, and refused":           {"prc", true, "172.17.54.1", false, "Replaced Gateway Kept"},
		"planned, refused, and so is the removal": {"pcr", true, "172.17.54.1", true, "Not that one"},
	} {
		for _, network := range []string{silver3, silver1} { // with nothing before, and with a detected one
			t.Run(name+", "+network, func(t *testing.T) {
				l := newTestLab(t).serve()
				old := l.servedTo(t).creation(resource, l.gatewayOf(network, "172.17.54.1"))
				old.plan()
				must(t, old.apply())
				if test.fails {
					l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
						if r.Method == http.MethodPut && strings.Contains(peek(r), "172.17.54.2") {
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(http.StatusBadRequest)
							_, _ = w.Write([]byte(`{"errorCode": "InvalidValue", "message": "not that one"}`))
							return
						}
						server.ServeHTTP(w, r)
					})
				}
				s := l.servedTo(t)
				begun := s.creation(resource, l.gatewayOf(silver4, "10.9.0.1")) // so that the walk is known to apply
				begun.plan()
				must(t, begun.apply())
				created := s.creation(resource, l.gatewayOf(network, "172.17.54.2"))
				removed := s.removal(old)
				for _, step := range test.steps {
					switch step {
					case 'p':
						must(t, created.plan())
					case 'c':
						if said := created.apply(); strings.Contains(said, "ERROR") != test.fails || !strings.Contains(said, test.says) {
							t.Errorf("the creation says %q", said)
						}
					case 'r':
						if said := removed.apply(); strings.Contains(said, "ERROR") != test.kept {
							t.Errorf("the removal says %q", said)
						}
					}
				}
				if got := address(l.testLab, network); got != test.want {
					t.Errorf("stored is %s, want %s", got, test.want)
				}
				if removed.gone() == test.kept {
					t.Errorf("the old one is gone from the state: %t", removed.gone())
				}
				if test.fails {
					l.meet(nil)
					return
				}
				// In the end what was detected is there again.
				must(t, l.servedTo(t).removal(created).apply())
				if g := l.stored(network); network == silver1 && (g == nil || g.Origin != vcc.OriginDetected) || network == silver3 && g != nil {
					t.Errorf("after all is removed there is %+v", g)
				}
			})
		}
	}
}

// servedTo returns a server that is configured for the served lab.
func (l *servedLab) servedTo(t *testing.T) *server {
	t.Helper()
	s := newServer(t)
	if said := s.configure(map[string]tftypes.Value{"endpoint": text(l.URL), "username": text("abc-company"), "password": text(sitePassword)}); said != "" {
		t.Fatal(said)
	}
	return s
}

// What a creation replaces is what its plan says, to the revision.
func TestHandover_neverOverwrites(t *testing.T) {
	const resource = "vcc_default_gateway"
	l := newTestLab(t)
	old := l.served().creation(resource, l.gatewayOf(silver3, "172.17.54.1"))
	old.plan()
	must(t, old.apply())
	s := l.served()
	begun := s.creation(resource, l.gatewayOf(silver4, "10.9.0.1"))
	begun.plan()
	must(t, begun.apply())
	created := s.creation(resource, l.gatewayOf(silver3, "172.17.54.2"))
	must(t, created.plan())
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.77/24")
	expectText(t, created.apply(), "was changed after this plan was made", "172.17.54.77 in 172.17.54.0/24", "The resource was not created", "Plan again")
	if g := l.stored(silver3); g.IPv4.Address.String() != "172.17.54.77" {
		t.Errorf("somebody's change was overwritten: %+v", g.IPv4)
	}
	// Nor is the other one's removal carried out.
	expectText(t, s.removal(old).apply(), "ERROR", "was to go over to another vcc_default_gateway")

	// It is the same where the change is seen before the write.
	created.s = l.served()
	expectText(t, created.apply(), "was changed after this plan was made", "172.17.54.77 in 172.17.54.0/24", "The resource was not created", "Plan again")
	if g := l.stored(silver3); g.IPv4.Address.String() != "172.17.54.77" {
		t.Errorf("somebody's change was overwritten: %+v", g.IPv4)
	}
}

// Two resources of a state have one network, and one of them goes: the removal would take the gateway from both,
// whichever is planned first.
func TestTwoForOneNetwork_orders(t *testing.T) {
	const resource = "vcc_default_gateway"
	l := newTestLab(t)
	created := l.served().creation(resource, l.gatewayOf(silver3, "172.17.54.1"))
	created.plan()
	must(t, created.apply())
	for _, removalFirst := range []bool{true, false} {
		s := l.served()
		stays := s.creation(resource, l.gatewayOf(silver3, "172.17.54.1"))
		stays.prior = created.state
		removed := s.removal(created)
		both := []*change{stays, removed}
		if removalFirst {
			slices.Reverse(both)
		}
		must(t, both[0].planFrom(created.state))
		expectText(t, both[1].planFrom(created.state), "ERROR", "Two Resources for One Cloud Network", "state rm")
	}
}

// planFrom plans what a state becomes.
func (c *change) planFrom(state *tfprotov6.DynamicValue) string {
	t := c.s.t
	t.Helper()
	proposed := state
	if c.planned != nil { // a removal
		proposed = c.planned
	}
	resp, err := c.s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: c.resource, PriorState: state, ProposedNewState: proposed, Config: c.config,
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines(resp.Diagnostics)
}

// Creations over what other resources have go on once all of those are planned to go.
func TestHandover_waitsForTheLastRemoval(t *testing.T) {
	const resource = "vcc_default_gateway"
	l := newTestLab(t)
	var old []*change
	networks := []string{silver3, silver4}
	for i, network := range networks {
		c := l.served().creation(resource, l.gatewayOf(network, []string{"172.17.54.1", "10.9.0.1"}[i]))
		c.plan()
		must(t, c.apply())
		old = append(old, c)
	}
	s := l.served()
	said := make(chan string)
	for i, network := range networks { // one of the two waits
		c := s.creation(resource, l.gatewayOf(network, []string{"172.17.54.2", "10.9.0.2"}[i]))
		go func() { said <- c.plan() }()
	}
	var plans []string
	for _, o := range slices.Backward(old) {
		plans = append(plans, s.removal(o).planFrom(o.state))
	}
	for _, said := range append(plans, <-said, <-said) {
		must(t, said)
	}
}
