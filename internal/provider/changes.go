package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// differences lists what differs between two states of a gateway, in the words
// of the configuration. A nil state is no gateway.
func differences(before, after *vcc.GatewayState) string {
	from, to := attributesOf(before), attributesOf(after)
	var lines []string
	for _, name := range attributeNames {
		if from[name] != to[name] {
			lines = append(lines, fmt.Sprintf("%s from %s to %s", name, orNone(from[name]), orNone(to[name])))
		}
	}
	return strings.Join(lines, ", ")
}

// attributeNames are the settings of a gateway in the order of the console's dialogs.
var attributeNames = []string{"ipv4.address", "ipv4.subnet_mask", "ipv6.network", "ipv6.prefix_length", "ipv6.address"}

func attributesOf(s *vcc.GatewayState) map[string]string {
	if s == nil {
		return nil
	}
	return settingsOf(s.GatewaySettings)
}

// settingsOf returns settings by the names of their attributes, addresses in the spelling of the backend.
func settingsOf(s vcc.GatewaySettings) map[string]string {
	values := map[string]string{}
	if s.IPv4 != nil {
		values["ipv4.address"], values["ipv4.subnet_mask"] = s.IPv4.Address.String(), s.IPv4.SubnetMask()
	}
	if s.IPv6 != nil {
		values["ipv6.network"], values["ipv6.prefix_length"] = s.IPv6.Network.Addr().String(), fmt.Sprint(s.IPv6.Network.Bits())
		values["ipv6.address"] = s.IPv6.Address.String()
	}
	return values
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// droppedSettings lists the settings of before that are not those of after, in the words of the configuration.
func droppedSettings(before, after vcc.GatewaySettings) string {
	was, is := settingsOf(before), settingsOf(after)
	var lines []string
	for _, name := range attributeNames {
		if was[name] != "" && was[name] != is[name] {
			lines = append(lines, fmt.Sprintf("%s %s", name, was[name]))
		}
	}
	return strings.Join(lines, ", ")
}

// describeAddresses describes the settings of a gateway.
func describeAddresses(s vcc.GatewaySettings) string {
	var families []string
	if s.IPv4 != nil {
		families = append(families, fmt.Sprintf("%s in %s", s.IPv4.Address, s.IPv4.Network()))
	}
	if s.IPv6 != nil {
		families = append(families, fmt.Sprintf("%s in %s", s.IPv6.Address, s.IPv6.Network))
	}
	return strings.Join(families, ", ")
}

// describeChanges tells, oldest first, who changed a gateway since it had the settings
// that Terraform saw last, when, and from what to what: of many the first and the last. The changes are newest first.
// It returns "" where none of them replaced those settings.
func describeChanges(changes []vcc.Change, prior vcc.GatewaySettings) string {
	i := slices.IndexFunc(changes, func(c vcc.Change) bool { return c.Before != nil && c.Before.GatewaySettings.Equal(prior) })
	if i < 0 {
		return ""
	}
	return describeSince(changes, i)
}

// describeSince tells, oldest first, of the change at a place and of those after it.
func describeSince(changes []vcc.Change, i int) string {
	line := func(c vcc.Change) string {
		if c.Provenance != nil { // the time of the export counts, and not that of the import
			return fmt.Sprintf("  - %s: %s", vcc.Printable(c.Provenance.String()), strings.TrimPrefix(describeChange(c), "changed "))
		}
		return fmt.Sprintf("  - %s: %s %s", formatTime(c.Time), vcc.Printable(c.Actor), describeChange(c))
	}
	lines := []string{line(changes[i])}
	switch {
	case i == 2:
		lines = append(lines, line(changes[1]))
	case i > 2: // a page of them is read by nobody
		lines = append(lines, fmt.Sprintf("  - and %d more changes, the last of which is", i-1))
	}
	if i > 0 {
		lines = append(lines, line(changes[0]))
	}
	return strings.Join(lines, "\n")
}

func describeChange(c vcc.Change) string {
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
