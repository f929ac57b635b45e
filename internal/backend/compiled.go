package backend

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// maxCompiled bounds how much is kept compiled, counted as tracer.size is: a network with
// its gateway takes about a kibibyte, so this is about 64 MiB.
const maxCompiled = 1 << 16

// compiledTenants keeps the tenants' appliances as they were compiled last, for as long as
// nothing of what they were compiled from has changed. It never answers with what is older
// than the store: whoever asks reads the version first. It is safe for concurrent use.
type compiledTenants struct {
	// compiling has room for as many compilations as may be under way: each takes megabytes
	// for thousands of networks, and a processor for itself. A tenant has one at most, and so there is room for two.
	compiling chan struct{}

	mu      sync.Mutex
	tenants *simplelru.LRU[string, *compiledTenant] // by ID
	size    int                                     // of all of them
}

// compiledTenant is what is kept of one tenant.
type compiledTenant struct {
	// turn is held by whoever compiles, so that those who ask at once compile once, and a tenant's crowd keeps no
	// other tenant from compiling.
	turn chan struct{}
	last atomic.Pointer[compiledVersion]
	size int // guarded by the mutex of compiledTenants
}

// compiledVersion is what was compiled of the inputs of one version.
type compiledVersion struct {
	store.ReachabilityInputs
	tracer *tracer
}

func newCompiledTenants() *compiledTenants {
	tenants, _ := simplelru.NewLRU[string, *compiledTenant](math.MaxInt, nil) // no error: the size is positive
	return &compiledTenants{compiling: make(chan struct{}, max(2, runtime.GOMAXPROCS(0))), tenants: tenants}
}

// stored returns the tenant's appliances as they are compiled from what is stored now. Nobody
// may change what it returns.
func (s *Services) stored(ctx context.Context, as vcc.Actor) (*compiledVersion, error) {
	kept := s.compiled.of(as.TenantID)
	c, err := s.current(ctx, as, kept)
	if c != nil || err != nil {
		return c, err
	}
	leaveTurn, err := enter(ctx, kept.turn)
	if err != nil {
		return nil, err
	}
	defer leaveTurn()
	// Whoever was before may have compiled what is stored now.
	if c, err := s.current(ctx, as, kept); c != nil || err != nil {
		return c, err
	}
	leave, err := enter(ctx, s.compiled.compiling)
	if err != nil {
		return nil, err
	}
	defer leave()
	inputs, err := s.ReachabilityInputs(ctx, as)
	if err != nil {
		return nil, err
	}
	c = &compiledVersion{inputs, newTracer(inputs.Tenant, withOwnRules(inputs.Appliances))}
	kept.last.Store(c)
	s.compiled.grow(as.TenantID, kept, c.tracer.size)
	return c, nil
}

// current returns what is kept of a tenant, nil where something was changed since.
func (s *Services) current(ctx context.Context, as vcc.Actor, kept *compiledTenant) (*compiledVersion, error) {
	version, err := s.ReachabilityVersion(ctx, as)
	if err != nil {
		return nil, err
	}
	if c := kept.last.Load(); c != nil && c.Version == version {
		return c, nil
	}
	return nil, nil
}

// assuming compiles the tenant's appliances with an assumption, and has use answer with
// them. They are in memory while it does, so it keeps its place among those that compile.
func (s *Services) assuming(ctx context.Context, as vcc.Actor, c *compiledVersion, assume vcc.Assumption, use func(*tracer) error) error {
	leaveTurn, err := enter(ctx, s.compiled.of(as.TenantID).turn)
	if err != nil {
		return err
	}
	defer leaveTurn()
	leave, err := enter(ctx, s.compiled.compiling)
	if err != nil {
		return err
	}
	defer leave()
	inputs, err := assume.Over(c.Appliances, c.Tenant.FailoverPlans)
	if err != nil {
		return vcc.Within("assume", err)
	}
	return use(c.tracer.assuming(c.Tenant.PublicIPs, withOwnRules(inputs)))
}

// enter waits for a place, and returns what gives it back.
func enter(ctx context.Context, places chan struct{}) (leave func(), err error) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// of returns what is kept of a tenant, which may be nothing yet.
func (c *compiledTenants) of(tenantID string) *compiledTenant {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.tenants.Get(tenantID)
	if !ok {
		kept = &compiledTenant{turn: make(chan struct{}, 1)}
		c.tenants.Add(tenantID, kept)
		c.add(kept, 1)
	}
	return kept
}

// grow notes the size of what is kept of a tenant.
func (c *compiledTenants) grow(tenantID string, kept *compiledTenant, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now, ok := c.tenants.Peek(tenantID); ok && now == kept {
		c.add(kept, size-kept.size)
	}
}

// add counts what a tenant takes more, and forgets who asked longest ago. One tenant stays,
// however large.
func (c *compiledTenants) add(kept *compiledTenant, more int) {
	kept.size += more
	c.size += more
	for c.size > maxCompiled && c.tenants.Len() > 1 {
		_, oldest, _ := c.tenants.RemoveOldest()
		c.size -= oldest.size
	}
}
