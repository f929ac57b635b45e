package provider

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
		diags.AddAttributeError(at, summary, fmt.Sprintf("%s: %s", at, withFullStop(e.Message)))
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

// sentence writes an error as a sentence: a diagnostic's detail is prose. The first word gets its capital
// unless it is more than a word: an address, the name of a host or a file, a label.
func sentence(err error) string {
	text := withFullStop(err.Error())
	word, rest, _ := strings.Cut(text, " ")
	if rest != "" && strings.TrimFunc(word, unicode.IsLower) == "" {
		first, n := utf8.DecodeRuneInString(text)
		text = string(unicode.ToUpper(first)) + text[n:]
	}
	return text
}

// withFullStop ends a text as a sentence ends, unless its last line is one to copy. It comes from
// anywhere: what a terminal would obey is escaped.
func withFullStop(text string) string {
	text = vcc.PrintableLines(text)
	if strings.HasSuffix(text, "\n") || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// settingNames are the provider's settings in what it says about requests that failed.
var settingNames = httpapi.SettingNames{
	Endpoint: "endpoint of the provider", Username: "username of the provider", Password: "its password", Tenant: "tenant in the provider block, or VCC_TENANT",
	CACertificate: "ca_certificate of the provider", InsecureSkipVerify: "insecure_skip_verify of the provider",
	RequestTimeout: "request_timeout of the provider", MaxRetries: "max_retries of the provider", Program: "the provider",
}

// addRequestError adds the error of a request: what failed, what to do, and why.
func addRequestError(diags *diag.Diagnostics, what string, err error) {
	advice := settingNames.Advice(err)
	if code := vcc.Code(err); advice == "" && (code == vcc.CodeInvalidValue || code == vcc.CodeConflict) {
		addFieldErrors(diags, what, err)
		return
	}
	text := sentence(err)
	if advice != "" {
		text += " " + advice
	}
	if httpapi.Uncertain(err) {
		text += " It is not known whether this was carried out: plan again, and Terraform sees what is stored. Nothing is written twice."
	}
	diags.AddError(what, text)
}

// addUnknownProviderError says why something cannot be done while the provider's
// own configuration has unknown values.
func addUnknownProviderError(diags *diag.Diagnostics, what string) {
	diags.AddError(what, "The provider's configuration has values that are not known yet. "+
		"Apply what they depend on first, for example with -target, or set them to values that are known when planning.")
}

// formatTime writes a time for people.
func formatTime(t time.Time) string { return vcc.TimeText(t) }

// failureLog sends the embedded backend's failures to Terraform's log.
func failureLog(ctx context.Context) *slog.Logger { return slog.New(tflogHandler{ctx: ctx}) }

// tflogHandler is an slog.Handler that writes warnings and errors to tflog. Fields of a group
// have its name in front, as in slog.TextHandler's output.
type tflogHandler struct {
	ctx context.Context
	// group is the name of the open groups with a dot at its end, "" for none.
	group string
	attrs []slog.Attr // with the names of their groups
}

// Enabled reports whether a level is logged.
func (h tflogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// WithAttrs returns a handler that logs the attributes with every record.
func (h tflogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Clip(h.attrs) // others may be made from the same one
	for _, a := range attrs {
		h.attrs = append(h.attrs, slog.Attr{Key: h.group + a.Key, Value: a.Value})
	}
	return h
}

// WithGroup returns a handler that puts what follows into a group.
func (h tflogHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.group += name + "."
	}
	return h
}

// Handle logs a record.
func (h tflogHandler) Handle(_ context.Context, r slog.Record) error {
	fields := map[string]any{}
	for _, a := range h.attrs {
		addLogField(fields, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		addLogField(fields, h.group, a)
		return true
	})
	if r.Level >= slog.LevelError {
		tflog.Error(h.ctx, r.Message, fields)
	} else {
		tflog.Warn(h.ctx, r.Message, fields)
	}
	return nil
}

func addLogField(fields map[string]any, group string, a slog.Attr) {
	a.Value = a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}): // which handlers ignore
	case a.Value.Kind() == slog.KindGroup:
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range a.Value.Group() {
			addLogField(fields, group, inner)
		}
	default:
		fields[group+a.Key] = a.Value.String()
	}
}
