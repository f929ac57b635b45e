package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// addFieldErrors adds every error in err at the attribute that its field names.
// The text names it too: for an attribute inside an object the CLI quotes only
// the head of the block.
func addFieldErrors(diags *diag.Diagnostics, summary string, err error) {
	all := vcc.Errors(err)
	if len(all) == 0 && err != nil {
		diags.AddError(summary, sentence(err))
	}
	for _, e := range all {
		if e.Field == "" {
			diags.AddError(summary, sentence(e))
			continue
		}
		at := attributePath(e.Field)
		diags.AddAttributeError(at, summary, fmt.Sprintf("%s: %s", at, sentence(errors.New(e.Message))))
	}
}

// attributePath is the attribute of a field of the wire: ipv4.subnetMask is
// ipv4.subnet_mask. The names differ in spelling only.
func attributePath(field string) path.Path {
	parts := strings.Split(field, ".")
	at := path.Root(snakeCase(parts[0]))
	for _, p := range parts[1:] {
		at = at.AtName(snakeCase(p))
	}
	return at
}

func snakeCase(s string) string {
	var b strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// sentence writes an error as a sentence: a diagnostic's detail is prose.
func sentence(err error) string {
	text := err.Error()
	if first := []rune(text); len(first) > 1 && unicode.IsLower(first[0]) && !unicode.IsUpper(first[1]) {
		text = string(unicode.ToUpper(first[0])) + string(first[1:])
	}
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}

// addRequestError adds the error of a request: what failed, what to do, and why.
func addRequestError(diags *diag.Diagnostics, what string, err error) {
	switch vcc.Code(err) {
	case vcc.CodeInvalidValue, vcc.CodeConflict:
		addFieldErrors(diags, what, err)
	case vcc.CodeInvalidToken, vcc.CodeExpiredToken:
		diags.AddError(what, sentence(err)+" Check username and password of the provider.")
	case vcc.CodeAccessDenied:
		diags.AddError(what, sentence(err)+" Use an account that may do this: username of the provider names it.")
	case vcc.CodeTooManyRequests, vcc.CodeUnavailable:
		diags.AddError(what, sentence(err)+" The same command may succeed later.")
	default:
		text := sentence(err)
		var f *httpapi.Failure
		if errors.As(err, &f) {
			text += advice(f)
		}
		if httpapi.Uncertain(err) {
			text += " It is not known whether this was carried out: plan again, and Terraform sees what is stored. Nothing is written twice."
		}
		diags.AddError(what, text)
	}
}

// advice says what to do about a request that got no answer, and which setting of
// the provider to look at.
func advice(f *httpapi.Failure) string {
	switch f.Kind {
	case httpapi.FailureName:
		return " No host has that name. Check endpoint of the provider."
	case httpapi.FailureRefused:
		return " Nothing listens there. Check host and port in endpoint of the provider, and that the backend runs."
	case httpapi.FailureProxy:
		return " Check the proxy that HTTPS_PROXY or HTTP_PROXY names, its account included, or name the host of endpoint in NO_PROXY."
	case httpapi.FailureTimeout:
		return " There was no answer in time. Check endpoint of the provider and the way to it; where the backend is only slow, raise request_timeout."
	case httpapi.FailureAuthority:
		return " Nothing that is trusted has signed the server's certificate. If that is an authority of your own, give its certificate in ca_certificate of the provider."
	case httpapi.FailureHostname:
		return " The server's certificate is for other names. Use one of them in endpoint of the provider, or have the certificate issued for this one."
	case httpapi.FailureExpired:
		return " The server's certificate has expired or is not valid yet. Have it renewed, or check this machine's clock; insecure_skip_verify of the provider would only hide it."
	case httpapi.FailureTLS:
		return " Check endpoint and ca_certificate of the provider."
	case httpapi.FailureNotTLS:
		return " The server does not speak TLS at that port. Check the port in endpoint of the provider."
	case httpapi.FailureNotThisAPI:
		return " Check endpoint of the provider: host, port, and https:// where the server speaks TLS."
	case httpapi.FailureAPIVersion:
		return " Use a release of the provider that fits the backend, or check endpoint."
	case httpapi.FailureConnection:
		return " The same command may succeed later; max_retries of the provider says how often what changes nothing is tried again."
	default:
		return ""
	}
}

// addUnknownProviderError says why something cannot be done while the provider's
// own configuration has unknown values.
func addUnknownProviderError(diags *diag.Diagnostics, what string) {
	diags.AddError(what, "The provider's configuration has values that are not known yet. "+
		"Apply what they depend on first, for example with -target, or set them to values that are known when planning.")
}

// instant writes a time for people.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// failureLog sends the embedded backend's failures to Terraform's log.
func failureLog(ctx context.Context) *slog.Logger { return slog.New(tflogHandler{ctx: ctx}) }

// tflogHandler is an slog.Handler that writes errors to tflog. Attributes of
// nested loggers and groups are not used by the backend.
type tflogHandler struct {
	slog.Handler
	ctx context.Context
}

// Enabled reports whether a level is logged.
func (h tflogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle logs a record.
func (h tflogHandler) Handle(_ context.Context, r slog.Record) error {
	fields := map[string]any{}
	r.Attrs(func(a slog.Attr) bool {
		fields[a.Key] = a.Value.String()
		return true
	})
	tflog.Error(h.ctx, r.Message, fields)
	return nil
}
