package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const (
	base     = "/api/v1/cloudConnect"
	gateways = base + "/defaultGateways"
	routing  = base + "/networkRouting"

	appBody = `{"ipv4": {"address": "172.17.52.1", "subnetMask": "255.255.254.0"}}`
)

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	// What is declared is part of a list's ETag.
	digests = regexp.MustCompile(`-[0-9a-f]{16}"$`)
	times   = regexp.MustCompile(`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)
)

// TestConditionalListing: a page that is known is not sent again, and whatever a page tells
// has another ETag once it is something else.
func TestConditionalListing(t *testing.T) {
	a := newAPI(t, nil)
	gateway := gateways + "/" + a.network(t, "ABC", "Silver network 1 (internet)")
	tag := a.do(t, "GET", gateways, "").header.Get("ETag")
	known := func(what string, etag string, status int) {
		t.Helper()
		got := a.do(t, "GET", gateways, "", "If-None-Match: "+etag)
		equal(t, "status "+what, got.status, status)
		if status == http.StatusNotModified {
			equal(t, "body "+what, got.body, "")
			equal(t, "ETag "+what, got.header.Get("ETag"), etag)
		}
	}
	known("at first", tag, http.StatusNotModified)
	for _, other := range []string{`"made-up"`, strings.Trim(tag, `"`), `"x", "y"`, `"x" ` + tag} {
		known("with "+other, other, http.StatusOK)
	}
	for _, same := range []string{"*", "W/" + tag, `"x",` + tag, `W/"x" , ` + tag + ` , "y"`} {
		equal(t, "status with "+same, a.do(t, "GET", gateways, "", "If-None-Match: "+same).status, http.StatusNotModified)
	}
	for _, change := range []struct {
		what string
		do   func()
	}{
		{"created", func() { a.do(t, "PUT", gateway, `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.255.255.0"}}`) }},
		{"changed", func() { a.do(t, "PUT", gateway, `{"ipv4": {"address": "10.0.0.2", "subnetMask": "255.255.255.0"}}`) }},
		{"removed", func() { a.do(t, "DELETE", gateway, "") }},
		{"detected", func() { a.do(t, "POST", base+"/replicationJobs/"+a.job(t)+"/run", "") }},
		{"renamed", func() { // a network with internet access more shifts those without
			lab, err := a.store.Lab(t.Context())
			ok(t, err)
			i := slices.IndexFunc(lab.HardwarePlans, func(p vcc.LabHardwarePlan) bool { return p.Name == "Silver" })
			lab.HardwarePlans[i].Networks.WithInternet++
			a.applyLab(t, lab)
		}},
	} {
		change.do()
		known("once it was "+change.what, tag, http.StatusOK)
		tag = a.do(t, "GET", gateways, "").header.Get("ETag")
		known("later", tag, http.StatusNotModified)
	}
	a.do(t, "POST", base+"/replicationJobs/"+a.job(t)+"/run", "")
	known("after what changes nothing", tag, http.StatusNotModified)
}

