package vbr_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vbr"
)

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "30"); err != nil { // unless the command line asks for more
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// ok stops the test at an error that it is not about.
func ok(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares what a test got with what it wants.
func equal(t rapid.TB, what string, got, want any, opts ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(opts, cmpopts.EquateEmpty(), cmpopts.EquateComparable())...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// forms is the folder of files in every form that an export has.
var forms = filepath.Join("testdata", "forms")

func readForm(name string) (vbr.Document, error) {
	file, err := os.Open(filepath.Join(forms, name))
	if err != nil {
		return vbr.Document{}, err
	}
	defer file.Close() //nolint:errcheck // what was read has been read
	return vbr.Read(file)
}

// tempDir is t.TempDir for one check.
func tempDir(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "vbr")
	ok(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// mustAddr is an address of the n-th network that no random gateway has.
func mustAddr(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n), 255, 253}) }
