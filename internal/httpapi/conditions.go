package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// Conditional requests (RFC 9110, 13): what both ends make of If-Match and If-None-Match.

// etag is the strong entity tag of a revision (RFC 9110, 8.8.3).
func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// conditionHeader is a precondition as a client sends it.
func conditionHeader(p vcc.Precondition) http.Header {
	h := http.Header{}
	if p.Revision != nil {
		h.Set("If-Match", etag(*p.Revision))
	}
	if p.Absent {
		h.Set("If-None-Match", "*")
	}
	return h
}

// Conditions are the headers that make a write conditional. The name is exported because huma
// reads the parameters of embedded structs by exported names alone.
type Conditions struct {
	IfMatch     string `header:"If-Match" doc:"The ETag that the stored value must have"`
	IfNoneMatch string `header:"If-None-Match" doc:"*, if nothing may be stored yet"`
}

// precondition reads the headers. The fields of the error are their names.
func (c Conditions) precondition() (vcc.Precondition, error) {
	switch {
	case c.IfMatch != "" && c.IfNoneMatch != "":
		return vcc.Precondition{}, invalid("If-None-Match", "If-None-Match and If-Match exclude each other; send one of them")
	case c.IfMatch != "":
		revision, err := strconv.ParseInt(strings.Trim(c.IfMatch, `"`), 10, 64)
		if err != nil || c.IfMatch != etag(revision) {
			return vcc.Precondition{}, invalid("If-Match", `%q is not an ETag of this server; send one that it sent, such as "7"`, c.IfMatch)
		}
		return vcc.IfRevision(revision), nil
	case c.IfNoneMatch == "*":
		return vcc.Precondition{Absent: true}, nil
	case c.IfNoneMatch != "":
		return vcc.Precondition{}, invalid("If-None-Match", "%q is no condition of a write; send *, which says that nothing may be stored yet, or an ETag in If-Match", c.IfNoneMatch)
	}
	return vcc.Precondition{}, nil
}

func (Conditions) conditional() {}

// checkConditions returns a middleware for an operation that changes something, and that takes
// conditions or does not. A condition that is empty, or that the operation does not take, is an
// error: without it the write would be unconditional, the opposite of the request.
func (s *server) checkConditions(taken bool) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		for _, name := range []string{"If-Match", "If-None-Match"} {
			values, message := r.Header.Values(name), ""
			switch {
			case len(values) == 0:
			case !taken:
				message = "this operation takes no condition; leave it out"
			case len(values) > 1:
				message = "the header is given more than once; send one condition"
			case values[0] == "":
				message = `the header is empty, which is no condition; send an ETag such as "7" in If-Match, or * in If-None-Match, or neither header to write whatever is stored`
			}
			if message != "" {
				writeError(w, s.fail(r.Context(), r.Method, loggedRoute(r), invalid(name, "%s", message)))
				return
			}
		}
		next(ctx)
	}
}

// matchesETag reports whether a tag is one of those of a read's If-None-Match, which are
// compared weakly (RFC 9110, 13.1.2 and 8.8.3.2). No tag of this server has a comma.
func matchesETag(tag, ifNoneMatch string) bool {
	for other := range strings.SplitSeq(ifNoneMatch, ",") {
		other = strings.TrimSpace(other)
		if other == "*" || strings.TrimPrefix(other, "W/") == tag {
			return true
		}
	}
	return false
}