// TestAnswersOnTheWire plays every operation and compares the JSON, with IDs and
// times blotted out.
func TestAnswersOnTheWire(t *testing.T) {
	a := newAPI(t, nil)
	gateway := gateways + "/" + a.network(t, "ABC", "Silver network 1 (internet)")
	run := base + "/replicationJobs/" + a.job(t) + "/run"
	planID := decode[httpapi.List[httpapi.HardwarePlan]](t, a.do(t, "GET", base+"/hardwarePlans?skip=1", "")).Data[0].ID

	page := func(total, count, skip, limit int, entries ...string) string {
		return fmt.Sprintf(`{"data": [%s], "pagination": {"total": %d, "count": %d, "skip": %d, "limit": %d}}`, strings.Join(entries, ","), total, count, skip, limit)
	}
	network := func(name string, vlan int, internet bool) string {
		plan, _, _ := strings.Cut(name, " ")
		return fmt.Sprintf(`{"id": "ID", "name": %q, "hardwarePlanId": "ID", "hardwarePlanName": %q, "hostId": "ID", "vlanId": %d, "internetAccess": %t}`, name, plan, vlan, internet)
	}
	const (
		v4   = `{"address": "172.17.52.1", "subnetMask": "255.255.254.0", "cidr": "172.17.52.0/23"}`
		v6   = `{"address": "fe80::1", "network": "2001:db8:52::", "prefixLength": 48, "cidr": "2001:db8:52::/48"}`
		only = `{"origin": "specified", "ipv4": ` + v4 + `, "ipv6": null}`
		both = `{"origin": "specified", "ipv4": ` + v4 + `, "ipv6": ` + v6 + `}`
	)
	stored := func(name, origin string, revision int, by, v4, v6, more string) string {
		return fmt.Sprintf(`{"networkId": "ID", "networkName": %q, "hardwarePlanId": "ID", "hardwarePlanName": "Silver",
			"origin": %q, "revision": %d, "updatedAt": "TIME", "updatedBy": %q, "ipv4": %s, "ipv6": %s %s}`, name, origin, revision, by, v4, v6, more)
	}
	const admin = "admin of ABC"
	warnings := `, "warnings": [{"field": "ipv6.prefixLength", "message": "Only /64 works for failover over IPv6. A prefix length of 48 is stored, ` +
		`but at full site failover the network extension appliance leaves this network without IPv6."}]`
	change := func(revision int, before, after string) string {
		return fmt.Sprintf(`{"revision": %d, "time": "TIME", "actor": %q, "before": %s, "after": %s}`, revision, admin, before, after)
	}
	bothBody := `{"ipv4": {"address": "172.17.52.1", "subnetMask": "255.255.254.0"}, "ipv6": {"address": "FE80:0::1", "network": "2001:db8:52::", "prefixLength": 48}}`
	job := func(runs int, last string) string {
		return fmt.Sprintf(`{"id": "ID", "name": "Nightly", "hardwarePlanId": "ID", "hardwarePlanName": "Silver", "applicationAware": false, "runs": %d, "lastRun": %s}`, runs, last)
	}
	failover := base + "/failoverPlans/" + a.plan(t)
	session := func(id, kind, plan, vm, end string) string {
		planID, endedAt, endedBy := "", "null", ""
		log, problems := `{"time": "TIME", "message": "esx01: prepared"}, {"time": "TIME", "message": "esx01: replica of VM \"web01\" started"}`, `{"code": "no_default_gateway", "networkId": "ID", "networkName": "N", "message": "m"}`
		if plan != "" {
			planID = "ID"
		} else {
			log, problems = `{"time": "TIME", "message": "esx01: replica of VM \"web01\" started behind a layer-2 tunnel"}`, ""
		}
		if id == "" {
			log = strings.ReplaceAll(log, "started", "would start")
		}
		if end != "" {
			endedAt, endedBy = `"TIME"`, admin
			log += fmt.Sprintf(`, {"time": "TIME", "message": %q}`, end)
		}
		return fmt.Sprintf(`{"id": %q, "kind": %q, "planId": %q, "planName": %q, "vm": %q, "startedAt": "TIME", "startedBy": %q, "endedAt": %s, "endedBy": %q, "log": [%s], "problems": [%s], "test": %t}`,
			id, kind, planID, plan, vm, admin, endedAt, endedBy, log, problems, id == "")
	}
	detected := gateways + "/" + a.network(t, "ABC", "Silver network 2")
	plan := func(session string) string {
		return `{"id": "ID", "name": "Whole site", "vms": ["web01"], "publicIpRules": [{"address": "203.0.113.10", "port": 443, "toAddress": "172.17.52.10", "toPort": 8443}], "session": ` + session + `}`
	}
	packet := func(port string) string {
		return `"verdict": "forwarded", "reason": "same_hardware_plan", "steps": [{"kind": "arriving", "message": "m", "interface": "net1", "from": "", "to": "", "route": ""}],
			"source": "10.0.0.2:40000", "destination": "10.0.1.2` + port + `"`
	}

	for i, step := range []struct {
		request, body, header string
		status                int
		etag, want            string
	}{
		{"GET /api/v1/serverInfo", "", "Authorization: ", 200, "", `{"name": "terraform-provider-vcc", "buildVersion": "1.2.3", "apiVersion": "1.0"}`},
		{"GET " + base + "/hardwarePlans", "", "", 200, "", page(2, 2, 0, 200,
			`{"id": "ID", "name": "Silver", "hostName": "esx01", "platform": "VMware", "networksWithInternet": 1, "networksWithoutInternet": 2}`,
			`{"id": "ID", "name": "Gold", "hostName": "hyperv01", "platform": "HyperV", "networksWithInternet": 1, "networksWithoutInternet": 0}`)},
		{"GET " + base + "/networks", "", "", 200, "", page(4, 4, 0, 200,
			network("Silver network 1 (internet)", 101, true), network("Silver network 1", 111, false), network("Silver network 2", 112, false), network("Gold network 1 (internet)", 201, true))},
		{"GET " + base + "/networks?skip=1&limit=2", "", "", 200, "", page(4, 2, 1, 2, network("Silver network 1", 111, false), network("Silver network 2", 112, false))},
		{"GET " + base + "/networks?nameFilter=Silver%20network%201", "", "", 200, "", page(1, 1, 0, 200, network("Silver network 1", 111, false))},
		{"GET " + base + "/networks?hardwarePlanIdFilter=" + planID, "", "", 200, "", page(1, 1, 0, 200, network("Gold network 1 (internet)", 201, true))},

		{"GET " + gateways, "", "", 200, `"0-DIGEST"`, page(0, 0, 0, 200)},
		{"PUT " + gateway, appBody, "If-None-Match: *", 201, `"1"`, stored("Silver network 1 (internet)", "specified", 1, admin, v4, "null", "")},
		{"PUT " + gateway, appBody, "", 200, `"1"`, stored("Silver network 1 (internet)", "specified", 1, admin, v4, "null", "")},
		{"PUT " + gateway, bothBody, `If-Match: "1"`, 200, `"2"`, stored("Silver network 1 (internet)", "specified", 2, admin, v4, v6, warnings)},
		{"PUT " + gateway, bothBody, "Content-Type: application/json; charset=utf-8", 200, `"2"`, stored("Silver network 1 (internet)", "specified", 2, admin, v4, v6, warnings)},
		{"GET " + gateway, "", "", 200, `"2"`, stored("Silver network 1 (internet)", "specified", 2, admin, v4, v6, "")},
		{"GET " + gateways + "?limit=1000", "", "", 200, `"2-DIGEST"`, page(1, 1, 0, 1000, stored("Silver network 1 (internet)", "specified", 2, admin, v4, v6, ""))},
		{"DELETE " + gateway, "", `If-Match: "2"`, 204, "", ""},
		{"GET " + gateway + "/changes", "", "", 200, "", page(3, 3, 0, 200, change(3, both, "null"), change(2, only, both), change(1, "null", only))},
		{"GET " + gateway + "/changes?skip=3", "", "", 200, "", page(3, 0, 3, 200)},

		{"GET " + routing, "", "", 200, `"0"`, `{"enabled": false, "tenantId": "ID", "tenantName": "ABC", "revision": 0, "updatedAt": null, "updatedBy": ""}`},
		{"PUT " + routing, `{"enabled": true}`, `If-Match: "0"`, 200, `"4"`, `{"enabled": true, "tenantId": "ID", "tenantName": "ABC", "revision": 4, "updatedAt": "TIME", "updatedBy": "admin of ABC"}`},
		{"GET " + routing, "", "", 200, `"4"`, `{"enabled": true, "tenantId": "ID", "tenantName": "ABC", "revision": 4, "updatedAt": "TIME", "updatedBy": "admin of ABC"}`},

		{"GET " + base + "/replicationJobs", "", "", 200, "", page(1, 1, 0, 200, job(0, "null"))},
		{"POST " + run, "", "", 200, "", `{"job": ` + job(1, `"TIME"`) + `,
			"detected": [` + stored("Silver network 2", "detected", 5, `replication job "Nightly"`, v4, "null", "") + `],
			"skipped": [{"productionNetwork": "Data", "reason": "none of its VMs in the job runs Windows, and settings of other guests are not detected; specify the gateway"}]}`},
		{"POST " + run, "", "", 200, "", `{"job": ` + job(2, `"TIME"`) + `, "detected": [], "skipped": []}`},
		{"PUT " + detected, bothBody, `If-Match: "5"`, 200, `"6"`, stored("Silver network 2", "specified", 6, admin, v4, v6, `, "detected": {"ipv4": `+v4+`, "ipv6": null}`+warnings)},
		{"DELETE " + detected + "?restoreDetected=true", "", `If-Match: "6"`, 200, `"7"`, stored("Silver network 2", "detected", 7, admin, v4, "null", "")},
		{"DELETE " + detected + "?restoreDetected=true", "", `If-Match: "7"`, 204, "", ""},

		{"GET " + base + "/failoverPlans", "", "", 200, "", page(1, 1, 0, 200, plan("null"))},
		{"POST " + failover + "/test", "", "", 200, "", session("", "fullSite", "Whole site", "", "")},
		{"POST " + failover + "/start", "", "", 200, "", session("ID", "fullSite", "Whole site", "", "")},
		{"GET " + base + "/failoverPlans", "", "", 200, "", page(1, 1, 0, 200, plan(session("ID", "fullSite", "Whole site", "", "")))},
		{"GET " + base + "/networkExtensionAppliances?limit=1", "", "", 200, "", page(2, 1, 0, 1,
			`{"id": "ID", "hostName": "esx01", "platform": "VMware", "hardwarePlans": ["Silver"], "state": "fullSiteFailover", "session": `+session("ID", "fullSite", "Whole site", "", "")+`,
			"interfaces": [], "routes": [], "sourceNat": [], "destinationNat": [], "problems": []}`)},
		{"POST " + failover + "/undo", "", "", 200, "", session("ID", "fullSite", "Whole site", "", "addresses taken away, network extension appliances stopped")},
		{"GET " + base + "/networkExtensionAppliances/" + a.appliance(t), "", "", 200, "", `{
			"id": "ID", "hostName": "esx01", "platform": "VMware", "hardwarePlans": ["Silver"], "state": "stopped", "session": null,
			"interfaces": [{"name": "ext0", "networkId": "", "networkName": "", "addresses": []}, {"name": "net1", "networkId": "ID", "networkName": "N", "addresses": ["10.0.0.1/24"]}],
			"routes": [{"destination": "10.0.0.0/24", "interface": "net1", "gateway": ""}, {"destination": "0.0.0.0/0", "interface": "ext0", "gateway": "198.51.100.1"}],
			"sourceNat": [{"interfaces": ["net1"], "to": "198.51.100.5"}],
			"destinationNat": [{"public": "203.0.113.10:443", "internal": "10.0.0.2:443", "interface": "net1"}],
			"problems": [{"code": "c", "networkId": "ID", "networkName": "N", "message": "m"}]}`},
		{"POST " + base + "/partialFailovers/web01/start", "", "", 200, "", session("ID", "partialSite", "", "web01", "")},
		{"POST " + base + "/partialFailovers/web01/stop", "", "", 200, "", session("ID", "partialSite", "", "web01", "replica and tunnel stopped")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "tcp", "port": 443}`, "", 200, "",
			`{"reachable": true, "explanation": "e", "addresses": ["10.0.0.2"], ` + packet(":443") + `, "reply": {` + packet(":443") + `}}`},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "icmp"}`, "", 200, "",
			`{"reachable": false, "explanation": "e", "addresses": ["10.0.0.2"], ` + packet("") + `, "reply": null}`},
		{"POST " + base + "/routeTrace", `{"questions": [{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "tcp", "port": 443}, {"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "icmp"}]}`, "", 200, "",
			`{"answers": [{"reachable": true, "explanation": "e", "addresses": ["10.0.0.2"], ` + packet(":443") + `, "reply": {` + packet(":443") + `}},
			{"reachable": false, "explanation": "e", "addresses": ["10.0.0.2"], ` + packet("") + `, "reply": null}]}`},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "tcp", "port": 443, "unwanted": true, "assume": {"routingEnabled": true, "removals": ["x"],
			"gateways": [{"networkId": "x", "ipv4": {"address": "10.0.0.1", "subnetMask": "255.255.255.0"}}]}}`, "", 200, "",
			`{"reachable": false, "explanation": "e", "addresses": ["10.0.0.2"], "verdict": "forwarded", "reason": "same_hardware_plan", "source": "10.0.0.2:40000", "destination": "10.0.1.2:443",
			"steps": [{"kind": "arriving", "message": "m", "interface": "net1", "from": "", "to": "", "route": ""}], "reply": null}`},

		// A tenant that has nothing.
		{"GET " + gateways, "", "Authorization: Bearer XYZ", 200, `"0-DIGEST"`, page(0, 0, 0, 200)},
		{"GET " + base + "/replicationJobs", "", "Authorization: Bearer XYZ", 200, "", page(0, 0, 0, 200)},
		{"GET " + base + "/failoverPlans", "", "Authorization: Bearer XYZ", 200, "", page(0, 0, 0, 200)},
		{"GET " + base + "/networks?nameFilter=%00", "", "Authorization: Bearer XYZ", 200, "", page(0, 0, 0, 200)},
	} {
		method, path, _ := strings.Cut(step.request, " ")
		got := a.do(t, method, path, step.body, headers(step.header)...)
		what := fmt.Sprintf("step %d, %s", i, step.request)
		equal(t, "status of "+what, got.status, step.status)
		equal(t, "ETag of "+what, digests.ReplaceAllString(got.header.Get("ETag"), `-DIGEST"`), step.etag)
		if step.want == "" {
			equal(t, "body of "+what, got.body, "")
			continue
		}
		equal(t, "content type of "+what, got.header.Get("Content-Type"), "application/json")
		plain := times.ReplaceAllString(uuids.ReplaceAllString(got.body, "ID"), `"TIME"`)
		equal(t, what, decode[any](t, answer{body: plain}), decode[any](t, answer{body: step.want}))
	}
	equal(t, "log", a.log.String(), "")
}

