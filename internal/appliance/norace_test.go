//go:build !race

package appliance_test

const (
	defaultPackets       = 1_000_000
	defaultKernelPackets = 200_000
	mutantStep           = 1 // every rule is taken away in turn
)
