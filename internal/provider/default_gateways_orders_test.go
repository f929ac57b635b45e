package provider_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const twoSets = "Two Resources for the Same Cloud Networks"

// applied is a resource of another walk that was created.
func (l *testLab) applied(resource string, attributes map[string]tftypes.Value) *change {
	l.t.Helper()
	c := l.served().creation(resource, attributes)
	must(l.t, c.plan())
	must(l.t, c.apply())
	return c
}

// wholeTenant are attributes of a vcc_default_gateways without its hardware_plan.
func wholeTenant(attributes map[string]tftypes.Value) map[string]tftypes.Value {
	delete(attributes, "hardware_plan")
	return attributes
}

// decoded has the server decode a state, as Terraform does before it plans anything of it.
func (s *server) decoded(resource, state string) {
	s.t.Helper()
	resp, err := s.UpgradeResourceState(s.t.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: resource, RawState: &tfprotov6.RawState{JSON: []byte(state)}})
	if err != nil || len(resp.Diagnostics) > 0 {
		s.t.Fatal(err, lines(resp.Diagnostics))
	}
}

// A vcc_default_gateways goes while another resource is planned to have one of its networks: the removal would take the gateway
// away from that. Whichever Terraform plans first, the plan is refused.
func TestSetGoes_orders(t *testing.T) {
	const set, single = "vcc_default_gateways", "vcc_default_gateway"
	onSilver3 := map[string]string{silver3: "172.17.54.1"}
	for name, test := range map[string]struct {
		goes  map[string]tftypes.Value
		other func(l *testLab, s *server) (plan func() string)
	}{
		"a single one is created": {setAttributes(onSilver3), func(l *testLab, s *server) func() string {
			return s.creation(single, l.gatewayOf(silver3, "172.17.54.1")).plan
		}},
		"a single one was imported": {setAttributes(onSilver3), func(l *testLab, s *server) func() string {
			stays := s.creation(single, l.gatewayOf(silver3, "172.17.54.1"))
			state := l.served().imported(single, l.ids[silver3]).state
			return func() string { return stays.planFrom(state) }
		}},
		"one of a plan was imported": {wholeTenant(setAttributes(onSilver3)), func(l *testLab, s *server) func() string {
			stays := s.creation(set, setAttributes(onSilver3))
			state := l.served().imported(set, "VMware Silver").state
			return func() string { return stays.planFrom(state) }
		}},
		"one of a plan was imported, and its map is not known": {wholeTenant(setAttributes(onSilver3)), func(l *testLab, s *server) func() string {
			attributes := setAttributes(onSilver3)
			attributes["gateways"] = tftypes.NewValue(attributes["gateways"].Type(), tftypes.UnknownValue)
			stays := s.creation(set, attributes)
			state := l.served().imported(set, "VMware Silver").state
			return func() string { return stays.update(state) }
		}},
		"one of a plan is created": {wholeTenant(setAttributes(onSilver3)), func(_ *testLab, s *server) func() string {
			return s.creation(set, setAttributes(onSilver3)).plan
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLab(t)
			goes := l.applied(set, test.goes)
			before := l.gateways()
			for _, first := range []string{"it goes first", "it goes second"} {
				s := l.served()
				s.decoded(set, fmt.Sprintf(`{"gateways": {%q: {"network_id": %q}}}`, silver3, l.ids[silver3]))
				removed, other := s.removal(goes), test.other(l, s)
				if first == "it goes first" {
					must(t, removed.planFrom(goes.state))
					expectText(t, other(), "ERROR")
					continue
				}
				other() // some creations are refused by themselves, because the gateway is stored
				expectText(t, removed.planFrom(goes.state), "ERROR", twoSets, "This plan removes the vcc_default_gateways of ",
					`other resources of this configuration have the gateways of "VMware Silver network 1"`, "removed block that has destroy = false")
			}
			expectUnchanged(t, l, before)
		})
	}
}

