//go:build !linux

package httpapi_test

import "time"

// processorTime is measured on Linux alone.
func processorTime() time.Duration { return 0 }
