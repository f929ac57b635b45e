package vcc_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func TestLoginFailures_Wait(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	failed := func(count int) vcc.Failures { return vcc.Failures{Count: count, LastAt: now} }
	for failed, want := range map[int]time.Duration{
		0: 0, 9: 0, 10: time.Second, 11: 2 * time.Second, 14: 16 * time.Second, 15: 30 * time.Second, 1 << 40: 30 * time.Second,
	} {
		got := vcc.Failures{Count: failed, LastAt: now}.Wait(now, 10)
		if got != want {
			t.Errorf("after %d: %s, want %s", failed, got, want)
		}
	}
	for _, tc := range []struct {
		name   string
		f      vcc.LoginFailures
		wait   time.Duration
		atOnce int
		rank   int
	}{
		{"nothing", vcc.LoginFailures{}, 0, 10, 1},
		{"nothing, at a known address", vcc.LoginFailures{Known: true}, 0, 10, 0},
		{"some here", vcc.LoginFailures{Here: failed(7), Address: failed(7), Account: failed(7)}, 0, 3, 8},
		{"too many here", vcc.LoginFailures{Here: failed(10), Address: failed(10), Account: failed(10)}, time.Second, 1, 11},
		{"too many here, at a known address", vcc.LoginFailures{Here: failed(12), Known: true}, 4 * time.Second, 1, 12},
		{"others at the address", vcc.LoginFailures{Address: failed(99)}, 0, 10, 100},
		{"many others at the address", vcc.LoginFailures{Address: failed(101)}, 2 * time.Second, 10, 102},
		{"many others at a known address", vcc.LoginFailures{Address: failed(1000), Known: true}, 0, 10, 0},
		{"some hidden ones at a known address", vcc.LoginFailures{Hidden: failed(9), Address: failed(1000), Known: true}, 0, 1, 9},
		{"too many hidden ones at a known address", vcc.LoginFailures{Hidden: failed(11), Address: failed(1000), Known: true}, 2 * time.Second, 1, 11},
		{"more hidden ones than others", vcc.LoginFailures{Hidden: failed(15), Address: failed(101), Known: true}, 2 * time.Second, 1, 15},
		{"hidden ones at an address that does not wait", vcc.LoginFailures{Hidden: failed(15), Address: failed(99), Known: true}, 0, 1, 15},
		{"an attack on the account, and a new address", vcc.LoginFailures{Account: failed(100)}, 0, 1, 1},
		{"an attack on the account, and an address that failed", vcc.LoginFailures{Here: failed(1), Address: failed(1), Account: failed(100)}, time.Second, 1, 2},
		{"an attack on the account, and a known address that failed", vcc.LoginFailures{Here: failed(9), Account: failed(1000), Known: true}, 0, 1, 9},
	} {
		got := fmt.Sprint(tc.f.Wait(now), tc.f.AtOnce(), tc.f.Rank())
		if want := fmt.Sprint(tc.wait, tc.atOnce, tc.rank); got != want {
			t.Errorf("%s: wait, at once, rank %s, want %s", tc.name, got, want)
		}
	}
}

// TestLoginFailures_clock: wherever clocks jump, no wait is longer than 30 s, and who waits
// as long as it is told gets in.
func TestLoginFailures_clock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		failed := rapid.Custom(func(t *rapid.T) vcc.Failures {
			jump := time.Duration(rapid.Int64Range(-int64(1000*time.Hour), int64(1000*time.Hour)).Draw(t, "jump"))
			return vcc.Failures{Count: rapid.IntRange(0, 2000).Draw(t, "count"), LastAt: now.Add(jump / time.Duration(rapid.SampledFrom([]int{1, 1000, 100_000}).Draw(t, "scale")))}
		})
		f := vcc.LoginFailures{Here: failed.Draw(t, "here"), Address: failed.Draw(t, "address"), Account: failed.Draw(t, "account"), Hidden: failed.Draw(t, "hidden"), Known: rapid.Bool().Draw(t, "known")}
		wait, told := f.Wait(now), f.Told(now)
		if wait < 0 || wait > told || told > 30*time.Second {
			t.Fatalf("wait %s, of which %s are told", wait, told)
		}
		if f.Known { // which nobody is told
			stranger := f
			stranger.Known, stranger.Account, stranger.Hidden = false, vcc.Failures{}, vcc.Failures{}
			if other := stranger.Told(now); other != told || stranger.Wait(now) != told {
				t.Fatalf("%s are told, and %s where the account is not known", told, other)
			}
		}
		// Who waits as long as it is told gets in: the second wait is that of a failure which was yet
		// to come as the first was told.
		for range 2 {
			now = now.Add(f.Wait(now))
		}
		if wait := f.Wait(now); wait != 0 {
			t.Fatalf("a third wait, of %s", wait)
		}
	})
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := vcc.ClientAddress(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s counts as %s, want %s", from, got, want)
		}
	}
	if got := vcc.ClientAddress(netip.Addr{}); got != "" {
		t.Errorf("no address counts as %q", got)
	}
}
