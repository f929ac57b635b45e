package provider

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
)

// TestCheckConflicts_order: what is refused comes in the order of its attributes, whatever IDs the networks have.
func TestCheckConflicts_order(t *testing.T) {
	t.Parallel()
	var found []*conflict
	var want []string
	for i := range 20 {
		at := path.Root("gateways").AtMapKey(fmt.Sprintf("network %02d", i))
		want = append(want, at.String())
		found = append(found, &conflict{networkID: fmt.Sprint((i * 7) % 20), refusal: refusal{attribute: at}})
	}
	confirmed, err := newRun(newTraffic()).checkConflicts(t.Context(), found)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range confirmed {
		got = append(got, c.refusal.attribute.String())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
