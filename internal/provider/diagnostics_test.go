package provider

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// Every failure that a person can do something about names the setting to look at.
func TestAdviceNamesTheSetting(t *testing.T) {
	for kind, setting := range map[httpapi.FailureKind]string{
		httpapi.FailureName: "endpoint", httpapi.FailureRefused: "endpoint", httpapi.FailureProxy: "HTTPS_PROXY or HTTP_PROXY names, its account included, or name the host of endpoint in NO_PROXY",
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
