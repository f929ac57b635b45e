package backend

import (
	"fmt"
	"testing"
)

// What is kept compiled is bounded, whoever asks: those who asked longest ago are forgotten.
func TestCompiledIsBounded(t *testing.T) {
	t.Parallel()
	c := newCompiledTenants()
	check := func() {
		t.Helper()
		sum := 0
		for _, kept := range c.tenants.Values() {
			sum += kept.size
		}
		if c.size != sum || sum > maxCompiled && c.tenants.Len() > 1 {
			t.Fatalf("%d tenants of a size of %d are counted as %d, of %d at most", c.tenants.Len(), sum, c.size, maxCompiled)
		}
	}
	use := func(tenant string, size int) *compiledTenant {
		t.Helper()
		kept := c.of(tenant)
		check()
		c.grow(tenant, kept, size)
		check()
		if c.of(tenant) != kept {
			t.Fatalf("%s was forgotten while it was used", tenant)
		}
		return kept
	}
	often := use("often", maxCompiled/10)
	for i := range 100 {
		use(fmt.Sprint("tenant ", i), maxCompiled/10)
		if c.of("often") != often {
			t.Fatal("who asks all the time was forgotten")
		}
	}
	if n := c.tenants.Len(); n != 10 {
		t.Errorf("%d tenants of a tenth each are kept", n)
	}
	use("huge", 2*maxCompiled)
	if n := c.tenants.Len(); n != 1 {
		t.Errorf("%d tenants are kept beside one that is larger than all may be", n)
	}
	for i := range 2 * maxCompiled { // who have nothing
		c.of(fmt.Sprint("empty ", i))
	}
	check()
	forgotten := c.of("huge")
	c.grow("often", often, maxCompiled) // compiled while it was forgotten
	check()
	if forgotten.size != 1 {
		t.Errorf("a tenant that was forgotten has a size of %d", forgotten.size)
	}
}
