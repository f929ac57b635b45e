package vcc_test

import (
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestValidateNetworkID(t *testing.T) {
	const id = "6f1c2a34-0b5d-5e7f-8a9b-0c1d2e3f4a5b"
	wantErrors(t, vcc.ValidateNetworkID(id))
	for name, quoted := range map[string]string{
		"empty":      `""`,
		"a name":     `"VMware Silver network 1 (internet)"`,
		"upper case": `"` + strings.ToUpper(id) + `"`,
		"braces":     `"{` + id + `}"`,
		"no hyphens": `"6f1c2a340b5d5e7f8a9b0c1d2e3f4a5b"`,
		"line feed":  `"` + id + `\n"`,
	} {
		t.Run(name, func(t *testing.T) {
			value := strings.ReplaceAll(strings.Trim(quoted, `"`), `\n`, "\n")
			wantErrors(t, vcc.ValidateNetworkID(value), wrong("", quoted+" is not a network ID; use the id of an entry in the "+
				"networks of data source vcc_hardware_plan_networks, or one that `backend networks` lists"))
		})
	}
}
