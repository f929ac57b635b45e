package provider

import "context"

// shared is a value that is asked for when it is first needed, and then kept for the process. It is safe for
// concurrent use.
type shared[T any] struct {
	// asking has room for the one who asks.
	asking chan struct{}
	value  T
	known  bool
}

func newShared[T any]() *shared[T] { return &shared[T]{asking: make(chan struct{}, 1)} }

// get returns the value. Those who come while it is being asked for wait for the answer; if
// there is none, the next one asks again.
func (s *shared[T]) get(ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	if s.known {
		return s.value, nil
	}
	value, err := ask(ctx)
	if err == nil {
		s.value, s.known = value, true
	}
	return value, err
}
