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
	Remove []string `query:"remove,explode" doc:"Tenant, hardware plan or network that may be removed with its stored gateways. May be repeated"`
	Body   Lab
}

// LabApplied is what came of declaring a lab.
type LabApplied struct {
	Warnings []Warning `json:"warnings" doc:"Tenants that cannot log in"`
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
			if err := s.Services.ApplyLab(ctx, lab, in.Remove); err != nil {
				return nil, onTheWire(err)
			}
			without, err := s.Services.TenantsWithoutAccount(ctx)
			return &Body[LabApplied]{LabApplied{convert(without, func(t vcc.Tenant) Warning {
				return Warning{Field: "passwords", Message: "tenant " + vcc.QuoteNames([]string{t.Name}) + " has no account: declare a password for its user name"}
			})}}, err
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

// PutLab declares a lab, as vcc.LabService says, and returns what is left to do.
// CodeAccessDenied: the account is no operator's.
func (c *Client) PutLab(ctx context.Context, lab vcc.Lab, remove []string) ([]Warning, error) {
	var applied LabApplied
	err := c.call(ctx, http.MethodPut, labPath, url.Values{"remove": remove}, nil, Lab{Lab: lab, Passwords: lab.Passwords}, &applied)
	return applied.Warnings, err
}
