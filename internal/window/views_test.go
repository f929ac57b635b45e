package window_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// row returns the cells of a row of the table of who reaches whom.
func row(t *testing.T, a answer, source string) string {
	t.Helper()
	_, rest, found := strings.Cut(a.body, `<th scope="row">`+source+"</th>")
	if !found {
		t.Fatalf("no row of %s: %s", source, a.text())
	}
	cells, _, _ := strings.Cut(rest, "</tr>")
	return plain(strings.ReplaceAll(cells, "</td>", " | "))
}

// Who reaches whom: the table, the steps of a cell, and what if.
func TestReachabilityPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.replicated()
	r := s.open(vcc.RoleViewer)
	page := r.get("/reachability")
	page.says(t, http.StatusOK, "On tcp port 443", "In 15 of 56 pairs the source reaches the destination")
	for source, want := range map[string]string{
		"web01":    "– | ✓ in one network | ✗ no default gateway | ✗ routing disabled | ✗ different hardware plan | ✗ no default gateway | ✓ through the internet | ✓ through the internet | ✓ through the internet |",
		"internet": "✗ no public IP rule | ✗ no public IP rule | ✗ no default gateway | ✗ no public IP rule | ✗ no public IP rule | ✗ no default gateway | ✓ by a public IP rule | ✗ no public IP rule | – |",
	} {
		if got := row(t, page, source); got != want {
			t.Errorf("row of %s\ngot  %s\nwant %s", source, got, want)
		}
	}

	// A cell leads to both packets' steps, and takes what is assumed along.
	what := "reachability?protocol=tcp&port=5432&routing=on&network=VMware+Silver+network+1&ipv4.address=172.17.54.1&ipv4.subnetMask=255.255.255.0"
	page = r.get("/" + what)
	page.says(t, http.StatusOK, "On tcp port 5432")
	if got, want := row(t, page, "web01"), "– | ✓ in one network | ✓ routed |"; !strings.HasPrefix(got, want) {
		t.Errorf("row of web01 with routing and a gateway: %s", got)
	}
	link := regexp.MustCompile(`href="(trace\?[^"]*source=web01&amp;destination=db01)"`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatalf("no link to web01 and db01: %s", page.body)
	}
	r.get("/"+html.UnescapeString(link[1])).says(t, http.StatusOK, "From web01 to db01", "✓ Reachable: routed. web01 (172.17.52.10) reaches db01 (172.17.54.20) on tcp port 5432",
		"The request tcp from 172.17.52.10:49152 to 172.17.54.20:5432 arrives on net1", "The reply tcp from 172.17.54.20:5432 to 172.17.52.10:49152 arrives on net3")
	// Nothing was saved.
	if routing, err := s.NetworkRouting(t.Context(), s.as); err != nil || routing.Revision != 0 || len(every(t, s.as, s.DefaultGateways)) != 3 {
		t.Errorf("what was assumed is stored: %+v, %v", routing, err)
	}
	r.get("/reachability?protocol=tcp&port=80&network=VMware+Silver+network+1+%28internet%29&none=true").says(t, http.StatusOK, "On tcp port 80 In 8 of 56")
	r.get("/reachability?protocol=icmp&port=443").says(t, http.StatusOK, "Over icmp")

	// What is wrong is said at its field, in the domain's words, and what was typed stays.
	page = r.get("/reachability?protocol=tcp&port=http&routing=off&network=VMware+Silver+network+1&ipv4.address=172.17.54.0&ipv4.subnetMask=255.255.255.0")
	page.says(t, http.StatusUnprocessableEntity, "172.17.54.0 is the network address of 172.17.54.0/24; a gateway needs a host address, 172.17.54.1 to 172.17.54.254")
	for _, markup := range []string{`<details open>`, `value="172.17.54.0" autocomplete="off" spellcheck="false" aria-invalid="true" aria-describedby="ipv4-address-error"`, `<option value="off" selected>`} {
		if !strings.Contains(page.body, markup) {
			t.Errorf("no %s in %s", markup, page.body)
		}
	}
	r.get("/reachability?protocol=tcp&port=http").says(t, http.StatusUnprocessableEntity, `"http" is not a port; use 1 to 65535`)
	r.get("/reachability?protocol=gre&port=1").says(t, http.StatusUnprocessableEntity, `"gre" is not a protocol; use tcp, udp or icmp`)
	// An overlap with a stored gateway is no more possible than in a write (D12).
	r.get("/reachability?protocol=tcp&port=1&network=VMware+Silver+network+1&ipv4.address=172.17.53.1&ipv4.subnetMask=255.255.255.0").
		says(t, http.StatusUnprocessableEntity, "overlaps")
	r.get("/trace?protocol=tcp&port=1&source=nobody&destination=web01").says(t, http.StatusUnprocessableEntity, `"nobody" is no VM of the tenant's site, no IP address and not the word internet`)
	r.get("/trace?protocol=tcp&port=1&source=172.17.52.10&destination=10.0.0.1").says(t, http.StatusOK, "✗ Not reachable: private destination.", "use an address that one of them holds")
}

