package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func newIPv4Function() function.Function { return ipv4Function{} }

type ipv4Function struct{}

// Metadata names the function.
func (ipv4Function) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "ipv4"
}

// Definition describes the function.
func (ipv4Function) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "IPv4 settings of a default gateway from an address with its prefix length",
		MarkdownDescription: "Returns the object that `ipv4` of [`vcc_default_gateway`](../resources/default_gateway.md) takes, with `address`, `subnet_mask` " +
			"and `cidr`. Provider functions need Terraform 1.8 or OpenTofu 1.7.",
		Parameters: []function.Parameter{function.StringParameter{
			Name: "address", MarkdownDescription: "Address of the gateway with its prefix length, such as `172.17.52.1/23`.",
		}},
		Return: function.ObjectReturn{AttributeTypes: ipv4Types},
	}
}

// Run reads the argument.
func (ipv4Function) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var address string
	if resp.Error = req.Arguments.Get(ctx, &address); resp.Error != nil {
		return
	}
	s, err := vcc.ParseIPv4WithLength(address)
	if resp.Error = argumentErrors(err, nil); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, newIPv4Object(&s))
}

func newIPv6Function() function.Function { return ipv6Function{} }

type ipv6Function struct{}

// Metadata names the function.
func (ipv6Function) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "ipv6"
}

// Definition describes the function.
func (ipv6Function) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "IPv6 settings of a default gateway from an address and an IP network",
		MarkdownDescription: "Returns the object that `ipv6` of [`vcc_default_gateway`](../resources/default_gateway.md) takes, with `network`, `prefix_length`, " +
			"`address` and `cidr`. Provider functions need Terraform 1.8 or OpenTofu 1.7.",
		Parameters: []function.Parameter{function.StringParameter{
			Name: "address", MarkdownDescription: "Address of the gateway, such as `fe80::1`; without a network as the second argument with its prefix length, such as `2001:db8:52::1/64`.",
		}},
		VariadicParameter: function.StringParameter{
			Name: "network", MarkdownDescription: "The IP network with its prefix length, such as `2001:db8:52::/64`. At most one.",
		},
		Return: function.ObjectReturn{AttributeTypes: ipv6Types},
	}
}

// Run reads the arguments.
func (ipv6Function) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var address string
	var networks []string
	if resp.Error = req.Arguments.Get(ctx, &address, &networks); resp.Error != nil {
		return
	}
	network := ""
	switch {
	case len(networks) > 1:
		resp.Error = function.NewArgumentFuncError(2, "A gateway has one IP network: leave out what follows the second argument.")
		return
	case len(networks) == 1 && networks[0] == "":
		resp.Error = function.NewArgumentFuncError(1, "The network is empty: write it like 2001:db8:52::/64, or leave it out where the address has a prefix length.")
		return
	case len(networks) == 1:
		network = networks[0]
	}
	s, err := vcc.ParseIPv6WithLength(address, network)
	if resp.Error = argumentErrors(err, map[string]int64{"network": 1, "prefixLength": 1}); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, newIPv6Object(&s))
}

// argumentErrors says at each argument what is wrong with it; the position of a field is 0 unless it is given.
func argumentErrors(err error, positions map[string]int64) (all *function.FuncError) {
	for _, e := range vcc.Errors(err) {
		all = function.ConcatFuncErrors(all, function.NewArgumentFuncError(positions[e.Field], withFullStop(e.Message)))
	}
	return all
}
