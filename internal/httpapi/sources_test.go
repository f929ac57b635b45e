package httpapi_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What an appliance is compiled from comes over the wire whole, once per change.
func TestApplianceSources(t *testing.T) {
	a := newServed(t)
	client := newClient(t, httpapi.ClientConfig{Endpoint: a.URL, Username: "abc", Password: abcPassword})
	ctx, abc, id := t.Context(), a.tokens["ABC"], a.appliance(t)
	network := a.network(t, "ABC", "Silver network 1 (internet)")
	read := func(known string) *vcc.ApplianceSources {
		t.Helper()
		sources, err := client.ApplianceSources(ctx, own, id, known)
		ok(t, err)
		return sources
	}
	known := ""
	for _, step := range []struct {
		what   string
		change func() error
	}{
		{"nothing", func() error { return nil }},
		{"a gateway of both families", func() error {
			settings := ipv4("172.17.52.1/23")
			v6, err := vcc.ParseIPv6Settings("fe80::1", "2001:db8:52::", 64)
			ok(t, err)
			settings.IPv6 = &v6
			_, _, err = a.store.PutDefaultGateway(ctx, abc, network, settings, vcc.Precondition{})
			return err
		}},
		{"the routing option", func() error {
			_, err := a.store.PutNetworkRouting(ctx, abc, true, vcc.Precondition{})
			return err
		}},
		{"a failover", func() error {
			_, err := a.store.RunReplicationJob(ctx, abc, a.job(t))
			ok(t, err)
			_, err = a.services.StartFailover(ctx, abc, a.plan(t), false)
			return err
		}},
	} {
		ok(t, step.change())
		got := read(known)
		if got == nil {
			t.Fatalf("after %s: nothing has changed", step.what)
		}
		want, err := a.services.ApplianceSources(ctx, abc, id, "")
		ok(t, err)
		equal(t, "sources after "+step.what, got, want, cmpopts.EquateEmpty())
		known = got.Version
		if again := read(known); again != nil {
			t.Errorf("after %s: read again for nothing", step.what)
		}
	}
	if gateways := fmt.Sprint(read("").Gateways); gateways == "map[]" {
		t.Error("no gateway came over the wire")
	}
}
