package vcc_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestHostValidateRule1(t *testing.T) {
	with := func(first, last int) vcc.VLANRanges {
		return vcc.VLANRanges{WithInternet: vcc.VLANRange{First: first, Last: last}}
	}
	without := func(first, last int) vcc.VLANRanges {
		return vcc.VLANRanges{WithoutInternet: vcc.VLANRange{First: first, Last: last}}
	}
	notARange := " is not a VLAN range; write [first, last] with 1 <= first <= last <= 4094"

	for _, tc := range []struct {
		name     string
		platform vcc.Platform
		vlans    []vcc.VLANRanges
		want     []*vcc.Error
	}{
		{"no ranges", "HyperV", nil, nil},
		{"the whole of 802.1Q", "VMware", []vcc.VLANRanges{with(1, 4094)}, nil},
		{"ranges side by side", "VMware", []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 10}, WithoutInternet: vcc.VLANRange{First: 11, Last: 20}}, with(21, 21)}, nil},
		{"no platform", "", nil, []*vcc.Error{wrong("platform", `"" is not a platform; use VMware or HyperV`)}},
		{"platform in other case", "vmware", nil, []*vcc.Error{wrong("platform", `"vmware" is not a platform; use VMware or HyperV`)}},
		{"backwards", "VMware", []vcc.VLANRanges{with(10, 1)}, []*vcc.Error{wrong("vlans[0].with_internet", "[10, 1]"+notARange)}},
		{"VLAN 0", "VMware", []vcc.VLANRanges{with(0, 5)}, []*vcc.Error{wrong("vlans[0].with_internet", "[0, 5]"+notARange)}},
		{"VLAN 4095", "VMware", []vcc.VLANRanges{with(1, 5), without(4000, 4095)}, []*vcc.Error{wrong("vlans[1].without_internet", "[4000, 4095]"+notARange)}},
		{
			"overlap within a pair", "VMware", []vcc.VLANRanges{{WithInternet: vcc.VLANRange{First: 1, Last: 10}, WithoutInternet: vcc.VLANRange{First: 10, Last: 20}}},
			[]*vcc.Error{wrong("vlans[0].without_internet", "VLAN range [10, 20] overlaps vlans[0].with_internet [1, 10] of the same host; a VLAN ID can be given out once")},
		},
		{
			"overlap between pairs", "VMware", []vcc.VLANRanges{with(5, 6), without(30, 40), with(1, 10)},
			[]*vcc.Error{wrong("vlans[2].with_internet", "VLAN range [1, 10] overlaps vlans[0].with_internet [5, 6] of the same host; a VLAN ID can be given out once")},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wantErrors(t, vcc.Host{Name: "esx01", Platform: tc.platform, VLANs: tc.vlans}.Validate(), tc.want...)
		})
	}
}

func TestNextVLANRules1And2(t *testing.T) {
	host := vcc.Host{Name: "esx01", Platform: vcc.PlatformVMware, VLANs: []vcc.VLANRanges{
		{WithInternet: vcc.VLANRange{First: 5, Last: 6}, WithoutInternet: vcc.VLANRange{First: 11, Last: 12}},
		{WithInternet: vcc.VLANRange{First: 2, Last: 3}},
	}}
	full := func(kind string) []*vcc.Error {
		return []*vcc.Error{{Code: vcc.CodeConflict, Message: `host "esx01" has no free VLAN for a network ` + kind +
			` internet access; widen its ranges or free a network`}}
	}
	for _, tc := range []struct {
		name     string
		internet bool
		taken    []int
		id       int
		want     []*vcc.Error
	}{
		{"the lowest of all ranges", true, nil, 2, nil},
		{"the next that is free", true, []int{2, 3, 5}, 6, nil},
		{"a gap is filled", true, []int{3, 5, 6}, 2, nil},
		{"only the matching kind", false, nil, 11, nil},
		{"IDs outside of the ranges stay taken and take nothing (D2)", false, []int{4000, 11, 1}, 12, nil},
		{"none free, with", true, []int{2, 3, 5, 6}, 0, full("with")},
		{"none free, without", false, []int{12, 11}, 0, full("without")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id, err := host.NextVLAN(tc.internet, set(tc.taken))
			if id != tc.id {
				t.Errorf("got VLAN %d, want %d", id, tc.id)
			}
			wantErrors(t, err, tc.want...)
		})
	}
}

func set(ids []int) map[int]bool {
	s := map[int]bool{}
	for _, id := range ids {
		s[id] = true
	}
	return s
}

func TestNextVLANIsLowestFree(t *testing.T) {
	const top = 40 // small, so that ranges fill up
	ids := rapid.SliceOfNDistinct(rapid.IntRange(1, top), 4, 8, rapid.ID[int])
	rapid.Check(t, func(t *rapid.T) {
		cuts := ids.Draw(t, "cuts")
		slices.Sort(cuts)
		host := vcc.Host{Name: "esx01", Platform: vcc.PlatformVMware}
		inRange := map[bool][]int{} // the IDs of each kind, in any order
		for ; len(cuts) >= 2; cuts = cuts[2:] {
			internet := rapid.Bool().Draw(t, "internet")
			r := vcc.VLANRange{First: cuts[0], Last: cuts[1]}
			v := vcc.VLANRanges{WithoutInternet: r}
			if internet {
				v = vcc.VLANRanges{WithInternet: r}
			}
			host.VLANs = append([]vcc.VLANRanges{v}, host.VLANs...)
			for id := cuts[0]; id <= cuts[1]; id++ {
				inRange[internet] = append(inRange[internet], id)
			}
		}
		if err := host.Validate(); err != nil {
			t.Fatal(err)
		}
		internet := rapid.Bool().Draw(t, "wanted")
		taken := rapid.SliceOf(rapid.IntRange(0, top+1)).Draw(t, "taken")
		free := slices.DeleteFunc(slices.Clone(inRange[internet]), func(id int) bool { return slices.Contains(taken, id) })

		id, err := host.NextVLAN(internet, set(taken))
		if len(free) == 0 {
			if id != 0 || vcc.Code(err) != vcc.CodeConflict {
				t.Fatalf("nothing is free: got %d, %v", id, err)
			}
		} else if id != slices.Min(free) || err != nil {
			t.Fatalf("got %d, %v; free are %v", id, err, free)
		}
	})
}
