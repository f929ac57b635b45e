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
	declared := &vcc.FailoverPlan{ID: "p", Name: "Whole site", Origin: vcc.OriginDeclared}
	restored := &vcc.FailoverPlan{ID: "p", Name: "Whole site", Origin: vcc.OriginDeclared, Revision: 9, UpdatedBy: "admin"}
	specified := &vcc.FailoverPlan{ID: "p", Name: "Whole site", Origin: vcc.OriginSpecified, Revision: 4, UpdatedBy: "admin"}
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

		{"absent, on no plan", absent.CheckFailoverPlan("p", nil), nil},
		{"absent, on a declared plan", absent.CheckFailoverPlan("p", declared), failed("p", `failover plan "Whole site" is there already, as the lab declares it; nothing was changed`, declared)},
		{"absent, on a plan that is declared again", absent.CheckFailoverPlan("p", restored), failed("p", `failover plan "Whole site" is there already, as the lab declares it; nothing was changed`, restored)},
		{"absent, on a specified plan", absent.CheckFailoverPlan("p", specified), failed("p", `failover plan "Whole site" is there already, specified by admin; nothing was changed`, specified)},
		{"the plan's revision", vcc.IfRevision(0).CheckFailoverPlan("p", declared), nil},
		{"another revision of a declared plan", vcc.IfRevision(7).CheckFailoverPlan("p", declared), failed("p", `failover plan "Whole site" is as the lab declares it, and not what was read; nothing was changed now`, declared)},
		{"another revision of the plan", vcc.IfRevision(0).CheckFailoverPlan("p", restored), failed("p", `failover plan "Whole site" was changed by admin since it was read; nothing was changed now`, restored)},

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
