package vcc

import (
	"strconv"
	"strings"
	"unicode"
)

// ShellQuote writes a word so that a shell takes it as it is, in quotes only where it must, and
// so that a terminal shows it: characters that cannot be printed are escaped.
func ShellQuote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,:/@%="
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	if strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "$'" + strings.ReplaceAll(strings.Trim(strconv.Quote(word), `"`), "'", `\'`) + "'"
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
