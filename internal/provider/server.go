package provider

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// NewServer returns the provider as Terraform's protocol has it; version is the program's.
func NewServer(version string) tfprotov6.ProviderServer {
	p := &vccProvider{version: version, traffic: newTraffic()}
	described := &vccProvider{version: version, nested: true}
	return server{providerserver.NewProtocol6(p)().(protocolServer), providerserver.NewProtocol6(described)().(protocolServer), p}
}

// protocolServer is what this provider has of the protocol. Whether there are lists and
// actions is found by asking a server for their interfaces.
type protocolServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
}

// server is the framework's server. The calls that Terraform makes for each resource get a
// callContext there, and go into the record of what this process is asked, by which the
// resources decide.
type server struct {
	protocolServer
	// described is what Terraform is told of schemas (see defaultGatewaysResource.nested).
	described protocolServer
	provider  *vccProvider
}

func (s server) GetProviderSchema(ctx context.Context, req *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	return s.described.GetProviderSchema(ctx, req)
}

func (s server) GenerateResourceConfig(ctx context.Context, req *tfprotov6.GenerateResourceConfigRequest) (*tfprotov6.GenerateResourceConfigResponse, error) {
	return s.described.GenerateResourceConfig(ctx, req)
}

func (s server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	config := req.Config
	if err := packGateways(req.TypeName, &req.Config); err != nil {
		return nil, err
	}
	resp, err := passOn(ctx, s.provider.traffic, req, s.protocolServer.ValidateResourceConfig)
	if err == nil {
		schema := func(all *tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema {
			return all.ResourceSchemas[req.TypeName]
		}
		resp.Diagnostics = s.namingNumbers(ctx, s.withoutElements(ctx, resp.Diagnostics, config, schema), config, schema)
	}
	return resp, err
}

func (s server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	c := s.provider.connection.Load()
	if c != nil && req.RawState != nil {
		c.run.noteRawState(req.TypeName, req.RawState.JSON)
	}
	if req.TypeName != gatewaysResource {
		return passOn(ctx, s.provider.traffic, req, s.protocolServer.UpgradeResourceState)
	}
	if c != nil {
		c.gateways.ahead(ctx) // the CLI decodes the state first, which takes it long
	}
	rest, packed, err := takeGateways(req)
	if err != nil { // the framework says what is wrong
		return passOn(ctx, s.provider.traffic, req, s.described.UpgradeResourceState)
	}
	resp, err := passOn(ctx, s.provider.traffic, rest, s.protocolServer.UpgradeResourceState)
	if err == nil {
		err = recode(&resp.UpgradedState, func(msgpack.RawMessage) (any, error) { return packed, nil })
	}
	return resp, err
}

func (s server) UpgradeResourceIdentity(ctx context.Context, req *tfprotov6.UpgradeResourceIdentityRequest) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.UpgradeResourceIdentity)
}

func (s server) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	resp, err := passOn(ctx, s.provider.traffic, req, s.protocolServer.ImportResourceState)
	if err == nil {
		for _, imported := range resp.ImportedResources {
			err = errors.Join(err, unpackValue(imported.TypeName, &imported.State))
		}
	}
	return resp, err
}

func (s server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if err := packGateways(req.TypeName, &req.CurrentState); err != nil {
		return nil, err
	}
	resp, err := passOn(ctx, s.provider.traffic, req, s.protocolServer.ReadResource)
	if err == nil {
		err = unpackValue(req.TypeName, &resp.NewState)
	}
	return resp, err
}

func (s server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if err := packGateways(req.TypeName, &req.PriorState, &req.ProposedNewState, &req.Config); err != nil {
		return nil, err
	}
	resp, err := passOn(ctx, s.provider.traffic, req, s.protocolServer.PlanResourceChange)
	if err == nil {
		err = unpackValue(req.TypeName, &resp.PlannedState)
	}
	return resp, err
}

func (s server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if c := s.provider.connection.Load(); c != nil {
		defer c.run.noteApply()()
	}
	if err := packGateways(req.TypeName, &req.PriorState, &req.PlannedState, &req.Config); err != nil {
		return nil, err
	}
	resp, err := passOn(ctx, s.provider.traffic, req, s.protocolServer.ApplyResourceChange)
	if err == nil {
		err = unpackValue(req.TypeName, &resp.NewState)
	}
	return resp, err
}

func (s server) PlanAction(ctx context.Context, req *tfprotov6.PlanActionRequest) (*tfprotov6.PlanActionResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.PlanAction)
}

func (s server) ListResource(ctx context.Context, req *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error) {
	stream, err := s.protocolServer.ListResource(ctx, req)
	if err != nil || req.TypeName != gatewaysResource {
		return stream, err
	}
	results := stream.Results
	stream.Results = func(push func(tfprotov6.ListResourceResult) bool) {
		for r := range results {
			if err := unpackValue(req.TypeName, &r.Resource); err != nil {
				r.Diagnostics = append(r.Diagnostics, &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: "Unreadable Default Gateways", Detail: sentence(err)})
			}
			if !push(r) {
				return
			}
		}
	}
	return stream, nil
}

func (s server) ValidateDataResourceConfig(ctx context.Context, req *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	resp, err := passOn(ctx, s.provider.traffic, req, s.protocolServer.ValidateDataResourceConfig)
	if err == nil {
		resp.Diagnostics = s.namingNumbers(ctx, resp.Diagnostics, req.Config, func(all *tfprotov6.GetProviderSchemaResponse) *tfprotov6.Schema {
			return all.DataSourceSchemas[req.TypeName]
		})
	}
	return resp, err
}

func (s server) ReadDataSource(ctx context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.ReadDataSource)
}

// noteRawState notes what a state is of.
func (r *run) noteRawState(resource string, state []byte) {
	var attributes struct {
		NetworkID string `json:"network_id"`
		ID        string `json:"id"`
		Name      string `json:"name"`
		Enabled   bool   `json:"enabled"`
		Restores  bool   `json:"restores"`
		// HardwarePlan is "" for all plans.
		HardwarePlan string `json:"hardware_plan"`
		Gateways     map[string]struct {
			NetworkID string `json:"network_id"`
		} `json:"gateways"`
		Replaces json.RawMessage `json:"replaces"`
	}
	if json.Unmarshal(state, &attributes) != nil {
		return // the framework says what is wrong with it
	}
	switch resource {
	case "vcc_default_gateway":
		r.noteState(attributes.NetworkID)
	case "vcc_failover_plan":
		r.noteFailoverPlanState(attributes.Name)
	case gatewaysResource:
		var ids []string
		for _, g := range attributes.Gateways {
			ids = append(ids, g.NetworkID)
		}
		var replaces map[string]string
		if json.Unmarshal(attributes.Replaces, &replaces) != nil {
			replaces = nil // likewise
		}
		r.noteSetState(vcc.NormalName(attributes.HardwarePlan), ids, replaces)
	case "vcc_network_routing":
		r.noteRoutingState(routingModel{
			ID: types.StringValue(attributes.ID), Enabled: types.BoolValue(attributes.Enabled), Restores: types.BoolValue(attributes.Restores),
		})
	}
}
