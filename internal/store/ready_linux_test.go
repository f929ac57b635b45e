package store_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/store"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

func init() { children["ready"] = readyChild }

// readyChild prints whether a database is ready: at first, on a disk that is full, and once there
// is room again. No file may grow meanwhile, which needs no disk and no permission.
func readyChild(args []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite:"+args[0])
	if err != nil {
		return err
	}
	r, err := s.Readiness(ctx)
	if err != nil {
		return err
	}
	check := func(when string) {
		r.Forget()
		said := "ready"
		if all := vcc.Errors(r.Check(ctx)); len(all) > 0 {
			said = all[0].Message
		}
		fmt.Println(when+":", said)
	}
	check("at first")
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	full := limit
	if log, err := os.Stat(args[0] + "-wal"); err == nil {
		full.Cur = uint64(log.Size()) //nolint:gosec // it is no less than nothing
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	check("on a full disk")
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	check("with room again")
	return s.Close()
}

// ready runs readyChild and returns what it printed.
func ready(t *testing.T, path string) string {
	t.Helper()
	var text strings.Builder
	bound(t, func() {
		p := start(t, "ready", path)
		_, _ = p.out.WriteTo(&text)
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, p.log.String())
		}
	})
	return text.String()
}

func TestReadyOnAFullDisk(t *testing.T) {
	f := newFixture(t)
	ok(t, f.Close())
	equal(t, "output", ready(t, f.path), "at first: ready\non a full disk: the database's disk fails or is full\nwith room again: ready\n")
}

func TestReadyOnAReadOnlyFile(t *testing.T) {
	f := newFixture(t)
	ok(t, f.Close())
	dir := filepath.Dir(f.path)
	ok(t, os.Chmod(dir, 0o500))                    //nolint:gosec // a folder
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) //nolint:gosec // as above
	equal(t, "output", ready(t, f.path), "at first: the database is read only\non a full disk: the database is read only\nwith room again: the database is read only\n")
}
