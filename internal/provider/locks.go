package provider

import (
	"context"
	"sync"
)

// locks are a lock for each key: for each network whose gateway is written, and for the routing
// option. A lock is there only while somebody holds it or waits for it. The zero value is
// ready. It is safe for concurrent use.
type locks struct {
	mu    sync.Mutex
	byKey map[string]*lock
}

// lock is one lock.
type lock struct {
	// holder has room for the one who holds the lock.
	holder chan struct{}
	// users counts who holds it and who waits for it.
	users int
}

// acquire waits until nobody else holds the lock of a key. The caller calls release when it is
// done. wait is called before acquire waits, and what it returns afterwards. The error is the
// context's; a lock that is free is acquired whatever the context.
func (l *locks) acquire(ctx context.Context, key string, wait func() (resume func())) (release func(), err error) {
	found := l.join(key)
	release = func() {
		<-found.holder
		l.leave(key)
	}
	select {
	case found.holder <- struct{}{}:
		return release, nil
	default:
	}
	defer wait()()
	select {
	case found.holder <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		l.leave(key)
		return nil, ctx.Err()
	}
}

// join returns the lock of a key, with one user more.
func (l *locks) join(key string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.byKey[key]
	if found == nil {
		if l.byKey == nil {
			l.byKey = map[string]*lock{}
		}
		found = &lock{holder: make(chan struct{}, 1)}
		l.byKey[key] = found
	}
	found.users++
	return found
}

// leave drops the lock of a key with its last user.
func (l *locks) leave(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.byKey[key]
	if found.users--; found.users == 0 {
		delete(l.byKey, key)
	}
}
