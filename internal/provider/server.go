package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
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
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.ValidateResourceConfig)
}

func (s server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if r := s.provider.run.Load(); r != nil && req.RawState != nil {
		r.noteRawState(req.TypeName, req.RawState.JSON)
	}
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.UpgradeResourceState)
}

func (s server) UpgradeResourceIdentity(ctx context.Context, req *tfprotov6.UpgradeResourceIdentityRequest) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.UpgradeResourceIdentity)
}

func (s server) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.ImportResourceState)
}

func (s server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.ReadResource)
}

func (s server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.PlanResourceChange)
}

func (s server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if r := s.provider.run.Load(); r != nil {
		defer r.noteApply()()
	}
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.ApplyResourceChange)
}

func (s server) ValidateDataResourceConfig(ctx context.Context, req *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return passOn(ctx, s.provider.traffic, req, s.protocolServer.ValidateDataResourceConfig)
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
		Gateways  map[string]struct {
			NetworkID string `json:"network_id"`
		} `json:"gateways"`
	}
	if json.Unmarshal(state, &attributes) != nil {
		return // the framework says what is wrong with it
	}
	switch resource {
	case "vcc_default_gateway":
		r.noteState(attributes.NetworkID)
	case "vcc_failover_plan":
		r.noteFailoverPlanState(attributes.Name)
	case "vcc_default_gateways":
		var ids []string
		for _, g := range attributes.Gateways {
			ids = append(ids, g.NetworkID)
		}
		r.noteSetState(ids)
	case "vcc_network_routing":
		r.noteRoutingState(routingModel{
			ID: types.StringValue(attributes.ID), Enabled: types.BoolValue(attributes.Enabled), Restores: types.BoolValue(attributes.Restores),
		})
	}
}