// More VMs than a page has are on others, with the internet on each.
func TestReachabilityPage_parts(t *testing.T) {
	t.Parallel()
	for vms, want := range map[int]string{250: "201 to 250 of 250", 200: "101 to 200 of 200"} {
		s := manyVMs(t, vms, 10)
		r := s.open(vcc.RoleTenant)
		first, last := r.get("/reachability?source=vm001"), r.get("/reachability?protocol=tcp&port=443&rows=200&columns=9999")
		all := fmt.Sprintf("1 to 100 of %d", vms)
		first.says(t, http.StatusOK, "Sources "+all+", destinations "+all+", and the internet Sources after Destinations after")
		last.says(t, http.StatusOK, "Sources "+want+", destinations "+want, "Sources before Destinations before")
		for page, want := range map[*answer]int{&first: 101, &last: vms - (vms-1)/100*100 + 1} {
			if rows, columns := strings.Count(page.body, `<th scope="row">`), strings.Count(page.body, `<th scope="col">`); rows != want || columns != want {
				t.Errorf("%d rows and %d columns, want %d", rows, columns, want)
			}
		}
		for _, link := range []string{`href="reachability?columns=100&amp;port=443&amp;protocol=tcp`, `href="trace?port=443&amp;protocol=tcp&amp;source=vm002&amp;destination=internet"`} {
			if !strings.Contains(first.body, link) {
				t.Errorf("no link %s in %s", link, first.body[:9000])
			}
		}
	}
}

// The appliance's page says in tables what its picture shows.
func TestAppliancePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.replicated()
	r := s.open(vcc.RoleViewer)
	page := r.get("/appliance")
	page.says(t, http.StatusOK, "Appliance on esx01 (VMware): Stopped; shown as it would be at full site failover.",
		`no default gateway : no default gateway is stored for "VMware Silver network 1", so it gets no address and nothing gets out of it; store one`,
		"net3 VMware Silver network 1 none no internet access db01 172.17.54.20 no default gateway", "203.0.113.10:443 172.17.52.10:443 net1")
	if strings.Count(page.body, `class="network missing"`) != 3 {
		t.Error("not each of the three networks without a gateway is marked in the picture")
	}
	_, err := s.StartFailover(t.Context(), s.as, s.plan("Whole site").ID, false)
	ok(t, err)
	r.get("/appliance").says(t, http.StatusOK, `Running; the full site failover of plan "Whole site". Since`, "by test")
	r.get("/appliance?id=nothing").says(t, http.StatusNotFound, "there is no such network extension appliance")
}

