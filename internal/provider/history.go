package provider

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// mostHistoryPages bounds how much of the tenant's history is read for all gateways together. What
// was changed before is asked for gateway by gateway.
const mostHistoryPages = 10

// history tells who changed gateways. Gateways drift by the thousand when somebody changes
// them all, so those that are asked for together share the newest pages of the tenant's history.
//
// The first question after a pause is about its gateway alone; it may stay the only one. It is
// safe for concurrent use.
type history struct {
	client *httpapi.Client
	as     vcc.Actor
	now    func() time.Time

	mu sync.Mutex
	// asked is when something was last asked.
	asked time.Time
	// newest is what was read last for all gateways together; nil for nothing.
	newest *newestChanges
}

// newestChanges is the newest part of a tenant's history, which grows to older entries when
// somebody needs them.
type newestChanges struct {
	began time.Time

	// turn has room for the one who reads it or has it grow.
	turn      chan struct{}
	byNetwork map[string][]vcc.Change // newest first
	pages     int
	entries   int   // that were read
	oldest    int64 // revision
	// over says that all was read; refused that the server has no such history, or did not answer.
	over, refused bool
}

// of returns the whole history of one network, newest first.
func (h *history) of(ctx context.Context, networkID string) ([]vcc.Change, error) {
	return vcc.All(func(p vcc.Page) ([]vcc.Change, int, error) {
		return h.client.DefaultGatewayChanges(ctx, h.as, networkID, p)
	})
}

// since returns the history of a network, newest first, back to when its gateway had the prior
// settings at least; all of it where it never had them. now is the gateway as it was read, nil
// for none.
func (h *history) since(ctx context.Context, networkID string, now *vcc.DefaultGateway, prior vcc.GatewaySettings) ([]vcc.Change, error) {
	if n := h.shared(); n != nil {
		if changes, known, err := h.sharedSince(ctx, n, networkID, now, prior); known || err != nil {
			return changes, err
		}
	}
	return h.of(ctx, networkID)
}

// sharedSince is since from what those who ask now share. known is false where that does not tell.
func (h *history) sharedSince(ctx context.Context, n *newestChanges, networkID string, now *vcc.DefaultGateway, prior vcc.GatewaySettings) (changes []vcc.Change, known bool, err error) {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	for {
		changes, current := upTo(n.byNetwork[networkID], now)
		if current && (n.over || slices.ContainsFunc(changes, func(c vcc.Change) bool { return c.Before != nil && c.Before.GatewaySettings.Equal(prior) })) {
			return changes, true, nil
		}
		behind := !current && (now == nil && len(n.byNetwork[networkID]) > 0 || now != nil && n.pages > 0 && n.oldest <= now.Revision)
		if behind || n.over || n.refused || n.pages == mostHistoryPages {
			return nil, false, nil
		}
		if err := h.grow(ctx, n, networkID); err != nil {
			return nil, false, err
		}
	}
}

// upTo returns the part of a network's changes that ends with what was read. current says that
// the change that led to it is there; without it the rest may belong to an older moment.
func upTo(changes []vcc.Change, now *vcc.DefaultGateway) (part []vcc.Change, current bool) {
	if now == nil {
		return changes, len(changes) > 0 && changes[0].After == nil
	}
	i := slices.IndexFunc(changes, func(c vcc.Change) bool { return c.Revision == now.Revision })
	if i < 0 {
		return nil, false
	}
	return changes[i:], true
}

// shared returns what those share who ask now, nil for who asks first.
func (h *history) shared() *newestChanges {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	first := now.Sub(h.asked) > listingAge
	h.asked = now
	if first {
		return nil
	}
	if h.newest == nil || now.Sub(h.newest.began) > listingAge {
		h.newest = &newestChanges{began: now, turn: make(chan struct{}, 1), byNetwork: map[string][]vcc.Change{}}
	}
	return h.newest
}

// grow reads a page more. The caller has the turn.
func (h *history) grow(ctx context.Context, n *newestChanges, networkID string) error {
	page, total, err := h.client.TenantGatewayChanges(ctx, h.as, networkID, vcc.Page{Skip: n.entries, Limit: vcc.MaxPageLimit})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil { // whatever it is, the history of one network tells it as well
		n.refused = true
		return nil //nolint:nilerr // refused has the caller ask for that
	}
	for _, c := range page {
		// Changes that were made since the page before push entries of that one into this.
		if n.pages == 0 || c.Revision < n.oldest {
			n.byNetwork[c.NetworkID] = append(n.byNetwork[c.NetworkID], c)
		}
	}
	if len(page) > 0 {
		n.oldest = page[len(page)-1].Revision
	}
	n.pages++
	n.entries += len(page)
	n.over = len(page) == 0 || n.entries >= total
	return nil
}