func headers(h string) []string {
	if h == "" {
		return nil
	}
	return []string{h}
}

// TestBadRequests sends what must be refused, and looks whether it was stored.
func TestBadRequests(t *testing.T) {
	a := newAPI(t, nil)
	id, other := a.network(t, "ABC", "Silver network 1 (internet)"), a.network(t, "ABC", "Silver network 1")
	foreign := a.network(t, "XYZ", "Gold network 1 (internet)")
	gateway := gateways + "/" + id
	a.do(t, "PUT", gateways+"/"+other, `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.0.0.0"}}`)
	run := base + "/replicationJobs/" + a.job(t) + "/run"

	v4 := func(address, mask string) string {
		return fmt.Sprintf(`{"ipv4": {"address": %s, "subnetMask": %s}}`, address, mask)
	}
	v6 := func(address, network, length string) string {
		return fmt.Sprintf(`{"ipv6": {"address": %s, "network": %s, "prefixLength": %s}}`, address, network, length)
	}
	invalid := func(field string) wireError { return wireError{ErrorCode: "InvalidValue", Field: field} }
	notFound := func(id string) wireError { return wireError{ErrorCode: "NotFound", ResourceID: id} }

	for _, tc := range []struct {
		request, body, header string
		status                int
		want                  wireError
	}{
		// What is no settings at all.
		{"PUT " + gateway, "", "", 400, invalid("")},
		{"PUT " + gateway, "null", "", 400, invalid("")},
		{"PUT " + gateway, "[]", "", 400, invalid("")},
		{"PUT " + gateway, `"ipv4"`, "", 400, invalid("")},
		{"PUT " + gateway, "{", "", 400, invalid("")},
		{"PUT " + gateway, appBody + appBody, "", 400, invalid("")},
		{"PUT " + gateway, "ipv4: {}", "", 400, invalid("")},
		{"PUT " + gateway, "{}", "", 400, invalid("")},
		{"PUT " + gateway, `{"ipv4": null}`, "", 400, invalid("")},
		{"PUT " + gateway, "{\"ipv4\xff\": 1}", "", 400, invalid("ipv4\ufffd")},
		// Properties: unknown, missing, of the wrong type.
		{"PUT " + gateway, `{"ipv5": {}}`, "", 400, invalid("ipv5")},
		{"PUT " + gateway, `{"IPv4": {"address": "172.17.52.1", "subnetMask": "255.255.254.0"}}`, "", 400, invalid("IPv4")},
		{"PUT " + gateway, `{"ipv4": {"address": "172.17.52.1", "subnetMask": "255.255.254.0", "cidr": "172.17.52.0/23"}}`, "", 400, invalid("ipv4.cidr")},
		{"PUT " + gateway, `{"origin": "detected"}`, "", 400, invalid("origin")},
		{"PUT " + gateway, `{"ipv4": {}}`, "", 400, invalid("ipv4.address")},
		{"PUT " + gateway, `{"ipv4": {"address": "172.17.52.1"}}`, "", 400, invalid("ipv4.subnetMask")},
		{"PUT " + gateway, `{"ipv6": {"address": "fe80::1", "network": "2001:db8::"}}`, "", 400, invalid("ipv6.prefixLength")},
		{"PUT " + gateway, `{"ipv4": "172.17.52.1/23"}`, "", 400, invalid("ipv4")},
		{"PUT " + gateway, v4("17", `"255.255.254.0"`), "", 400, invalid("ipv4.address")},
		{"PUT " + gateway, v4(`"172.17.52.1"`, "23"), "", 400, invalid("ipv4.subnetMask")},
		{"PUT " + gateway, v4(`"172.17.52.1"`, "null"), "", 400, invalid("ipv4.subnetMask")},
		{"PUT " + gateway, v6(`"fe80::1"`, `"2001:db8::"`, `"64"`), "", 400, invalid("ipv6.prefixLength")},
		{"PUT " + gateway, v6(`"fe80::1"`, `"2001:db8::"`, "64.5"), "", 400, invalid("ipv6.prefixLength")},
		{"PUT " + gateway, v6(`"fe80::1"`, `"2001:db8::"`, "1e400"), "", 400, invalid("")},
		// Values that break a rule.
		{"PUT " + gateway, v4(`"172.17.52.0"`, `"255.255.254.0"`), "", 400, invalid("ipv4.address")},
		{"PUT " + gateway, v4(`"172.17.52.1"`, `"255.0.255.0"`), "", 400, invalid("ipv4.subnetMask")},
		{"PUT " + gateway, v6(`"::1"`, `"2001:db8::"`, "64"), "", 400, invalid("ipv6.address")},
		{"PUT " + gateway, v6(`"fe80::1"`, `"2001:db8::1"`, "64"), "", 400, invalid("ipv6.network")},
		{"PUT " + gateway, v6(`"fe80::1"`, `"2001:db8::"`, "129"), "", 400, invalid("ipv6.prefixLength")},
		{"PUT " + gateway, v4(`"10.1.0.1"`, `"255.255.0.0"`), "", 409, wireError{ErrorCode: "Conflict", Field: "ipv4", ResourceID: other}},
		// Objects that are not there, or not theirs.
		{"GET " + gateway, "", "", 404, notFound(id)},
		{"DELETE " + gateway, "", "", 404, notFound(id)},
		{"DELETE " + gateway, "", `If-Match: "1"`, 404, notFound(id)},
		{"PUT " + gateways + "/" + foreign, appBody, "", 404, notFound(foreign)},
		{"GET " + gateways + "/" + unknownID + "/changes", "", "", 404, notFound(unknownID)},
		{"DELETE " + gateways + "/%00", "", "", 404, notFound("\x00")},
		{"GET " + gateways + "/..%2Fnetworks", "", "", 404, notFound("../networks")},
		{"POST " + base + "/replicationJobs/" + unknownID + "/run", "", "", 404, notFound(unknownID)},
		{"POST " + base + "/replicationJobs/Nightly/run", "", "", 404, notFound("Nightly")},
		{"POST " + base + "/failoverPlans/" + unknownID + "/start", "", "", 404, notFound(unknownID)},
		{"POST " + base + "/failoverPlans/" + unknownID + "/test", "", "", 404, notFound(unknownID)},
		{"POST " + base + "/failoverPlans/" + unknownID + "/undo", "", "", 404, notFound(unknownID)},
		{"POST " + base + "/failoverPlans/" + a.plan(t) + "/undo", "", "", 409, wireError{ErrorCode: "Conflict", ResourceID: a.plan(t)}},
		{"POST " + base + "/failoverPlans/" + a.plan(t) + "/start", "", "", 409, wireError{ErrorCode: "Conflict", ResourceID: a.plan(t)}}, // no job has run
		{"POST " + base + "/partialFailovers/web02/start", "", "", 404, notFound("web02")},
		{"POST " + base + "/partialFailovers/web01/stop", "", "", 409, wireError{ErrorCode: "Conflict", ResourceID: "web01"}},
		{"GET " + base + "/networkExtensionAppliances/" + unknownID, "", "", 404, notFound(unknownID)},
		// Traces.
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2"}`, "", 400, invalid("protocol")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.256", "destination": "10.0.1.2", "protocol": "tcp", "port": 1}`, "", 400, invalid("source")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "::1", "protocol": "tcp", "port": 1}`, "", 400, invalid("destination")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "sctp"}`, "", 400, invalid("protocol")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "udp", "port": 65536}`, "", 400, invalid("port")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "icmp", "ttl": 1}`, "", 400, invalid("ttl")},
		{"POST " + base + "/routeTrace", `{}`, "", 400, invalid("source")},
		{"POST " + base + "/routeTrace", `{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "icmp", "port": 0}`, "", 400, invalid("port")},
		{"POST " + base + "/routeTrace", `{"questions": []}`, "", 400, invalid("questions")},
		{"POST " + base + "/routeTrace", `{"source": "web01", "questions": [{"source": "10.0.0.2", "destination": "10.0.1.2", "protocol": "icmp"}]}`, "", 400, invalid("questions")},
		{"POST " + base + "/routeTrace", `{"questions": [{"source": "10.0.0.2", "protocol": "icmp"}]}`, "", 400, invalid("questions[0].destination")},
		{"POST " + base + "/routeTrace", `{"questions": [{"source": "internet", "destination": "10.0.1.2", "protocol": "icmp"}, {"source": "internet", "destination": "internet", "protocol": "icmp"}]}`, "", 400, invalid("questions[1].destination")},
		{"POST " + base + "/routeTrace", `{"questions": [` + strings.Repeat(`{"source": "internet", "destination": "10.0.1.2", "protocol": "icmp"}, `, 1000) + `{"source": "internet", "destination": "10.0.1.2", "protocol": "icmp"}]}`, "", 400, invalid("questions")},
		{"POST " + base + "/routeTrace", `{"source": "web01", "destination": "internet", "protocol": "icmp", "assume": {"gateways": [{"networkId": "x", "ipv4": {"address": "10.0.0.0", "subnetMask": "255.255.255.0"}}]}}`, "", 400, invalid("assume.gateways[0].ipv4.address")},
		{"POST " + base + "/routeTrace", `{"source": "web01", "destination": "internet", "protocol": "icmp", "assume": {"gateways": [{"networkId": "x"}]}}`, "", 400, invalid("assume.gateways[0]")},
		{"POST " + base + "/routeTrace", `{"source": "web01", "destination": "internet", "protocol": "icmp", "assume": {"routing": true}}`, "", 400, invalid("assume.routing")},
		// Conditions.
		{"PUT " + gateway, appBody, `If-Match: 1`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-Match: W/"1"`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-Match: "1", "2"`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-Match: "01"`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-Match: ""1""`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-Match: *`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-Match: "99999999999999999999"`, 400, invalid("If-Match")},
		{"DELETE " + gateways + "/" + other, "", `If-Match: one`, 400, invalid("If-Match")},
		{"PUT " + routing, `{"enabled": true}`, `If-Match: "1`, 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, `If-None-Match: "1"`, 400, invalid("If-None-Match")},
		{"PUT " + gateway, appBody, "If-None-Match: *, *", 400, invalid("If-None-Match")},
		// Conditions that say nothing, or that the operation cannot heed, make no unconditional write.
		{"PUT " + gateway, appBody, "If-Match: ", 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, "If-Match:  \t", 400, invalid("If-Match")},
		{"PUT " + gateway, appBody, "If-None-Match: ", 400, invalid("If-None-Match")},
		{"DELETE " + gateways + "/" + other, "", "If-Match: ", 400, invalid("If-Match")},
		{"DELETE " + gateways + "/" + other, "", "If-None-Match: ", 400, invalid("If-None-Match")},
		{"DELETE " + gateways + "/" + other, "", "If-Match: *", 400, invalid("If-Match")},
		{"PUT " + routing, `{"enabled": true}`, "If-Match: ", 400, invalid("If-Match")},
		{"PUT " + routing, `{"enabled": true}`, "If-None-Match: ", 400, invalid("If-None-Match")},
		{"PUT " + routing, `{"enabled": true}`, "If-Match: *", 400, invalid("If-Match")},
		{"POST " + run, "", `If-Match: "1"`, 400, invalid("If-Match")},
		{"POST " + base + "/failoverPlans/" + a.plan(t) + "/start", "", "If-None-Match: *", 400, invalid("If-None-Match")},
		{"PUT " + gateway, appBody, `If-Match: "0"`, 412, wireError{ErrorCode: "PreconditionFailed", ResourceID: id}},
		{"PUT " + routing, `{"enabled": false}`, `If-Match: "1"`, 412, wireError{ErrorCode: "PreconditionFailed", ResourceID: a.tokens["ABC"].TenantID}},
		{"PUT " + routing, `{"enabled": true}`, `If-None-Match: *`, 412, wireError{ErrorCode: "PreconditionFailed", ResourceID: a.tokens["ABC"].TenantID}},
		// The routing option.
		{"PUT " + routing, `{}`, "", 400, invalid("enabled")},
		{"PUT " + routing, `{"enabled": "true"}`, "", 400, invalid("enabled")},
		{"PUT " + routing, `{"enabled": 1}`, "", 400, invalid("enabled")},
		{"PUT " + routing, `{"enabled": null}`, "", 400, invalid("enabled")},
		{"PUT " + routing, `{"enabled": true, "force": true}`, "", 400, invalid("force")},
		// Pages and queries.
		{"GET " + base + "/networks?limit=0", "", "", 400, invalid("limit")},
		{"GET " + base + "/networks?limit=-1", "", "", 400, invalid("limit")},
		{"GET " + gateways + "?limit=1001", "", "", 400, invalid("limit")},
		{"GET " + gateways + "?limit=ten", "", "", 400, invalid("limit")},
		{"GET " + base + "/hardwarePlans?skip=-1", "", "", 400, invalid("skip")},
		{"GET " + base + "/replicationJobs?skip=99999999999999999999", "", "", 400, invalid("skip")},
		{"GET " + gateways + "/" + other + "/changes?limit=1e2", "", "", 400, invalid("limit")},
		{"GET " + gateways + "?nameFilter=x", "", "", 400, invalid("nameFilter")},
		{"GET " + base + "/networks?namefilter=x", "", "", 400, invalid("namefilter")},
		{"PUT " + gateway + "?dryRun=true", appBody, "", 400, invalid("dryRun")},
		{"POST " + run + "?force", "", "", 400, invalid("force")},
		{"GET /api/v1/serverInfo?verbose", "", "", 400, invalid("verbose")},
		// Bodies that are too large or something else.
		{"PUT " + gateway, strings.Repeat(" ", 1<<20) + appBody, "", 413, invalid("")},
		{"PUT " + gateway, appBody, "Content-Type: text/plain", 415, invalid("")},
		{"PUT " + gateway, appBody, "Content-Type: application/x-www-form-urlencoded", 415, invalid("")},
		// Paths and methods.
		{"GET /", "", "", 404, notFound("")},
		{"GET /api/v2/serverInfo", "", "", 404, notFound("")},
		{"GET " + base + "/networks/", "", "", 404, notFound("")},
		{"POST " + gateways, appBody, "", 404, notFound("")},
		{"PATCH " + gateway, appBody, "", 404, notFound("")},
		{"DELETE " + routing, "", "", 404, notFound("")},
		{"GET " + run, "", "", 404, notFound("")},
		// Nobody in particular. A bad token is told before a bad body.
		{"GET " + base + "/networks", "", "Authorization: Bearer unknown", 401, wireError{ErrorCode: "InvalidToken"}},
		{"PUT " + gateway, "{", "Authorization: Bearer unknown", 401, wireError{ErrorCode: "InvalidToken"}},
		{"DELETE " + gateways + "/" + other, "", "Authorization: Bearer expired", 401, wireError{ErrorCode: "ExpiredToken"}},
	} {
		name := tc.request + " " + tc.header + " " + tc.body
		t.Run(name[:min(len(name), 150)], func(t *testing.T) {
			method, path, _ := strings.Cut(tc.request, " ")
			a.unchanged(t, func() { wantError(t, a.do(t, method, path, tc.body, headers(tc.header)...), tc.status, tc.want) })
		})
	}
	equal(t, "log of what is no fault of ours", a.log.String(), "")
}