// A failover is asked for once more, with what it would do, and its outcome is shown.
func TestFailoverPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.replicated()
	id := s.plan("Whole site").ID
	r := s.open(vcc.RoleTenant)
	under := func() bool { t.Helper(); return s.plan("Whole site").Session != nil }

	r.get("/failover").says(t, http.StatusOK, "Whole site db01", "203.0.113.10:443 to 172.17.52.10:443", "declared – Ready Test Start History")
	kept := func() []vcc.FailoverSession {
		t.Helper()
		return every(t, s.as, func(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.FailoverSession, int, error) {
			return s.FailoverSessions(ctx, as, vcc.FailoverSessionFilter{}, p)
		})
	}
	r.get("/sessions").says(t, http.StatusOK, "Nothing was failed over or tested yet.")
	r.get("/failover/"+id+"/test").says(t, http.StatusOK, `Test failover plan "Whole site"?`, "Nothing is started, and nothing of the site changes. A report of it is kept.")
	if len(kept()) != 0 {
		t.Error("the question left a report")
	}
	r.submit("/failover/"+id+"/test").says(t, http.StatusOK, "The report of this test is kept:", "Nothing was started. A failover would do this:", "net1 (VMware Silver network 1 (internet)) would get 172.17.52.1/23",
		`no default gateway is stored for "VMware Silver network 1"`)
	if under() {
		t.Fatal("a test started a failover")
	}
	r.get("/failover/"+id+"/start").says(t, http.StatusOK, `Start failover plan "Whole site"?`, "The appliances become the default gateways", "What it would do", "would get 172.17.52.1/23")
	if under() {
		t.Fatal("the question started a failover")
	}
	if len(kept()) != 1 {
		t.Errorf("a test and a question left %d sessions", len(kept()))
	}
	// A partial failover keeps the appliance busy, unless it is ended by force.
	_, err := s.StartPartialFailover(t.Context(), s.as, "web01")
	ok(t, err)
	r.get("/failover/"+id+"/start").says(t, http.StatusOK, `appliance busy : the network extension appliance is busy with the partial site failover of VM "web01"`)
	refused := r.submit("/failover/" + id + "/start")
	refused.says(t, http.StatusConflict, `busy with the partial site failover of VM "web01"`, "or start with force, which ends partial failovers")
	if under() {
		t.Fatal("a refused start started a failover")
	}
	r.submit("/failover/"+id+"/start", "force", "true").says(t, http.StatusOK, `Failover plan "Whole site" is started`, "This was done:", "net1 (VMware Silver network 1 (internet)) gets 172.17.52.1/23")
	if !under() {
		t.Fatal("a start by force started nothing")
	}
	r.get("/failover").says(t, http.StatusOK, "by test Test Undo")
	r.submit("/failover/"+id+"/start").says(t, http.StatusConflict, `busy with the full site failover of plan "Whole site"`)
	r.get("/failover/"+id+"/undo").says(t, http.StatusOK, `Undo failover plan "Whole site"?`, "The addresses are taken away from the appliances, and the appliances stop.")
	r.submit("/failover/"+id+"/undo").says(t, http.StatusOK, `Failover plan "Whole site" is undone`, "This was done:")
	if under() {
		t.Fatal("an undo ended nothing")
	}
	r.submit("/failover/"+id+"/undo").says(t, http.StatusConflict, "not failed over")
	r.get("/failover/nothing/start").says(t, http.StatusNotFound, "there is no failover plan with ID nothing")

	// A forged form does nothing, and neither does one of a viewer but to test.
	for _, form := range []url.Values{nil, {"form_token": {"x"}}, {"form_token": {""}, "force": {"true"}}} {
		r.post("/failover/"+id+"/start", form).says(t, http.StatusForbidden, "nothing was changed")
	}
	reader := s.open(vcc.RoleViewer)
	if strings.Contains(reader.get("/failover").text(), "Start") {
		t.Error("a viewer is offered a start")
	}
	reader.submit("/failover/"+id+"/start").says(t, http.StatusForbidden, "its role is viewer")
	before := len(kept())
	reader.get("/failover/"+id+"/test").says(t, http.StatusOK, "No report of it is kept, because your account may read and not write.")
	reader.submit("/failover/"+id+"/test").says(t, http.StatusOK, "Nothing was started", "No report of this test is kept")
	if len(kept()) != before {
		t.Error("a viewer left a report")
	}
	if under() {
		t.Fatal("a forged form, or a viewer's, started a failover")
	}
}

