package provider_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/cli"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/provider"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var providers = map[string]func() (tfprotov6.ProviderServer, error){
	"vcc": func() (tfprotov6.ProviderServer, error) { return provider.NewServer("test"), nil },
}

// The networks of the built-in lab that tests use.
const (
	silver1 = "VMware Silver network 1 (internet)" // its gateway was detected, both families
	silver2 = "VMware Silver network 2 (internet)" // its gateway was detected, IPv4
	silver3 = "VMware Silver network 1"
	silver4 = "VMware Silver network 2"
	bronze1 = "VMware Bronze network 1 (internet)" // its gateway was detected, IPv4
)

// testLab is a backend of its own for one test: what the console and the cmdlets
// are to a site, it is to the test.
type testLab struct {
	t   *testing.T
	dir string
	ids map[string]string // of the networks, by name
}

// newTestLab makes a lab, and the test one that runs beside others.
func newTestLab(t *testing.T) *testLab {
	t.Helper()
	t.Parallel()
	return openTestLab(t)
}

// openTestLab makes a lab.
func openTestLab(t *testing.T) *testLab {
	t.Helper()
	l := &testLab{t: t, dir: t.TempDir(), ids: map[string]string{}}
	l.open(func(c *httpapi.Client) {
		networks, err := vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
			return c.Networks(t.Context(), vcc.Actor{}, vcc.NetworkFilter{}, p)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range networks {
			l.ids[n.Name] = n.ID
		}
	})
	return l
}

func (l *testLab) open(use func(*httpapi.Client)) {
	l.t.Helper()
	e, err := backend.OpenEmbedded(context.Background(), backend.EmbeddedConfig{DataDir: l.dir, Program: "test"})
	if err != nil {
		l.t.Fatal(err)
	}
	defer e.Close() //nolint:errcheck // the test reads what it needs before
	use(e.Client)
}

// others returns a step's PreConfig in which somebody else uses the command line.
func (l *testLab) others(args ...string) func() {
	return func() { l.t.Helper(); l.command(args...) }
}

// command runs `backend ...` on the lab's data.
func (l *testLab) command(args ...string) {
	l.t.Helper()
	var out bytes.Buffer
	args = append([]string{"backend", "--data-dir", l.dir}, args...)
	if status := cli.Run(context.Background(), args, strings.NewReader(""), &out, &out, "test"); status != 0 {
		l.t.Fatalf("%v ended with %d: %s", args, status, &out)
	}
}

// stored returns the stored gateway of a network, nil for none.
func (l *testLab) stored(name string) (found *vcc.DefaultGateway) {
	l.t.Helper()
	for _, g := range l.gateways() {
		if g.NetworkName == name {
			found = &g
		}
	}
	return found
}

func (l *testLab) gateways() (list []vcc.DefaultGateway) {
	l.t.Helper()
	l.open(func(c *httpapi.Client) {
		var err error
		if list, err = vcc.All(func(p vcc.Page) ([]vcc.DefaultGateway, int, error) {
			return c.DefaultGateways(context.Background(), vcc.Actor{}, p)
		}); err != nil {
			l.t.Fatal(err)
		}
	})
	return list
}

func (l *testLab) routing() (r *vcc.NetworkRouting) {
	l.t.Helper()
	l.open(func(c *httpapi.Client) {
		var err error
		if r, err = c.NetworkRouting(context.Background(), vcc.Actor{}); err != nil {
			l.t.Fatal(err)
		}
	})
	return r
}

// config returns a configuration: the provider block for this lab, and blocks in
// which %{NAME} stands for the ID of the network with that name.
func (l *testLab) config(blocks ...string) string {
	text := fmt.Sprintf("provider \"vcc\" {\n  embedded = {\n    data_dir = %q\n  }\n}\n", l.dir) + strings.Join(blocks, "\n")
	for name, id := range l.ids {
		text = strings.ReplaceAll(text, "%{"+name+"}", id)
	}
	return text
}

