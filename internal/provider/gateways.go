package provider

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// listingAge is how long a listing answers reads once it is complete. Terraform reads
// what it plans within that time or in waves of it, and a plan is older than that
// before a person has read it. A write depends on the revision of the answer that it
// was decided on, so that an old one never overwrites anything.
const listingAge = 5 * time.Second

// gateways answers reads of default gateways. Terraform asks for each resource by
// itself; here those that come together are answered from one listing of all, so
// that a plan costs a few requests whatever its size.
//
// The first read after a pause asks for its gateway alone: it may stay the only
// one. Those that come while it is young share a listing. It is safe for concurrent use.
type gateways struct {
	client *httpapi.Client
	as     vcc.Actor
	// actor is whom the backend's history names for what this process writes.
	actor   string
	now     func() time.Time
	history *history

	mu sync.Mutex
	// asked is when a gateway was last asked for, wrote when this process wrote one last.
	asked, wrote time.Time
	// last is the last listing, complete or under way; nil for none.
	last *listing
	// complete is the last one that was, however old: a new one is sent only what changed since.
	complete *listing
}

func newGateways(client *httpapi.Client, as vcc.Actor, actor string) *gateways {
	return &gateways{client: client, as: as, actor: actor, now: time.Now, history: &history{client: client, as: as, now: time.Now}}
}

// listing is one fetch of all stored gateways.
type listing struct {
	began, ended time.Time
	// done is closed when all that follows is set.
	done      chan struct{}
	gateways  *httpapi.GatewayListing
	byNetwork map[string]*vcc.DefaultGateway
	err       error

	// written has the networks that this process wrote to since the listing began.
	written map[string]bool // guarded by the mutex of gateways
	// waiting counts who waits for it; the last one that gives up cancels it.
	waiting int // guarded likewise
	cancel  context.CancelFunc
}

// get returns the stored gateway of a network, which the caller must not change.
// The errors are those of the client's DefaultGateway.
func (s *gateways) get(ctx context.Context, networkID string) (*vcc.DefaultGateway, error) {
	if s.firstRead() {
		return s.client.DefaultGateway(ctx, s.as, networkID)
	}
	l, err := s.listing(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	g := l.byNetwork[networkID]
	// A gateway may be missing because another was removed between two pages, and
	// one that was written since is another one now.
	if g == nil || s.writtenSince(l, networkID) {
		return s.client.DefaultGateway(ctx, s.as, networkID)
	}
	return g, nil
}

// stored returns what is stored for a network by a listing, nil for nothing. old takes one of any age, as what is
// going to be written depends on it. The caller must not change what it gets.
func (s *gateways) stored(ctx context.Context, networkID string, old bool) (*vcc.DefaultGateway, error) {
	s.mu.Lock()
	l := s.complete
	s.mu.Unlock()
	if l == nil || !old {
		var err error
		if l, err = s.listing(ctx, time.Time{}); err != nil {
			return nil, err
		}
	}
	if !s.writtenSince(l, networkID) {
		return l.byNetwork[networkID], nil
	}
	g, err := s.client.DefaultGateway(ctx, s.as, networkID)
	if vcc.Code(err) == vcc.CodeNotFound {
		return nil, nil
	}
	return g, err
}

// firstRead reports whether nothing was asked for a while, and notes that something is.
func (s *gateways) firstRead() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	defer func() { s.asked = now }()
	return now.Sub(s.asked) > listingAge && !s.last.fresh(now)
}

// fresh reports whether a listing is under way or answers reads still.
func (l *listing) fresh(now time.Time) bool {
	if l == nil {
		return false
	}
	select {
	case <-l.done:
		return l.err == nil && now.Sub(l.ended) <= listingAge
	default:
		return true
	}
}

// all returns all stored gateways in plan and network order as they are after it was asked: whoever reads them may
// know of a change that was made a moment ago. The caller must not change them.
func (s *gateways) all(ctx context.Context) ([]vcc.DefaultGateway, error) {
	l, err := s.listing(ctx, s.now())
	if err != nil {
		return nil, err
	}
	return l.gateways.All, nil
}