// TestOneCondition: two of them are none that could be heeded.
func TestOneCondition(t *testing.T) {
	a := newAPI(t, nil)
	network := a.network(t, "ABC", "Silver network 1 (internet)")
	for name, headers := range map[string]http.Header{
		"both":                {"If-Match": {`"1"`}, "If-None-Match": {"*"}},
		"one that is empty":   {"If-Match": {""}, "If-None-Match": {"*"}},
		"two of one":          {"If-Match": {`"1"`, `"2"`}},
		"one twice":           {"If-None-Match": {"*", "*"}},
		"an empty one beside": {"If-Match": {`"1"`, ""}},
	} {
		for request, body := range map[string]string{"PUT " + gateways + "/" + network: appBody, "DELETE " + gateways + "/" + network: "", "PUT " + routing: `{"enabled": true}`} {
			t.Run(name+", "+request, func(t *testing.T) {
				method, path, _ := strings.Cut(request, " ")
				r, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
				ok(t, err)
				r.Header = headers.Clone()
				r.Header.Set("Authorization", "Bearer ABC")
				r.Header.Set("Content-Type", "application/json")
				a.unchanged(t, func() {
					resp, err := http.DefaultTransport.RoundTrip(r)
					ok(t, err)
					equal(t, "status", resp.StatusCode, http.StatusBadRequest)
					ok(t, resp.Body.Close())
				})
			})
		}
	}
}

