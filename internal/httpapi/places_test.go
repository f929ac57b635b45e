package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
)

// TestPlacesByTurns: whoever is alone under a key waits for one of a crowd at most, not for all of it.
func TestPlacesByTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := httpapi.NewPlaces(1, 1)
		ok(t, httpapi.Take(p, t.Context(), "first"))
		var order []string
		var waiting sync.WaitGroup
		for _, key := range []string{"crowd", "crowd", "crowd", "alone", "crowd", "other"} {
			waiting.Go(func() {
				ok(t, httpapi.Take(p, t.Context(), key))
				order = append(order, key) // with the only place there is
				httpapi.Give(p, key)
			})
			synctest.Wait()
		}
		httpapi.Give(p, "first")
		waiting.Wait()
		equal(t, "order", order, []string{"crowd", "alone", "other", "crowd", "crowd", "crowd"})
		equal(t, "keys that are remembered", p.Keys(), 0)
	})
}

// TestPlacesAreBounded: a line has an end, and who waits too long gets nothing.
func TestPlacesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := httpapi.NewPlaces(2, 1)
		for _, key := range []string{"a", "b"} {
			ok(t, httpapi.Take(p, t.Context(), key))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var waiting sync.WaitGroup
		for range 32 {
			waiting.Go(func() {
				if err := httpapi.Take(p, ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("one who waits: %v", err)
				}
			})
		}
		synctest.Wait()
		if err := httpapi.Take(p, t.Context(), "a"); !errors.Is(err, httpapi.ErrCrowded) {
			t.Errorf("one more: %v", err)
		}
		waiting.Wait()
		taken, waits := httpapi.Load(p)
		equal(t, "load", []int{taken, waits}, []int{2, 0})
		httpapi.Give(p, "a")
		ok(t, httpapi.Take(p, t.Context(), "a"))
	})
}

// TestPlacesUnderLoad: no bound is ever passed, whatever comes and goes, and nothing is left behind.
func TestPlacesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const total, share = 7, 3
		p := httpapi.NewPlaces(total, share)
		var all, served, late atomic.Int64
		var of [5]atomic.Int64
		var running sync.WaitGroup
		for i := range 200 {
			running.Go(func() {
				random := rand.New(rand.NewPCG(uint64(i), 1))
				for range 50 {
					n := random.IntN(len(of))
					key := fmt.Sprint(n)
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(100))*time.Millisecond)
					err := httpapi.Take(p, ctx, key)
					cancel()
					if err != nil {
						late.Add(1)
						time.Sleep(time.Millisecond)
						continue
					}
					if a, k := all.Add(1), of[n].Add(1); a > total || k > share {
						t.Errorf("%d places are taken, %d of them under one key", a, k)
					}
					time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
					all.Add(-1)
					of[n].Add(-1)
					httpapi.Give(p, key)
					served.Add(1)
				}
			})
		}
		running.Wait()
		taken, waits := httpapi.Load(p)
		equal(t, "places, waiting and keys at the end", []int{taken, waits, p.Keys()}, []int{0, 0, 0})
		if served.Load() < 100 || late.Load() < 100 {
			t.Errorf("%d got a place and %d did not: this test does not test much", served.Load(), late.Load())
		}
	})
}
