package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// revisionKey is where private state keeps the revision that Terraform saw last:
// the one that a write depends on, so that a change which nobody was shown is
// never overwritten.
const revisionKey = "revision"

type privateSetter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

type privateGetter interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

func saveRevision(ctx context.Context, private privateSetter, revision int64) diag.Diagnostics {
	value, err := json.Marshal(revision)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Revision Not Kept", sentence(err))}
	}
	return private.SetKey(ctx, revisionKey, value)
}

// savedRevision returns the revision that Terraform saw last, 0 for none:
// nothing that was ever changed has that revision.
func savedRevision(ctx context.Context, private privateGetter) (int64, diag.Diagnostics) {
	value, diags := private.GetKey(ctx, revisionKey)
	if diags.HasError() || value == nil {
		return 0, diags
	}
	var revision int64
	if err := json.Unmarshal(value, &revision); err != nil {
		diags.AddError("Revision Not Readable", sentence(err))
	}
	return revision, diags
}

// differences lists what differs between two states of a gateway, in the words
// of the configuration. A nil state is no gateway.
func differences(before, after *httpapi.GatewayState) string {
	from, to := attributesOf(before), attributesOf(after)
	var lines []string
	for _, name := range []string{"ipv4.address", "ipv4.subnet_mask", "ipv6.network", "ipv6.prefix_length", "ipv6.address"} {
		if from[name] != to[name] {
			lines = append(lines, fmt.Sprintf("%s from %s to %s", name, orNone(from[name]), orNone(to[name])))
		}
	}
	return strings.Join(lines, ", ")
}

func attributesOf(s *httpapi.GatewayState) map[string]string {
	values := map[string]string{}
	if s != nil && s.IPv4 != nil {
		values["ipv4.address"], values["ipv4.subnet_mask"] = s.IPv4.Address, s.IPv4.SubnetMask
	}
	if s != nil && s.IPv6 != nil {
		values["ipv6.network"], values["ipv6.prefix_length"] = s.IPv6.Network, fmt.Sprint(s.IPv6.PrefixLength)
		values["ipv6.address"] = s.IPv6.Address
	}
	return values
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// describeChanges tells, oldest first, who changed a gateway since a revision,
// when, and from what to what.
func describeChanges(changes []httpapi.Change, since int64) string {
	var lines []string
	for _, c := range slices.Backward(changes) {
		if c.Revision <= since {
			continue
		}
		what := "removed it"
		switch {
		case c.Before == nil:
			what = "created it: " + differences(nil, c.After)
		case c.After != nil:
			what = "changed " + differences(c.Before, c.After)
			if differences(c.Before, c.After) == "" {
				what = fmt.Sprintf("made it %s, without changing a value", c.After.Origin)
			}
		}
		lines = append(lines, fmt.Sprintf("  - %s: %s %s", instant(c.Time), c.Actor, what))
	}
	return strings.Join(lines, "\n")
}
