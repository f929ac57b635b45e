package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
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
	// Tenant is the name or ID of the tenant that an operator acts for.
	Tenant string
	// CACertificate, PEM, replaces the system's certificate authorities.
	CACertificate string
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
	// RequestTimeout bounds each attempt of a request. 0 means 30 seconds.
	RequestTimeout time.Duration
	// MaxRetries is how often a request is tried again.
	MaxRetries int
	// UserAgent is sent with every request.
	UserAgent string
	// Dial, if not nil, replaces dialling the endpoint's address.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// OnResponse, if not nil, is told of every answered attempt: no headers and no
	// bodies, so that no secret reaches a log.
	OnResponse func(ctx context.Context, method, path string, status int)
}

// DefaultRequestTimeout is the RequestTimeout of a client that is given none.
const DefaultRequestTimeout = 30 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

const serverInfoPath = "/api/v1/serverInfo"

// requestIDHeader names a request in the server's log.
const requestIDHeader = "X-Request-Id"

// Client is the client's side of the contract. Its methods are safe for
// concurrent use. Their errors are *vcc.Error where the server answered in the
// contract's form; Current is then a *DefaultGateway or *NetworkRouting. Where it
// did not they are *Failure.
type Client struct {
	cfg  ClientConfig
	base *url.URL
	http *retryablehttp.Client

	// credentials are taken out while somebody logs in: the others wait for them, no
	// longer than their contexts allow.
	credentials chan credentials
	// known says that the server has told which API it has.
	known bool // guarded by having taken out the credentials
}

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
			return nil, invalid("caCertificate", "there is no certificate in PEM form in it; it begins with -----BEGIN CERTIFICATE-----")
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
		RetryMax:   cfg.MaxRetries,
		CheckRetry: checkRetry,
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
	return &vcc.Error{Code: vcc.CodeInvalidValue, Field: field, Message: fmt.Sprintf(format, args...)}
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

// call sends one request and decodes its answer into out, unless out is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, header http.Header, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	// turnedAway says that the server no longer takes the token, and did nothing.
	send := func() (turnedAway bool, _ error) {
		token, err := c.accessToken(ctx)
		if err != nil {
			return false, err
		}
		req, err := c.request(ctx, method, path, query, body)
		if err != nil {
			return false, err
		}
		for k, v := range header {
			req.Header[k] = v
		}
		if in != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		err = c.do(req, out)
		code := vcc.Code(err)
		turnedAway = token != "" && (code == vcc.CodeExpiredToken || code == vcc.CodeInvalidToken)
		if turnedAway {
			c.forget(ctx, token)
		}
		return turnedAway, err
	}
	turnedAway, err := send()
	if turnedAway {
		_, err = send() // once more, with a new token
	}
	return err
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, body []byte) (*retryablehttp.Request, error) {
	u, err := c.base.Parse(path) // path is escaped
	if err != nil {
		return nil, err
	}
	if c.cfg.Tenant != "" && strings.HasPrefix(path, basePath) {
		if query == nil {
			query = url.Values{}
		}
		query.Set(tenantQuery, c.cfg.Tenant)
	}
	u.RawQuery = query.Encode()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	if method == http.MethodGet {
		ctx = withRepeats(ctx)
	}
	req, err := retryablehttp.NewRequestWithContext(withSent(ctx), method, u.String(), reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	return req, nil
}

// do sends a request, with retries, and decodes the answer.
func (c *Client) do(req *retryablehttp.Request, out any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return c.failure(req.Request, err)
	}
	defer resp.Body.Close() //nolint:errcheck // what was read has been read
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return c.failure(req.Request, fmt.Errorf("reading the answer: %w", err))
	}
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return nil
	case resp.StatusCode == http.StatusNotModified && req.Method == http.MethodGet && req.Header.Get("If-None-Match") != "":
		return errNotModified
	}
	strange := func(format string, args ...any) error {
		return &Failure{
			Kind: FailureNotThisAPI, Method: req.Method, Path: req.URL.Path, Host: c.base.Host, RequestID: resp.Header.Get(requestIDHeader),
			Uncertain: (resp.StatusCode < 300 || resp.StatusCode >= 500) && !repeatable(req.Context()), Err: fmt.Errorf(format, args...),
		}
	}
	if !isJSON(resp) {
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return strange("the server at %s answered %s %s with status %d and %q instead of JSON: is the endpoint the server's own, and not a proxy or another program?",
			c.base.Host, req.Method, req.URL.Path, resp.StatusCode, kind)
	}
	if resp.StatusCode >= 300 {
		err := decodeError(resp, content)
		switch {
		case vcc.Errors(err) == nil:
			return strange("%w", err)
		case vcc.Code(err) == vcc.CodeUnknown && !repeatable(req.Context()):
			return &Failure{Kind: FailureServer, Method: req.Method, Path: req.URL.Path, Host: c.base.Host, Uncertain: true, Err: err}
		}
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return strange("the server at %s answered %s %s with JSON of another form: %w", c.base.Host, req.Method, req.URL.Path, err)
	}
	if t, ok := out.(interface{ setETag(string) }); ok {
		t.setETag(resp.Header.Get("ETag"))
	}
	return nil
}

