package vbr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ExportFormat is the version of the document that the export script writes.
const ExportFormat = 1

// The forms of a file. Their keys are read whatever their case, as PowerShell's are.
type (
	// exportForm is the document that the export script writes.
	exportForm struct {
		Format     json.Number        `json:"format"`
		ExportedAt text               `json:"exportedAt"`
		Server     text               `json:"server"`
		Providers  list[providerForm] `json:"providers"`
	}

	// providerForm is a service provider of the export. Error says why there is nothing else.
	providerForm struct {
		ID             text              `json:"id"`
		Name           text              `json:"name"`
		Error          text              `json:"error"`
		RoutingEnabled truth             `json:"routingEnabled"`
		Gateways       list[gatewayForm] `json:"gateways"`
		Networks       list[networkForm] `json:"networks"`
	}

	networkForm struct {
		ID       text `json:"id"`
		Name     text `json:"name"`
		Platform text `json:"platform"`
	}

	// configurationForm is a VBRDefaultGatewayConfiguration.
	configurationForm struct {
		ProviderID     text            `json:"ProviderId"`
		RoutingEnabled truth           `json:"RoutingEnabled"`
		DefaultGateway json.RawMessage `json:"DefaultGateway"` // nil where the key is missing: null is none
	}

	// gatewayForm is a VBRDefaultGateway.
	gatewayForm struct {
		ID                text `json:"Id"`
		Name              text `json:"Name"`
		IPAddress         text `json:"IpAddress"`
		NetworkMask       text `json:"NetworkMask"`
		IPv6Address       text `json:"Ipv6Address"`
		IPv6SubnetAddress text `json:"Ipv6SubnetAddress"`
		IPv6PrefixLength  text `json:"Ipv6PrefixLength"`
	}
)

// errDepth is the error of an object that PowerShell wrote as text, because it lies deeper than
// ConvertTo-Json goes.
var errDepth = errors.New("PowerShell cut it off at the depth that ConvertTo-Json has by default; write it again with ConvertTo-Json -Depth 5")

// list is a list in any form that PowerShell gives one: one entry without brackets, null for none,
// entries that are null, and an object with the list as its value and a Count (5.1).
type list[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *list[T]) UnmarshalJSON(b []byte) error {
	*l = nil
	switch kind(b) {
	case 'n':
		return nil
	case '[':
		var entries []*T
		if err := json.Unmarshal(b, &entries); err != nil {
			var kind *json.UnmarshalTypeError
			if errors.As(err, &kind) && kind.Value == "string" && kind.Field == "" {
				err = errDepth
			}
			return err
		}
		for _, e := range entries {
			if e != nil {
				*l = append(*l, *e)
			}
		}
		return nil
	case '{':
		if inner, count, wrapped := unwrap(b); wrapped {
			if k := kind(inner); k != '[' && k != 'n' { // so that it is unwrapped once
				return fmt.Errorf("it has %s where the list of a Count belongs", clip(inner))
			}
			if err := l.UnmarshalJSON(inner); err != nil {
				return err
			}
			if n, err := strconv.Atoi(count); err != nil || n < len(*l) {
				return fmt.Errorf("it has a list of %d entries whose Count is %s", len(*l), count)
			}
			return nil
		}
		var one T
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*l = list[T]{one}
		return nil
	case '"':
		if string(b) == `""` {
			return nil
		}
		return errDepth
	}
	return fmt.Errorf("it has %s where a list of objects belongs", clip(b))
}

// unwrap returns the list of an object that has nothing but a list and how long it is.
func unwrap(b []byte) (inner json.RawMessage, count string, wrapped bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(b, &object) != nil || len(object) != 2 {
		return nil, "", false
	}
	for key, value := range object {
		switch strings.ToLower(key) {
		case "value":
			inner = value
		case "count":
			count = string(value)
		}
	}
	return inner, count, inner != nil && count != ""
}

// kind is the first character of a value.
func kind(b []byte) byte {
	if b = bytes.TrimSpace(b); len(b) > 0 {
		return b[0]
	}
	return 0
}

func clip(b []byte) string { return strings.TrimSuffix(shorten(string(b)), "\n") }

func shorten(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// text is a value as text: a string, a number (enums are), or an IPAddress, which comes as an object. null and
// a missing key are "".
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch c := kind(b); {
	case c == 'n':
		return nil
	case c == '"':
		return json.Unmarshal(b, (*string)(t))
	case c == '-' || '0' <= c && c <= '9':
		*t = text(bytes.TrimSpace(b))
		return nil
	case c == '{':
		var address struct{ IPAddressToString *string }
		if err := json.Unmarshal(b, &address); err != nil || address.IPAddressToString == nil {
			return fmt.Errorf("it has the object %s where a text or an address belongs", clip(b))
		}
		*t = text(*address.IPAddressToString)
		return nil
	}
	return fmt.Errorf("it has %s where a text belongs", clip(b))
}

// truth is a truth value, nil where there is none.
type truth struct{ value *bool }

// UnmarshalJSON implements json.Unmarshaler.
func (t *truth) UnmarshalJSON(b []byte) error {
	t.value = nil
	switch strings.ToLower(strings.Trim(string(bytes.TrimSpace(b)), `"`)) {
	case "null", "":
	case "true":
		t.value = new(true)
	case "false":
		t.value = new(false)
	default:
		return fmt.Errorf("it has %s where true or false belongs", clip(b))
	}
	return nil
}
