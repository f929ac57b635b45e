package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// ClientConfig is what a client needs to know.
type ClientConfig struct {
	// Endpoint is the server's address, such as https://sp.example.net:9419.
	Endpoint string
	// Username and Password are exchanged for tokens. With no username requests
	// carry none, which only an embedded backend takes.
	Username, Password string
	// CACertificate, PEM, replaces the system's certificate authorities.
	CACertificate string
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
	// RequestTimeout bounds each attempt of a request. 0 means 30 seconds.
	RequestTimeout time.Duration
	// MaxRetries is how often a request is tried again. A server that has too much to do says when to
	// come back; what it refuses so does not count, and is tried again for two minutes unless
	// MaxRetries is 0.
	MaxRetries int
	// UserAgent is sent with every request.
	UserAgent string
	// Dial, if not nil, replaces dialling the endpoint's address.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// OnResponse, if not nil, is called for every attempt that was answered. It gets no headers
	// and no bodies, so that no secret reaches a log.
	OnResponse func(ctx context.Context, method, path string, status int)
}

// DefaultRequestTimeout is the RequestTimeout of a client that is given none.
const DefaultRequestTimeout = 30 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// Client is the client's side of the contract: the domain's services, over HTTP. Its methods
// are safe for concurrent use. Their errors are *vcc.Error where the server answered in the
// contract's form, and *Failure where it did not. The account is the actor: of a vcc.Actor the
// server is told the tenant alone.
//
// A read is tried again after a failure that can pass, up to ClientConfig.MaxRetries times. A
// write is tried again only where the server did nothing with it. Values of an answer are read by
// their form: they may break rules that are younger than they are.
type Client struct {
	cfg  ClientConfig
	base *url.URL
	http *retryablehttp.Client

	// credentials are taken out during a login: other callers wait for them, no longer than
	// their contexts allow.
	credentials chan credentials
	// versionChecked says that the server has the API that this client needs.
	versionChecked bool // guarded by having taken out the credentials
}

var (
	_ vcc.NetworkService        = (*Client)(nil)
	_ vcc.DefaultGatewayService = (*Client)(nil)
	_ vcc.NetworkRoutingService = (*Client)(nil)
	_ vcc.ReplicationJobService = (*Client)(nil)
	_ vcc.FailoverService       = (*Client)(nil)
	_ vcc.FailoverPlanService   = (*Client)(nil)
	_ vcc.ApplianceService      = (*Client)(nil)
	_ vcc.LabService            = (*Client)(nil)
)