func decodeError(resp *http.Response, content []byte) error {
	var wire struct {
		Error
		Current json.RawMessage `json:"current"`
	}
	if err := json.Unmarshal(content, &wire); err != nil || wire.ErrorCode == "" {
		return fmt.Errorf("the server answered with status %d and no explanation", resp.StatusCode)
	}
	e := &vcc.Error{Code: wire.ErrorCode, Message: wire.Message, ResourceID: wire.ResourceID, Field: wire.Field}
	if id := resp.Header.Get(requestIDHeader); id != "" && resp.StatusCode >= http.StatusInternalServerError {
		e.Message += fmt.Sprintf(" (request ID %s)", id) // by which the server's log can be searched
	}
	if len(wire.Current) == 0 {
		return e
	}
	var probe struct {
		NetworkID string `json:"networkId"`
	}
	var current any = new(NetworkRouting)
	if json.Unmarshal(wire.Current, &probe) == nil && probe.NetworkID != "" {
		current = new(DefaultGateway)
	}
	if json.Unmarshal(wire.Current, current) == nil {
		e.Current = current
	}
	return e
}

// Unconditional makes a write overwrite whatever is stored.
func Unconditional() http.Header { return nil }

// IfRevision makes a write depend on the revision that was read.
func IfRevision(revision int64) http.Header { return http.Header{"If-Match": {etag(revision)}} }

// IfAbsent makes a write depend on nothing being stored.
func IfAbsent() http.Header { return http.Header{"If-None-Match": {"*"}} }

// ServerInfo describes the server. It needs no account.
func (c *Client) ServerInfo(ctx context.Context) (*ServerInfo, error) {
	info := new(ServerInfo)
	req, err := c.request(ctx, http.MethodGet, serverInfoPath, nil, nil)
	if err != nil {
		return nil, err
	}
	return info, c.do(req, info) // without a token: anybody may ask
}

// HardwarePlans returns the plans that the tenant is subscribed to.
func (c *Client) HardwarePlans(ctx context.Context) ([]HardwarePlan, error) {
	return all[HardwarePlan](ctx, c, "hardwarePlans", nil)
}

// Networks returns the tenant's cloud networks, of one plan if planID is not "".
func (c *Client) Networks(ctx context.Context, planID string) ([]Network, error) {
	query := url.Values{}
	if planID != "" {
		query.Set("hardwarePlanIdFilter", planID)
	}
	return all[Network](ctx, c, "networks", query)
}

// NetworksNamed returns the tenant's cloud network of a name, if there is one.
func (c *Client) NetworksNamed(ctx context.Context, name string) ([]Network, error) {
	return all[Network](ctx, c, "networks", url.Values{"nameFilter": {name}})
}

