package backend

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/rehearsal"
)

// A rehearsal that cannot follow asks less and less often, and not at all once that is no use.
func TestFollower_afterwards(t *testing.T) {
	pause := followEvery
	var pauses []time.Duration
	for range 8 {
		var goesOn bool
		if pause, goesOn = afterwards(errors.New("the failover plan is no longer there"), pause); !goesOn {
			t.Fatal("it ended with an error that can pass")
		}
		pauses = append(pauses, pause)
	}
	if pauses[0] != 2*followEvery || pauses[1] != 4*followEvery || pauses[7] != followAtLeast {
		t.Errorf("pauses between errors: %v", pauses)
	}
	for _, err := range []error{nil, rehearsal.ErrOthers} {
		if next, goesOn := afterwards(err, pause); next != followEvery || !goesOn {
			t.Errorf("after %v: %v, %t", err, next, goesOn)
		}
	}
	if _, goesOn := afterwards(fmt.Errorf("%w: net1", rehearsal.ErrBroken), followEvery); goesOn {
		t.Error("it follows with a broken router")
	}
}