func TestEveryWrongValueIsListed(t *testing.T) {
	a := newAPI(t, nil)
	gateway := gateways + "/" + a.network(t, "ABC", "Silver network 1 (internet)")
	for body, want := range map[string]wireError{
		`{"ipv4": {"address": "172.17.52.1/23", "subnetMask": "23"}, "ipv6": {"address": "fe80::1", "network": "2001:db8::", "prefixLength": 0}}`: {
			Field: "ipv4.address",
			Message: `"172.17.52.1/23" has a prefix length; write the address alone, and the length as the subnet mask; ` +
				`ipv4.subnetMask: "23" is a prefix length; the subnet mask of /23 is 255.255.254.0; ` +
				`ipv6.prefixLength: 0 is not a prefix length; use 1 to 128 (64 is the one that works for failover)`,
		},
		`{"ipv4": {"address": 1, "mask": "255.0.0.0"}}`: {
			Field: "ipv4.address", Message: "expected string; ipv4.subnetMask: a value is required; ipv4.mask: unexpected property; nothing was changed",
		},
	} {
		got := wantError(t, a.do(t, "PUT", gateway, body), 400, wireError{ErrorCode: "InvalidValue", Field: want.Field})
		equal(t, "what is said about "+body, got.Message, want.Message)
	}
}

