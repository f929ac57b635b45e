package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// However many there are, who mistypes a name is told a few, what was meant first, and nothing that a terminal obeys.
func TestUnknownNamesAreBounded(t *testing.T) {
	names := []string{"\x1b[31mred"}
	for i := range 5000 {
		names = append(names, fmt.Sprintf("Plan %d", i))
	}
	var diags diag.Diagnostics
	lookup(&diags, "plan", "failover plan", "Plam 4711", names, func(s string) (string, string) { return s, s })
	addUnknownNameError(&diags, "hardware_plan", "hardware plan", "\x1b[31mreb", names)
	for i, want := range []string{`did you mean "Plan 4711", "`, `no hardware plan "\x1b[31mreb"; did you mean "\x1b[31mred", "`} {
		text := diags[i].Detail()
		if !strings.Contains(text, want) || strings.Contains(text, "\x1b") || len(text) > 400 {
			t.Errorf("%q has %d bytes, or no %q, or a control character", text, len(text), want)
		}
	}
}

// An import of what is not there lists what could have been meant.
func TestImportableIsBounded(t *testing.T) {
	c := newCrowd(t, 1100)
	r := defaultGatewayResource{&connection{client: c.client, gateways: newGateways(c.client, vcc.Actor{}, "test")}}
	id := c.networks[700]
	for _, meant := range []string{id[:35] + "x", "Wide network 701 (interned)"} {
		text := r.importable(t.Context(), meant)
		want := fmt.Sprintf(":\n\n  - %s (%q)\n", id, "Wide network 701 (internet)")
		if !strings.Contains(text, want) || strings.Count(text, "\n  - ") > 10 || !strings.Contains(text, "more.") {
			t.Errorf("for %q:\n%s", meant, text)
		}
	}
}
