package vcc

import (
	"fmt"
	"strings"
)

// LabAction is the kind of a change.
type LabAction string

// The actions.
const (
	LabAdds    LabAction = "add"
	LabChanges LabAction = "change"
	LabRemoves LabAction = "remove"
)

// LabKind is the kind of object that changes.
type LabKind string

// The kinds. Those with a removal of their own (LabChange.Address) come first.
const (
	LabKindTenant       LabKind = "tenant"
	LabKindHost         LabKind = "host"
	LabKindPlan         LabKind = "plan"
	LabKindSubscription LabKind = "subscription"
	LabKindNetwork      LabKind = "network"
	LabKindAccount      LabKind = "account"

	LabKindServiceProvider LabKind = "serviceProvider"
	LabKindTenants         LabKind = "tenants" // their order
	LabKindJob             LabKind = "replicationJob"
	LabKindFailoverPlan    LabKind = "failoverPlan"
)

// labWords are the kinds in sentences.
var labWords = map[LabKind]string{
	LabKindPlan: "hardware plan", LabKindServiceProvider: "service provider",
	LabKindJob: "replication job", LabKindFailoverPlan: "failover plan",
}

// LabChange is one thing that declaring a lab adds, changes or removes. What belongs to
// something that is added or removed as a whole has no entry of its own.
type LabChange struct {
	Action LabAction
	Kind   LabKind
	// Tenant is the name of the tenant that owns the object, "" for none.
	Tenant string
	// Name is the plan's for a subscription.
	Name string
	// Plan is the hardware plan of a network.
	Plan string
	// Details are the values that change, each with what it was and what it becomes.
	Details []string
	// Networks is how many cloud networks come or go with a tenant, a plan or a
	// subscription.
	Networks int
	// Gateways is how many stored default gateways go.
	Gateways int
}

// String names what changes: network "VMware Silver network 1" of tenant "ABC Company".
func (c LabChange) String() string {
	word := labWords[c.Kind]
	if word == "" {
		word = string(c.Kind)
	}
	switch {
	case c.Kind == LabKindTenants:
		return word
	case c.Kind == LabKindSubscription:
		return fmt.Sprintf("subscription of tenant %q to hardware plan %q", c.Tenant, c.Name)
	case c.Tenant != "":
		return fmt.Sprintf("%s %q of tenant %q", word, c.Name, c.Tenant)
	}
	return fmt.Sprintf("%s %q", word, c.Name)
}

// Line is the change on a line of its own, led by +, ~ or -.
func (c LabChange) Line() string {
	line := map[LabAction]string{LabAdds: "+ ", LabChanges: "~ ", LabRemoves: "- "}[c.Action] + c.String()
	var with []string
	if c.Networks > 0 {
		with = append(with, counted(c.Networks, "network"))
	}
	if c.Gateways > 0 {
		with = append(with, counted(c.Gateways, "default gateway"))
	}
	if len(with) > 0 {
		line += " with " + strings.Join(with, ", ")
	}
	if len(c.Details) > 0 {
		line += ": " + FirstTen(c.Details, ", ")
	}
	return line
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