// TestPreconditionFailedTellsWhatIsStored: the caller need not ask again.
func TestPreconditionFailedTellsWhatIsStored(t *testing.T) {
	a := newAPI(t, nil)
	id := a.network(t, "ABC", "Silver network 1 (internet)")
	gateway := gateways + "/" + id
	failed := func(what, request, body, header, id string) string {
		t.Helper()
		method, path, _ := strings.Cut(request, " ")
		e := wantError(t, a.do(t, method, path, body, header), 412, wireError{ErrorCode: "PreconditionFailed", ResourceID: id})
		return string(e.Current)
	}
	stored := a.do(t, "PUT", gateway, appBody)
	want := strings.TrimSpace(stored.body)
	equal(t, "current with PUT", failed("put", "PUT "+gateway, appBody, "If-None-Match: *", id), want)
	equal(t, "current with DELETE", failed("remove", "DELETE "+gateway, "", `If-Match: "7"`, id), want)
	a.do(t, "DELETE", gateway, "")
	equal(t, "current of what was removed", failed("removed", "PUT "+gateway, appBody, `If-Match: "1"`, id), "")

	option := strings.TrimSpace(a.do(t, "PUT", routing, `{"enabled": true}`).body)
	equal(t, "current of the routing option", failed("routing", "PUT "+routing, `{"enabled": false}`, `If-Match: "0"`, a.tokens["ABC"].TenantID), option)
}

