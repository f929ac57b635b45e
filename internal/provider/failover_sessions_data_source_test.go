package provider_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// sessions is a vcc_failover_sessions named test.
func sessions(attributes ...string) string {
	return "data \"vcc_failover_sessions\" \"test\" {\n  " + strings.Join(attributes, "\n  ") + "\n}\n"
}

func TestAccFailoverSessions(t *testing.T) {
	l := newTestLab(t)
	expect := func(path tfjsonpath.Path, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.vcc_failover_sessions.test", path, check)
	}
	latest := func(attribute string) tfjsonpath.Path { return tfjsonpath.New("latest").AtMapKey(attribute) }
	texts := func(values ...string) knownvalue.Check {
		var list []knownvalue.Check
		for _, v := range values {
			list = append(list, knownvalue.StringExact(v))
		}
		return knownvalue.ListExact(list)
	}
	text, null := knownvalue.StringExact, knownvalue.Null()
	l.run(
		resource.TestStep{
			Config: l.config(sessions()),
			ConfigStateChecks: []statecheck.StateCheck{
				expect(tfjsonpath.New("sessions"), knownvalue.ListSizeExact(0)),
				expect(tfjsonpath.New("latest"), null),
				expect(tfjsonpath.New("explanation"), text("Neither a test of a failover plan nor a failover by it is on record; test one.")),
			},
		},
		resource.TestStep{
			PreConfig: l.others("failover", "test", "Whole site"),
			Config:    l.config(sessions(`failover_plan = "Whole site"`, `operation = "test"`)),
			ConfigStateChecks: []statecheck.StateCheck{
				expect(tfjsonpath.New("sessions"), knownvalue.ListSizeExact(1)),
				expect(latest("operation"), text("test")),
				expect(latest("kind"), text("fullSite")),
				expect(latest("failover_plan"), text("Whole site")),
				expect(latest("vm"), null),
				expect(latest("ended_at"), null),
				expect(latest("ended_by"), null),
				expect(latest("problems").AtSliceIndex(0).AtMapKey("code"), text("no_default_gateway")),
				expect(latest("problems").AtSliceIndex(0).AtMapKey("network_name"), text(silver3)),
				expect(latest("machines"), knownvalue.ListSizeExact(4)),
				expect(latest("machines").AtSliceIndex(1), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"vm": text("web01"), "host_name": text("esx01"), "networks": knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectExact(map[string]knownvalue.Check{
						"network_id": text(l.ids[silver1]), "network_name": text(silver1), "addresses": texts("172.17.52.10/23", "2001:db8:52::10/64"),
					})}),
				})),
				expect(latest("interfaces"), knownvalue.ListSizeExact(7)), // ext0, and those of both plans on the host
				expect(latest("interfaces").AtSliceIndex(1), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"host_name": text("esx01"), "name": text("net1"), "network_id": text(l.ids[silver1]), "network_name": text(silver1), "addresses": texts("172.17.52.1/23", "fe80::1/64"),
				})),
				expect(latest("interfaces").AtSliceIndex(3).AtMapKey("addresses"), texts()),
				expect(latest("public_addresses").AtSliceIndex(0), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"public": text("203.0.113.10:443"), "internal": text("172.17.52.10:443"), "host_name": text("esx01"), "network_name": text(silver1),
				})),
			},
		},
		resource.TestStep{ // failovers are sessions, too, and the newest comes first
			PreConfig: func() {
				l.command("failover", "start", "Whole site")
				l.command("failover", "undo")
				l.command("failover", "partial", "start", "web01")
			},
			Config: l.config(sessions(`operation = "start"`)),
			ConfigStateChecks: []statecheck.StateCheck{
				expect(tfjsonpath.New("sessions"), knownvalue.ListSizeExact(2)),
				expect(latest("kind"), text("partialSite")),
				expect(latest("vm"), text("web01")),
				expect(latest("failover_plan"), null),
				expect(latest("failover_plan_id"), null),
				expect(tfjsonpath.New("sessions").AtSliceIndex(1).AtMapKey("failover_plan"), text("Whole site")),
				expect(tfjsonpath.New("sessions").AtSliceIndex(1).AtMapKey("ended_at"), knownvalue.NotNull()),
			},
		},
		resource.TestStep{
			Config: l.config(sessions("limit = 1")),
			ConfigStateChecks: []statecheck.StateCheck{
				expect(tfjsonpath.New("sessions"), knownvalue.ListSizeExact(1)),
				expect(tfjsonpath.New("sessions").AtSliceIndex(0).AtMapKey("vm"), text("web01")),
			},
		},
		resource.TestStep{Config: l.config(sessions(`operation = "undo"`)), ExpectError: message(`operation: "undo" leaves no session; use test or start.`)},
		resource.TestStep{Config: l.config(sessions(`operation = ""`)), ExpectError: message("operation: the empty text selects nothing; use test or start, or leave it out.")},
		resource.TestStep{Config: l.config(sessions("limit = 0")), ExpectError: message("limit: 0 is out of range; use 1 to 1000.")},
		resource.TestStep{Config: l.config(sessions("limit = 1001")), ExpectError: message("limit: 1001 is out of range; use 1 to 1000.")},
		resource.TestStep{Config: l.config(sessions(`failover_plan = "Half site"`)), ExpectError: message(`failover_plan: the tenant has no failover plan "Half site"; did you mean "Whole site"?`)},
		resource.TestStep{Config: l.config(sessions(`failover_plan = "Shop"`)), ExpectError: message(`failover_plan: the tenant has no failover plan "Shop"`)}, // another tenant's
	)
}

