package provider_test

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func failover(plan, operation string) map[string]tftypes.Value {
	return map[string]tftypes.Value{"plan": text(plan), "operation": text(operation)}
}

const failoverAction = "vcc_failover"

// underWay reports whether a failover plan is failed over.
func (l *testLab) underWay() (failedOver bool) {
	l.t.Helper()
	l.open(func(c *httpapi.Client) {
		plans, _, err := c.FailoverPlans(l.t.Context(), vcc.Actor{}, vcc.Page{Limit: 2})
		if err != nil || len(plans) != 1 {
			l.t.Fatal(len(plans), err)
		}
		failedOver = plans[0].Session != nil
	})
	return failedOver
}

func TestFailoverAction(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	for _, step := range []struct {
		operation string
		under     bool     // whether a failover is under way afterwards
		progress  []string // what it must report
		says      []string // what the diagnostics must say; none if nil
	}{
		{"undo", false, nil, []string{"ERROR", "Failover Not Undone", `"Whole site" is not failed over`}},
		{"test", false, []string{
			`Testing full site failover by plan "Whole site": nothing is started`, "net1 (VMware Silver network 1 (internet)) would get 172.17.52.1/23",
			`replica of VM "db01" would start`,
		}, []string{"WARNING", "Problem at Failover", `No default gateway is stored for "VMware Silver network 1"`}},
		{"start", true, []string{
			`Starting full site failover by plan "Whole site"`, "net1 (VMware Silver network 1 (internet)) gets 172.17.52.1/23", `replica of VM "db01" started`,
		}, []string{"WARNING", `No default gateway is stored for "VMware Silver network 1"`}},
		{"start", true, nil, []string{"ERROR", "Failover Not Started", "Whole site"}},
		{"undo", false, []string{`Undoing full site failover by plan "Whole site"`, "addresses taken away"}, nil},
	} {
		progress, diagnostics := s.invoke(t.Context(), failoverAction, failover("Whole site", step.operation))
		expectText(t, progress, step.progress...)
		expectText(t, diagnostics, step.says...)
		if step.says == nil && diagnostics != "" {
			t.Errorf("%s says %s", step.operation, diagnostics)
		}
		if step.operation == "undo" && step.says == nil {
			if want := "Undoing full site failover by plan \"Whole site\"\naddresses taken away, network extension appliances stopped\n"; progress != want {
				t.Errorf("undo repeats the log of the start:\n%s", progress)
			}
		}
		if got := l.underWay(); got != step.under {
			t.Fatalf("after %s a failover is under way: %t", step.operation, got)
		}
	}
}

func TestFailoverAction_errors(t *testing.T) {
	l := newTestLab(t)
	s := l.served()
	say := func(s *server, attributes map[string]tftypes.Value) string {
		progress, diagnostics := s.invoke(t.Context(), failoverAction, attributes)
		if progress != "" {
			t.Errorf("progress beside an error: %s", progress)
		}
		return diagnostics
	}
	expectText(t, say(s, failover("Whole site", "begin")), "validate: ERROR", `AttributeName("operation")`, `"begin" is not an operation; use start, undo, test or rehearse`)
	expectText(t, say(s, failover("Half site", "start")), "plan: ERROR", `AttributeName("plan")`, `no failover plan "Half site"; did you mean "Whole site"?`)
	expectText(t, say(s, failover("Shop", "start")), "plan: ERROR", `no failover plan "Shop"`) // another tenant's
	fraction := failover("Whole site", "rehearse")
	checks := s.schemas.ActionSchemas[failoverAction].Schema.ValueType().(tftypes.Object).AttributeTypes["checks"].(tftypes.List)
	check := map[string]tftypes.Value{"source": text("web01"), "destination": text("db01"), "protocol": text("tcp"), "port": tftypes.NewValue(tftypes.Number, 443.5)}
	for name, typ := range checks.ElementType.(tftypes.Object).AttributeTypes {
		if _, given := check[name]; !given {
			check[name] = tftypes.NewValue(typ, nil)
		}
	}
	fraction["checks"] = tftypes.NewValue(checks, []tftypes.Value{tftypes.NewValue(checks.ElementType, check)})
	if said := say(s, fraction); strings.Count(said, "ERROR") != 1 || !strings.HasSuffix(strings.TrimSpace(said), "Invalid Number: checks[0].port: 443.5 is not a whole number.") {
		t.Errorf("a fraction of a port: %s", said)
	}
	expectText(t, say(unconfigured(t), failover("Whole site", "start")), "ERROR", "Failover Not Started", "values that are not known yet")
	if l.underWay() {
		t.Error("a failover was started")
	}
	// A plan is as good as one that is there where it is planned to be made, before or after.
	list := func(element tftypes.Type, values ...tftypes.Value) tftypes.Value {
		return tftypes.NewValue(tftypes.List{ElementType: element}, values)
	}
	vm := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String, "delay_seconds": tftypes.Number}}
	half := s.creation("vcc_failover_plan", map[string]tftypes.Value{"name": text("Half site"), "vms": list(vm, tftypes.NewValue(vm, map[string]tftypes.Value{
		"name": text("web01"), "delay_seconds": tftypes.NewValue(tftypes.Number, 0),
	}))})
	said := make(chan string)
	go func() { said <- half.plan() }()
	for range 2 {
		if _, diagnostics := s.plan(failoverAction, failover("Half site", "test")); diagnostics != "" {
			t.Error(diagnostics)
		}
	}
	must(t, <-said)
	expectText(t, say(s, failover("Hall site", "start")), "plan: ERROR", `no failover plan "Hall site"`)
	// Unknown values are settled later.
	unknown := map[string]tftypes.Value{"plan": unknownText, "operation": unknownText}
	if _, diagnostics := unconfigured(t).plan(failoverAction, unknown); diagnostics != "" {
		t.Error(diagnostics)
	}
	if _, diagnostics := s.plan(failoverAction, unknown); diagnostics != "" {
		t.Error(diagnostics)
	}
}

