package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// wireError is the body of every answer that is not a success.
type wireError struct {
	status     int
	retryAfter time.Duration

	ErrorCode  vcc.ErrorCode `json:"errorCode"`
	Message    string        `json:"message" doc:"What is wrong and what would be right, for people"`
	ResourceID string        `json:"resourceId" doc:"The object concerned, or empty"`
	Field      string        `json:"field" doc:"JSON path of the wrong value, or empty"`
	Current    any           `json:"current,omitempty" doc:"With PreconditionFailed: what is stored instead, if anything"`
}

// Error returns the message.
func (e *wireError) Error() string { return e.Message }

// GetStatus returns the HTTP status; huma asks for it.
func (e *wireError) GetStatus() int { return e.status }

// GetHeaders returns the headers that belong to the error; huma asks for them, too.
func (e *wireError) GetHeaders() http.Header {
	h := http.Header{}
	if e.status == http.StatusUnauthorized { // RFC 9110, 15.5.2
		h.Set("WWW-Authenticate", "Bearer")
	}
	if e.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
	}
	return h
}

// statuses are the HTTP statuses of the codes.
var statuses = map[vcc.ErrorCode]int{
	vcc.CodeInvalidValue:       http.StatusBadRequest,
	vcc.CodeInvalidToken:       http.StatusUnauthorized,
	vcc.CodeExpiredToken:       http.StatusUnauthorized,
	vcc.CodeAccessDenied:       http.StatusForbidden,
	vcc.CodeNotFound:           http.StatusNotFound,
	vcc.CodeConflict:           http.StatusConflict,
	vcc.CodePreconditionFailed: http.StatusPreconditionFailed,
	vcc.CodeTooManyRequests:    http.StatusTooManyRequests,
	vcc.CodeUnknown:            http.StatusInternalServerError,
	vcc.CodeUnavailable:        http.StatusServiceUnavailable,
}

// newError puts a service's error into its wire form. Of an error that is not
// the domain's only the code leaves the server.
func newError(err error) *wireError {
	all := vcc.Errors(err)
	if len(all) == 0 {
		return &wireError{
			status: http.StatusInternalServerError, ErrorCode: vcc.CodeUnknown,
			Message: "the backend failed; its log says why",
		}
	}
	first := all[0]
	wire := &wireError{
		status: statuses[first.Code], retryAfter: first.RetryAfter, ErrorCode: first.Code,
		Message: listFindings(all, len(all)), ResourceID: vcc.Shorten(first.ResourceID, vcc.MaxName), Field: vcc.Shorten(first.Field, maxField),
	}
	switch current := first.Current.(type) {
	case *vcc.DefaultGateway:
		wire.Current = newWireDefaultGateway(*current)
	case *vcc.NetworkRouting:
		wire.Current = newWireNetworkRouting(*current)
	case *vcc.FailoverPlan:
		wire.Current = newWireFailoverPlan(*current)
	}
	return wire
}

// listFindings is the text of an error with several findings: one error names one field, and the rest is
// not lost. found are the first ones at least, and total says how many there are.
func listFindings(found []*vcc.Error, total int) string {
	listed := make([]string, min(len(found), vcc.MaxListed))
	for i := range listed {
		text := found[i].Message
		if i > 0 {
			text = found[i].Error()
		}
		listed[i] = vcc.Shorten(text, maxFinding)
	}
	text := strings.Join(listed, "; ")
	if more := total - len(listed); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// useOwnErrors makes huma answer in this contract's form when it refuses a
// request before a handler sees it, and refuse properties in another case. Both
// are globals of the library.
var useOwnErrors = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		e := &wireError{status: status, Message: message}
		switch {
		case status == http.StatusUnprocessableEntity:
			e.status, e.ErrorCode = http.StatusBadRequest, vcc.CodeInvalidValue
		case status == http.StatusNotFound:
			e.ErrorCode = vcc.CodeNotFound
		case message == "cannot read request body": // the library's words for a connection that broke
			e.status, e.ErrorCode = http.StatusBadRequest, vcc.CodeInvalidValue
		case status >= 500:
			e.ErrorCode, e.Message = vcc.CodeUnknown, "the backend failed; its log says why"
		default:
			e.ErrorCode = vcc.CodeInvalidValue
		}
		var listed []*vcc.Error
		for _, err := range errs[:min(len(errs), vcc.MaxListed)] {
			var d *huma.ErrorDetail
			if errors.As(err, &d) {
				listed = append(listed, newInvalidValue(d))
			}
		}
		if len(listed) > 0 {
			e.Field, e.Message = listed[0].Field, listFindings(listed, len(errs))+"; nothing was changed"
		}
		return e
	}
})

// newInvalidValue puts one of huma's findings into the domain's form, which names
// the value itself where huma names the object that lacks it.
func newInvalidValue(d *huma.ErrorDetail) *vcc.Error {
	e := &vcc.Error{Code: vcc.CodeInvalidValue, Message: vcc.Shorten(d.Message, maxLibraryFinding)}
	if d.Location == "body" {
		e.Message = "body: " + e.Message
	} else {
		e.Field = strings.TrimPrefix(strings.TrimPrefix(d.Location, "body."), "query.")
	}
	var missing string
	if n, _ := fmt.Sscanf(d.Message, validation.MsgExpectedRequiredProperty, &missing); n == 1 {
		e.Field = strings.TrimPrefix(e.Field+"."+missing, ".")
		e.Message = "a value is required"
	}
	e.Field = vcc.Shorten(e.Field, maxField)
	return e
}

// decodeError reads an answer that is an error. What it returns is a *vcc.Error, or says why the
// answer is none of this contract.
func decodeError(resp *http.Response, content []byte) error {
	var w struct {
		wireError
		Current json.RawMessage `json:"current"`
	}
	if err := json.Unmarshal(content, &w); err != nil || w.ErrorCode == "" {
		return fmt.Errorf("the server answered with status %d and no explanation", resp.StatusCode)
	}
	e := &vcc.Error{Code: w.ErrorCode, Message: w.Message, ResourceID: w.ResourceID, Field: w.Field}
	if id := resp.Header.Get(requestIDHeader); id != "" && resp.StatusCode >= http.StatusInternalServerError {
		e.Message += fmt.Sprintf(" (request ID %s)", id) // by which the server's log can be searched
	}
	e.Current = decodeCurrent(w.Current)
	return e
}

// decodeCurrent reads what is stored instead: a *vcc.DefaultGateway, a *vcc.NetworkRouting or a
// *vcc.FailoverPlan, nil for none of them.
func decodeCurrent(content json.RawMessage) any {
	var gateway wireDefaultGateway
	if json.Unmarshal(content, &gateway) == nil && gateway.NetworkID != "" {
		if g, err := gateway.decode(); err == nil {
			return &g
		}
		return nil
	}
	var routing wireNetworkRouting
	if json.Unmarshal(content, &routing) == nil && routing.TenantID != "" {
		if r, err := routing.decode(); err == nil {
			return &r
		}
		return nil
	}
	var plan wireFailoverPlan
	if json.Unmarshal(content, &plan) == nil && plan.ID != "" {
		if p, err := plan.decode(); err == nil {
			return &p
		}
	}
	return nil
}
