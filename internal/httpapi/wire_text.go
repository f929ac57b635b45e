package httpapi

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// optionalTime returns nil for the zero time.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// timeOrZero is the inverse of optionalTime.
func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// optionalText writes a value that is the empty text where it is absent.
func optionalText[T interface {
	IsValid() bool
	String() string
}](value T) string {
	if !value.IsValid() {
		return ""
	}
	return value.String()
}

// convert maps a list; the result is never nil, so that an empty list is [] in JSON.
func convert[From, To any](values []From, to func(From) To) []To {
	list := make([]To, len(values))
	for i, v := range values {
		list[i] = to(v)
	}
	return list
}

// convertOrNil is convert for lists that are absent, or null, where they are nil.
func convertOrNil[From, To any](values []From, to func(From) To) []To {
	if values == nil {
		return nil
	}
	return convert(values, to)
}

// decodeList reads a list of an answer; an empty one is nil, as the domain's services have it.
func decodeList[Wire interface{ decode() (T, error) }, T any](field string, values []Wire) ([]T, error) {
	if len(values) == 0 {
		return nil, nil
	}
	list := make([]T, len(values))
	for i, v := range values {
		var err error
		if list[i], err = v.decode(); err != nil {
			return nil, fmt.Errorf("%s[%d].%w", field, i, err)
		}
	}
	return list, nil
}

// decodeOptional reads a value of an answer that may be absent.
func decodeOptional[Wire interface{ decode() (T, error) }, T any](field string, value *Wire) (*T, error) {
	if value == nil {
		return nil, nil
	}
	decoded, err := (*value).decode()
	if err != nil {
		return nil, fmt.Errorf("%s.%w", field, err)
	}
	return &decoded, nil
}

// textReader reads the texts of an answer by their form alone. It keeps the first error, with
// the path of its value.
type textReader struct{ err error }

func readText[T any](r *textReader, field, text string, parse func(string) (T, error)) T {
	value, err := parse(text)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", field, err)
	}
	return value
}

// readOptionalText is readText for a text that may be empty, which is the zero value.
func readOptionalText[T any](r *textReader, field, text string, parse func(string) (T, error)) (value T) {
	if text == "" {
		return value
	}
	return readText(r, field, text, parse)
}

// address and its like are readText for the values of the domain.
func (r *textReader) address(field, text string) netip.Addr {
	return readText(r, field, text, netip.ParseAddr)
}

func (r *textReader) prefix(field, text string) netip.Prefix {
	return readText(r, field, text, netip.ParsePrefix)
}

func (r *textReader) addrPort(field, text string) netip.AddrPort {
	return readText(r, field, text, netip.ParseAddrPort)
}

// addresses reads a list of addresses; an empty one is nil.
func (r *textReader) addresses(field string, texts []string) []netip.Addr {
	return readList(r, field, texts, netip.ParseAddr)
}

// readList is readText for each text of a list. An empty list is nil.
func readList[T any](r *textReader, field string, texts []string, parse func(string) (T, error)) []T {
	if len(texts) == 0 {
		return nil
	}
	list := make([]T, len(texts))
	for i, text := range texts {
		list[i] = readText(r, fmt.Sprintf("%s[%d]", field, i), text, parse)
	}
	return list
}

// formattedEnd reads an end of a packet; the empty text is an absent one.
func (r *textReader) formattedEnd(field, text string) netip.AddrPort {
	return readOptionalText(r, field, text, vcc.ParseFormattedEnd)
}
