package labfile

import (
	"strings"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Comments are lines for the person who is to complete a lab file.
type Comments struct {
	// Head stands before everything, Hosts before the hosts, VLANs before each host's ranges, and Tenant behind
	// the name of each tenant.
	Head, Hosts, VLANs, Tenant []string
}

// FormatWithComments is Format with comments. What is in them is made printable.
func FormatWithComments(l vcc.Lab, c Comments) ([]byte, error) {
	text, err := Format(l)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	comment := func(indent string, lines []string) {
		for _, line := range lines {
			b.WriteString(indent + "# " + vcc.Printable(line) + "\n")
		}
	}
	comment("", c.Head)
	tenants := false
	for line := range strings.Lines(string(text)) {
		// Keys stand at the beginnings of lines, and no value does: text that has line breaks is quoted.
		switch {
		case strings.HasPrefix(line, "hosts:"):
			comment("", c.Hosts)
		case strings.HasPrefix(line, "    vlans:"):
			comment("    ", c.VLANs)
		case strings.HasPrefix(line, "tenants:"):
			tenants = true
		}
		b.WriteString(line)
		if tenants && strings.HasPrefix(line, "  - name:") {
			comment("    ", c.Tenant)
		}
	}
	return []byte(b.String()), nil
}