// NewClient checks the configuration and returns a client. It sends nothing.
// The errors are *vcc.Error with the fields "endpoint" and "caCertificate".
func NewClient(cfg ClientConfig) (*Client, error) {
	base, err := ParseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	if cfg.Username != "" && base.Scheme == "http" && !IsLoopback(base.Hostname()) {
		return nil, invalid("endpoint", "a password never goes over plain http:// except to a loopback address; use https://%s", base.Host)
	}
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: cfg.InsecureSkipVerify} //nolint:gosec // the user's explicit choice
	if cfg.CACertificate != "" {
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM([]byte(cfg.CACertificate)) {
			hint := ""
			if !strings.ContainsAny(cfg.CACertificate, " \n") {
				hint = "; this is the place for the text of a certificate, and not for the name of its file"
			}
			return nil, invalid("caCertificate", "it has no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----%s", hint)
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = tlsConfig
	transport.OnProxyConnectResponse = refuseProxyAnswer
	transport.MaxIdleConnsPerHost = 16 // Terraform walks ten resources at once
	if cfg.Dial != nil {
		transport.Proxy, transport.DialContext = nil, cfg.Dial
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	c := &Client{cfg: cfg, base: base, credentials: make(chan credentials, 1)}
	c.credentials <- credentials{}
	c.http = &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: transport, Timeout: cfg.RequestTimeout, CheckRedirect: refuseRedirect},
		RetryMax:   math.MaxInt32, // tryAgain counts
		CheckRetry: c.tryAgain,
		Backoff:    backoff,
		// The last answer says more than "giving up after 5 attempts".
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	if cfg.OnResponse != nil {
		c.http.ResponseLogHook = func(_ retryablehttp.Logger, resp *http.Response) {
			cfg.OnResponse(resp.Request.Context(), resp.Request.Method, resp.Request.URL.Path, resp.StatusCode)
		}
	}
	return c, nil
}

// ParseEndpoint checks the address of a server. The error has the field
// "endpoint".
func ParseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return nil, invalid("endpoint", "%q is not the address of a server; write it like https://sp.example.net:9419", s)
	case u.User != nil:
		return nil, invalid("endpoint", "credentials do not belong into the address; use username and password")
	case u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return nil, invalid("endpoint", "%q has more than an address in it; write %s://%s", s, u.Scheme, u.Host)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func invalid(field, format string, args ...any) error {
	return &vcc.Error{Code: vcc.CodeInvalidValue, Field: field, Message: vcc.Message(format, args...)}
}

// IsLoopback reports whether a host is this machine's loopback interface, the only one
// that passwords may reach without TLS.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// refuseRedirect makes a redirect the answer: this contract has none, and a
// request that carries a token must not follow one elsewhere.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends idle connections.
func (c *Client) Close() { c.http.HTTPClient.CloseIdleConnections() }

// request is what a client asks a server for.
type request struct {
	method, path string // the path is escaped
	// tenant is the tenant to act for, "" for the account's own.
	tenant string
	query  url.Values
	header http.Header
	// body is sent as JSON, unless it is nil.
	body any
}

// answer is a success that a server answered a request with.
type answer struct {
	status  int
	etag    string
	content []byte
}

// forTenant is a request below basePath, for the tenant of an actor.
func forTenant(as vcc.Actor, method, path string) request {
	return request{method: method, path: basePath + "/" + path, tenant: as.TenantID}
}

// ask sends a request and reads its answer.
func ask[Wire interface{ decode() (T, error) }, T any](ctx context.Context, c *Client, r request) (*T, error) {
	var value T
	err := c.call(ctx, r, func(a answer) (err error) {
		value, err = readJSON[Wire](a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &value, nil
}

// readJSON reads the JSON of an answer.
func readJSON[Wire interface{ decode() (T, error) }, T any](a answer) (value T, err error) {
	var w Wire
	if err := json.Unmarshal(a.content, &w); err != nil {
		return value, err
	}
	return w.decode()
}

// call sends one request and hands its answer to read, unless that is nil. An error of read
// becomes a *Failure.
func (c *Client) call(ctx context.Context, r request, read func(answer) error) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return err
		}
	}
	// tokenRefused says that the server no longer takes the token, and did nothing.
	send := func() (tokenRefused bool, _ error) {
		token, err := c.accessToken(ctx)
		if err != nil {
			return false, err
		}
		req, err := c.newRequest(ctx, r, body)
		if err != nil {
			return false, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		err = c.do(req, read)
		code := vcc.Code(err)
		tokenRefused = token != "" && (code == vcc.CodeExpiredToken || code == vcc.CodeInvalidToken)
		if tokenRefused {
			c.dropToken(ctx, token)
		}
		return tokenRefused, err
	}
	tokenRefused, err := send()
	if tokenRefused {
		_, err = send() // once more, with a new token
	}
	return err
}

// newRequest returns a request that has no credentials yet. A body is JSON.
func (c *Client) newRequest(ctx context.Context, r request, body []byte) (*retryablehttp.Request, error) {
	u, err := c.base.Parse(r.path)
	if err != nil {
		return nil, err
	}
	query := r.query
	if r.tenant != "" {
		query = maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		query.Set(tenantQuery, r.tenant)
	}
	u.RawQuery = query.Encode()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	if r.method == http.MethodGet {
		ctx = withRepeats(ctx)
	}
	req, err := retryablehttp.NewRequestWithContext(withAttempts(withSendingTraced(ctx)), r.method, u.String(), reader)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, r.header)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// do sends a request, with retries, and hands its answer to read, unless that is nil.
func (c *Client) do(req *retryablehttp.Request, read func(answer) error) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return c.failure(req.Request, err)
	}
	defer resp.Body.Close() //nolint:errcheck // the whole body was read
	content, err := peek(resp)
	if err != nil {
		return c.failure(req.Request, fmt.Errorf("reading the answer: %w", err))
	}
	if resp.StatusCode == http.StatusNotModified && req.Method == http.MethodGet && req.Header.Get("If-None-Match") != "" {
		return errNotModified
	}
	notThisAPI := func(format string, args ...any) error {
		return &Failure{
			Kind: FailureNotThisAPI, Method: req.Method, Path: req.URL.Path, Host: c.base.Host, RequestID: resp.Header.Get(requestIDHeader),
			Uncertain: (resp.StatusCode < 300 || resp.StatusCode >= 500) && !repeatable(req.Context()), Err: fmt.Errorf(format, args...),
		}
	}
	if resp.StatusCode != http.StatusNoContent && !isJSON(resp) {
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return notThisAPI("the server at %s answered %s %s with status %d and %q instead of JSON: is the endpoint the server's own, and not a proxy or another program?",
			c.base.Host, req.Method, req.URL.Path, resp.StatusCode, kind)
	}
	if resp.StatusCode >= 300 {
		err := decodeError(resp, content)
		switch {
		case vcc.Errors(err) == nil:
			return notThisAPI("%w", err)
		case vcc.Code(err) == vcc.CodeUnknown && !repeatable(req.Context()):
			return &Failure{Kind: FailureServer, Method: req.Method, Path: req.URL.Path, Host: c.base.Host, Uncertain: true, Err: err}
		}
		return err
	}
	if read == nil {
		return nil
	}
	if err := read(answer{status: resp.StatusCode, etag: resp.Header.Get("ETag"), content: content}); err != nil {
		return notThisAPI("the server at %s answered %s %s with JSON of another form: %w", c.base.Host, req.Method, req.URL.Path, err)
	}
	return nil
}
