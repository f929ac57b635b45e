package vcc_test

import (
	"slices"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestFind(t *testing.T) {
	type entry struct{ id, name string }
	list := []entry{{"1", "2"}, {"2", "caf\u00e9"}, {"3", "caf\u00e9"}}
	for text, want := range map[string]entry{
		"1": list[0], "2": list[1] /* an ID before a name */, "cafe\u0301": list[1] /* the first of its name, in NFC */, "3": list[2], "4": {}, "": {}, "Caf\u00e9": {},
	} {
		got, found := vcc.Find(list, text, func(e entry) (string, string) { return e.id, e.name })
		if got != want || found != (want != entry{}) {
			t.Errorf("%q: got %v, %t, want %v", text, got, found, want)
		}
	}
}

func TestAll(t *testing.T) {
	for _, n := range []int{0, 1, vcc.MaxPageLimit - 1, vcc.MaxPageLimit, vcc.MaxPageLimit + 1, 2*vcc.MaxPageLimit + 7} {
		entries := make([]int, n)
		for i := range entries {
			entries[i] = i
		}
		got, err := vcc.All(func(p vcc.Page) ([]int, int, error) {
			from := min(p.Skip, n)
			return slices.Clone(entries[from:min(from+p.Limit, n)]), n, nil
		})
		if err != nil || !slices.Equal(got, entries) {
			t.Errorf("%d entries: got %d, %v", n, len(got), err)
		}
	}
	// A list that becomes shorter meanwhile ends.
	got, err := vcc.All(func(p vcc.Page) ([]int, int, error) {
		if p.Skip > 0 {
			return nil, 2000, nil
		}
		return make([]int, 1000), 2000, nil
	})
	if len(got) != 1000 || err != nil {
		t.Errorf("got %d, %v", len(got), err)
	}
}
