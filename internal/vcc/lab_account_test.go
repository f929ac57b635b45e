package vcc_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestReplacedAccounts: a lab never takes over an account of its user name. It replaces the account,
// which has to be named, or it is refused.
func TestReplacedAccounts(t *testing.T) {
	const (
		byHand = `- account "a" of tenant "ABC": it was made by hand, and the lab gives its user name a password`
		moved  = `- account "a" of tenant "Silver": its user name goes to tenant "ABC"`
		others = `tenants[0].username: "a" is an account that does not belong to tenant "ABC"; nothing was changed. Use another user name`
	)
	given := map[string]string{"a": "secret enough"}
	for name, tc := range map[string]struct {
		account   vcc.LabAccount
		passwords map[string]string
		replaced  string
		refused   bool
	}{
		"its own":                                 {vcc.LabAccount{Username: "a", Tenant: "ABC", Declared: true}, given, "", false},
		"its own, without a password":             {vcc.LabAccount{Username: "a", Tenant: "ABC", Declared: true}, nil, "", false},
		"of the tenant, by hand":                  {vcc.LabAccount{Username: "a", Tenant: "ABC"}, given, byHand, false},
		"of the tenant, by hand, no password":     {vcc.LabAccount{Username: "a", Tenant: "ABC"}, nil, "", false},
		"another tenant's":                        {vcc.LabAccount{Username: "a", Tenant: "Silver", Declared: true}, given, moved, false},
		"another tenant's, without a password":    {vcc.LabAccount{Username: "a", Tenant: "Silver", Declared: true}, nil, moved, false},
		"another tenant's by hand":                {vcc.LabAccount{Username: "a", Tenant: "Silver"}, given, "", true},
		"another tenant's by hand, no password":   {vcc.LabAccount{Username: "a", Tenant: "Silver"}, nil, "", false},
		"an operator's":                           {vcc.LabAccount{Username: "a"}, given, "", true},
		"an operator's, without a password":       {vcc.LabAccount{Username: "a"}, nil, "", false},
		"of a tenant that goes":                   {vcc.LabAccount{Username: "a", Tenant: "Gone", Declared: true}, given, "", false},
		"of a tenant that goes, by hand":          {vcc.LabAccount{Username: "a", Tenant: "Gone"}, given, "", false},
		"of a user name that the lab has not":     {vcc.LabAccount{Username: "b", Tenant: "ABC"}, map[string]string{"a": "x", "b": "y"}, "", false},
		"an operator's that the lab has not":      {vcc.LabAccount{Username: "root"}, given, "", false},
		"a user name that differs in case, alone": {vcc.LabAccount{Username: "A", Tenant: "Silver"}, given, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			lab := twoTenants()
			lab.Tenants[0].Username = "a"
			replaced, err := vcc.ReplacedAccounts([]vcc.LabAccount{tc.account}, lab, tc.passwords)
			want := []string{}
			if tc.replaced != "" {
				want = []string{tc.replaced}
			}
			if diff := cmp.Diff(want, lines(replaced)); diff != "" {
				t.Errorf("replaced (-want +got):\n%s", diff)
			}
			if tc.refused != (err != nil) || tc.refused && (vcc.Code(err) != vcc.CodeConflict || err.Error() != others) {
				t.Errorf("got %v", err)
			}
			// It goes once it is named, by itself or with its tenant, and not before.
			for _, remove := range [][]string{nil, {"account:a"}, {"a"}, {"tenant:" + tc.account.Tenant}} {
				err := vcc.CheckRemovals(replaced, remove)
				if good := (remove == nil) == (tc.replaced == ""); good != (err == nil) {
					t.Errorf("removal %q: %v", remove, err)
				}
			}
		})
	}
}

// TestCheckRemovals_accounts: what goes and what is replaced is told apart.
func TestCheckRemovals_accounts(t *testing.T) {
	before, after := twoTenants(), twoTenants()
	after.Tenants[0].Subscriptions, after.Tenants[0].Jobs = after.Tenants[0].Subscriptions[:1], after.Tenants[0].Jobs[:1]
	after.Tenants[0].Username = "a"
	replaced, err := vcc.ReplacedAccounts([]vcc.LabAccount{{Username: "a", Tenant: "Silver", Declared: true}}, after, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `the lab no longer has subscription of tenant "ABC" to hardware plan "Gold" with 1 network, and replaces account "a" of tenant "Silver": its user name goes to tenant "ABC"; nothing was changed. ` +
		"Put back what is to stay, use other user names, or name what is to go: --remove subscription:ABC/Gold --remove account:a"
	if err := vcc.CheckRemovals(append(vcc.CompareLabs(before, after), replaced...), nil); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