// testedBefore moves the newest report into the past.
func (l *testLab) testedBefore(age time.Duration) {
	l.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(l.dir, "vcc.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // what was written is committed
	if _, err := db.ExecContext(l.t.Context(), "UPDATE failover_sessions SET started_at = ? WHERE id = (SELECT id FROM failover_sessions WHERE test ORDER BY started_at DESC LIMIT 1)", time.Now().Add(-age).UTC().Format("2006-01-02 15:04:05.999999-07:00")); err != nil {
		l.t.Fatal(err)
	}
}

// The check of the example demands a test within 90 days, and one without problems: in every plan, with one
// clear message where there is no test at all.
func TestAccFailoverSessions_check(t *testing.T) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(readExample(t, "data-sources/vcc_failover_sessions/data-source.tf")))
	const (
		lately   = "The failover plan has to be tested every 90 days."
		problems = "The last failover test found something to repair."
		day      = 24 * time.Hour
	)
	// says plans, and checks which of the two messages there are, and what else they say.
	says := func(what string, wants map[string]bool, more ...string) {
		t.Helper()
		for _, command := range [][]string{{"plan"}, {"apply", "-auto-approve"}} {
			out, status := w.terraform(command[0], command[1:]...)
			if status != 0 {
				t.Fatalf("%s: %s ended with %d: %s", what, command[0], status, out)
			}
			for _, text := range []string{lately, problems} {
				if got := strings.Contains(strings.ReplaceAll(out, "│ ", ""), text); got != wants[text] {
					t.Errorf("%s: %s says %q: %t\n%s", what, command[0], text, got, out)
				}
			}
			expectText(t, strings.ReplaceAll(out, "│ ", ""), more...)
			if strings.Contains(out, "will be read during apply") {
				t.Errorf("%s: %s puts the reading off: %s", what, command[0], out)
			}
		}
	}
	says("no test", map[string]bool{lately: true}, `No test of failover plan "Whole site" is on record; test it.`)
	w.command("failover", "start", "Whole site")
	w.command("failover", "undo")
	says("a failover and no test", map[string]bool{lately: true}, `No test of failover plan "Whole site" is on record; test it.`)
	w.command("failover", "test", "Whole site")
	says("a test with problems", map[string]bool{problems: true}, `Failover plan "Whole site" was last tested at`, `with 3 problems, the first: no default gateway is stored for "VMware Silver network 1"`)
	w.testedBefore(91 * day)
	says("an old test with problems", map[string]bool{lately: true, problems: true}, time.Now().Add(-91*day).UTC().Format("was last tested at 2006-01-02 "))
	for i, network := range []string{silver3, silver4, "VMware Bronze network 1"} {
		w.command("gateway", "set", network, "--ipv4", fmt.Sprintf("10.%d.0.1/24", 90+i))
	}
	w.command("failover", "test", "Whole site")
	says("a test without problems", nil)
	w.testedBefore(89 * day)
	says("a test of 89 days ago", nil)
	w.testedBefore(91 * day)
	says("a test of 91 days ago", map[string]bool{lately: true}, "without problems.")
}

// The guide has the check that is tested here, and says how many reports are kept.
func TestFailoverSessions_guide(t *testing.T) {
	content, err := os.ReadFile("../../templates/guides/prove-your-failover-in-every-plan.md")
	if err != nil {
		t.Fatal(err)
	}
	_, check, _ := strings.Cut(readExample(t, "data-sources/vcc_failover_sessions/data-source.tf"), "\n")
	check, _, _ = strings.Cut(check, "\n\n#")
	expectText(t, string(content), check, fmt.Sprintf("The backend keeps the %d newest reports of each failover plan", vcc.MaxFailoverTests))
}

// tests lists the reports of tests.
func (l *testLab) tests() (list []vcc.FailoverSession) {
	l.t.Helper()
	l.open(func(c *httpapi.Client) {
		var err error
		if list, _, err = c.FailoverSessions(l.t.Context(), vcc.Actor{}, vcc.FailoverSessionFilter{Operation: vcc.FailoverTest}, vcc.Page{Limit: 5}); err != nil {
			l.t.Fatal(err)
		}
	})
	return list
}

