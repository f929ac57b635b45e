package vcc_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestCheckOccupiedD14(t *testing.T) {
	at := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	full := vcc.FailoverSession{ID: "1", Kind: vcc.FailoverFullSite, PlanName: "Whole site", StartedAt: at}
	partial := func(vm string) vcc.FailoverSession {
		return vcc.FailoverSession{ID: "2", Kind: vcc.FailoverPartialSite, VM: vm, StartedAt: at}
	}
	const oneKind = " since 2026-11-28 08:00:00 UTC; an appliance does one kind of failover at a time. End that one first"
	for _, tc := range []struct {
		name   string
		start  vcc.FailoverSession
		active []vcc.FailoverSession
		want   string // "" for accepted
	}{
		{"full, nothing under way", full, nil, ""},
		{"full during full", full, []vcc.FailoverSession{full}, `busy with the full site failover of plan "Whole site"` + oneKind},
		{"full during partial", full, []vcc.FailoverSession{partial("web01")}, `busy with the partial site failover of VM "web01"` + oneKind + ", or start with force, which ends partial failovers"},
		{"partial during full", partial("web01"), []vcc.FailoverSession{full}, `busy with the full site failover of plan "Whole site"` + oneKind},
		{"partial of another VM", partial("web01"), []vcc.FailoverSession{partial("db01")}, ""},
		{"partial of the same VM", partial("web01"), []vcc.FailoverSession{partial("db01"), partial("web01")}, `busy with the partial site failover of VM "web01"` + oneKind},
		{"partial, with another and a full one", partial("web01"), []vcc.FailoverSession{partial("db01"), full}, `busy with the full site failover of plan "Whole site"` + oneKind},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := vcc.CheckOccupied(tc.start, tc.active)
			if tc.want == "" {
				wantErrors(t, err)
				return
			}
			if vcc.Code(err) != vcc.CodeConflict || !strings.HasSuffix(err.Error(), tc.want) {
				t.Errorf("got %v, want a conflict that ends with %q", err, tc.want)
			}
		})
	}
}
