package httpapi

import (
	"errors"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// SettingNames are what a program calls the settings of its client, as its messages have them: the
// provider says "endpoint of the provider" where the command line says "--endpoint".
type SettingNames struct {
	Endpoint, Username, Password, Tenant, CACertificate, InsecureSkipVerify string
	// RequestTimeout and MaxRetries are "" where a program has no such setting.
	RequestTimeout, MaxRetries string
	// Program is the program itself.
	Program string
}

// Advice says what to do about a request that failed, and which setting to look at: sentences to put
// behind the error's own, "" where it says all there is.
func (n SettingNames) Advice(err error) string {
	for _, e := range vcc.Errors(err) {
		if e.Field == tenantQuery {
			return "Set " + n.Tenant + "."
		}
	}
	switch vcc.Code(err) {
	case vcc.CodeInvalidToken, vcc.CodeExpiredToken:
		return "Check " + n.Username + " and " + n.Password + "."
	case vcc.CodeAccessDenied:
		return "Use an account that may do this: " + n.Username + " names it."
	case vcc.CodeTooManyRequests, vcc.CodeUnavailable:
		return "The same command may succeed later."
	}
	var f *Failure
	if !errors.As(err, &f) {
		return ""
	}
	switch f.Kind {
	case FailureName:
		return "No host has that name. Check " + n.Endpoint + "."
	case FailureRefused:
		return "Nothing listens there. Check host and port in " + n.Endpoint + ", and that the backend runs."
	case FailureProxy:
		return "Check the proxy that HTTPS_PROXY or HTTP_PROXY names, its account included, or name the backend's host in NO_PROXY."
	case FailureTimeout:
		text := "There was no answer in time. Check " + n.Endpoint + " and the way to it"
		if n.RequestTimeout != "" {
			text += "; where the backend is only slow, raise " + n.RequestTimeout
		}
		return text + "."
	case FailureAuthority:
		return "Nothing that is trusted has signed the server's certificate. If that is an authority of your own, give its certificate in " + n.CACertificate + "."
	case FailureHostname:
		return "The server's certificate is for other names. Use one of them in " + n.Endpoint + ", or have the certificate issued for this one."
	case FailureExpired:
		return "The server's certificate has expired or is not valid yet. Have it renewed, or check this machine's clock; " + n.InsecureSkipVerify + " would only hide it."
	case FailureTLS:
		return "Check " + n.Endpoint + " and " + n.CACertificate + "."
	case FailureNotTLS:
		return "The server does not speak TLS at that port. Check the port in " + n.Endpoint + "."
	case FailureNotThisAPI:
		return "Check " + n.Endpoint + ": host, port, and https:// where the server speaks TLS."
	case FailureAPIVersion:
		return "Use a release of " + n.Program + " that fits the backend, or check " + n.Endpoint + "."
	case FailureConnection:
		text := "The same command may succeed later"
		if n.MaxRetries != "" {
			text += "; " + n.MaxRetries + " says how often what changes nothing is tried again"
		}
		return text + "."
	default:
		return ""
	}
}