// What somebody reads of a state that a CLI without identities wrote has the identity that a read gives later on, whatever the read finds.
func TestSetIdentity(t *testing.T) {
	const set = "vcc_default_gateways"
	l := newTestLab(t)
	created := l.applied(set, setAttributes(map[string]string{silver3: "172.17.54.1"}))
	whole := l.served().imported(set, "ABC Company")
	other := newServer(t)
	if said := other.configure(map[string]tftypes.Value{"embedded": embeddedWith(map[string]any{"data_dir": l.dir, "tenant": "XYZ Holding"})}); said != "" {
		t.Fatal(said)
	}
	known := l.served()
	for _, c := range []*change{created, whole} {
		var private []byte
		want := ""
		for _, s := range []*server{known, unconfigured(t), other, other} { // which says only once that it is of another tenant
			read, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: set, CurrentState: c.state, Private: private})
			if err != nil {
				t.Fatal(err)
			}
			if said := lines(read.Diagnostics); strings.Contains(said, "Identity") {
				t.Error(said)
			}
			if s == known {
				private = read.Private
			}
			if read.NewIdentity == nil {
				continue // an error says that it is of another tenant
			}
			v, err := read.NewIdentity.IdentityData.Unmarshal(s.identityType(set))
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = v.String()
			}
			if v.String() != want {
				t.Errorf("the identity is %s, was %s", v, want)
			}
		}
	}
}

// A backend that was made anew has none of a state's IDs. The resources leave the state at a refresh with a warning, also where
// the CLI keeps their identities: the framework takes another one for a fault.
func TestBackendMadeAnew(t *testing.T) {
	const set, single = "vcc_default_gateways", "vcc_default_gateway"
	l := newTestLab(t)
	states := map[string]*change{
		"of a plan": l.applied(set, setAttributes(map[string]string{silver3: "172.17.54.1"})),
		"of all":    l.served().imported(set, "ABC Company"),
		"a single":  l.served().imported(single, l.ids[silver3]),
	}
	for name, c := range states {
		read := func(s *server, identity *tfprotov6.ResourceIdentityData) *tfprotov6.ReadResourceResponse {
			t.Helper()
			resp, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: c.resource, CurrentState: c.state, CurrentIdentity: identity})
			if err != nil {
				t.Fatal(err)
			}
			return resp
		}
		identity := read(l.served(), nil).NewIdentity
		anew := newServer(t)
		must(t, anew.configure(map[string]tftypes.Value{"embedded": embedded(t.TempDir())}))
		for _, kept := range []*tfprotov6.ResourceIdentityData{nil, identity} {
			resp := read(anew, kept)
			v, err := resp.NewState.Unmarshal(anew.schemas.ResourceSchemas[c.resource].ValueType())
			said := lines(resp.Diagnostics)
			if err != nil || !v.IsNull() || strings.Contains(said, "ERROR") {
				t.Errorf("%s: %v, %v: %s", name, v, err, said)
			}
			expectText(t, said, "WARNING", "was made anew")
		}
	}
}

// A plan that ended leaves the state at a refresh.
func TestSetOfPlanThatEnded(t *testing.T) {
	t.Parallel()
	const set = "vcc_default_gateways"
	l := &testLab{t: t, dir: t.TempDir(), ids: map[string]string{}}
	lab := func(plans, subscriptions string) string {
		file := filepath.Join(t.TempDir(), "lab.yaml")
		if err := os.WriteFile(file, []byte(`
service_provider: { name: sp.example.net }
hosts: [ { name: esx01, platform: VMware, vlans: [ { with_internet: [1, 20] } ] } ]
hardware_plans: [ `+plans+` ]
tenants: [ { name: ABC Company, subscriptions: [`+subscriptions+`] } ]
`), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const stays, ends = "{ name: Stays, host: esx01, networks: { with_internet: 1, without_internet: 0 } }", "{ name: Ends, host: esx01, networks: { with_internet: %d, without_internet: 0 } }"
	l.command("lab", "apply", lab(stays+", "+fmt.Sprintf(ends, 2), "Stays, Ends"))
	attributes := setAttributes(map[string]string{"Ends network 1 (internet)": "172.17.54.1"})
	attributes["hardware_plan"] = text("Ends")
	created := l.applied(set, attributes)
	l.command("lab", "apply", lab(stays, "Stays"), "--remove", "Ends")
	removed := l.served().removal(created)
	c := &change{s: l.served(), resource: set, state: created.state}
	expectText(t, c.refresh(), "WARNING", "Hardware Plan Gone", `hardware plan "Ends"`)
	if !c.gone() {
		t.Error("it is in the state still")
	}
	// The removal has nothing left to do.
	if said := removed.apply(); said != "" || !removed.gone() {
		t.Errorf("gone from the state: %t, and the removal says %s", removed.gone(), said)
	}
}

// A removal that finds no network or plan any more is done only if nothing of it is left. What a network that is gone should get back is
// passed over.
func TestSetRemoval_notFound(t *testing.T) {
	const set = "vcc_default_gateways"
	lab, networks, _ := wideLab(t, 3)
	l := lab.serve()
	attributes := func(address string) map[string]tftypes.Value {
		attributes := setAttributes(map[string]string{"Wide network 1 (internet)": address})
		attributes["hardware_plan"] = text("Wide")
		return attributes
	}
	created := l.applied(set, attributes("172.17.54.1"))
	created.put(tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{"Wide network 3 (internet)": text("detected: 10.0.0.1 in 10.0.0.0/24")}), "replaces")
	before := l.gateways()

	refused := l.servedTo(t).removal(created)
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method == http.MethodPut {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errorCode": "NotFound", "message": "there is no such network"}`))
			return
		}
		server.ServeHTTP(w, r)
	})
	expectText(t, refused.apply(), "ERROR", "Default Gateways Not Removed", "There is no such network")
	if refused.gone() {
		t.Error("it is gone from the state, and its gateway is stored")
	}
	l.meet(nil)
	expectUnchanged(t, l.testLab, before)

	// The provider knows the network, which the operator removes meanwhile.
	s := l.servedTo(t)
	must(t, s.creation(set, attributes("172.17.54.2")).update(created.state))
	narrow := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(narrow, []byte(strings.ReplaceAll(wideLabFile(3), "with_internet: 3,", "with_internet: 2,")), 0o600); err != nil {
		t.Fatal(err)
	}
	l.command("lab", "apply", narrow, "--remove", "Wide network 3 (internet)")
	removed := s.removal(created)
	expectText(t, removed.apply(), "WARNING", "Detected Gateways Not Brought Back", `"Wide network 3 (internet)": 10.0.0.1 in 10.0.0.0/24`)
	if len(l.gateways()) > 0 || !removed.gone() {
		t.Errorf("after the removal %d of %d networks have a gateway; gone from the state: %t", len(l.gateways()), len(networks), removed.gone())
	}
}

