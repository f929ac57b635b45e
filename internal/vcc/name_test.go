package vcc_test

import (
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestValidateName(t *testing.T) {
	for name, want := range map[string]string{
		"web01":                       "",
		"VMware Silver":               "",
		"Caf\u00e9":                   "",
		"Cafe\u0301":                  "",
		"\u65e5\u672c":                "",
		"\u0645\u06cc\u200c\u062e":    "", // Persian is not written without a joiner
		strings.Repeat("\u00e9", 127): "",
		"":                            "a name is required",
		strings.Repeat("\u00e9", 128): `"` + strings.Repeat("\u00e9", 100) + `"... is a name of 256 bytes; a name has 255 at most`,
		"\xff":                        `"\xff" is not text in UTF-8`,
		" web01":                      `" web01" begins or ends with white space; remove it`,
		"web01\u00a0":                 `"web01\u00a0" begins or ends with white space; remove it`,
		"web01\n":                     `"web01\n" begins or ends with white space; remove it`,
		"web\n01":                     `"web\n01" has the control character U+000A, which no name can have; remove it`,
		"web\x00":                     `"web\x00" has the control character U+0000, which no name can have; remove it`,
		"\x1b[2Jweb":                  `"\x1b[2Jweb" has the control character U+001B, which no name can have; remove it`,
		"web\u009b2J":                 `"web\u009b2J" has the control character U+009B, which no name can have; remove it`,
		"web\u202801":                 `"web\u202801" has the control character U+2028, which no name can have; remove it`,
		"web\u202e10":                 `"web\u202e10" has the character U+202E, which is not seen and changes the order of what is; remove it`,
		"web\u206610":                 `"web\u206610" has the character U+2066, which is not seen and changes the order of what is; remove it`,
	} {
		got := ""
		if err := vcc.ValidateName(name); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestSameName(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"web01", "web01", true},
		{"web01", "Web01", false},
		{"Caf\u00e9", "Cafe\u0301", true},
		{"\ud55c", "\u1112\u1161\u11ab", true},
		{"\u00c5", "\u212b", true}, // the sign for the unit
		{"\ufb01", "fi", false},    // compatible, not canonically the same
	} {
		if got := vcc.SameName(tc.a, tc.b); got != tc.want {
			t.Errorf("%q and %q: %t", tc.a, tc.b, got)
		}
	}
}
