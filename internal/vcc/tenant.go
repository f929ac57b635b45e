package vcc

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"sync"
)

// Tenant is a customer of the service provider.
type Tenant struct {
	ID, Name string
}

// TenantService finds tenants. It is the server's alone: no account of a tenant may ask it
// (D20).
type TenantService interface {
	// Tenant returns the tenant of a name or an ID. CodeNotFound: there is none.
	Tenant(ctx context.Context, nameOrID string) (Tenant, error)
}

// LabTenant declares a tenant.
type LabTenant struct {
	Name string
	// Username and PasswordEnv, the environment variable that holds the password,
	// make an account in a served backend.
	Username, PasswordEnv string
	// Subscriptions are the names of hardware plans, in the order in which the tenant sees
	// them.
	Subscriptions []string
	// PublicIPs are the public addresses that are the tenant's.
	PublicIPs  []netip.Addr
	Appliances []LabAppliance
	Site
	Jobs          []LabReplicationJob
	FailoverPlans []LabFailoverPlan
}

// ParsePublicIP reads a public address of a tenant. The error has no field.
func ParsePublicIP(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, invalid("", "%q is not an IP address", text)
	}
	return a, nil
}

var envName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })

// checkTenants checks every tenant, and that names, user names and public addresses are unique.
func (c *labCheck) checkTenants() {
	if len(c.lab.Tenants) == 0 {
		c.add("tenants", "a lab needs at least one tenant")
	}
	tenants, usernames, publicIPs := map[string]string{}, map[string]string{}, map[string]string{}
	for i, t := range c.lab.Tenants {
		at := fmt.Sprintf("tenants[%d]", i)
		c.unique(at+".name", t.Name, tenants)
		if t.Username != "" {
			c.unique(at+".username", t.Username, usernames)
			c.under(at+".username", ValidateUsername(t.Username))
		}
		if t.PasswordEnv != "" && !envName().MatchString(t.PasswordEnv) {
			c.add(at+".password_env", "not the name of an environment variable; the password itself must not stand in this file")
		}
		c.checkSubscriptions(at, t)
		for i, a := range t.PublicIPs {
			field := fmt.Sprintf("%s.public_ips[%d]", at, i)
			switch {
			case !a.IsValid() && c.isUnread(field):
			case !a.IsValid() || a.Zone() != "" || a.Is4In6():
				c.add(field, "%q is not an IP address", a)
			default:
				c.unique(field, a.String(), publicIPs)
			}
		}
		c.checkAppliances(at, t)
		c.checkSite(at, t.Site)
		c.checkJobs(at, t)
		c.checkFailoverPlans(at, t)
	}
}

func (c *labCheck) checkSubscriptions(at string, t LabTenant) {
	subscribed := map[string]string{}
	for i, s := range t.Subscriptions {
		field := fmt.Sprintf("%s.subscriptions[%d]", at, i)
		if c.known(field, "hardware plan", s, c.plans) {
			c.unique(field, s, subscribed)
		}
	}
}
