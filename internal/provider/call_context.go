package provider

import (
	"context"
	"sync/atomic"
	"time"
)

// callContext is the context of a call, and holds what came with the call no longer than
// that lasts.
//
// The framework keeps the context of every call, to cancel it when Terraform stops the
// provider, and drops none before (terraform-plugin-framework 1.19,
// proto6server.Server.registerContext: contextCancels). With the values of the layers below a
// context is about 10 KiB, which makes hundreds of MiB in a plan of thousands of resources, and
// every collection of garbage goes through them again.
//
// Done, Err and Deadline keep the contract of context.Context at all times: Done is the
// caller's channel from first to last, which gRPC closes when the call is over. Value keeps it
// during the call, and has nothing afterwards. Nobody asks then: what the framework keeps it
// keeps to cancel. It is safe for concurrent use.
type callContext struct {
	done <-chan struct{}
	// call is the caller's context, nil once the call is over.
	call atomic.Pointer[context.Context]
}

// passOn passes a call on with a callContext. A caller with a deadline, which no CLI has, keeps
// its own context: the deadline would have to be kept as well.
func passOn[Request, Response any](ctx context.Context, t *traffic, req Request, call func(context.Context, Request) (Response, error)) (Response, error) {
	defer t.begin()()
	if _, ok := ctx.Deadline(); ok {
		return call(ctx, req)
	}
	c := &callContext{done: ctx.Done()}
	c.call.Store(&ctx)
	defer c.call.Store(nil)
	return call(c, req)
}

// Deadline returns none.
func (c *callContext) Deadline() (deadline time.Time, ok bool) { return deadline, false }

// Done returns the channel of the caller's context.
func (c *callContext) Done() <-chan struct{} { return c.done }

// Err returns why the caller's context is done. One without a deadline can only be canceled.
func (c *callContext) Err() error {
	if ctx := c.call.Load(); ctx != nil {
		return (*ctx).Err()
	}
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

// Value returns a value of the caller's context during the call.
func (c *callContext) Value(key any) any {
	if ctx := c.call.Load(); ctx != nil {
		return (*ctx).Value(key)
	}
	return nil
}
