package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// processorEnv, when it is set, makes the tests here measure processor time, which counting cannot
// prove: no request may take more than processorLimit for each 100 KB of it, or less.
//
//	VCC_PROCESSOR_TIME=1 go test ./internal/httpapi -run TestCostOfRequests -v
const (
	processorEnv   = "VCC_PROCESSOR_TIME"
	processorLimit = 100 * time.Millisecond
)

// maxErrorAnswer is how long the answer to a request that is refused is at most, in bytes.
const maxErrorAnswer = 64 << 10

// direct serves a request without a network in between.
func (a *api) direct(method, target, body string, headers ...string) answer {
	r := httptest.NewRequestWithContext(context.Background(), method, "/", strings.NewReader(body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// cost is what one request takes.
type cost struct {
	answer
	sent      int
	allocated uint64
	processor time.Duration
}

func (a *api) cost(request attackRequest, headers ...string) cost {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begun := processorTime()
	got := a.direct(request.method, request.target, request.body, append(headers, request.headers...)...)
	took := processorTime() - begun
	runtime.ReadMemStats(&after)
	return cost{got, request.size(), after.TotalAlloc - before.TotalAlloc, took}
}

// limit is the processor time that a request may take.
func (c cost) limit() time.Duration {
	return processorLimit * time.Duration(max(c.sent, 100_000)) / 100_000
}

type attackRequest struct {
	method, target, body string
	headers              []string
}

// size is how many bytes of a request are of the caller's choice.
func (r attackRequest) size() int {
	n := len(r.target) + len(r.body)
	for _, h := range r.headers {
		n += len(h)
	}
	return n
}

// fill repeats a text, with its number in place of #, until it has n bytes.
func fill(n int, separator, text string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
	}
	return b.String()
}

// attacks are requests of about n bytes of which as much as possible is wrong, or dear.
var attacks = map[string]struct {
	most    int // bytes
	request func(n int) attackRequest
}{
	"query of unknown parameters of nobody": {9_000, func(n int) attackRequest {
		return attackRequest{method: "GET", target: "/api/v1/serverInfo?" + fill(n, "&", "a#")}
	}},
	"query of escapes": {31_000, func(n int) attackRequest {
		return attackRequest{method: "GET", target: base + "/networks?limit=1&" + strings.Repeat("&", n/2) + strings.Repeat("%6e", n/6) + "=1"}
	}},
	"removals in the query": {19_000, func(n int) attackRequest {
		return attackRequest{method: "PUT", target: "/api/v1/lab?dryRun=true&" + fill(n, "&", "remove=t#"), body: labWith(``, `"name": "New", "subscriptions": ["Gold"]`)}
	}},
	"long path": {31_000, func(n int) attackRequest {
		return attackRequest{method: "GET", target: gateways + "/" + strings.Repeat("x", n)}
	}},
	"long condition": {31_000, func(n int) attackRequest {
		return attackRequest{method: "PUT", target: routing, body: `{"enabled": true}`, headers: []string{"If-Match: " + strings.Repeat("x", n)}}
	}},
	"many conditions": {31_000, func(n int) attackRequest {
		return attackRequest{method: "GET", target: gateways, headers: []string{"If-None-Match: " + fill(n, ",", `"#"`)}}
	}},
	"form of many parameters": {16_000, func(n int) attackRequest {
		return attackRequest{method: "POST", target: "/api/oauth2/token", body: fill(n, "&", "a#=%41"), headers: []string{"Content-Type: application/x-www-form-urlencoded"}}
	}},
	"unknown properties":                {200_000, body("PUT", "/api/v1/lab", func(n int) string { return "{" + fill(n, ",", `"k#":0`) + "}" })},
	"one unknown property":              {980_000, body("PUT", routing, func(n int) string { return `{"` + strings.Repeat("k", n) + `": 0}` })},
	"more properties than there may be": {980_000, body("PUT", "/api/v1/lab", func(n int) string { return "{" + fill(n, ",", `"k#":0`) + "}" })},
	"more parameters than there may be": {31_000, func(n int) attackRequest {
		return attackRequest{method: "GET", target: "/api/v1/serverInfo?" + fill(n, "&", "a#")}
	}},
	"the same property": {980_000, body("PUT", routing, func(n int) string { return "{" + fill(n, ",", `"enabled":0`) + "}" })},
	"nested lists":      {980_000, body("PUT", routing, func(n int) string { return strings.Repeat("[", n/2) + strings.Repeat("]", n/2) })},
	"nested objects":    {100_000, body("POST", base+"/routeTrace", func(n int) string { return strings.Repeat(`{"a":`, n/6) + "1" + strings.Repeat("}", n/6) })},
	"long number": {980_000, body("PUT", gateways+"/x", func(n int) string {
		return `{"ipv6": {"address": "", "network": "", "prefixLength": ` + strings.Repeat("9", n) + `}}`
	})},
	"long exponent": {980_000, body("PUT", gateways+"/x", func(n int) string {
		return `{"ipv6": {"address": "", "network": "", "prefixLength": 1e` + strings.Repeat("9", n) + `}}`
	})},
	"long address": {980_000, body("PUT", gateways+"/x", func(n int) string {
		return `{"ipv6": {"address": "fe80::1%` + strings.Repeat("ü", n/2) + `", "network": "2001:db8::", "prefixLength": 64}}`
	})},
	"empty questions": {36_000, body("POST", base+"/routeTrace", func(n int) string { return `{"questions": [` + fill(n, ",", `{}`) + `]}` })},
	"questions about unknown VMs": {70_000, body("POST", base+"/routeTrace", func(n int) string {
		return `{"questions": [` + fill(n, ",", `{"source": "vm#", "destination": "web#", "protocol": "tcp", "port": 80}`) + `]}`
	})},
	"questions with long words": {980_000, body("POST", base+"/routeTrace", func(n int) string {
		return `{"questions": [` + fill(n, ",", `{"source": " `+strings.Repeat("x", 1000)+`", "destination": "web01", "protocol": "tcp", "port": 80}`) + `]}`
	})},
	"assumed removals": {980_000, body("POST", base+"/routeTrace", func(n int) string {
		return `{"source": "web01", "destination": "db01", "protocol": "icmp", "assume": {"removals": [` + fill(n, ",", `"#"`) + `]}}`
	})},
	"assumed gateways": {980_000, body("POST", base+"/routeTrace", func(n int) string {
		return `{"source": "web01", "destination": "db01", "protocol": "icmp", "assume": {"gateways": [` +
			fill(n, ",", `{"networkId": "#", "ipv4": {"address": "10.0.0.0", "subnetMask": "255.0.0.1"}}`) + `]}}`
	})},
	"empty tenants":    {36_000, body("PUT", "/api/v1/lab", func(n int) string { return `{"tenants": [` + fill(n, ",", `{}`) + `]}` })},
	"values of a type": {53_000, body("PUT", "/api/v1/lab", func(n int) string { return `{"tenants": [` + fill(n, ",", `0`) + `]}` })},
	"long VLAN range": {53_000, lab(func(n int) string {
		return `"hosts": [{"name": "h", "platform": "VMware", "vlans": [{"withInternet": [` + fill(n, ",", `1`) + `]}]}]`
	})},
	"long platform": {980_000, lab(func(n int) string {
		return `"hosts": [{"name": "h", "vlans": [], "platform": "` + strings.Repeat("x", n) + `"}]`
	})},
	"hosts of one name": {980_000, lab(func(n int) string {
		return `"hosts": [` + fill(n, ",", `{"name": "h", "platform": "VMware", "vlans": []}`) + `]`
	})},
	"plans without hosts": {980_000, lab(func(n int) string {
		return `"hosts": [` + fill(n/2, ",", `{"name": "host#`+strings.Repeat("y", 200)+`", "platform": "VMware", "vlans": []}`) + `], "hardwarePlans": [` +
			fill(n/2, ",", `{"name": "plan#", "host": "`+strings.Repeat("y", 200)+`#", "networks": {"withInternet": 1, "withoutInternet": 0}}`) + `]`
	})},
	"unknown subscriptions": {980_000, lab(func(n int) string {
		return `"hardwarePlans": [` + fill(n/2, ",", `{"name": "plan#", "host": "", "networks": {"withInternet": 1, "withoutInternet": 0}}`) + `], ` +
			`"tenants": [{"name": "T", "subscriptions": [` + fill(n/2, ",", `"lan#"`) + `]}]`
	})},
	"addresses that cannot be read": {158_000, tenant(func(n int) string { return `"publicIps": [` + fill(n, ",", `"x"`) + `]` })},
	"networks that cannot be read": {980_000, tenant(func(n int) string {
		return `"productionNetworks": [` + fill(n/2, ",", `{"name": "n#", "ipv4": "x"}`) + `], "vms": [` + fill(n/2, ",", `{"name": "v#", "guest": "", "nics": [{"network": "n#", "ipv4": "10.0.0.1"}]}`) + `]`
	})},
	"VMs on the last of many networks": {980_000, tenant(func(n int) string {
		return `"productionNetworks": [` + fill(n/2, ",", `{"name": "n#"}`) + `, {"name": "last"}], "vms": [` + fill(n/2, ",", `{"name": "v#", "guest": "linux", "nics": [{"network": "last"}]}`) + `]`
	})},
	"adapters": {980_000, tenant(func(n int) string {
		return `"vms": [{"name": "v", "guest": "linux", "nics": [` + fill(n, ",", `{"network": "#"}`) + `]}]`
	})},
	"jobs of every VM": {980_000, tenant(func(n int) string {
		return `"productionNetworks": [` + fill(n/4, ",", `{"name": "n#"}`) + `], "vms": [` + fill(n/4, ",", `{"name": "v#", "guest": "linux", "nics": [{"network": "n#"}]}`) + `], "replicationJobs": [` +
			fill(n/4, ",", `{"name": "j#", "hardwarePlan": "Wide", "vms": ["v1"], "mapping": {"n1": "Wide network 4094"}}`) + `, {"name": "all", "hardwarePlan": "Wide", "vms": [` + fill(n/4, ",", `"v#"`) + `], "mapping": {"n1": "x"}}]`
	})},
	"mapping to what is not there": {900_000, tenant(func(n int) string {
		return `"productionNetworks": [{"name": "n"}], "vms": [{"name": "v", "guest": "linux", "nics": []}], "replicationJobs": [{"name": "j", "hardwarePlan": "Wide", "vms": ["v"], "mapping": {` +
			fill(n, ",", `"n#`+strings.Repeat("x", 30)+`": "Wide network 5`+strings.Repeat("0", 30)+`#"`) + `}}]`
	})},
	"mapping by former names": {900_000, tenant(func(n int) string {
		return `"vms": [{"name": "v", "guest": "linux", "nics": []}], "replicationJobs": [{"name": "j", "hardwarePlan": "Both", "vms": ["v"], "mapping": {` +
			fill(n, ",", `"n#`+strings.Repeat("x", 30)+`": "Both network 4000"`) + `}}]`
	})},
	"public IP rules of others": {980_000, tenant(func(n int) string {
		return `"publicIps": [` + fill(n/2, ",", `"2001:db8::#"`) + `], "failoverPlans": [{"name": "p", "vms": [], "publicIpRules": [` +
			fill(n/2, ",", `{"address": "203.0.113.1", "port": 80, "toAddress": "10.0.0.1", "toPort": 80}`) + `]}]`
	})},
	"failover plans of unknown VMs": {980_000, tenant(func(n int) string {
		return `"vms": [` + fill(n/2, ",", `{"name": "v#", "guest": "linux", "nics": []}`) + `], "failoverPlans": [{"name": "p", "vms": [` + fill(n/2, ",", `"w#"`) + `]}]`
	})},
	"tenants of a plan of many networks": {900_000, lab(func(n int) string {
		return `"hosts": [{"name": "esx01", "platform": "VMware", "vlans": [{"withInternet": [1, 4094]}]}], "hardwarePlans": [{"name": "Wide", "host": "esx01", "networks": {"withInternet": 4094, "withoutInternet": 0}}], ` +
			`"tenants": [` + fill(n, ",", `{"name": "tenant#", "subscriptions": ["Wide"]}`) + `]`
	})},
	"plans of one tenant": {900_000, lab(func(n int) string {
		return `"hosts": [{"name": "esx01", "platform": "VMware", "vlans": [{"withInternet": [1, 4094]}]}], ` +
			`"hardwarePlans": [` + fill(n/2, ",", `{"name": "plan#", "host": "esx01", "networks": {"withInternet": 1, "withoutInternet": 0}}`) + `], ` +
			`"tenants": [{"name": "ABC", "subscriptions": ["plan1"]},` + fill(n/2, ",", `{"name": "tenant#", "subscriptions": ["plan#"]}`) + `]`
	})},
	"passwords of strangers": {210_000, func(n int) attackRequest {
		return attackRequest{method: "PUT", target: "/api/v1/lab?dryRun=true", body: `{"serviceProvider": {"name": "sp"}, "hosts": [], "hardwarePlans": [], "tenants": [{"name": "T", "subscriptions": []}], "passwords": {` + fill(n, ",", `"#":"x"`) + `}}`}
	}},
}

// body makes an attack with a body.
func body(method, target string, of func(n int) string) func(n int) attackRequest {
	return func(n int) attackRequest {
		return attackRequest{method: method, target: target, body: of(n)}
	}
}

// lab makes an attack with a lab, of which one property, or more, is the attack's.
func lab(of func(n int) string) func(n int) attackRequest {
	return body("PUT", "/api/v1/lab?dryRun=true", func(n int) string {
		properties, provider := of(n), ""
		if strings.Contains(properties, `"tenants"`) {
			provider = "sp"
		}
		for _, p := range []string{"hosts", "hardwarePlans", "tenants"} {
			if !strings.Contains(properties, `"`+p+`":`) {
				properties += `, "` + p + `": []`
			}
		}
		return `{"serviceProvider": {"name": "` + provider + `"}, ` + properties + `}`
	})
}

// tenant makes an attack with a tenant, of which one property, or more, is the attack's.
func tenant(of func(n int) string) func(n int) attackRequest {
	return body("PUT", "/api/v1/lab?dryRun=true", func(n int) string {
		return labWith("", `"name": "T", "subscriptions": ["Wide", "Both"], `+of(n))
	})
}

// labWith is a lab with plans of many networks and a tenant.
func labWith(more, tenant string) string {
	return `{"serviceProvider": {"name": "sp"}, "hosts": [{"name": "esx01", "platform": "VMware", "vlans": [{"withInternet": [1, 4094]}]}], "hardwarePlans": [
		{"name": "Wide", "host": "esx01", "networks": {"withInternet": 0, "withoutInternet": 4094}},
		{"name": "Both", "host": "esx01", "networks": {"withInternet": 1000, "withoutInternet": 3000}},
		{"name": "Gold", "host": "esx01", "networks": {"withInternet": 1, "withoutInternet": 0}}], "tenants": [{` + tenant + `}]` + more + `}`
}

// TestCostOfRequests: what a request takes grows with its size, and no faster; an answer names ten
// findings, says how many more there are, and repeats little of what was sent.
func TestCostOfRequests(t *testing.T) {
	a := newServed(t)
	abc, root := bearer(a.logIn(t, "abc", abcPassword).AccessToken), bearer(a.logIn(t, "root", rootPassword).AccessToken)
	measured := os.Getenv(processorEnv) != ""
	for _, name := range sortedKeys(attacks) {
		t.Run(name, func(t *testing.T) {
			attack := attacks[name]
			as := abc
			if strings.HasPrefix(attack.request(1).target, "/api/v1/lab") {
				as = root
			}
			if strings.HasSuffix(name, "nobody") {
				as = "Authorization: "
			}
			most := attack.most
			if !measured {
				most = min(most, 50_000) // which tells as much, and takes less
			}
			a.cost(attack.request(1000), as) // what is made once
			small, large := a.cost(attack.request(most/10), as), a.cost(attack.request(most), as)
			if large.status >= 500 || large.status == http.StatusUnauthorized {
				t.Errorf("status %d: %.200s", large.status, large.body)
			}
			if large.status >= 400 {
				checkErrorForm(t, large.answer)
				if len(large.body) > maxErrorAnswer {
					t.Errorf("the answer has %d bytes", len(large.body))
				}
				if findings := strings.Count(large.body, "; ") + 1; strings.Contains(large.body, " more") && findings > 40 {
					t.Errorf("the answer lists more than ten findings: %.2000s", large.body)
				}
			}
			// What a request costs anyway is the larger part of a small one.
			if grown := float64(large.allocated) / float64(max(small.allocated, 100_000)); grown > 20 { // buffers that double make up to twice ten of it; a square would be a hundred
				t.Errorf("ten times the size takes %.1f times the memory: %d bytes after %d", grown, large.allocated, small.allocated)
			}
			if each := large.allocated / uint64(large.sent); each > 1000 { //nolint:gosec // a request has bytes
				t.Errorf("each byte takes %d bytes of memory", each)
			}
			for i := 0; measured && i < 2; i++ { // the collector's time is somebody else's
				large.processor = min(large.processor, a.cost(attack.request(most), as).processor)
			}
			if measured {
				t.Logf("%-40s %7d bytes: status %d, %8v of processor, %d KiB allocated, answer of %d bytes", name, large.sent, large.status, large.processor.Round(10*time.Microsecond), large.allocated>>10, len(large.body))
				if large.processor > large.limit() {
					t.Errorf("%v of processor for %d bytes, want %v at most", large.processor, large.sent, large.limit())
				}
			}
		})
	}
}

// TestBoundsOfRequests: what is just within a bound is not refused for that, and what is beyond it is
// told which one it is. Brackets and commas in text count for nothing.
func TestBoundsOfRequests(t *testing.T) {
	a := newServed(t)
	abc := bearer(a.logIn(t, "abc", abcPassword).AccessToken)
	text := func(s string) string { return `{"` + s + `": 0}` }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	properties := func(n int) string {
		return "{" + strings.TrimSuffix(strings.Repeat(`"some property": 0,`, n), ",") + "}"
	}
	values := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("0,", n), ",") + "]" }
	for _, tc := range []struct {
		name, query, body, refusal string
	}{
		{"parameters", strings.Repeat("&", 1999), `{"enabled": true}`, ""},
		{"too many parameters", strings.Repeat("&", 2000), `{"enabled": true}`, "the query has 2001 parameters; it may have 2000"},
		{"query that cannot be read", "%zz", `{"enabled": true}`, "the query is not one that can be read"},
		{"depth", "", nested(16), ""},
		{"too deep", "", nested(17), "nested deeper than 16 levels"},
		{"brackets in text", "", text(nested(100)), ""},
		{"brackets after a quote in text", "", text(`\"` + nested(100)), ""},
		{"brackets after text that ends with a backslash", "", `["\\",` + nested(16) + `]`, "nested deeper than 16 levels"},
		{"properties", "", properties(20_000), ""},
		{"too many properties", "", properties(20_001), "more than 20000 properties"},
		{"properties in a list", "", "[" + properties(20_001) + "]", "more than 20000 properties"},
		{"commas in text", "", text(strings.Repeat(",", 30_000)), ""},
		{"values", "", values(20_000), ""},
		{"too many values", "", values(30_000), "more than 27500 values"},
	} {
		got := a.do(t, http.MethodPut, routing+"?"+tc.query, tc.body, abc)
		bound := strings.Contains(got.body, "nested deeper") || strings.Contains(got.body, "which is the most") || strings.Contains(got.body, "the query")
		switch {
		case tc.refusal == "" && bound:
			t.Errorf("%s: refused: %s", tc.name, got.body)
		case tc.refusal != "" && (got.status != http.StatusBadRequest || !strings.Contains(got.body, tc.refusal)):
			t.Errorf("%s: status %d: %.300s lacks %q", tc.name, got.status, got.body, tc.refusal)
		}
	}
}

// TestLongNamesInPaths: no answer repeats all of what a path names.
func TestLongNamesInPaths(t *testing.T) {
	f := newFuzzed(t)
	t.Cleanup(func() { _ = f.store.Close() })
	inPath := regexp.MustCompile(`\{[^}]*\}`)
	tried := 0
	for id, operation := range f.description.operations() {
		method, path, _ := strings.Cut(operation, " ")
		if !inPath.MatchString(path) {
			continue
		}
		tried++
		got := f.direct(method, inPath.ReplaceAllLiteralString(path, strings.Repeat("n", 20_000)), "{}", "Content-Type: application/json", f.abc)
		if got.status < http.StatusBadRequest || len(got.body) > 2000 {
			t.Errorf("%s: status %d, %d bytes: %.300s", id, got.status, len(got.body), got.body)
		}
	}
	if tried == 0 {
		t.Error("no operation has a name in its path")
	}
}
