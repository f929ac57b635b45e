package httpapi

import (
	"maps"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// schemaName names a schema of /openapi.json after the Go type: wireDefaultGateway is
// DefaultGateway there.
func schemaName(t reflect.Type, hint string) string {
	return strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "Wire", "")
}

// withFieldsOf adds the fields of a struct that another one embeds to the other one's schema.
// Package encoding/json sees them; huma sees embedded fields of exported names alone.
func withFieldsOf[Embedded any](r huma.Registry, s *huma.Schema) *huma.Schema {
	embedded := huma.SchemaFromType(r, reflect.TypeFor[Embedded]())
	maps.Copy(s.Properties, embedded.Properties)
	s.Required = append(s.Required, embedded.Required...)
	return s
}
