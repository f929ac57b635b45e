package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// What a request has at most, beside the length of its body. Within these bounds its cost is at
// most linear in its size.
const (
	// maxParameters bounds the query.
	maxParameters = 2000
	// maxDepth bounds how deep objects and lists of a body stand in each other. A lab, the deepest
	// body of the API, needs 8.
	maxDepth = 16
	// maxKeys bounds the properties of one object of a body. Only a lab's passwords and a job's
	// mapping are objects with properties of the caller's choice.
	maxKeys = 20_000
	// maxValues and bytesPerValue bound the values of a body: so many, and one more for so many bytes.
	// Each can be wrong in several ways, and then takes a thousand bytes until it is listed. What
	// people send has ten bytes for each value at least.
	maxValues     = 20_000
	bytesPerValue = 8
)

// What an answer has at most of a finding, in characters. The domain cuts values that it quotes
// much shorter; the library that reads requests does not.
const (
	maxFinding        = 16 << 10
	maxLibraryFinding = 500
	maxField          = vcc.MaxName
)

// boundRequest refuses a query that has too much in it or cannot be read, where others leave out
// what they cannot read. What follows gets the query in its one regular form, in which each look
// for a parameter takes one pass.
func boundRequest(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	refuse := func(format string, args ...any) {
		writeError(w, newError(&vcc.Error{Code: vcc.CodeInvalidValue, Message: fmt.Sprintf(format, args...)}))
	}
	if n := strings.Count(r.URL.RawQuery, "&") + 1; n > maxParameters {
		refuse("the query has %d parameters; it may have %d", n, maxParameters)
		return
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse("the query is not one that can be read") // whose text the error would show
		return
	}
	r.URL.RawQuery = query.Encode()
	next(ctx)
}

// boundedJSON reads bodies that obey the bounds.
var boundedJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(text []byte, into any) error {
		if err := checkJSON(text); err != nil {
			return err
		}
		return json.Unmarshal(text, into)
	},
}

// checkJSON checks in one pass, and without memory of its own, that a body obeys the bounds. Whether
// it is JSON at all is for the decoder to say.
func checkJSON(text []byte) error {
	type opened struct {
		object bool
		commas int
	}
	var stack [maxDepth]opened
	depth, values, most := 0, 0, maxValues+len(text)/bytesPerValue
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth == maxDepth {
				return fmt.Errorf("it is nested deeper than %d levels, and nothing of this API is", maxDepth)
			}
			stack[depth] = opened{object: c == '{'}
			depth++
			values++
		case '}', ']':
			depth = max(depth-1, 0)
		case ',':
			values++
			if depth == 0 {
				break
			}
			in := &stack[depth-1] //nolint:gosec // depth is 1 to maxDepth here
			if in.commas++; in.object && in.commas >= maxKeys {
				return fmt.Errorf("an object of it has more than %d properties, which is the most", maxKeys)
			}
		}
		if values > most {
			return fmt.Errorf("it has more than %d values, which is the most for its length", most)
		}
	}
	return nil
}
