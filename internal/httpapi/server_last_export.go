package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func (s *server) registerLastExport() {
	handle(s, http.MethodGet, "lastExport", "Get the export of a real backup server that was imported last", s.getLastExport)
	handle(s, http.MethodPut, "lastExport", "Store what a real backup server has, by its export, in place of what is stored", s.putLastExport)
}

func (s *server) getLastExport(ctx context.Context, as vcc.Actor, _ *struct{}) (*answerBody[wireLastExport], error) {
	l, err := s.Services.LastExport(ctx, as)
	if err != nil {
		return nil, err
	}
	return &answerBody[wireLastExport]{newWireLastExport(*l)}, nil
}

// putLastExportInput is a PUT of an export.
type putLastExportInput struct {
	DryRun bool `query:"dryRun" doc:"Answer with what would change, and change nothing"`
	Body   wireServerExport
}

// maxExport is how long the body of an export may be: 4,000 networks with both families and IDs have 1.2 MB.
const maxExport = 4 << 20

// limit lets the export of a large tenant in.
func (putLastExportInput) limit(operation *huma.Operation) {
	operation.MaxBodyBytes, operation.BodyReadTimeout = maxExport, 30*time.Second
}

func (s *server) putLastExport(ctx context.Context, as vcc.Actor, in *putLastExportInput) (*answerBody[wireImport], error) {
	export, err := in.Body.parse()
	if err != nil {
		return nil, err
	}
	outcome, err := s.Services.ImportServerExport(ctx, as, export, in.DryRun)
	if err != nil {
		return nil, err
	}
	if !in.DryRun {
		s.audit(ctx, slog.String("action", "lastExport.put"), slog.String("object", as.TenantID), slog.Int("changes", len(outcome.Changes)))
		for _, c := range outcome.Changes {
			s.audit(ctx, slog.String("action", "lastExport.change"), slog.String("object", cmp.Or(c.NetworkID, as.TenantID)))
		}
	}
	return &answerBody[wireImport]{newWireImport(outcome)}, nil
}
