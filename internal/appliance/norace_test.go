//go:build !race

package appliance_test

const defaultPackets = 1_000_000
