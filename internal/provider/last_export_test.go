package provider

import (
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// An export is too old when it is older than the setting says, or does not say how old it is.
func TestExportAge(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	made := func(ago time.Duration) *vcc.LastExport {
		return &vcc.LastExport{ExportSource: vcc.ExportSource{Server: "vbr01", ExportedAt: now.Add(-ago)}, ImportedAt: now}
	}
	const advice = " Export from the backup server and import that (see the guide Your real site), so that this plan is about what the server has."
	for name, tc := range map[string]struct {
		last *vcc.LastExport
		want string
	}{
		"young":        {made(25 * time.Hour), ""},
		"as old":       {made(26 * time.Hour), ""},
		"of to come":   {made(-time.Hour), ""},
		"old":          {made(30 * time.Hour), `What backup server "vbr01" has was seen last in the export of 2026-11-27 06:00:00 UTC, 30h0m0s ago; the provider's max_export_age is 26h0m0s.` + advice},
		"of no time":   {&vcc.LastExport{ImportedAt: now}, "The provider's max_export_age is 26h0m0s, and the export that was imported last, on 2026-11-28 12:00:00 UTC, does not say when it was made." + advice},
		"none at all":  {nil, "The provider's max_export_age is 26h0m0s, and no export of a backup server was imported yet." + advice},
		"of no server": {&vcc.LastExport{ExportSource: vcc.ExportSource{ExportedAt: now.Add(-27 * time.Hour)}}, "What unnamed backup server has was seen last in the export of 2026-11-27 09:00:00 UTC, 27h0m0s ago; the provider's max_export_age is 26h0m0s." + advice},
	} {
		if got := exportAge(tc.last, 26*time.Hour, now); got != tc.want {
			t.Errorf("%s: got %s\nwant %s", name, got, tc.want)
		}
	}
}
