package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// bound starts processes that permissions bind, also where the tests run as root: without
// CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH (capabilities(7)).
func bound(t *testing.T, start func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocks it, so that the thread ends with this
		if os.Getuid() == 0 {
			for _, capability := range []uintptr{1, 2} {
				if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_CAPBSET_DROP, capability, 0); errno != 0 {
					t.Errorf("prctl: %v", errno)
					return
				}
			}
		}
		start()
	}()
	<-done
}

func init() { children["look"] = lookChild }

// lookChild opens a store, reads, tries to write, and prints what came of each.
func lookChild(args []string) error {
	ctx := context.Background()
	s, err := store.OpenSQLite(ctx, args[0])
	if err != nil {
		fmt.Println("open:", err)
		return nil
	}
	tenants, err := s.Tenants(ctx)
	if err != nil || len(tenants) == 0 {
		return fmt.Errorf("tenants: %v %w", tenants, err)
	}
	as := vcc.Actor{TenantID: tenants[0].ID, Name: "nobody"}
	for range 2 {
		gateways, _, err := s.DefaultGateways(ctx, as, everything)
		fmt.Println("gateways:", len(gateways), err)
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the test has done what it does meanwhile
	}
	_, err = s.PutNetworkRouting(ctx, as, true, vcc.Precondition{})
	fmt.Println("write:", err)
	_, err = s.ApplyLab(ctx, valid(testLab()), nil)
	fmt.Println("the same lab:", err)
	return s.Close()
}

// look runs lookChild, bound, and returns what it printed. Others act meanwhile.
func look(t *testing.T, path string, others ...func()) string {
	t.Helper()
	var text []string
	bound(t, func() {
		p := start(t, "look", path)
		for {
			line, err := p.out.ReadString('\n')
			if text = append(text, strings.TrimSuffix(line, "\n")); err != nil {
				break
			}
			for _, act := range others {
				act()
			}
			others = nil
			_ = p.in.Close() // for the second time, too
		}
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, p.log.String())
		}
	})
	return strings.TrimSpace(strings.Join(text, "\n"))
}

// TestReadOnly: what may be read and not be written is read, whole and as it is, and writes are
// refused in words.
func TestReadOnly(t *testing.T) {
	reads := func(path string) string {
		return "gateways: 1 <nil>\ngateways: 1 <nil>\nwrite: " + path + " cannot be written; nothing was changed. " +
			"Check the permissions of its folder and of the files there\nthe same lab: <nil>"
	}
	filled := func(t *testing.T) *fixture {
		f := newFixture(t)
		f.put(t, f.abc, f.network(t, f.abc, "Gold network 1").ID, app)
		return f
	}
	protect := func(t *testing.T, dir string, mode os.FileMode) {
		t.Helper()
		ok(t, os.Chmod(dir, mode)) //nolint:gosec // a folder
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	t.Run("the folder", func(t *testing.T) {
		f := filled(t)
		ok(t, f.Close())
		dir := filepath.Dir(f.path)
		protect(t, dir, 0o500)
		before := files(t, dir)
		equal(t, "output", look(t, f.path), reads(f.path))
		equal(t, "files", files(t, dir), before)
	})
	t.Run("the folder and the file", func(t *testing.T) {
		f := filled(t)
		ok(t, f.Close())
		ok(t, os.Chmod(f.path, 0o400))
		protect(t, filepath.Dir(f.path), 0o500)
		equal(t, "output", look(t, f.path), reads(f.path))
	})
	t.Run("the file", func(t *testing.T) {
		f := filled(t)
		ok(t, f.Close())
		ok(t, os.Chmod(f.path, 0o400))
		equal(t, "output", look(t, f.path), reads(f.path))
	})
	t.Run("beside somebody who writes", func(t *testing.T) {
		f := filled(t) // whose gateway is in the log alone
		ok(t, os.Chmod(f.path, 0o400))
		protect(t, filepath.Dir(f.path), 0o500)
		equal(t, "output", look(t, f.path), reads(f.path))
		ok(t, f.Close())
	})
	t.Run("somebody comes and writes", func(t *testing.T) {
		f := filled(t)
		ok(t, f.Close())
		dir := filepath.Dir(f.path)
		protect(t, dir, 0o500)
		got := look(t, f.path, func() {
			if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder
				t.Error(err)
			}
			f.open(t)
			f.put(t, f.abc, f.network(t, f.abc, "Gold network 1 (internet)").ID, office)
			if err := os.Chmod(dir, 0o500); err != nil { //nolint:gosec // a folder
				t.Error(err)
			}
		})
		equal(t, "output", got, strings.Replace(reads(f.path), "gateways: 1 <nil>\nwrite", "gateways: 2 <nil>\nwrite", 1))
	})
	t.Run("a log that cannot be read", func(t *testing.T) {
		f := filled(t)
		dir := t.TempDir()
		path := filepath.Join(dir, "vcc.db")
		for _, end := range []string{"", "-wal"} { // as copied while in use, without vcc.db-shm
			content, err := os.ReadFile(f.path + end)
			ok(t, err)
			ok(t, os.WriteFile(path+end, content, 0o400))
		}
		protect(t, dir, 0o500)
		if got := look(t, path); !strings.HasPrefix(got, "open: "+path+" cannot be opened: permission denied. Check the permissions") {
			t.Errorf("it says %q", got)
		}
	})
	t.Run("of an older release", func(t *testing.T) {
		f := filled(t)
		query(t, f.path, "DELETE FROM goose_db_version WHERE version_id > 3")
		ok(t, f.Close())
		protect(t, filepath.Dir(f.path), 0o500)
		equal(t, "output", look(t, f.path), "open: "+f.path+": it is of an older release, or was never finished, and has to be opened once by a user who may write it")
	})
	t.Run("no file", func(t *testing.T) {
		dir := t.TempDir()
		protect(t, dir, 0o500)
		path := filepath.Join(dir, "vcc.db")
		equal(t, "output", look(t, path), "open: "+path+" cannot be opened: permission denied. Check the permissions of its folder and of the files there")
	})
	t.Run("not even readable", func(t *testing.T) {
		f := filled(t)
		ok(t, f.Close())
		ok(t, os.Chmod(f.path, 0))
		equal(t, "output", look(t, f.path), "open: "+f.path+" cannot be opened: permission denied. Check the permissions of its folder and of the files there")
	})
}
