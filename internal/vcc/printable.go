package vcc

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable writes text from elsewhere such that a terminal shows it and does not obey it: what is
// no graphic character of Unicode or a space, a line break included, becomes an escape as in a string of Go. So a
// name can neither colour a screen, nor add a line, nor turn the direction of what follows.
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
