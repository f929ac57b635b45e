package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

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

// describeChanges tells, oldest first, who changed a gateway since it had the settings
// that Terraform saw last, when, and from what to what. The changes are newest first.
// It returns "" where none of them replaced those settings.
func describeChanges(changes []httpapi.Change, seen httpapi.GatewaySettings) string {
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprintf("  - %s: %s %s", instant(c.Time), vcc.Printable(c.Actor), describeChange(c)))
		if c.Before != nil && c.Before.Settings().Equal(seen) {
			slices.Reverse(lines)
			return strings.Join(lines, "\n")
		}
	}
	return ""
}

func describeChange(c httpapi.Change) string {
	switch {
	case c.Before == nil:
		return "created it: " + differences(nil, c.After)
	case c.After == nil:
		return "removed it"
	}
	if values := differences(c.Before, c.After); values != "" {
		return "changed " + values
	}
	return fmt.Sprintf("made it %s, without changing a value", c.After.Origin)
}
