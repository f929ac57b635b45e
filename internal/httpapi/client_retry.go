package httpapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// maxCrowded is how long a request is tried again that a server refuses because it has too much to do.
// A plan has thousands of requests, and one that gives up is a plan that fails.
const maxCrowded = 2 * time.Minute

// maxRetryAfter bounds how long a server can make a client wait.
const maxRetryAfter = 30 * time.Second

type repeatableKey struct{}

// withRepeats marks a request that changes nothing, or that can be made twice like
// once, so that it may be repeated after any failure.
func withRepeats(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatableKey{}, true)
}

func repeatable(ctx context.Context) bool { return ctx.Value(repeatableKey{}) != nil }

type sendingKey struct{}

// withSendingTraced keeps whether the server may have got any of a request.
func withSendingTraced(ctx context.Context) context.Context {
	sent := new(atomic.Bool)
	return httptrace.WithClientTrace(context.WithValue(ctx, sendingKey{}, sent), &httptrace.ClientTrace{
		// Comes before the first byte. WroteHeaders can come after bytes have left, and
		// even after the attempt has ended.
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
}

// maybeSent is whether the server may have got any of a request that it has not refused to
// process since.
func maybeSent(ctx context.Context) *atomic.Bool { return ctx.Value(sendingKey{}).(*atomic.Bool) }

// attempts are those of one request, one after the other.
type attempts struct {
	failed  int       // without those that were refused because of a crowd
	crowded time.Time // the first of those
}

type attemptsKey struct{}

func withAttempts(ctx context.Context) context.Context {
	return context.WithValue(ctx, attemptsKey{}, new(attempts))
}

// tryAgain bounds how often, and how long, a request is tried again.
func (c *Client) tryAgain(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if again, err := checkRetry(ctx, resp, err); !again || err != nil || c.cfg.MaxRetries == 0 {
		return false, err
	}
	made := ctx.Value(attemptsKey{}).(*attempts)
	if err == nil && resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" && notProcessed(resp) {
		if made.crowded.IsZero() {
			made.crowded = time.Now()
		}
		return time.Since(made.crowded) < maxCrowded, nil
	}
	made.failed++
	return made.failed <= c.cfg.MaxRetries, nil
}

// checkRetry decides whether an attempt is followed by another. What changes nothing
// may be repeated after any failure that can pass. A write is repeated only where the
// server said that it did nothing, or never got any of it: an attempt whose answer was
// lost may have been carried out. That it was made conditional does not help: repeated,
// it would fail on what it stored itself.
func checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	unprocessed := err == nil && notProcessed(resp)
	if unprocessed {
		maybeSent(ctx).Store(false)
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		var certificate *tls.CertificateVerificationError
		var proxy *proxyRefusal
		permanent := errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &proxy) && proxy.permanent()
		return (repeatable(ctx) || !maybeSent(ctx).Load()) && !permanent, nil
	}
	if unprocessed {
		return true, nil
	}
	switch resp.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return repeatable(ctx), nil
	}
	return repeatable(ctx) && !isComplete(resp), nil
}

// notProcessed reports whether an answer says that nothing was done, and that it may be
// done later.
func notProcessed(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTooManyRequests: // RFC 6585, 4
		return true
	case http.StatusServiceUnavailable:
		// A proxy says so, too, when it lost a server that was at work already.
		return saysUnavailable(resp)
	}
	return false
}

// isComplete reads an answer and reports whether it is complete.
func isComplete(resp *http.Response) bool {
	content, err := peek(resp)
	var syntax *json.SyntaxError
	cut := isJSON(resp) && !json.Valid(content) && errors.As(json.Unmarshal(content, new(json.RawMessage)), &syntax) && syntax.Offset >= int64(len(content))
	return err == nil && !cut
}

// saysUnavailable reports whether it is this contract's server that could not do what
// it was asked to, and did nothing.
func saysUnavailable(resp *http.Response) bool {
	content, err := peek(resp)
	var w wireError
	return err == nil && isJSON(resp) && json.Unmarshal(content, &w) == nil && w.ErrorCode == vcc.CodeUnavailable
}

func isJSON(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "application/json"
}

// peek reads the body of an answer, which can be read still, with the same outcome.
func peek(resp *http.Response) ([]byte, error) {
	if p, ok := resp.Body.(*peeked); ok {
		return p.content, p.err
	}
	var content bytes.Buffer // which copies less often than io.ReadAll
	_, err := content.ReadFrom(io.LimitReader(resp.Body, maxAnswer))
	p := &peeked{Reader: bytes.NewReader(content.Bytes()), Closer: resp.Body, content: content.Bytes(), err: err}
	if err != nil {
		p.Reader = io.MultiReader(p.Reader, failingReader{err})
	}
	resp.Body = p
	return p.content, p.err
}

// peeked is a body that was read.
type peeked struct {
	io.Reader
	io.Closer
	content []byte
	err     error // nil at its end
}

// failingReader fails.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// backoff waits as long as the server asks (RFC 9110, 10.2.3), within reason, and
// else twice as long each time with jitter, so that many clients do not come back at
// once.
func backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		asked := resp.Header.Get("Retry-After")
		if s, err := strconv.Atoi(asked); err == nil && s >= 0 {
			return time.Duration(min(s, int(maxRetryAfter/time.Second))) * time.Second // no overflow
		}
		if at, err := http.ParseTime(asked); err == nil {
			return min(max(time.Until(at), 0), maxRetryAfter)
		}
	}
	ceiling := min(100*time.Millisecond<<min(attempt, 10), 10*time.Second)
	return ceiling/2 + rand.N(ceiling/2) //nolint:gosec // jitter is no secret
}