// A plan is shown with who changed it, in whose place it stands, and its history.
func TestFailoverPlanPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	declared := s.plan("Whole site")
	r := s.open(vcc.RoleViewer)
	history := "/failover/" + declared.ID + "/history"
	r.get(history).says(t, http.StatusOK, `History of failover plan "Whole site"`, "The failover plan is as the lab declared it first.")

	mine := vcc.FailoverPlanSettings{VMs: []string{"db01", "web01"}, Delays: map[string]time.Duration{"db01": time.Minute}}
	alice := vcc.Actor{TenantID: s.as.TenantID, Name: "alice"}
	plan, _, err := s.PutFailoverPlan(t.Context(), alice, declared.ID, "Whole site", mine, vcc.Precondition{})
	ok(t, err)
	const lab = "VMs: db01, web01, web02, file01 Public IP rules: 203.0.113.10:443 to 172.17.52.10:443, 203.0.113.11:8443 to 172.17.52.11:443"
	changed := vcc.TimeText(plan.UpdatedAt)
	r.get("/failover").says(t, http.StatusOK, "Whole site db01 (then 60 s) web01 None specified The lab declares for Whole site "+lab+" "+changed+" alice Ready")
	r.get(history).says(t, http.StatusOK, changed+" alice "+lab+" declared VMs: db01 (then 60 s), web01 Public IP rules: None specified", "1 to 1 of 1")

	// Of a plan that is gone the history is left.
	_, _, err = s.PutFailoverPlan(t.Context(), alice, goneID, "Half site", mine, vcc.Precondition{})
	ok(t, err)
	_, err = s.RemoveFailoverPlan(t.Context(), s.as, goneID, vcc.Precondition{})
	ok(t, err)
	r.get("/failover/"+goneID+"/history").says(t, http.StatusOK, "History of a failover plan that is gone", "test VMs: db01 (then 60 s), web01", "specified None", "1 to 2 of 2")
	r.get("/failover/nothing/history").says(t, http.StatusNotFound, "there is no failover plan with ID nothing")
}

const goneID = "6f1c1a52-8f0e-4c62-9c0f-3d7a5e0b9d11"

// The sessions are listed, newest first, and each is shown with what got which address, or would.
func TestFailoverSessionPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.replicated()
	plan := s.plan("Whole site").ID
	tested, err := s.TestFailover(t.Context(), s.as, plan)
	ok(t, err)
	started, err := s.StartFailover(t.Context(), s.as, plan, false)
	ok(t, err)
	r := s.open(vcc.RoleViewer)
	list := r.get("/sessions")
	list.says(t, http.StatusOK, "Full site failover Whole site test Under way 3", "Test Whole site test Nothing was started 3", "1 to 2 of 2")
	if strings.Index(list.body, started.ID) > strings.Index(list.body, tested.ID) {
		t.Error("the newest session is not the first")
	}
	_, err = s.UndoFailover(t.Context(), s.as, plan)
	ok(t, err)
	_, err = s.StartPartialFailover(t.Context(), s.as, "web01")
	ok(t, err)
	r.get("/sessions").says(t, http.StatusOK, "Partial site failover web01 test Under way None", "Ended at", "by test 3")

	r.get("/sessions/"+tested.ID).says(t, http.StatusOK, `Test of failover plan "Whole site"`, "Nothing was started: this says what a failover would have done then.",
		`no default gateway : no default gateway is stored for "VMware Silver network 1"`, "web01 esx01 VMware Silver network 1 (internet): 172.17.52.10/23 2001:db8:52::10/64",
		"net1 esx01 VMware Silver network 1 (internet) 172.17.52.1/23 fe80::1/64", "net3 esx01 VMware Silver network 1 none", "203.0.113.10:443 172.17.52.10:443 VMware Silver network 1 (internet)",
		`replica of VM "web01" would start`)
	r.get("/sessions/"+started.ID).says(t, http.StatusOK, `Full site failover of failover plan "Whole site"`, "It ended at", "by test.", `replica of VM "web01" started`)
	r.get("/sessions/nothing").says(t, http.StatusNotFound, "there is no failover session with ID nothing")
}

