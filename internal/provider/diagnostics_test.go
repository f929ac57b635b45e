package provider

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Every failure that a person can do something about names the setting to look at.
func TestAdviceNamesTheSetting(t *testing.T) {
	for kind, setting := range map[httpapi.FailureKind]string{
		httpapi.FailureName: "endpoint", httpapi.FailureRefused: "endpoint", httpapi.FailureProxy: "HTTPS_PROXY or HTTP_PROXY names, its account included, or name the backend's host in NO_PROXY",
		httpapi.FailureTimeout: "request_timeout", httpapi.FailureConnection: "max_retries",
		httpapi.FailureAuthority: "ca_certificate", httpapi.FailureHostname: "endpoint", httpapi.FailureExpired: "insecure_skip_verify",
		httpapi.FailureTLS: "ca_certificate", httpapi.FailureNotTLS: "endpoint",
		httpapi.FailureNotThisAPI: "endpoint", httpapi.FailureAPIVersion: "endpoint",
	} {
		var diags diag.Diagnostics
		addRequestError(&diags, "Default Gateway Not Read", &httpapi.Failure{Kind: kind, Method: "GET", Path: "/p", Host: "sp.example.net", Err: errors.New("the cause")})
		text := diags[0].Detail()
		for _, part := range []string{"he cause", setting} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: there is no %q in %q", kind, part, text)
			}
		}
		if strings.Contains(text, "not known whether") {
			t.Errorf("%s: a read is uncertain: %q", kind, text)
		}
	}
}

// A sentence begins with a capital where it begins with a word, and ends. What only looks like a word keeps its spelling.
func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"there is no such network":                        "There is no such network.",
		"a gateway needs a host address":                  "A gateway needs a host address.",
		"ändern geht nicht":                               "Ändern geht nicht.",
		"Already a sentence.":                             "Already a sentence.",
		"is that it?":                                     "Is that it?",
		"localhost:19419 answered GET /":                  "localhost:19419 answered GET /.",
		"sp.example.net answered the login":               "sp.example.net answered the login.",
		"fe80::1 is outside 2001:db8::/64":                "fe80::1 is outside 2001:db8::/64.",
		"lab.yaml:3: unknown key":                         "lab.yaml:3: unknown key.",
		"esx01 is busy":                                   "esx01 is busy.",
		"vcc_default_gateway has no such attribute":       "vcc_default_gateway has no such attribute.",
		"tls: handshake failure":                          "tls: handshake failure.",
		"iSCSI is none":                                   "iSCSI is none.",
		"import it:\n\n  import {\n    id = \"x\"\n  }\n": "Import it:\n\n  import {\n    id = \"x\"\n  }\n",
		"a name with \x1b[31mcolour":                      `A name with \x1b[31mcolour.`,
		"EOF":                                             "EOF.",
		"":                                                ".",
	} {
		if got := sentence(errors.New(text)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// Behind the name of a value no sentence begins: "icmp" stays what it is.
func TestFieldErrorsKeepTheirSpelling(t *testing.T) {
	var diags diag.Diagnostics
	addFieldErrors(&diags, "Invalid Value", &vcc.Error{Code: vcc.CodeInvalidValue, Field: "port", Message: "icmp has no ports; leave it out"})
	if got, want := diags[0].Detail(), "port: icmp has no ports; leave it out."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// An operator who names no tenant, or none that there is, is told which setting names one; and no attribute of a
// resource is to blame.
func TestAdviceOnTheTenant(t *testing.T) {
	var diags diag.Diagnostics
	addRequestError(&diags, "Networks Not Read", &vcc.Error{Code: vcc.CodeInvalidValue, Field: "tenant", Message: "there is no tenant \"Nobody\""})
	want := diag.NewErrorDiagnostic("Networks Not Read", "tenant: there is no tenant \"Nobody\". Set tenant in the provider block, or VCC_TENANT.")
	if len(diags) != 1 || !diags[0].Equal(want) {
		t.Errorf("%v, want %v", diags, want)
	}
}

// The embedded backend's log goes to Terraform's with its levels, whatever loggers are made of it.
func TestFailureLog(t *testing.T) {
	var out bytes.Buffer
	log := failureLog(tflogtest.RootLogger(context.Background(), &out))
	log.Info("not shown")
	log.Warn("slow", "seconds", 3)
	with := log.With("tenant", "ABC")
	with.Error("failed", "error", errors.New("the cause"))
	group := with.WithGroup("request").With("method", "PUT")
	group.WithGroup("").Error("failed again", slog.Group("from", "host", "here"), slog.Group("", "inline", true), slog.Attr{})
	group.With("path", "/p").Warn("one")
	group.With("path", "/q").Warn("other")
	entries, err := tflogtest.MultilineJSONDecode(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		delete(e, "@module")
	}
	want := []map[string]any{
		{"@level": "warn", "@message": "slow", "seconds": "3"},
		{"@level": "error", "@message": "failed", "tenant": "ABC", "error": "the cause"},
		{"@level": "error", "@message": "failed again", "tenant": "ABC", "request.method": "PUT", "request.from.host": "here", "request.inline": "true"},
		{"@level": "warn", "@message": "one", "tenant": "ABC", "request.method": "PUT", "request.path": "/p"},
		{"@level": "warn", "@message": "other", "tenant": "ABC", "request.method": "PUT", "request.path": "/q"},
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
