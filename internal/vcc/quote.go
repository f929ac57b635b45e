package vcc

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// What an error repeats of its caller's text is bounded, so that no answer, and no log, grows with
// what somebody sends.

// MaxListed is how many findings an error lists at most, and how many names a message quotes. The
// text then says how many more there are.
const MaxListed = 10

// maxQuoted is how many characters of a value a message repeats, where the value is longer than any name.
const maxQuoted = 100

// prose is text of ours, such as a list of names, that a message has whole. All other text in it is
// somebody's value.
type prose string

// Message formats the text of an error. Values that are longer than any name are cut.
func Message(format string, args ...any) string {
	for i, arg := range args {
		switch v := arg.(type) {
		case prose:
		case fmt.Stringer: // such as an address, whose zone has any length
			args[i] = cut(v.String())
		default:
			if text := reflect.ValueOf(arg); text.Kind() == reflect.String {
				args[i] = cut(text.String())
			}
		}
	}
	return fmt.Sprintf(format, args...)
}

// cut ends text that is longer than any name after a hundred characters.
func cut(text string) string {
	if len(text) <= MaxName {
		return text
	}
	return Shorten(text, maxQuoted)
}

// Shorten returns text of at most a number of characters, and marks one that was cut.
func Shorten(text string, characters int) string {
	end := 0
	for range characters {
		if end == len(text) {
			return text
		}
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	if end == len(text) {
		return text
	}
	return text[:end] + "…"
}

// Clip quotes text for a message, and cuts it off after a hundred characters.
func Clip(text string) string {
	short := Shorten(text, maxQuoted)
	if short == text {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q...", strings.TrimSuffix(short, "…"))
}

// FirstTen joins the first ten entries of a list, and says how many more there are.
func FirstTen(list []string, separator string) string {
	if len(list) <= MaxListed {
		return strings.Join(list, separator)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(list[:MaxListed], separator), separator, len(list)-MaxListed)
}

// QuoteNames writes names for a message, ten at most: "a", "b".
func QuoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return FirstTen(quoted, ", ")
}
