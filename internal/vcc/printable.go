package vcc

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable makes text from elsewhere safe to show on a terminal. A character that is neither
// graphic in Unicode nor a space becomes an escape as in a Go string; that includes line breaks. So a
// name cannot color the screen, add a line, or change the direction of the text after it.
func Printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r == utf8.RuneError || !strconv.IsGraphic(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for rest := s; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		if r != utf8.RuneError && strconv.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteToASCII(rest[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		rest = rest[n:]
	}
	return b.String()
}

// PrintableLines is Printable for each line of a text.
func PrintableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Printable(line)
	}
	return strings.Join(lines, "\n")
}