// DefaultGateways returns the tenant's stored gateways.
func (c *Client) DefaultGateways(ctx context.Context) ([]DefaultGateway, error) {
	return all[DefaultGateway](ctx, c, "defaultGateways", nil)
}

func gatewayPath(networkID string) string {
	return basePath + "/defaultGateways/" + url.PathEscape(networkID)
}

// DefaultGateway returns the gateway of a network.
// CodeNotFound: no such network, or no gateway stored for it.
func (c *Client) DefaultGateway(ctx context.Context, networkID string) (*DefaultGateway, error) {
	g := new(DefaultGateway)
	if err := c.call(ctx, http.MethodGet, gatewayPath(networkID), nil, nil, nil, g); err != nil {
		return nil, err
	}
	return g, nil
}

// PutDefaultGateway stores settings for a network under a condition.
// CodeInvalidValue, CodeConflict, CodePreconditionFailed, CodeNotFound: as
// vcc.DefaultGatewayService says.
func (c *Client) PutDefaultGateway(ctx context.Context, networkID string, s GatewaySettings, condition http.Header) (*DefaultGateway, error) {
	g := new(DefaultGateway)
	if err := c.call(ctx, http.MethodPut, gatewayPath(networkID), nil, condition, s, g); err != nil {
		return nil, err
	}
	return g, nil
}

// RemoveDefaultGateway removes the gateway of a network under a condition.
// CodeNotFound: there is none. CodePreconditionFailed: it changed.
func (c *Client) RemoveDefaultGateway(ctx context.Context, networkID string, condition http.Header) error {
	return c.call(ctx, http.MethodDelete, gatewayPath(networkID), nil, condition, nil, nil)
}

// RestoreDetectedGateway takes away what was specified for a network, under a condition:
// it returns what had been detected before, which is stored again, or nil where there was
// no such thing and no gateway is left. CodeConflict: what was detected overlaps with
// another gateway by now; nothing was changed. CodeNotFound, CodePreconditionFailed: as
// RemoveDefaultGateway.
func (c *Client) RestoreDetectedGateway(ctx context.Context, networkID string, condition http.Header) (*DefaultGateway, error) {
	g := new(DefaultGateway)
	err := c.call(ctx, http.MethodDelete, gatewayPath(networkID), url.Values{"restoreDetected": {"true"}}, condition, nil, g)
	if err != nil || g.NetworkID == "" {
		return nil, err
	}
	return g, nil
}

// DefaultGatewayChanges returns a network's history, newest first.
func (c *Client) DefaultGatewayChanges(ctx context.Context, networkID string) ([]Change, error) {
	return all[Change](ctx, c, "defaultGateways/"+url.PathEscape(networkID)+"/changes", nil)
}

// NetworkRouting returns the routing option.
func (c *Client) NetworkRouting(ctx context.Context) (*NetworkRouting, error) {
	r := new(NetworkRouting)
	if err := c.call(ctx, http.MethodGet, basePath+"/networkRouting", nil, nil, nil, r); err != nil {
		return nil, err
	}
	return r, nil
}

// PutNetworkRouting sets the routing option under a condition.
// CodePreconditionFailed: it changed.
func (c *Client) PutNetworkRouting(ctx context.Context, enabled bool, condition http.Header) (*NetworkRouting, error) {
	r := new(NetworkRouting)
	err := c.call(ctx, http.MethodPut, basePath+"/networkRouting", nil, condition, NetworkRoutingSettings{enabled}, r)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ReplicationJobs returns the tenant's replication jobs.
func (c *Client) ReplicationJobs(ctx context.Context) ([]ReplicationJob, error) {
	return all[ReplicationJob](ctx, c, "replicationJobs", nil)
}

// RunReplicationJob runs a job. It is never repeated by itself once it was sent.
// CodeNotFound: no such job.
func (c *Client) RunReplicationJob(ctx context.Context, jobID string) (*JobRun, error) {
	return post[JobRun](ctx, c, "replicationJobs/"+url.PathEscape(jobID)+"/run", nil)
}
