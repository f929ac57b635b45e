package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// lookup returns the entry that an attribute names by its name or ID. If there is
// none the error lists the nearest names; kind says what the entries are.
func lookup[T any](diags *diag.Diagnostics, attribute, kind, nameOrID string, list []T, key func(T) (id, name string)) (found T) {
	found, ok := vcc.Find(list, nameOrID, key)
	if ok {
		return found
	}
	names := make([]string, len(list))
	for i, entry := range list {
		_, names[i] = key(entry)
	}
	addUnknownNameError(diags, attribute, kind, nameOrID, names)
	return found
}

// addUnknownNameError says at an attribute that the tenant has nothing of a name, and what has one like it.
func addUnknownNameError(diags *diag.Diagnostics, attribute, kind, name string, names []string) {
	there := vcc.DidYouMean(name, names)
	if there == "" {
		there = "it has none at all."
	}
	diags.AddAttributeError(path.Root(attribute), "Unknown "+capitals(kind),
		fmt.Sprintf("%s: the tenant has no %s %s; %s", attribute, kind, vcc.Clip(name), there))
}

// capitals writes a term as it stands in the head of a diagnostic.
func capitals(term string) string {
	words := strings.Fields(term)
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}
