package vcc_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// byValue lets cmp look at addresses, which have only unexported fields.
var byValue = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

// wrong is the error about a value that breaks a rule.
func wrong(field, message string) *vcc.Error {
	return &vcc.Error{Code: vcc.CodeInvalidValue, Field: field, Message: message}
}

// wantErrors checks that err lists exactly these errors; none stands for success.
func wantErrors(t *testing.T, err error, want ...*vcc.Error) {
	t.Helper()
	if diff := cmp.Diff(want, vcc.Errors(err), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if (err == nil) != (len(want) == 0) {
		t.Errorf("got the error %v, want %d errors", err, len(want))
	}
}

// complain reports what is wrong with an error that a parser or validator
// returned: a person needs a message, a program its code and the field.
func complain(err error, fields ...string) error {
	all := vcc.Errors(err)
	if len(all) == 0 {
		return fmt.Errorf("%T is no *vcc.Error: %w", err, err)
	}
	for _, e := range all {
		if e.Code != vcc.CodeInvalidValue || e.Message == "" || !slices.Contains(fields, e.Field) {
			return fmt.Errorf("code %q, field %q, message %q", e.Code, e.Field, e.Message)
		}
	}
	return nil
}

func TestErrorText(t *testing.T) {
	for _, tc := range []struct {
		err  *vcc.Error
		want string
	}{
		{&vcc.Error{Message: "no such network"}, "no such network"},
		{wrong("ipv4.subnetMask", "not a mask"), "ipv4.subnetMask: not a mask"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestCodeAndErrors(t *testing.T) {
	a := wrong("a", "one")
	b := &vcc.Error{Code: vcc.CodeConflict, Field: "b", Message: "two"}
	for _, tc := range []struct {
		name string
		err  error
		code vcc.ErrorCode
		all  []*vcc.Error
	}{
		{"nil", nil, "", nil},
		{"foreign", errors.New("disk full"), vcc.CodeUnknown, nil},
		{"plain", a, vcc.CodeInvalidValue, []*vcc.Error{a}},
		{"wrapped", fmt.Errorf("put: %w", b), vcc.CodeConflict, []*vcc.Error{b}},
		{"joined", errors.Join(b, a), vcc.CodeConflict, []*vcc.Error{b, a}},
		{"nested", fmt.Errorf("put: %w", errors.Join(errors.New("disk full"), errors.Join(a, nil, b))), vcc.CodeInvalidValue, []*vcc.Error{a, b}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := vcc.Code(tc.err); got != tc.code {
				t.Errorf("Code: got %q, want %q", got, tc.code)
			}
			if diff := cmp.Diff(tc.all, vcc.Errors(tc.err)); diff != "" {
				t.Errorf("Errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	named, nameless := wrong("address", "bad"), wrong("", "empty")
	wantErrors(t, vcc.Within("ipv4", errors.Join(named, nameless)), wrong("ipv4.address", "bad"), wrong("ipv4", "empty"))
	wantErrors(t, vcc.Within("ipv4", nil))
	if named.Field != "address" {
		t.Errorf("the original's field became %q", named.Field)
	}
	foreign := errors.New("disk full")
	if got := vcc.Within("ipv4", foreign); !errors.Is(got, foreign) {
		t.Errorf("got %v, want the foreign error", got)
	}
}

// bits spells an address as ones and zeros, so that a rule about it can be
// written down as it is read aloud.
func bits(a netip.Addr) string {
	var s strings.Builder
	for _, octet := range a.AsSlice() {
		fmt.Fprintf(&s, "%08b", octet)
	}
	return s.String()
}