// listing returns a complete listing that began after a time. Those who may not share the one that is under
// way wait for its end, and share the next.
func (s *gateways) listing(ctx context.Context, after time.Time) (*listing, error) {
	for {
		s.mu.Lock()
		l := s.last
		good := l.fresh(s.now())
		if good && !l.began.After(after) {
			select {
			case <-l.done:
				good = false
			default:
				s.mu.Unlock()
				select {
				case <-l.done:
					continue
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		}
		if !good {
			l = s.fetch(ctx)
		}
		l.waiting++
		s.mu.Unlock()
		return s.await(ctx, l)
	}
}

// ahead starts the listing of a read that is about to ask for one.
func (s *gateways) ahead(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.fresh(s.now()) {
		s.fetch(ctx)
	}
}

// await waits for a listing in whose count of those who wait the caller is.
func (s *gateways) await(ctx context.Context, l *listing) (*listing, error) {
	defer s.release(l)
	select {
	case <-l.done:
		return l, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fetch starts a listing, which goes on when the caller gives up as long as others
// wait for it. The lock is held.
func (s *gateways) fetch(ctx context.Context) *listing {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &listing{began: s.now(), done: make(chan struct{}), written: map[string]bool{}, cancel: cancel}
	s.last = l
	before := s.complete
	go func() {
		defer cancel()
		l.read(ctx, s.client, s.as, before)
		l.ended = s.now()
		if l.err == nil {
			s.mu.Lock()
			s.complete = l
			s.mu.Unlock()
		}
		close(l.done)
	}()
	return l
}

// read fills the listing, from the one before where that still holds.
func (l *listing) read(ctx context.Context, client *httpapi.Client, as vcc.Actor, before *listing) {
	if before == nil {
		before = &listing{}
	}
	l.gateways, l.err = client.ListDefaultGateways(ctx, as, before.gateways)
	switch {
	case l.err != nil:
	case l.gateways == before.gateways:
		l.byNetwork = before.byNetwork
	default:
		all := l.gateways.All
		l.byNetwork = make(map[string]*vcc.DefaultGateway, len(all))
		for i := range all {
			l.byNetwork[all[i].NetworkID] = &all[i]
		}
	}
}

func (s *gateways) release(l *listing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.waiting--
	if l.waiting > 0 {
		return
	}
	select {
	case <-l.done:
	default: // nobody wants it any more; who comes next starts another
		l.cancel()
		if s.last == l {
			s.last = nil
		}
	}
}

// writtenSince reports whether this process wrote to a network since a listing began.
func (s *gateways) writtenSince(l *listing, networkID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.written[networkID]
}

// put is the client's PutDefaultGateway. Where the answer was lost it looks whether
// the write was carried out.
func (s *gateways) put(ctx context.Context, networkID string, settings vcc.GatewaySettings, condition vcc.Precondition) (*vcc.DefaultGateway, error) {
	defer s.markWritten(networkID)
	g, _, err := s.client.PutDefaultGateway(ctx, s.as, networkID, settings, condition)
	if httpapi.Uncertain(err) {
		ctx, cancel := lookupContext(ctx)
		defer cancel()
		if stored, readErr := s.client.DefaultGateway(ctx, s.as, networkID); readErr == nil && stored.UpdatedBy == s.actor && stored.GatewaySettings.Equal(settings) {
			return stored, nil
		}
	}
	return g, err
}

// update sets a gateway that still has the settings that the caller saw last.
// CodePreconditionFailed: it was changed, and keeps what it has, which is in Current
// unless it was removed in that very moment. CodeNotFound: there is none.
func (s *gateways) update(ctx context.Context, networkID string, prior, settings vcc.GatewaySettings) (*vcc.DefaultGateway, error) {
	stored, err := s.getUnchanged(ctx, networkID, prior)
	if err != nil {
		return nil, err
	}
	return s.put(ctx, networkID, settings, vcc.IfRevision(stored.Revision))
}

// getUnchanged returns the stored gateway if it has the settings that the caller saw last. A write on the condition of its
// revision replaces nothing else. It may come from a listing: what was changed after
// that has another revision, and the backend refuses the write. Nothing is refused here before
// the gateway was asked for by itself. The errors are those of update.
func (s *gateways) getUnchanged(ctx context.Context, networkID string, prior vcc.GatewaySettings) (*vcc.DefaultGateway, error) {
	stored, err := s.get(ctx, networkID)
	if err == nil && !stored.GatewaySettings.Equal(prior) {
		stored, err = s.client.DefaultGateway(ctx, s.as, networkID)
	}
	if err != nil {
		return nil, err
	}
	if !stored.GatewaySettings.Equal(prior) {
		return nil, &vcc.Error{Code: vcc.CodePreconditionFailed, ResourceID: networkID, Current: stored, Message: fmt.Sprintf(
			"the default gateway of %q has other settings than this plan was made from, and keeps them: nothing was changed", stored.NetworkName)}
	}
	return stored, nil
}

// remove takes away a gateway that still has the settings that the caller saw last, and brings back what had
// been detected before. It returns the gateway, and what came back, nil for nothing. Where the answer was
// lost it looks what is there. The errors are those of update; CodeConflict: what had been detected has no place any more.
func (s *gateways) remove(ctx context.Context, networkID string, prior vcc.GatewaySettings) (removed, restored *vcc.DefaultGateway, err error) {
	removed, err = s.getUnchanged(ctx, networkID, prior)
	if err != nil {
		return nil, nil, err
	}
	defer s.markWritten(networkID)
	restored, err = s.client.RestoreDetectedGateway(ctx, s.as, networkID, vcc.IfRevision(removed.Revision))
	if httpapi.Uncertain(err) {
		ctx, cancel := lookupContext(ctx)
		defer cancel()
		switch now, readErr := s.client.DefaultGateway(ctx, s.as, networkID); {
		case vcc.Code(readErr) == vcc.CodeNotFound:
			return removed, nil, nil
		case readErr == nil && now.Origin == vcc.OriginDetected && now.Revision != removed.Revision:
			return removed, now, nil
		}
	}
	return removed, restored, err
}

// removeForGood is remove, and leaves nothing.
func (s *gateways) removeForGood(ctx context.Context, networkID string, prior vcc.GatewaySettings) (*vcc.DefaultGateway, error) {
	removed, err := s.getUnchanged(ctx, networkID, prior)
	if err != nil {
		return nil, err
	}
	defer s.markWritten(networkID)
	err = s.client.RemoveDefaultGateway(ctx, s.as, networkID, vcc.IfRevision(removed.Revision))
	if httpapi.Uncertain(err) {
		ctx, cancel := lookupContext(ctx)
		defer cancel()
		if _, readErr := s.client.DefaultGateway(ctx, s.as, networkID); vcc.Code(readErr) == vcc.CodeNotFound {
			return removed, nil
		}
	}
	return removed, err
}

// lookupTime is how long a call that is being stopped may look for what became of its write.
const lookupTime = 5 * time.Second

// lookupContext returns the context in which to look for what became of a write. An apply that is being stopped
// still records what the provider answers: a gateway that it does not record is nobody's.
func lookupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), lookupTime)
}

// markWritten makes listings stale for a network that a write touched, whatever became of
// the write.
func (s *gateways) markWritten(networkID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote = s.now()
	for _, l := range []*listing{s.last, s.complete} {
		if l != nil {
			l.written[networkID] = true
		}
	}
}
