package vcc

import (
	"errors"
	"time"
)

// ErrorCode classifies an error for programs. The values are those of the wire
// contract; branch on them, never on a message.
type ErrorCode string

// The codes that a service may return.
const (
	// CodeInvalidValue: a value breaks a rule; Field names it. Nothing was stored.
	CodeInvalidValue ErrorCode = "InvalidValue"
	// CodeInvalidToken: no credentials, or credentials nobody issued.
	CodeInvalidToken ErrorCode = "InvalidToken"
	// CodeExpiredToken: the access token was good once; a new one is needed.
	CodeExpiredToken ErrorCode = "ExpiredToken"
	// CodeAccessDenied: the account may not do this.
	CodeAccessDenied ErrorCode = "AccessDenied"
	// CodeNotFound: there is no such object, or it belongs to somebody else (D20).
	CodeNotFound ErrorCode = "NotFound"
	// CodeConflict: the value is valid, and conflicts with stored values. Nothing was stored.
	CodeConflict ErrorCode = "Conflict"
	// CodePreconditionFailed: the object changed since it was read; Current holds it. Nothing was stored.
	CodePreconditionFailed ErrorCode = "PreconditionFailed"
	// CodeTooManyRequests: the caller should slow down.
	CodeTooManyRequests ErrorCode = "TooManyRequests"
	// CodeUnknown: a fault of ours; details are in the log only.
	CodeUnknown ErrorCode = "UnknownError"
	// CodeUnavailable: the backend cannot answer now; the same request may succeed later.
	CodeUnavailable ErrorCode = "ServiceUnavailable"
)

// Error is an error for the person who reads it and, by its code, for programs.
type Error struct {
	Code ErrorCode
	// Field is the path of the wrong value as it is written on the wire
	// ("ipv4.subnetMask") or in the lab file ("tenants[0].name"); empty where no
	// single value is to blame.
	Field string
	// ResourceID is the ID of the object concerned, where there is one.
	ResourceID string
	// Message says what is wrong and what would be right.
	Message string
	// Current is what is stored instead of what was expected: a *DefaultGateway,
	// a *NetworkRouting or a *FailoverPlan with CodePreconditionFailed, nil where
	// nothing is stored and with every other code.
	Current any
	// RetryAfter is how long to wait, with CodeTooManyRequests, and with CodeUnavailable where
	// somebody knows.
	RetryAfter time.Duration
}

// Error returns the message, led by the field if there is one.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Code returns the code of the first *Error in err's tree, CodeUnknown for any
// other error, and "" for nil.
func Code(err error) ErrorCode {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeUnknown
}

// Errors lists every *Error that err holds, in order: one for a single error,
// all of them for a joined one.
func Errors(err error) []*Error {
	switch err := err.(type) { //nolint:errorlint // it unwraps step by step itself
	case nil:
		return nil
	case *Error:
		return []*Error{err}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, e := range err.Unwrap() {
			all = append(all, Errors(e)...)
		}
		return all
	default:
		return Errors(errors.Unwrap(err))
	}
}

func invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalidValue, Field: field, Message: Message(format, args...)}
}

// errorList collects errors about several values.
type errorList []error

func (l *errorList) add(field, format string, args ...any) {
	*l = append(*l, invalid(field, format, args...))
}

func (l errorList) err() error { return errors.Join(l...) }

// Within puts a parent's path in front of the field of every error in err.
func Within(parent string, err error) error {
	if e, single := err.(*Error); single { //nolint:errorlint // what wraps one is below
		return e.within(parent)
	}
	all := Errors(err)
	if len(all) == 0 {
		return err
	}
	joined := make([]error, len(all))
	for i, e := range all {
		joined[i] = e.within(parent)
	}
	return errors.Join(joined...)
}

func (e *Error) within(parent string) error {
	moved := *e
	if moved.Field == "" {
		moved.Field = parent
	} else {
		moved.Field = parent + "." + moved.Field
	}
	return &moved
}

// Warning is advice about a value that was accepted.
type Warning struct {
	// Field is the path of the value, as in Error.
	Field string
	// Message says what to expect of it and what would be better.
	Message string
}
