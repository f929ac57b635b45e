//go:build race

package appliance_test

// The race detector makes everything about ten times slower.
const defaultPackets = 100_000