// The action's test leaves the report that the data source reads.
func TestFailoverAction_report(t *testing.T) {
	l := newTestLab(t)
	progress, _ := l.served().invoke(t.Context(), failoverAction, failover("Whole site", "test"))
	list := l.tests()
	if len(list) != 1 || !strings.HasSuffix(list[0].StartedBy, "(Terraform)") {
		t.Fatalf("the reports are %+v", list)
	}
	expectText(t, progress, "The report of this test is kept as failover session "+list[0].ID)
}

// A viewer's test leaves no report, and says so.
func TestFailoverAction_viewer(t *testing.T) {
	l := newServedLab(t)
	db, err := store.OpenSQLite(t.Context(), filepath.Join(l.dir, "vcc.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // what was written is committed
	tenants, err := db.Tenants(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.addAccount(db, vcc.Account{Username: "abc-viewer", Role: vcc.RoleViewer, TenantID: tenants[0].ID})
	s := newServer(t)
	if said := s.configure(map[string]tftypes.Value{"endpoint": text(l.URL), "username": text("abc-viewer"), "password": text(sitePassword)}); said != "" {
		t.Fatal(said)
	}
	progress, said := s.invoke(t.Context(), failoverAction, failover("Whole site", "test"))
	expectText(t, progress, `replica of VM "db01" would start`)
	expectText(t, said, "WARNING", "No Report Kept", "data source vcc_failover_sessions will not have it", "the account may read and not write")
	if strings.Contains(said, "ERROR") || strings.Contains(progress, "is kept") || len(l.tests()) != 0 {
		t.Error(said, progress, l.tests())
	}
}

// A test whose answer is lost is made again: there is a report more, and both are true.
func TestFailoverAction_lostAnswer(t *testing.T) {
	l := newServedLab(t)
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/test") {
			l.meet(nil)
			server.ServeHTTP(httptest.NewRecorder(), r)
			hangUp(w, r, server)
		}
		server.ServeHTTP(w, r)
	})
	progress, said := l.servedTo(t).invoke(t.Context(), failoverAction, failover("Whole site", "test"))
	if strings.Contains(said, "ERROR") {
		t.Error(said)
	}
	list := l.tests()
	if len(list) != 2 {
		t.Fatalf("there are %d reports", len(list))
	}
	expectText(t, progress, "The report of this test is kept as failover session "+list[0].ID)
}

// A backend of a release that keeps no sessions, and an unconfigured provider, are told apart from no session; and one
// that is gone before it is read counts for nothing.
func TestFailoverSessions_notRead(t *testing.T) {
	const name = "vcc_failover_sessions"
	answer := func(s *server) *tfprotov6.ReadDataSourceResponse {
		resp, err := s.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: s.value(s.schemas.DataSourceSchemas[name], nil)})
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	read := func(s *server) string { return lines(answer(s).Diagnostics) }
	l := newServedLab(t)
	l.command("failover", "test", "Whole site")
	l.command("failover", "plan", "set", "Half site", "--vm", "web01")
	l.command("failover", "test", "Half site")
	for gone, want := range []string{"Half site", "Whole site", ""} {
		l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
			for _, report := range l.tests()[:gone] {
				if strings.HasSuffix(r.URL.Path, "/failoverSessions/"+report.ID) {
					r.URL.Path += "0" // as of one that there is not
				}
			}
			server.ServeHTTP(w, r)
		})
		s := l.servedTo(t)
		resp := answer(s)
		must(t, lines(resp.Diagnostics))
		var state, latest map[string]tftypes.Value
		var plan, explanation string
		v, err := resp.State.Unmarshal(s.schemas.DataSourceSchemas[name].ValueType())
		if err == nil {
			err = v.As(&state)
		}
		if err == nil {
			err = errors.Join(state["explanation"].As(&explanation), state["latest"].As(&latest))
		}
		if err == nil && latest != nil {
			err = latest["failover_plan"].As(&plan)
		}
		wants := fmt.Sprintf("Failover plan %q was last tested", want)
		if want == "" {
			wants = "on record; test one."
		}
		if err != nil || plan != want || !strings.Contains(explanation, wants) {
			t.Errorf("%d gone: the latest is of %q, and explained as %q (%v)", gone, plan, explanation, err)
		}
	}
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/failoverSessions") {
			r.URL.Path += "Unknown" // as at a server that does not know the path
		}
		server.ServeHTTP(w, r)
	})
	expectText(t, read(l.servedTo(t)), "ERROR", "Failover Sessions Not Read", "The backend is of a release that keeps no failover sessions.")
	expectText(t, read(unconfigured(t)), "ERROR", "Failover Sessions Not Read", "values that are not known yet")
}