// A network that was removed and added again with the same name is another one, even if somebody gave it the same gateway: a removal that
// does not know it leaves it alone, and a refresh takes note of it.
func TestSetOfNetworkMadeAnew(t *testing.T) {
	t.Parallel()
	const set, third = "vcc_default_gateways", "Wide network 3 (internet)"
	l := &testLab{t: t, dir: t.TempDir(), ids: map[string]string{}}
	apply := func(networks string, flags ...string) {
		file := filepath.Join(t.TempDir(), "lab.yaml")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(wideLabFile(3), "with_internet: 3,", "with_internet: "+networks+",")), 0o600); err != nil {
			t.Fatal(err)
		}
		l.command(append([]string{"lab", "apply", file}, flags...)...)
	}
	apply("3")
	attributes := setAttributes(map[string]string{third: "172.17.54.1"})
	attributes["hardware_plan"] = text("Wide")
	created := l.applied(set, attributes)
	apply("2", "--remove", third)
	apply("3")
	l.command("gateway", "set", third, "--ipv4", "172.17.54.1/24")
	before := l.gateways()

	removed := l.served().removal(created)
	must(t, removed.apply())
	expectUnchanged(t, l, before)

	c := &change{s: l.served(), resource: set, state: created.state}
	expectText(t, c.refresh(), "WARNING", "Cloud Networks Made Anew", fmt.Sprintf("gateways[%q]: specified by ", third))
	must(t, c.refresh()) // which it is known to by now
	removed = l.served().removal(c)
	must(t, removed.apply())
	if now := l.gateways(); len(now) != len(before)-1 {
		t.Errorf("%d gateways are stored, want one less than %d", len(now), len(before))
	}
}

// A creation that was planned to replace what goes overwrites nothing that has not gone.
func TestSetReplacement_notGivenUp(t *testing.T) {
	const set = "vcc_default_gateways"
	l := newTestLab(t)
	attributes := func() map[string]tftypes.Value { return setAttributes(map[string]string{silver3: "172.17.54.1"}) }
	l.applied(set, attributes())
	before := l.gateways()
	s := l.served()
	s.decoded(set, fmt.Sprintf(`{"gateways": {%q: {"network_id": %q}}}`, silver3, l.ids[silver3])) // as one that is tainted
	c := s.creation(set, attributes())
	must(t, c.plan())
	expectText(t, c.apply(), "ERROR", "Default Gateways Not Created", `- "VMware Silver network 1": by `, "Nothing was overwritten, and the resource was not created", "leave that out of its lifecycle")
	expectUnchanged(t, l, before)
}