// Names are text on every page, never markup.
func TestViews_hostileNames(t *testing.T) {
	t.Parallel()
	const script = `<script>alert("x")</script>`
	s := newSite(t, func(lab *vcc.Lab) {
		abc := &lab.Tenants[0]
		abc.Name = script
		lab.ServiceProvider.Name = script
		lab.HardwarePlans[0].Name, abc.Subscriptions[0], abc.Jobs[0].HardwarePlan, abc.Jobs[0].Mapping = script, script, script, nil
		lab.HardwarePlans[0].Networks = vcc.LabNetworkCount{WithInternet: 3}
		abc.ProductionNetworks[0].Name = script
		for i := range abc.VMs[:2] {
			abc.VMs[i].NICs[0].Network = script
		}
		abc.VMs[0].Name, abc.Jobs[0].VMs[0] = script, script
		abc.FailoverPlans[0].Name, abc.FailoverPlans[0].VMs = script, []string{script, "web02"}
		abc.Jobs[0].Name = script
	})
	s.replicated()
	id := s.plan(script).ID
	_, _, err := s.PutFailoverPlan(t.Context(), vcc.Actor{TenantID: s.as.TenantID, Name: script}, id, script, vcc.FailoverPlanSettings{VMs: []string{"web02"}}, vcc.Precondition{})
	ok(t, err)
	r := s.open(vcc.RoleTenant)
	encoded := url.QueryEscape(script)
	pages := map[string]answer{}
	for _, path := range []string{
		"reachability", "appliance", "failover", "failover/" + id + "/start", "failover/" + id + "/history", "trace?protocol=tcp&port=443&source=" + encoded + "&destination=web02",
		"reachability?protocol=" + encoded + "&port=" + encoded + "&network=" + encoded + "&ipv4.address=" + encoded + "&ipv6.prefixLength=" + encoded + "&routing=" + encoded,
		"trace?source=" + encoded + "x&destination=" + encoded,
	} {
		pages[path] = r.get("/" + path)
	}
	pages["test"] = r.submit("/failover/" + id + "/test")
	pages["start"] = r.submit("/failover/" + id + "/start")
	pages["running appliance"] = r.get("/appliance")
	pages["sessions"] = r.get("/sessions")
	for _, session := range every(t, s.as, func(ctx context.Context, as vcc.Actor, p vcc.Page) ([]vcc.FailoverSession, int, error) {
		return s.FailoverSessions(ctx, as, vcc.FailoverSessionFilter{}, p)
	}) {
		pages[string(session.Operation())+" session"] = r.get("/sessions/" + session.ID)
	}
	for path, page := range pages {
		if strings.Contains(page.body, script) || strings.Count(page.body, "<script") != strings.Count(page.body, `<script src="/assets/`) {
			t.Errorf("%s has a name as markup:\n%s", path, page.body)
		}
		if !strings.Contains(page.text(), "<script>") {
			t.Errorf("%s does not show the name: %s", path, page.text())
		}
		if strings.Contains(page.body, " style=") {
			t.Errorf("%s has an inline style, which the policy forbids", path)
		}
	}
}
