package vcc

import "time"

// TimeText writes a time for people: in UTC, to the second, as 2026-01-31 23:59:59 UTC. For programs there is RFC 3339.
func TimeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
