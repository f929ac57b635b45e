package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

const labPath = "/api/v1/lab"

// Lab declares who exists, in the words of a lab file.
type Lab struct {
	vcc.Lab
	// Passwords are never in an answer.
	Passwords map[string]string `json:"passwords,omitempty" doc:"Passwords by user name. An account that is left out keeps its own; a server never looks for passwordEnv in its own environment"`
}

// LabInput is a PUT of a lab.
type LabInput struct {
	Remove []string `query:"remove,explode" doc:"What may be removed, with all that belongs to it: tenant:NAME, host:NAME, plan:NAME, subscription:TENANT/PLAN or network:TENANT/NETWORK, or the name alone where only one thing of that name goes. May be repeated"`
	DryRun bool     `query:"dryRun" doc:"Answer with what would change, and change nothing"`
	Body   Lab
}

// LabApplied is what came of declaring a lab, or would.
type LabApplied struct {
	Changes  []LabChange `json:"changes" doc:"What was added, changed and removed, or with dryRun would be"`
	Refusal  string      `json:"refusal,omitempty" doc:"With dryRun: why the lab would be refused, absent if it would not"`
	Warnings []Warning   `json:"warnings" doc:"Tenants that cannot log in"`
}

// LabChange is one thing that declaring a lab adds, changes or removes. What belongs to
// something that is added or removed as a whole has no entry of its own.
type LabChange struct {
	Action   vcc.LabAction `json:"action" enum:"add,change,remove"`
	Kind     vcc.LabKind   `json:"kind" enum:"tenant,host,plan,subscription,network,serviceProvider,tenants,replicationJob,failoverPlan" doc:"What it is; tenants for their order"`
	Tenant   string        `json:"tenant,omitempty" doc:"Whose it is"`
	Name     string        `json:"name,omitempty" doc:"Its name, the plan's for a subscription"`
	Details  []string      `json:"details,omitempty" doc:"The values that change, with what they were and what they become"`
	Networks int           `json:"networks,omitempty" doc:"How many cloud networks come or go with it"`
	Gateways int           `json:"gateways,omitempty" doc:"How many stored default gateways go with it"`
	Remove   string        `json:"remove,omitempty" doc:"The value of the query parameter remove that allows the removal"`
	Text     string        `json:"text" doc:"The change on a line, for people"`
}

func newLabChange(c vcc.LabChange) LabChange {
	return LabChange{
		Action: c.Action, Kind: c.Kind, Tenant: c.Tenant, Name: c.Name, Details: c.Details,
		Networks: c.Networks, Gateways: c.Gateways, Remove: c.Address(), Text: c.Line(),
	}
}

func (s *server) registerLab() {
	handleFor(s, huma.Middlewares{s.onlyOperators}, http.MethodGet, labPath, "Get the lab that was declared last",
		func(ctx context.Context, _ *struct{}) (*Body[Lab], error) {
			lab, err := s.Services.Lab(ctx)
			return &Body[Lab]{Lab{Lab: lab}}, err
		})
	handleFor(s, huma.Middlewares{s.onlyOperators}, http.MethodPut, labPath, "Declare who exists; stored gateways, the routing option and allocated VLANs stay as they are",
		func(ctx context.Context, in *LabInput) (*Body[LabApplied], error) {
			lab := in.Body.Lab
			lab.Passwords = in.Body.Passwords
			apply := s.Services.ApplyLab
			if in.DryRun {
				apply = s.Services.PreviewLab
			}
			changes, err := apply(ctx, lab, in.Remove)
			applied := LabApplied{Changes: convert(changes, newLabChange), Warnings: []Warning{}}
			if in.DryRun && vcc.Code(err) == vcc.CodeConflict {
				applied.Refusal = err.Error()
				return &Body[LabApplied]{applied}, nil
			}
			if err != nil {
				return nil, onTheWire(err)
			}
			if !in.DryRun {
				without, err := s.Services.TenantsWithoutAccount(ctx)
				if err != nil {
					return nil, err
				}
				applied.Warnings = convert(without, func(t vcc.Tenant) Warning {
					return Warning{Field: "passwords", Message: "tenant " + vcc.QuoteNames([]string{t.Name}) + " has no account: declare a password for its user name"}
				})
			}
			return &Body[LabApplied]{applied}, nil
		})
}

// onTheWire names the fields of a lab file's errors as they are spelled here.
func onTheWire(err error) error {
	for _, e := range vcc.Errors(err) {
		words := strings.Split(e.Field, "_")
		for i, w := range words[1:] {
			if w != "" {
				words[i+1] = strings.ToUpper(w[:1]) + w[1:]
			}
		}
		e.Field = strings.Join(words, "")
	}
	return err
}

// Lab returns the lab that was declared last. CodeNotFound: none was. CodeAccessDenied:
// the account is no operator's.
func (c *Client) Lab(ctx context.Context) (*Lab, error) {
	lab := new(Lab)
	if err := c.call(ctx, http.MethodGet, labPath, nil, nil, nil, lab); err != nil {
		return nil, err
	}
	return lab, nil
}

// PutLab declares a lab, as vcc.LabService says, and returns what changed and what is left to
// do. CodeAccessDenied: the account is no operator's.
func (c *Client) PutLab(ctx context.Context, lab vcc.Lab, remove []string) (*LabApplied, error) {
	return c.putLab(ctx, lab, url.Values{"remove": remove})
}

// PreviewLab returns what PutLab would change, or why it would be refused, and changes nothing.
func (c *Client) PreviewLab(ctx context.Context, lab vcc.Lab, remove []string) (*LabApplied, error) {
	return c.putLab(ctx, lab, url.Values{"remove": remove, "dryRun": {"true"}})
}

func (c *Client) putLab(ctx context.Context, lab vcc.Lab, query url.Values) (*LabApplied, error) {
	applied := new(LabApplied)
	if err := c.call(ctx, http.MethodPut, labPath, query, nil, Lab{Lab: lab, Passwords: lab.Passwords}, applied); err != nil {
		return nil, err
	}
	return applied, nil
}
