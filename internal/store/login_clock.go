package store

import (
	"context"
	"sync/atomic"
	"time"
)

// sharedClock is PostgreSQL's clock, by which all servers of a database count the waits of logins: with clocks of their
// own that differ, a wrong password at one would make no wait at another. It is safe for concurrent use.
type sharedClock struct {
	last atomic.Pointer[clockReading]
}

// clockReading is what the clock said at a time of this process.
type clockReading struct{ said, at time.Time }

// clockHolds is for how long this process counts on from what the clock said, past its own clock of the day.
const clockHolds = 10 * time.Second

func (c *sharedClock) now(ctx context.Context, q querier) (time.Time, error) {
	r := c.last.Load()
	if r == nil || time.Since(r.at) >= clockHolds {
		said, err := queryValue[time.Time](ctx, q, "SELECT clock_timestamp()")
		if err != nil {
			return time.Time{}, err
		}
		r = &clockReading{said.UTC(), time.Now()}
		c.last.Store(r)
	}
	return r.said.Add(time.Since(r.at)).Truncate(time.Microsecond), nil
}
