package provider

import (
	"context"
	"errors"
	"testing"
	"time"
)

type contextKey struct{}

// A call's context is the caller's in all that others may depend on, during the call and after it.
func TestPassOn_context(t *testing.T) {
	for name, test := range map[string]struct {
		cancelDuring, cancelAfter bool
	}{
		"canceled after the call":  {cancelAfter: true},
		"canceled during the call": {cancelDuring: true},
		"never canceled":           {},
	} {
		t.Run(name, func(t *testing.T) {
			caller, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "value"))
			defer cancel()
			var ctx, derived context.Context
			var done <-chan struct{}
			var during error
			_, err := passOn(caller, newTraffic(), "request", func(c context.Context, request string) (string, error) {
				ctx, done = c, c.Done()
				var release context.CancelFunc
				derived, release = context.WithCancel(c) // as the framework does, which keeps release
				t.Cleanup(release)
				if c.Value(contextKey{}) != "value" || c.Err() != nil || request != "request" {
					t.Errorf("during the call: value %v, error %v, request %q", c.Value(contextKey{}), c.Err(), request)
				}
				if test.cancelDuring {
					cancel()
					<-derived.Done()
				}
				during = c.Err()
				return "", errors.New("of the call")
			})
			if err == nil || err.Error() != "of the call" {
				t.Errorf("the call's error is %v", err)
			}
			if test.cancelAfter {
				if ctx.Err() != nil || derived.Err() != nil {
					t.Errorf("done before the caller is: %v, %v", ctx.Err(), derived.Err())
				}
				cancel()
				<-derived.Done()
			}
			canceled := test.cancelDuring || test.cancelAfter
			for range 2 {
				if ctx.Done() != done {
					t.Error("Done is another channel after the call")
				}
				select {
				case <-ctx.Done():
					if !canceled || !errors.Is(ctx.Err(), context.Canceled) || during != nil && !errors.Is(during, ctx.Err()) {
						t.Errorf("done with error %v, %v during the call", ctx.Err(), during)
					}
				default:
					if canceled || ctx.Err() != nil {
						t.Errorf("not done with error %v", ctx.Err())
					}
				}
				if deadline, ok := ctx.Deadline(); ok {
					t.Errorf("a deadline appeared: %v", deadline)
				}
			}
			late, release := context.WithCancel(ctx)
			defer release()
			if canceled {
				<-late.Done() // what begins late ends as well
			}
		})
	}
}

// A deadline of the caller's is the call's.
func TestPassOn_deadline(t *testing.T) {
	caller, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	want, _ := caller.Deadline()
	_, _ = passOn(caller, newTraffic(), 0, func(ctx context.Context, _ int) (int, error) {
		if got, ok := ctx.Deadline(); !ok || got != want {
			t.Errorf("the deadline is %v, want %v", got, want)
		}
		return 0, nil
	})
}
