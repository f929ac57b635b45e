package provider_test

import (
	"context"
	"reflect"
	"runtime"
	"testing"
	"weak"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/provider"
)

// TestServer_letsGo makes the calls that Terraform makes for each resource, and sees
// that nothing keeps what came with their contexts.
func TestServer_letsGo(t *testing.T) {
	t.Parallel()
	server := reflect.ValueOf(provider.NewServer("test"))
	for _, name := range []string{
		"ValidateResourceConfig", "UpgradeResourceState", "UpgradeResourceIdentity", "ImportResourceState", "ReadResource",
		"PlanResourceChange", "ApplyResourceChange", "ValidateDataResourceConfig", "ReadDataSource",
	} {
		method := server.MethodByName(name)
		kept := callWithValue(method)
		runtime.GC()
		if kept.Value() != nil {
			t.Errorf("%s: what its context held is kept after it has ended", name)
		}
	}
	runtime.KeepAlive(server)
}

type (
	valueKey struct{}
	value    struct{ _ [1024]byte }
)

// callWithValue makes a call with a context that has a value, which alone refers to it.
func callWithValue(method reflect.Value) weak.Pointer[value] {
	held := new(value)
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), valueKey{}, held))
	defer cancel()
	method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.New(method.Type().In(1).Elem())})
	return weak.Make(held)
}
