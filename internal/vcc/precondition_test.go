package vcc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestPrecondition(t *testing.T) {
	network := vcc.Network{ID: "1", Name: "Silver network 1"}
	stored := &vcc.DefaultGateway{NetworkID: "1", Revision: 7, Origin: vcc.OriginDetected, UpdatedBy: "job"}
	option := vcc.NetworkRouting{TenantID: "abc", Revision: 3, UpdatedBy: "operator"}
	absent := vcc.Precondition{Absent: true}
	failed := func(id, message string, current any) []*vcc.Error {
		return []*vcc.Error{{Code: vcc.CodePreconditionFailed, ResourceID: id, Message: message, Current: current}}
	}
	for _, tc := range []struct {
		name string
		err  error
		want []*vcc.Error
	}{
		{"none, on nothing", vcc.Precondition{}.CheckGateway(network, nil), nil},
		{"none, on a gateway", vcc.Precondition{}.CheckGateway(network, stored), nil},
		{"absent, on nothing", absent.CheckGateway(network, nil), nil},
		{"absent, on a gateway", absent.CheckGateway(network, stored), failed("1", `"Silver network 1" has a default gateway already, detected by job; nothing was changed`, stored)},
		{"the revision", vcc.IfRevision(7).CheckGateway(network, stored), nil},
		{"an older revision", vcc.IfRevision(6).CheckGateway(network, stored), failed("1", `the default gateway of "Silver network 1" was changed by job since it was read; nothing was changed now`, stored)},
		{"a newer revision", vcc.IfRevision(8).CheckGateway(network, stored), failed("1", `the default gateway of "Silver network 1" was changed by job since it was read; nothing was changed now`, stored)},
		{"a revision, on nothing", vcc.IfRevision(7).CheckGateway(network, nil), failed("1", `the default gateway of "Silver network 1" was removed since it was read; nothing was changed`, nil)},

		{"none, on the option", vcc.Precondition{}.CheckRouting(option), nil},
		{"the option's revision", vcc.IfRevision(3).CheckRouting(option), nil},
		{"another revision of the option", vcc.IfRevision(0).CheckRouting(option), failed("abc", "the routing option was changed by operator since it was read; nothing was changed now", &option)},
		{"the option is never absent", absent.CheckRouting(option), failed("abc", "the routing option always has a value; name its revision instead", &option)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, vcc.Errors(tc.err), byValue); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
