package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// cloudNetworks are the tenant's networks as they were when this process first needed them. Resources
// are planned from that: who may change what networks there are is the operator, and never Terraform.
type cloudNetworks struct {
	all  []vcc.Network
	byID map[string]*vcc.Network
	// byName has the names in their normal form.
	byName map[string]*vcc.Network
}

// cloudNetworks returns the tenant's networks.
func (c *connection) cloudNetworks(ctx context.Context) (*cloudNetworks, error) {
	return c.networks.get(ctx, func(ctx context.Context) (*cloudNetworks, error) {
		all, err := c.listNetworks(ctx, vcc.NetworkFilter{})
		if err != nil {
			return nil, err
		}
		n := &cloudNetworks{all, make(map[string]*vcc.Network, len(all)), make(map[string]*vcc.Network, len(all))}
		for i := range all {
			n.byID[all[i].ID], n.byName[vcc.NormalName(all[i].Name)] = &all[i], &all[i]
		}
		return n, nil
	})
}

// listNetworks reads the tenant's networks that match a filter.
func (c *connection) listNetworks(ctx context.Context, f vcc.NetworkFilter) ([]vcc.Network, error) {
	return vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) { return c.client.Networks(ctx, c.as, f, p) })
}

// named returns the network of a name, nil for none.
func (n *cloudNetworks) named(name string) *vcc.Network { return n.byName[vcc.NormalName(name)] }

// host returns the host of a network, "" where there is no such network.
func (n *cloudNetworks) host(id string) string {
	if found := n.byID[id]; found != nil {
		return found.HostID
	}
	return ""
}

// name returns the name of a network, or its ID where there is no such network.
func (n *cloudNetworks) name(id string) string {
	if found := n.byID[id]; found != nil {
		return found.Name
	}
	return id
}

// networkReference is how a configuration names a network. What is nil is not given, or not known yet.
type networkReference struct {
	id, name *string
	// idUnknown and nameUnknown say what is given and not known.
	idUnknown, nameUnknown bool
}

// attribute is where an error about the network stands.
func (r networkReference) attribute() path.Path {
	if r.name != nil {
		return path.Root("network_name")
	}
	return path.Root("network_id")
}

// key tells references apart, for counting how often one is validated and planned.
func (r networkReference) key() string {
	var key strings.Builder
	for _, part := range []*string{r.id, r.name} {
		if part != nil {
			key.WriteString(*part)
		}
		key.WriteByte(0)
	}
	return key.String()
}

const unknownNetwork = "Unknown Cloud Network"

// find returns the network that a reference names, and an error at the attribute that is wrong.
func (n *cloudNetworks) find(ref networkReference, diags *diag.Diagnostics) *vcc.Network {
	var byID, byName *vcc.Network
	if ref.id != nil {
		if byID = n.byID[*ref.id]; byID == nil {
			diags.AddAttributeError(path.Root("network_id"), unknownNetwork, fmt.Sprintf(
				"network_id: there is no cloud network with ID %s: the operator removed it, it is another tenant's, or the ID is mistyped.%s",
				*ref.id, n.nearestIDs(*ref.id)))
		}
	}
	if ref.name != nil {
		if byName = n.named(*ref.name); byName == nil {
			names := make([]string, len(n.all))
			for i := range n.all {
				names[i] = n.all[i].Name
			}
			text := fmt.Sprintf("network_name: there is no cloud network %q", *ref.name)
			if nearest := vcc.DidYouMean(*ref.name, names); nearest != "" {
				text += "; " + nearest
			} else {
				text += "; the tenant has none at all."
			}
			diags.AddAttributeError(path.Root("network_name"), unknownNetwork, text)
		}
	}
	switch {
	case diags.HasError():
		return nil
	case byName == nil:
		return byID
	case byID != nil && byID != byName:
		diags.AddAttributeError(path.Root("network_name"), "Two Cloud Networks", fmt.Sprintf(
			"network_name: %q is the network with ID %s, and network_id %s is %q. Leave one of the two out, or name one network with both.",
			byName.Name, byName.ID, byID.ID, byID.Name))
		return nil
	}
	return byName
}

// nearestIDs lists the networks whose ID is most like a mistyped one.
func (n *cloudNetworks) nearestIDs(id string) string {
	ids := make([]string, len(n.all))
	for i := range n.all {
		ids[i] = n.all[i].ID
	}
	nearest := vcc.Nearest(id, ids)
	if len(nearest) == 0 {
		return " The tenant has no network at all."
	}
	text := " These are there"
	if more := len(ids) - len(nearest); more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	text += ":\n"
	for _, id := range nearest {
		text += fmt.Sprintf("\n  - %s (%s)", id, n.byID[id].Name)
	}
	return text
}