// faulty are services that fail at gateways.
type faulty struct {
	httpapi.Services
	fail func(context.Context) error
}

func (f faulty) DefaultGateway(ctx context.Context, _ vcc.Actor, _ string) (*vcc.DefaultGateway, error) {
	return nil, f.fail(ctx)
}

func TestErrorsOfServices(t *testing.T) {
	const secret = "no such column: hunter2"
	for _, tc := range []struct {
		name   string
		err    error // nil: a panic
		status int
		want   wireError
		logged bool
	}{
		{"panic", nil, 500, wireError{ErrorCode: "UnknownError", Message: "the backend failed; its log says why"}, true},
		{"foreign", errors.New(secret), 500, wireError{ErrorCode: "UnknownError", Message: "the backend failed; its log says why"}, true},
		{"wrapped", fmt.Errorf("put: %w", errors.New(secret)), 500, wireError{ErrorCode: "UnknownError", Message: "the backend failed; its log says why"}, true},
		{"with a cause", errors.Join(&vcc.Error{Code: vcc.CodeUnavailable, Message: "no space is left"}, errors.New(secret)), 503,
			wireError{ErrorCode: "ServiceUnavailable", Message: "no space is left"}, true},
		{"expired", &vcc.Error{Code: vcc.CodeExpiredToken, Message: "m"}, 401, wireError{ErrorCode: "ExpiredToken", Message: "m"}, false},
		{"denied", &vcc.Error{Code: vcc.CodeAccessDenied, Message: "m"}, 403, wireError{ErrorCode: "AccessDenied", Message: "m"}, false},
		{"many requests", &vcc.Error{Code: vcc.CodeTooManyRequests, Message: "m"}, 429, wireError{ErrorCode: "TooManyRequests", Message: "m"}, false},
		{"two values", errors.Join(
			&vcc.Error{Code: vcc.CodeInvalidValue, Field: "a", Message: "one", ResourceID: "r"},
			&vcc.Error{Code: vcc.CodeInvalidValue, Field: "b", Message: "two"},
		), 400, wireError{ErrorCode: "InvalidValue", Field: "a", ResourceID: "r", Message: "one; b: two"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newAPI(t, func(s httpapi.Services) httpapi.Services {
				return faulty{s, func(context.Context) error {
					if tc.err == nil {
						panic(secret)
					}
					return tc.err
				}}
			})
			got := a.do(t, "GET", gateways+"/"+unknownID, "")
			e := wantError(t, got, tc.status, tc.want)
			equal(t, "message", e.Message, tc.want.Message)
			if strings.Contains(got.body, "hunter2") {
				t.Errorf("the caller is told what is inside: %s", got.body)
			}
			log := a.log.String()
			equal(t, "logged", strings.Contains(log, "hunter2"), tc.logged)
			if tc.err == nil && !strings.Contains(log, "goroutine") {
				t.Errorf("the panic was logged without its stack: %s", log)
			}
			equal(t, "status of another request after it", a.do(t, "GET", routing, "").status, 200)
		})
	}
}

// TestCallerThatLeaves cancels a request under way: that is no failure to log.
func TestCallerThatLeaves(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	a := newAPI(t, func(s httpapi.Services) httpapi.Services {
		return faulty{s, func(ctx context.Context) error {
			close(entered)
			<-ctx.Done()
			defer close(left)
			return ctx.Err()
		}}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+gateways+"/"+unknownID, nil)
	ok(t, err)
	r.Header.Set("Authorization", "Bearer ABC")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", resp, err)
	}
	if err == nil {
		ok(t, resp.Body.Close())
	}
	<-left
	a.Server.Close() // waits for the request
	equal(t, "log", a.log.String(), "")
}

