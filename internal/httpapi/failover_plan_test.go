package httpapi_test

import "testing"

// TestFailoverPlanAnswers: the life of failover plans on the wire.
func TestFailoverPlanAnswers(t *testing.T) {
	a := newAPI(t)
	a.runScript(t, "testdata/failover_plans.txt")
	equal(t, "log", a.log.String(), "")
}
