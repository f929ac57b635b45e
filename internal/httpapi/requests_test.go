package httpapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// The API's description of itself, as far as requests can be made from it.
type (
	description struct {
		Paths      map[string]map[string]describedOperation
		Components struct{ Schemas map[string]describedSchema }
	}
	describedOperation struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Schema   describedSchema
		}
		RequestBody struct {
			Content map[string]struct{ Schema describedSchema }
		}
	}
	describedSchema struct {
		Ref        string `json:"$ref"`
		Type       json.RawMessage
		Properties map[string]describedSchema
		Items      *describedSchema
		Examples   []json.RawMessage
		Additional json.RawMessage `json:"additionalProperties"`
	}
)

// describe reads the description.
func describe(t testing.TB, a *api) description {
	t.Helper()
	return decodeLoosely[description](t, a.direct("GET", "/openapi.json", ""))
}

func decodeLoosely[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	ok(t, json.Unmarshal([]byte(a.body), &v))
	return v
}

// operations lists the operations by their IDs, each as "PUT /path/{id}".
func (d description) operations() map[string]string {
	list := map[string]string{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			list[op.OperationID] = strings.ToUpper(method) + " " + path
		}
	}
	return list
}

func (d description) operation(request string) describedOperation {
	method, path, _ := strings.Cut(request, " ")
	return d.Paths[path][strings.ToLower(method)]
}

// choices makes the decisions of a generator: each takes a byte, and when there are no more, all
// are 0.
type choices struct{ left []byte }

// of decides between n possibilities.
func (c *choices) of(n int) int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b) % n
}

// text takes some bytes as they are.
func (c *choices) text() string {
	n := min(c.of(16), len(c.left))
	s := string(c.left[:n])
	c.left = c.left[n:]
	return s
}

// requests makes requests of an API out of its description.
type requests struct {
	description
	// words are values that mean something: names and IDs that exist, addresses, numbers as text.
	words []string
	// size is how many bytes a body may get.
	size int
}

// request makes a request for an operation. What it makes of no choices is right, but for its values.
func (r *requests) request(operation string, c *choices) attackRequest {
	method, path, _ := strings.Cut(operation, " ")
	op := r.operation(operation)
	query := []string{}
	var headers []string
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", strings.ReplaceAll(r.word(c), "/", "%2F"))
		case "query":
			for range []int{0, 1, 1, 2, 50, 3000}[c.of(6)] {
				query = append(query, url.QueryEscape(p.Name)+"="+url.QueryEscape(r.word(c)))
			}
		case "header":
			if c.of(3) == 1 {
				headers = append(headers, p.Name+": "+strings.Map(printable, r.word(c)))
			}
		}
	}
	for range []int{0, 0, 0, 1, 20, 2500}[c.of(6)] {
		query = append(query, c.text()) // as it is
	}
	request := attackRequest{method: method, target: path + "?" + strings.Join(query, "&"), headers: headers}
	for kind, content := range op.RequestBody.Content {
		if strings.HasSuffix(kind, "form-urlencoded") {
			request.body, request.headers = r.form(c), append(headers, "Content-Type: "+kind)
			continue
		}
		var b strings.Builder
		r.value(&b, content.Schema, c, 0)
		request.body = b.String()
		if c.of(16) == 15 {
			request.body = request.body[:len(request.body)/2] // broken off
		}
	}
	return request
}

// printable makes any text one that can be in a header.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return 'x'
	}
	return r
}

func (r *requests) form(c *choices) string {
	form := url.Values{"grant_type": {[]string{"refresh_token", "", "password"}[min(c.of(16), 15)/7]}, "refresh_token": {r.word(c)}, "username": {r.word(c)}}
	for range []int{0, 0, 1, 500}[c.of(4)] {
		form.Add(c.text(), r.word(c))
	}
	return form.Encode() + []string{"", "&%zz", "&a;b"}[c.of(3)]
}

// word is a value that means something, or none does, or a long one.
func (r *requests) word(c *choices) string {
	switch c.of(8) {
	case 6:
		return c.text()
	case 7:
		return strings.Repeat(c.text()+"ü", 1<<c.of(12))
	}
	return r.words[c.of(len(r.words))]
}

// value writes a value of a schema, or one that is not.
func (r *requests) value(b *strings.Builder, s describedSchema, c *choices, depth int) {
	for s.Ref != "" {
		s = r.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	if b.Len() > r.size {
		b.WriteString("0")
		return
	}
	switch c.of(24) { // something else
	case 19:
		b.WriteString("null")
		return
	case 20:
		b.WriteString([]string{"0", "-1", "1e400", "18446744073709551616", "0.5", "true", `"x"`, "[]", "{}"}[c.of(9)])
		return
	case 21:
		n := 1 << c.of(15)
		b.WriteString(strings.Repeat(`[`, n) + strings.Repeat(`]`, n))
		return
	case 22:
		b.WriteString(strings.Repeat("9", 1<<c.of(15)))
		return
	case 23:
		b.WriteString(c.text()) // no JSON, most likely
		return
	}
	if len(s.Examples) > 0 && c.of(4) != 3 {
		b.Write(s.Examples[0])
		return
	}
	switch kind := string(s.Type); {
	case strings.Contains(kind, "object") || s.Properties != nil:
		r.object(b, s, c, depth)
	case strings.Contains(kind, "array"):
		b.WriteString("[")
		for i := range []int{1, 0, 1, 2, 3, 10, 300, 5000}[c.of(8)] {
			if b.Len() > r.size {
				break
			}
			if i > 0 {
				b.WriteString(",")
			}
			r.value(b, *s.Items, c, depth+1)
		}
		b.WriteString("]")
	case strings.Contains(kind, "string"):
		text, _ := json.Marshal(r.word(c))
		b.Write(text)
	case strings.Contains(kind, "boolean"):
		b.WriteString([]string{"false", "true"}[c.of(2)])
	default:
		b.WriteString([]string{"1", "0", "64", "24", "4094", "-5", "65536"}[c.of(7)])
	}
}

func (r *requests) object(b *strings.Builder, s describedSchema, c *choices, depth int) {
	separator := "{"
	property := func(name string, s describedSchema) {
		text, _ := json.Marshal(name)
		b.WriteString(separator + string(text) + ":")
		r.value(b, s, c, depth+1)
		separator = ","
	}
	for _, name := range sortedKeys(s.Properties) {
		if c.of(8) != 7 { // left out
			property(name, s.Properties[name])
		}
		if c.of(32) == 31 {
			property(name, s.Properties[name]) // twice
		}
	}
	var additional describedSchema
	if json.Unmarshal(s.Additional, &additional) == nil && len(s.Properties) == 0 {
		for range []int{1, 0, 2, 20, 1000}[c.of(5)] {
			property(r.word(c), additional)
		}
	}
	for range []int{0, 0, 0, 0, 0, 0, 1, 30_000}[c.of(8)] {
		if b.Len() > r.size {
			break
		}
		property(r.word(c), describedSchema{Type: []byte("boolean")})
	}
	if separator == "{" {
		b.WriteString("{")
	}
	b.WriteString("}")
}
