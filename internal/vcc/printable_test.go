package vcc_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"VMware Silver network 1 (internet)": "VMware Silver network 1 (internet)",
		`Größe "ö" \ 'x' 日本`:                 `Größe "ö" \ 'x' 日本`,
		"red \x1b[31mtext\x1b[0m":            `red \x1b[31mtext\x1b[0m`,
		"a\nb\tc\r":                          `a\nb\tc\r`,
		"\u009b31m and \u202eback":           `\u009b31m and \u202eback`,
		"bad \xff UTF-8":                     `bad \xff UTF-8`,
		"a replacement \ufffd":               `a replacement \ufffd`,
		"\x7f":                               `\x7f`,
		"":                                   "",
	} {
		if got := vcc.Printable(text); got != want {
			t.Errorf("%q is written %s, want %s", text, got, want)
		}
	}
	if got, want := vcc.PrintableLines("a\x1b\nb\n"), "a\\x1b\nb\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Whatever the text, what is written is graphic, says the same however often it is written, and is the text
// itself where that is harmless.
func TestPrintable_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		got := vcc.Printable(text)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !strconv.IsGraphic(r) }) {
			t.Fatalf("%q is not printable", got)
		}
		if again := vcc.Printable(got); again != got {
			t.Fatalf("%q becomes %q", got, again)
		}
	})
}