// What a creation removed because its map does not name it comes back, or a warning says that it does not.
func TestSetRemoval_notBroughtBack(t *testing.T) {
	const set = "vcc_default_gateways"
	l := newTestLab(t)
	created := l.applied(set, setAttributes(map[string]string{silver3: "172.17.54.1"}))
	l.command("gateway", "set", bronze1, "--ipv4", "172.17.56.9/24")
	said := l.served().removal(created).apply()
	expectText(t, said, "WARNING", "Detected Gateways Not Brought Back", `- "VMware Silver network 2 (internet)": 172.17.56.1 in 172.17.56.0/24`)
	if strings.Contains(said, silver1) {
		t.Errorf("%s came back, and the warning is %s", silver1, said)
	}
	l.as(silver1, "172.17.52.1", vcc.OriginDetected)
	l.as(silver2, "", "")
}

// What a removal brings back to a network for which another resource is created goes over to that, in whatever order an apply has them.
func TestSetRemoval_takenOver(t *testing.T) {
	const set, single = "vcc_default_gateways", "vcc_default_gateway"
	for order, apply := range map[string]func(t *testing.T, goes, comes *change){
		"it goes before the creation is planned again": func(t *testing.T, goes, comes *change) {
			t.Helper()
			must(t, goes.apply())
			must(t, comes.plan())
			must(t, comes.apply())
		},
		"it goes before the creation": func(t *testing.T, goes, comes *change) {
			t.Helper()
			must(t, comes.plan())
			must(t, goes.apply())
			must(t, comes.apply())
		},
		"it goes after the creation": func(t *testing.T, goes, comes *change) {
			t.Helper()
			must(t, comes.plan())
			must(t, comes.apply())
			must(t, goes.apply())
		},
		"it goes during the creation": func(t *testing.T, goes, comes *change) {
			t.Helper()
			must(t, comes.plan())
			said := make(chan string)
			go func() { said <- goes.apply() }()
			must(t, comes.apply())
			must(t, <-said)
		},
	} {
		t.Run(order, func(t *testing.T) {
			l := newTestLab(t)
			created := l.applied(set, setAttributes(map[string]string{silver3: "10.5.5.1"}))
			s := l.served()
			s.decoded(set, `{"hardware_plan": "VMware Silver", "replaces": {"VMware Silver network 2 (internet)": "detected: 172.17.56.1 in 172.17.56.0/24"}}`)
			comes := s.creation(single, l.gatewayOf(silver2, "172.17.54.9"))
			apply(t, s.removal(created), comes)
			if replaces := comes.attribute("replaces"); !replaces.IsNull() {
				t.Errorf("replaces is %s, and the plan had nothing", replaces)
			}
			l.as(silver2, "172.17.54.9", vcc.OriginSpecified)
			l.as(silver3, "", "")
			if !strings.HasSuffix(order, "after the creation") {
				must(t, l.served().removal(comes).apply())
				l.as(silver2, "172.17.56.1", vcc.OriginDetected)
			}
		})
	}
}

// A map without gateways is not blamed for what the routing option breaks.
func TestSetWithoutGateways_policy(t *testing.T) {
	l := newTestLab(t)
	l.command("gateway", "set", silver3, "--ipv4", "172.17.54.1/24")
	option := l.applied("vcc_network_routing", enabled(true))
	none := setAttributes(nil)
	none["hardware_plan"] = text("VMware Bronze")
	l.command("gateway", "remove", bronze1)
	set := l.applied("vcc_default_gateways", none)

	s := l.served()
	rules := s.schemas.ResourceSchemas["vcc_recovery_policy"].ValueType().(tftypes.Object).AttributeTypes["rules"].(tftypes.List)
	policy := s.creation("vcc_recovery_policy", map[string]tftypes.Value{
		"enforce": tftypes.NewValue(tftypes.Bool, true),
		"rules": tftypes.NewValue(rules, []tftypes.Value{tftypes.NewValue(rules.ElementType, map[string]tftypes.Value{
			"name": text("web reaches db"), "source": text("web01"), "destination": text("db01"), "protocol": text("tcp"),
			"port": tftypes.NewValue(tftypes.Number, 5432), "reachable": tftypes.NewValue(tftypes.Bool, true),
		})}),
	})
	must(t, policy.plan())
	expectText(t, s.creation("vcc_network_routing", enabled(false)).update(option.state), "ERROR", "Recovery Policy Does Not Hold")
	if said := s.creation("vcc_default_gateways", none).planFrom(set.state); said != "" {
		t.Error(said)
	}
}