func TestFailoverAction_cancelled(t *testing.T) {
	plans := map[string]string{"GET /api/v1/cloudConnect/failoverPlans": `{"data": [{"id": "p", "name": "Whole site"}], "pagination": {"total": 1}}`}
	said := cancelled(t, "POST /api/v1/cloudConnect/failoverPlans/p/start", plans, func(ctx context.Context, s *server) string {
		_, diagnostics := s.invoke(ctx, failoverAction, failover("Whole site", "start"))
		return diagnostics
	})
	expectText(t, said, "ERROR", "Failover Not Started", "It is not known whether this was carried out", "WARNING", "backend failover status")
}

// A start by force ends the partial failovers.
func TestFailoverAction_force(t *testing.T) {
	l := newTestLab(t)
	l.open(func(c *httpapi.Client) {
		if _, err := c.StartPartialFailover(t.Context(), vcc.Actor{}, "web01"); err != nil {
			t.Fatal(err)
		}
	})
	s := l.served()
	_, said := s.invoke(t.Context(), failoverAction, failover("Whole site", "start"))
	expectText(t, said, "ERROR", "Failover Not Started", "or start with force, which ends partial failovers")
	forced := func(operation string) map[string]tftypes.Value {
		attributes := failover("Whole site", operation)
		attributes["force"] = tftypes.NewValue(tftypes.Bool, true)
		return attributes
	}
	progress, _ := s.invoke(t.Context(), failoverAction, forced("start"))
	expectText(t, progress, `the partial site failover of VM "web01" ended`, `replica of VM "db01" started`)
	if !l.underWay() {
		t.Error("no failover is under way")
	}
	_, said = s.invoke(t.Context(), failoverAction, forced("undo"))
	expectText(t, said, "validate: ERROR", `AttributeName("force")`, `only a start ends partial failovers; remove it, because operation is "undo"`)
}

// The provider's tenant decides whose plans there are.
func TestFailoverAction_tenant(t *testing.T) {
	l := newTestLab(t)
	for tenant, own := range map[string][2]string{"ABC Company": {"Whole site", "Shop"}, "XYZ Holding": {"Shop", "Whole site"}} {
		s := newServer(t)
		as := tftypes.NewValue(embeddedType, map[string]tftypes.Value{
			"data_dir": text(l.dir), "lab_file": tftypes.NewValue(tftypes.String, nil), "tenant": text(tenant),
		})
		if said := s.configure(map[string]tftypes.Value{"embedded": as}); said != "" {
			t.Fatal(said)
		}
		if _, said := s.plan(failoverAction, failover(own[0], "test")); said != "" {
			t.Errorf("%s: %s", tenant, said)
		}
		_, said := s.plan(failoverAction, failover(own[1], "test"))
		expectText(t, said, "plan: ERROR", "no failover plan")
	}
}
