package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

func noWait() func() { return func() {} }

// A lock has one holder at a time, and nothing is kept of it afterwards.
func TestLocks(t *testing.T) {
	var l locks
	var holders [3]atomic.Int32
	var callers sync.WaitGroup
	for i := range 300 {
		callers.Go(func() {
			key := i % len(holders)
			release, err := l.acquire(t.Context(), fmt.Sprint(key), noWait)
			if err != nil {
				t.Error(err)
				return
			}
			if n := holders[key].Add(1); n != 1 {
				t.Errorf("%d hold lock %d", n, key)
			}
			holders[key].Add(-1)
			release()
		})
	}
	callers.Wait()
	if len(l.byKey) != 0 {
		t.Errorf("%d locks are kept that nobody holds", len(l.byKey))
	}
}

// A caller that gives up leaves the lock to its holder, and nothing behind.
func TestLocks_cancel(t *testing.T) {
	var l locks
	release, err := l.acquire(t.Context(), "a", noWait)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting, resumed := make(chan struct{}), false
	outcome := make(chan error)
	go func() {
		_, err := l.acquire(ctx, "a", func() func() { close(waiting); return func() { resumed = true } })
		outcome <- err
	}()
	<-waiting
	cancel()
	if err := <-outcome; !errors.Is(err, context.Canceled) || !resumed {
		t.Errorf("the error is %v, and the wait is over: %t", err, resumed)
	}
	if len(l.byKey) != 1 {
		t.Errorf("there are %d locks while one is held", len(l.byKey))
	}
	release()
	if len(l.byKey) != 0 {
		t.Errorf("%d locks are kept that nobody holds", len(l.byKey))
	}
	// A lock that is free is anybody's.
	if _, err := l.acquire(ctx, "a", noWait); err != nil {
		t.Error(err)
	}
}
