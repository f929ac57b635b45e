package httpapi_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// FuzzRequests sends requests that are made from the API's own description, for every operation and
// with whatever its bodies, queries, headers and paths can have, to a server on a real store. No
// answer is a fault of the server, and one that refuses has the contract's form.
//
// With VCC_PROCESSOR_TIME set no request may take more than 100 ms of processor time per 100 KB:
//
//	VCC_PROCESSOR_TIME=1 go test ./internal/httpapi -run '^$' -fuzz FuzzRequests -fuzztime 10m -fuzzminimizetime 10x
func FuzzRequests(f *testing.F) {
	operations := slices.Sorted(maps.Values(describe(f, newBackend(f, labDatabase)).operations()))
	for i := range operations {
		for _, seed := range []string{"", "\x01", "\x06", "\x07", "\x13", "\x14", "\x15", "\x16", "\x17", "\x07\x07\x07\x07\x07\x07\x07\x07", "\x05\x05\x05\x05\x05\x05\x05"} {
			f.Add(uint8(i), []byte(strings.Repeat(seed, 20)))                  //nolint:gosec // there are fewer
			f.Add(uint8(i), []byte("\x00\x00\x00"+seed+"\x01\x02"+seed+"abc")) //nolint:gosec // there are fewer
		}
	}
	var current *fuzzed
	f.Fuzz(func(t *testing.T, operation uint8, data []byte) {
		if current == nil || current.sent == 1000 { // before the tokens expire, and much is stored
			if current != nil {
				ok(t, current.store.Close())
			}
			current = newFuzzed(t)
		}
		current.sent++
		current.try(t, operations[int(operation)%len(operations)], &choices{data})
	})
}

// fuzzed is a server that gets requests made from its description.
type fuzzed struct {
	*api
	requests
	abc, root string
	sent      int
}

func newFuzzed(t testing.TB) *fuzzed {
	t.Helper()
	folder, err := os.MkdirTemp(databases, "fuzz") // it outlives the test of one request
	ok(t, err)
	a := openBackend(t, accountsDatabase, folder)
	a.handler = a.withAccounts()
	f := &fuzzed{api: a, requests: requests{description: describe(t, a), size: 200_000}}
	f.words = []string{
		a.network(t, "ABC", "Silver network 1 (internet)"), a.network(t, "XYZ", "Gold network 1 (internet)"), a.job(t), a.plan(t), a.appliance(t),
		"web01", "db01", "ABC", "Silver", "Gold", "esx01", "App", "Data", "linux", "VMware", "internet", "tcp", "icmp", "abc", "root",
		"172.17.52.1", "255.255.254.0", "172.17.52.0/23", "fe80::1", "2001:db8::", "2001:db8::/64", "203.0.113.10", "10.0.0.1",
		"1", "0", "true", `"1"`, "*", "Silver network 1", "tenant:XYZ", "",
	}
	// Half a dozen operations need the ID of a failover plan.
	f.words = append(f.words, a.plan(t), a.plan(t), a.plan(t), a.plan(t), a.plan(t))
	f.abc, f.root = f.token(t, "abc", abcPassword), f.token(t, "root", rootPassword)
	return f
}

// token logs in without a network in between.
func (f *fuzzed) token(t testing.TB, username, password string) string {
	t.Helper()
	got := f.direct("POST", "/api/oauth2/token", "grant_type=password&username="+username+"&password="+strings.ReplaceAll(password, " ", "+"), "Content-Type: application/x-www-form-urlencoded")
	equal(t, "status of a login", got.status, http.StatusOK)
	return bearer(decode[tokenAnswer](t, got).AccessToken)
}

// try sends one request and checks the answer.
func (f *fuzzed) try(t *testing.T, operation string, c *choices) answer {
	t.Helper()
	as := f.abc
	if strings.Contains(operation, "lab") || c.of(4) == 3 {
		as = f.root
	}
	request := f.request(operation, c)
	begun := processorTime()
	got := cost{answer: f.direct(request.method, request.target, request.body, append(request.headers, as)...), sent: request.size()}
	got.processor = processorTime() - begun
	if got.status >= http.StatusInternalServerError {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	if got.status >= http.StatusBadRequest {
		if e := checkErrorForm(t, got.answer); len(got.body) > maxErrorAnswer {
			t.Errorf("%d bytes say what is wrong: %.1000s", len(got.body), e.Message)
		}
	}
	// To compare a password, or to make what is stored of one, takes long on purpose.
	if os.Getenv(processorEnv) == "" || strings.Contains(operation, "oauth2") || strings.Contains(request.body, `"passwords"`) {
		return got.answer
	}
	for i := 0; i < 3 && got.processor > got.limit(); i++ {
		got.processor = min(got.processor, f.cost(request, as).processor) // before, there was garbage of others
	}
	if got.processor > got.limit() {
		t.Errorf("%s: %v of processor for %d bytes, want %v at most: %.300s", operation, got.processor, got.sent, got.limit(), request.body)
	}
	return got.answer
}

// TestRequests: the generator makes requests that are carried out, so that the fuzzer tests more than
// how they are refused.
func TestRequests(t *testing.T) {
	f := newFuzzed(t)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	carriedOut := map[string]bool{}
	operations := f.operations()
	for _, id := range sortedKeys(operations) {
		operation := operations[id]
		for n := range 20 {
			data := make([]byte, 20*n) // nothing at first
			for i := range data {
				data[i] = byte(random.UintN(256) & random.UintN(256)) //nolint:gosec // less of what is wrong
			}
			if f.try(t, operation, &choices{data}).status < http.StatusMultipleChoices {
				carriedOut[id] = true
			}
		}
	}
	if len(carriedOut) < len(operations)*2/5 { // many need the ID and the names of what is there
		t.Errorf("of %d operations only %d were carried out: %q", len(operations), len(carriedOut), sortedKeys(carriedOut))
	}
	ok(t, f.store.Close())
}
