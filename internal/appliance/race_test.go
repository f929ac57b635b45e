//go:build race

package appliance_test

// The race detector makes everything about ten times slower. .ci/run compares with the kernel
// without it.
const (
	defaultPackets       = 100_000
	defaultKernelPackets = 5_000
	mutantStep           = 16 // of 16 rules one is taken away
)