// TestOtherTenantsRule20 compares the answers for what another tenant has with
// those for what nobody has, to the letter.
func TestOtherTenantsRule20(t *testing.T) {
	a := newAPI(t, nil)
	network, job, plan := a.network(t, "ABC", "Silver network 1 (internet)"), a.job(t), a.plan(t)
	a.do(t, "PUT", gateways+"/"+network, appBody)
	a.do(t, "POST", base+"/replicationJobs/"+job+"/run", "")
	for _, tc := range []struct{ request, foreign, body, header string }{
		{"GET " + gateways + "/ID", network, "", ""},
		{"PUT " + gateways + "/ID", network, appBody, ""},
		{"PUT " + gateways + "/ID", network, appBody, "If-None-Match: *"},
		{"PUT " + gateways + "/ID", network, appBody, `If-Match: "1"`},
		{"PUT " + gateways + "/ID", network, `{"ipv4": {"address": "10.0.0.1", "subnetMask": "255.0.0.0"}}`, ""},
		{"DELETE " + gateways + "/ID", network, "", ""},
		{"DELETE " + gateways + "/ID", network, "", `If-Match: "1"`},
		{"DELETE " + gateways + "/ID", network, "", `If-Match: "2"`},
		{"GET " + gateways + "/ID/changes", network, "", ""},
		{"POST " + base + "/replicationJobs/ID/run", job, "", ""},
		{"POST " + base + "/failoverPlans/ID/start", plan, "", ""},
		{"POST " + base + "/failoverPlans/ID/test", plan, "", ""},
		{"POST " + base + "/failoverPlans/ID/undo", plan, "", ""},
		{"POST " + base + "/partialFailovers/ID/start", "web01", "", ""},
		{"POST " + base + "/partialFailovers/ID/stop", "web01", "", ""},
		{"GET " + base + "/networkExtensionAppliances/ID", a.appliance(t), "", ""},
	} {
		ask := func(id string) answer {
			method, path, _ := strings.Cut(tc.request, " ")
			got := a.do(t, method, strings.Replace(path, "ID", id, 1), tc.body, append(headers(tc.header), "Authorization: Bearer XYZ")...)
			got.header.Del("Date")
			got.header.Del("X-Request-Id")
			got.body = strings.ReplaceAll(got.body, id, "ID")
			return got
		}
		a.unchanged(t, func() {
			got, want := ask(tc.foreign), ask(unknownID)
			got.header.Del("Content-Length")
			want.header.Del("Content-Length") // a name of another length stands in the body
			equal(t, "answer to "+tc.request, fmt.Sprint(got), fmt.Sprint(want))
			equal(t, "status of "+tc.request, got.status, 404)
		})
	}
	silver := decode[httpapi.List[httpapi.HardwarePlan]](t, a.do(t, "GET", base+"/hardwarePlans", "")).Data[0].ID
	for _, filter := range []string{silver, unknownID} {
		got := a.do(t, "GET", base+"/networks?hardwarePlanIdFilter="+filter, "", "Authorization: Bearer XYZ")
		equal(t, "networks of plan "+filter, got.body, `{"data":[],"pagination":{"total":0,"count":0,"skip":0,"limit":200}}`+"\n")
	}
}

// TestOpenAPI compares the document with the list of operations.
func TestOpenAPI(t *testing.T) {
	a := newServed(t)
	got := a.do(t, "GET", "/openapi.json", "", "Authorization: ")
	equal(t, "status", got.status, 200)
	type schema struct {
		Properties map[string]any  `json:"properties"`
		Required   []string        `json:"required"`
		Additional json.RawMessage `json:"additionalProperties"`
	}
	var doc struct {
		OpenAPI string
		Info    struct{ Title, Version string }
		Paths   map[string]map[string]struct {
			OperationID, Summary string
			Responses            map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	ok(t, json.Unmarshal([]byte(got.body), &doc))
	equal(t, "API version", doc.Info.Version, httpapi.APIVersion)

	operations := map[string]string{} // by ID
	for path, methods := range doc.Paths {
		for method, op := range methods {
			operations[op.OperationID] = strings.ToUpper(method) + " " + path
			if op.Summary == "" {
				t.Errorf("%s %s has no summary", method, path)
			}
			equal(t, "schema of the errors of "+op.OperationID, op.Responses["default"].Content["application/json"].Schema.Ref, "#/components/schemas/Error")
		}
	}
	equal(t, "operations", operations, map[string]string{
		"postToken":                         "POST /api/oauth2/token",
		"getLab":                            "GET /api/v1/lab",
		"putLab":                            "PUT /api/v1/lab",
		"getHealthz":                        "GET /healthz",
		"getReadyz":                         "GET /readyz",
		"getMetrics":                        "GET /metrics",
		"getServerInfo":                     "GET /api/v1/serverInfo",
		"getHardwarePlans":                  "GET /api/v1/cloudConnect/hardwarePlans",
		"getNetworks":                       "GET /api/v1/cloudConnect/networks",
		"getDefaultGateways":                "GET /api/v1/cloudConnect/defaultGateways",
		"getDefaultGatewaysById":            "GET /api/v1/cloudConnect/defaultGateways/{networkId}",
		"putDefaultGateways":                "PUT /api/v1/cloudConnect/defaultGateways/{networkId}",
		"deleteDefaultGateways":             "DELETE /api/v1/cloudConnect/defaultGateways/{networkId}",
		"getDefaultGatewaysChangesById":     "GET /api/v1/cloudConnect/defaultGateways/{networkId}/changes",
		"getNetworkRouting":                 "GET /api/v1/cloudConnect/networkRouting",
		"putNetworkRouting":                 "PUT /api/v1/cloudConnect/networkRouting",
		"getReplicationJobs":                "GET /api/v1/cloudConnect/replicationJobs",
		"getFailoverPlans":                  "GET /api/v1/cloudConnect/failoverPlans",
		"postFailoverPlansStart":            "POST /api/v1/cloudConnect/failoverPlans/{id}/start",
		"postFailoverPlansUndo":             "POST /api/v1/cloudConnect/failoverPlans/{id}/undo",
		"postFailoverPlansTest":             "POST /api/v1/cloudConnect/failoverPlans/{id}/test",
		"postPartialFailoversStart":         "POST /api/v1/cloudConnect/partialFailovers/{vm}/start",
		"postPartialFailoversStop":          "POST /api/v1/cloudConnect/partialFailovers/{vm}/stop",
		"getNetworkExtensionAppliances":     "GET /api/v1/cloudConnect/networkExtensionAppliances",
		"getNetworkExtensionAppliancesById": "GET /api/v1/cloudConnect/networkExtensionAppliances/{id}",
		"postRouteTrace":                    "POST /api/v1/cloudConnect/routeTrace",
		"postReplicationJobsRun":            "POST /api/v1/cloudConnect/replicationJobs/{id}/run",
	})
	e := doc.Components.Schemas["Error"]
	equal(t, "properties of an error", sortedKeys(e.Properties), []string{"current", "errorCode", "field", "message", "resourceId"})
	equal(t, "required properties of an error", e.Required, []string{"errorCode", "message", "resourceId", "field"})
	for name, s := range doc.Components.Schemas {
		equal(t, "additional properties of "+name, string(s.Additional), "false")
		if _, has := s.Properties["$schema"]; has {
			t.Errorf("%s has a property $schema, which is not of the contract", name)
		}
	}
}
