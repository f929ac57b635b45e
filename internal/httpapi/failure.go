package httpapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// FailureKind says what stood between a client and an answer of this contract, for
// programs that tell people what to do about it.
type FailureKind string

// The kinds of failure.
const (
	// FailureName: there is no host of the endpoint's name.
	FailureName FailureKind = "name"
	// FailureRefused: nothing listens at the endpoint.
	FailureRefused FailureKind = "refused"
	// FailureProxy: the proxy that the environment names cannot be used, or refuses to
	// connect to the server.
	FailureProxy FailureKind = "proxy"
	// FailureTimeout: no answer in time.
	FailureTimeout FailureKind = "timeout"
	// FailureAuthority: the certificate is signed by an authority that is not known.
	FailureAuthority FailureKind = "authority"
	// FailureHostname: the certificate is for other names.
	FailureHostname FailureKind = "hostname"
	// FailureExpired: the certificate has expired, or is not valid yet.
	FailureExpired FailureKind = "expired"
	// FailureTLS: no agreement on TLS for another reason.
	FailureTLS FailureKind = "tls"
	// FailureNotTLS: the server does not speak TLS at that port.
	FailureNotTLS FailureKind = "not_tls"
	// FailureNotThisAPI: the answer is not one of this contract.
	FailureNotThisAPI FailureKind = "not_this_api"
	// FailureAPIVersion: the server has a version of the API that this client does not know.
	FailureAPIVersion FailureKind = "api_version"
	// FailureServer: the server said that it failed; Err is its *vcc.Error.
	FailureServer FailureKind = "server"
	// FailureCancelled: the caller did not want the answer any more.
	FailureCancelled FailureKind = "cancelled"
	// FailureConnection: the connection broke, or could not be made for another reason.
	FailureConnection FailureKind = "connection"
)

// Failure is a request that got no answer of this contract, or a write of which the
// server does not know what became of it.
type Failure struct {
	Kind FailureKind
	// Method and Path are the request's, Host is whom it was for.
	Method, Path, Host string
	// RequestID is the server's for the request, "" if it told none.
	RequestID string
	// Uncertain says that the request would have changed something and that some of it
	// may have been sent, so that it may have been carried out.
	Uncertain bool
	// Err is the cause.
	Err error
}

// Error says what failed and why.
func (f *Failure) Error() string {
	text := f.Err.Error()
	switch f.Kind {
	case FailureNotThisAPI, FailureAPIVersion, FailureServer: // which say enough
	default:
		text = fmt.Sprintf("%s %s on %s failed: %s", f.Method, f.Path, f.Host, text)
	}
	if f.RequestID != "" {
		text += fmt.Sprintf(" (request ID %s)", f.RequestID)
	}
	return text
}

// Uncertain reports whether a write that failed with err may have been carried out:
// its answer was lost, or the server does not know itself.
func Uncertain(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Uncertain
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// failure describes what ended the last attempt of a request.
func (c *Client) failure(req *http.Request, err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // the address stands in our message, once
	}
	return &Failure{
		Kind: kindOf(err), Method: req.Method, Path: req.URL.Path, Host: c.base.Host,
		Uncertain: !repeatable(req.Context()) && maybeSent(req.Context()).Load(), Err: err,
	}
}

// windowsRefused is WSAECONNREFUSED, what Windows says where others say ECONNREFUSED, which package
// syscall has there only as a number that nothing ever returns.
const windowsRefused = syscall.Errno(10061)

// kindOf classifies an error of the transport.
func kindOf(err error) FailureKind {
	var (
		name        *net.DNSError
		op          *net.OpError
		proxy       *proxyRefusal
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		certificate *tls.CertificateVerificationError
		alert       tls.AlertError
		record      tls.RecordHeaderError
		timeout     net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return FailureCancelled
	case errors.As(err, &op) && op.Op == "proxyconnect", errors.As(err, &proxy):
		return FailureProxy
	case errors.As(err, &name) && !name.IsTimeout:
		return FailureName
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, windowsRefused):
		return FailureRefused
	case errors.As(err, &authority):
		return FailureAuthority
	case errors.As(err, &hostname):
		return FailureHostname
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return FailureExpired
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return FailureNotTLS
	case errors.As(err, &certificate), errors.As(err, &alert), op != nil && (op.Op == "remote error" || op.Op == "local error"):
		return FailureTLS // the operations are those of package crypto/tls for an alert, also for one about the version
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return FailureTimeout
	default:
		return FailureConnection
	}
}

// proxyRefusal is a proxy's answer instead of a connection to the server.
type proxyRefusal struct {
	proxy  string
	status int
}

func (r *proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy %s answered CONNECT with %d %s", r.proxy, r.status, http.StatusText(r.status))
}

// permanent reports whether waiting changes nothing: the proxy does not permit the connection. A
// password that it refuses is not tried again, which would look like guessing.
func (r *proxyRefusal) permanent() bool {
	return r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests
}

// refuseProxyAnswer is an http.Transport's OnProxyConnectResponse that makes an error
// that can be told apart from every other of a connection.
func refuseProxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyRefusal{proxy: proxy.Host, status: resp.StatusCode}
}
