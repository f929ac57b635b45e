package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

var lastExportTypes = map[string]attr.Type{
	"server": types.StringType, "service_provider": types.StringType, "exported_at": types.StringType, "imported_at": types.StringType,
}

// lastExportAttribute describes the export of a real backup server that was imported last.
func lastExportAttribute() schema.SingleNestedAttribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return schema.SingleNestedAttribute{
		Computed: true,
		MarkdownDescription: "The export of a real backup server that was imported last (`backend vbr import`); null if there was none. " +
			"What is stored may have been changed since.",
		Attributes: map[string]schema.Attribute{
			"server":           text("Name of the backup server; null if the export does not say it."),
			"service_provider": text("Name that the backup server has for the service provider."),
			"exported_at":      text("When the export was made, in RFC 3339 and UTC; null if it does not say it."),
			"imported_at":      text("When it was imported, in RFC 3339 and UTC."),
		},
	}
}

func newLastExportObject(l *vcc.LastExport) types.Object {
	if l == nil {
		return types.ObjectNull(lastExportTypes)
	}
	server := types.StringNull()
	if l.Server != "" {
		server = types.StringValue(l.Server)
	}
	return types.ObjectValueMust(lastExportTypes, map[string]attr.Value{
		"server": server, "service_provider": types.StringValue(l.Provider), "exported_at": timestampOrNull(l.ExportedAt), "imported_at": timestampOrNull(l.ImportedAt),
	})
}

// lastExport asks which export was imported last, nil for none.
func (c *connection) lastExport(ctx context.Context) (*vcc.LastExport, error) {
	l, err := c.client.LastExport(ctx, c.as)
	if vcc.Code(err) == vcc.CodeNotFound { // also from a backend of a release that takes none
		return nil, nil
	}
	return l, err
}

// warnOfOldExport says once a run that the export that was imported last is older than max_export_age.
// Without that setting nothing is asked.
func (c *connection) warnOfOldExport(ctx context.Context, diags *diag.Diagnostics) {
	if c.maxExportAge == 0 || !c.exportAgeChecked.CompareAndSwap(false, true) {
		return
	}
	l, err := c.lastExport(ctx)
	if err != nil {
		c.exportAgeChecked.Store(false) // who asks next finds out
		return
	}
	if text := exportAge(l, c.maxExportAge, time.Now()); text != "" {
		diags.AddWarning("Backup Server Not Seen Lately", text)
	}
}

// exportAge says that an export is too old, or "".
func exportAge(l *vcc.LastExport, most time.Duration, now time.Time) string {
	const export = " Export from the backup server and import that (see the guide Your real site), so that this plan is about what the server has."
	switch {
	case l == nil:
		return fmt.Sprintf("The provider's max_export_age is %s, and no export of a backup server was imported yet.", most) + export
	case l.ExportedAt.IsZero():
		return fmt.Sprintf("The provider's max_export_age is %s, and the export that was imported last, on %s, does not say when it was made.", most, formatTime(l.ImportedAt)) + export
	case now.Sub(l.ExportedAt) > most:
		return vcc.Printable(fmt.Sprintf("What %s has was seen last in the export %s, %s ago; the provider's max_export_age is %s.",
			l.Actor(), l.When(), now.Sub(l.ExportedAt).Round(time.Second), most)) + export
	}
	return ""
}
