package vcc_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestDidYouMean(t *testing.T) {
	var many []string
	for n := 1; n <= 5000; n++ {
		many = append(many, vcc.NetworkName("Silver", false, n))
	}
	for _, tc := range []struct {
		name  string
		names []string
		want  string
	}{
		{"Silver", nil, ""},
		{"slver", []string{"Gold", "Bronze", "Silver"}, `did you mean "Silver", "Gold", "Bronze"?`},
		{"Glod", []string{"Gild", "Gold"}, `did you mean "Gold", "Gild"?`}, // a swap is one edit
		{"GOLD", []string{"bold", "gold"}, `did you mean "gold", "bold"?`},
		{"\x1b[31m", []string{"\x1b[2J"}, `did you mean "\x1b[2J"?`},
		{
			"Silver network 4999 (internet)", many,
			`did you mean "Silver network 4999", "Silver network 499", "Silver network 999", "Silver network 1999", "Silver network 2999", ` +
				`"Silver network 3999", "Silver network 4099", "Silver network 4199", "Silver network 4299", "Silver network 4399", or one of 4990 more?`,
		},
	} {
		t.Run(fmt.Sprintf("%.20q", tc.name), func(t *testing.T) {
			if diff := cmp.Diff(tc.want, vcc.DidYouMean(tc.name, tc.names)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNearest_distance(t *testing.T) {
	same := []string{"b", "a"}
	if diff := cmp.Diff(same, vcc.Nearest("z", same)); diff != "" {
		t.Errorf("names equally near do not keep their order (-want +got):\n%s", diff)
	}
}
