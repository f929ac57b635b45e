package vbr

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// What a file has at most. A service provider gives a tenant some networks, each of which has about
// a dozen values in an export and fifty where addresses are objects. Within these bounds reading takes some tens of
// megabytes of memory.
const (
	maxFile   = 8 << 20 // bytes
	maxDepth  = 32
	maxValues = 250_000
)

// readText returns a file's text in UTF-8. PowerShell writes UTF-8 with a byte order mark or without, and
// UTF-16 with one where its output is redirected (5.1).
func readText(from io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxFile:
		return nil, fmt.Errorf("it is larger than %d MiB, which no export is", maxFile>>20)
	}
	var text []byte
	switch {
	case bytes.HasPrefix(content, []byte{0xEF, 0xBB, 0xBF}):
		text = content[3:]
	case bytes.HasPrefix(content, []byte{0xFF, 0xFE}):
		text, err = fromUTF16(content[2:], func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 })
	case bytes.HasPrefix(content, []byte{0xFE, 0xFF}):
		text, err = fromUTF16(content[2:], func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 })
	default:
		text = content
	}
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, errors.New("it is neither UTF-8 nor UTF-16 with a byte order mark; write it with Out-File -Encoding utf8")
	}
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return nil, errors.New("it is empty. PowerShell writes nothing where there is nothing to write: the server has no service provider, or the command failed")
	}
	return text, checkBounds(text)
}

func fromUTF16(b []byte, unit func([]byte) uint16) ([]byte, error) {
	if len(b)%2 != 0 {
		return nil, errors.New("it is cut off in the middle of a character")
	}
	text := make([]byte, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		r := rune(unit(b[i:]))
		if utf16.IsSurrogate(r) {
			if i += 2; i == len(b) {
				return nil, errors.New("it is cut off in the middle of a character")
			}
			if r = utf16.DecodeRune(r, rune(unit(b[i:]))); r == utf8.RuneError {
				return nil, errors.New("it is no text: it has half of a character in UTF-16")
			}
		}
		text = utf8.AppendRune(text, r)
	}
	return text, nil
}

// checkBounds checks in one pass, and without memory, that reading the text takes little. Whether it
// is JSON is for the decoder to say.
func checkBounds(text []byte) error {
	depth, values := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("it is nested deeper than %d levels, and no export is", maxDepth)
			}
			values++
		case '}', ']':
			depth--
		case ',':
			values++
		}
		if values > maxValues {
			return fmt.Errorf("it has more than %d values, and no export has", maxValues)
		}
	}
	return nil
}