// gateway is a vcc_default_gateway named test.
func gateway(network string, families ...string) string {
	return fmt.Sprintf("resource \"vcc_default_gateway\" \"test\" {\n  network_id = \"%%{%s}\"\n  %s\n}\n", network, strings.Join(families, "\n  "))
}

func ipv4(address, mask string) string {
	return fmt.Sprintf("ipv4 = {\n    address = %q\n    subnet_mask = %q\n  }", address, mask)
}

func ipv6(network string, length int, address string) string {
	return fmt.Sprintf("ipv6 = {\n    network = %q\n    prefix_length = %d\n    address = %q\n  }", network, length, address)
}

func routing(enabled bool) string {
	return fmt.Sprintf("resource \"vcc_network_routing\" \"test\" {\n  enabled = %t\n}\n", enabled)
}

// run runs steps on a lab. Terraform plans again after every apply and fails the
// test unless that plan is empty.
func (l *testLab) run(steps ...resource.TestStep) {
	l.t.Helper()
	resource.Test(l.t, resource.TestCase{ProtoV6ProviderFactories: providers, Steps: steps})
}

const (
	gatewayAddress = "vcc_default_gateway.test"
	routingAddress = "vcc_network_routing.test"
)

// planned checks a step's plan before it is applied.
func planned(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

func action(address string, a plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, a)
}

type planCheckFunc func(plancheck.CheckPlanRequest) error

func (f planCheckFunc) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	resp.Error = f(req)
}

// changes checks that a plan updates a resource in place and changes exactly
// the attributes named, computed ones included.
func changes(address string, attributes ...string) plancheck.PlanCheck {
	return planCheckFunc(func(req plancheck.CheckPlanRequest) error {
		for _, rc := range req.Plan.ResourceChanges {
			if rc.Address != address {
				continue
			}
			if !rc.Change.Actions.Update() {
				return fmt.Errorf("%s: planned %v, want an update", address, rc.Change.Actions)
			}
			before, after := map[string]any{}, map[string]any{}
			flatten("", rc.Change.Before, before)
			flatten("", rc.Change.After, after)
			unknown := map[string]any{}
			flatten("", rc.Change.AfterUnknown, unknown)
			maps.DeleteFunc(unknown, func(_ string, v any) bool { return v != true })
			maps.Copy(after, unknown)
			var changed []string
			for name := range maps.Keys(after) {
				if !reflect.DeepEqual(before[name], after[name]) {
					changed = append(changed, name)
				}
			}
			slices.Sort(changed)
			slices.Sort(attributes)
			if !slices.Equal(changed, attributes) {
				return fmt.Errorf("%s: the plan changes %v, want %v", address, changed, attributes)
			}
			return nil
		}
		return fmt.Errorf("%s is not in the plan", address)
	})
}

func flatten(name string, v any, into map[string]any) {
	object, ok := v.(map[string]any)
	if !ok {
		into[name] = v
		return
	}
	for k, v := range object {
		flatten(strings.TrimPrefix(name+"."+k, "."), v, into)
	}
}

// meanwhile lets somebody else act between a step's plan and its apply.
func meanwhile(act func()) plancheck.PlanCheck {
	return planCheckFunc(func(plancheck.CheckPlanRequest) error { act(); return nil })
}

// message matches text in the CLI's output, which wraps it anywhere and has
// sentences begin with a capital.
func message(text string) *regexp.Regexp {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	return regexp.MustCompile(`(?i)` + strings.Join(words, `\s+`))
}

// gone checks that a destroyed configuration left nothing behind.
func (l *testLab) gone(networks ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		for _, n := range networks {
			if g := l.stored(n); g != nil {
				return fmt.Errorf("%s still has a gateway: %+v", n, g)
			}
		}
		return nil
	}
}

// expectUnchanged checks that the stored gateways are those of before.
func expectUnchanged(t *testing.T, l *testLab, before []vcc.DefaultGateway) {
	t.Helper()
	if after := l.gateways(); !reflect.DeepEqual(before, after) {
		t.Errorf("something was stored:\n%+v\nwas\n%+v", after, before)
	}
}
