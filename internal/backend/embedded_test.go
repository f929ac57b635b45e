package backend_test

import (
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/backend"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/labfile"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// builtIn are the gateways of the built-in lab's first tenant, whose jobs have had
// their first run.
var builtIn = []string{
	"VMware Silver network 1 (internet): detected 172.17.52.1 fe80::1",
	"VMware Silver network 2 (internet): detected 172.17.56.1",
	"VMware Bronze network 1 (internet): detected 172.17.58.1",
}

// exampleLab has ABC with one plan, and no job that has run.
const exampleLab = "../labfile/testdata/lab.yaml"

func TestOpenFreshAndAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data folder")
	e := openSite(t, backend.EmbeddedConfig{DataDir: dir, Version: "1.2.3"})
	same(t, "created", e.Created, true)
	same(t, "folder", e.DataDir, dir)
	same(t, "gateways", e.gateways(), builtIn)
	info, err := e.Client.ServerInfo(t.Context())
	ok(t, err)
	same(t, "version", info.BuildVersion, "1.2.3")
	stat, err := os.Stat(dir)
	ok(t, err)
	if others := stat.Mode().Perm() & 0o077; others != 0 {
		t.Errorf("others may use the folder: %v", stat.Mode())
	}
	ok(t, e.Client.RemoveDefaultGateway(t.Context(), self, e.networkID("VMware Silver network 2 (internet)"), unconditional))
	ok(t, e.Close())

	e = openSite(t, backend.EmbeddedConfig{DataDir: dir})
	same(t, "created again", e.Created, false)
	same(t, "gateways after a removal and a restart", e.gateways(), []string{builtIn[0], builtIn[2]})
}

func TestOpenInTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	e := openSite(t, backend.EmbeddedConfig{})
	if _, err := os.Stat(filepath.Join(backend.DefaultDataDir, "vcc.db")); err != nil {
		t.Error(err)
	}
	if !filepath.IsAbs(e.DataDir) {
		t.Errorf("the folder %q is not absolute", e.DataDir)
	}
}

func TestOpenWithALab(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := backend.EmbeddedConfig{DataDir: dir, LabFile: exampleLab}
	e := openSite(t, cfg)
	same(t, "created", e.Created, true)
	same(t, "gateways", e.gateways(), []string(nil)) // no job has run
	same(t, "jobs", listed(t, e.Client.ReplicationJobs), []vcc.ReplicationJob{{Name: "Silver nightly", HardwarePlanName: "VMware Silver", ApplicationAware: true}},
		cmpopts.IgnoreFields(vcc.ReplicationJob{}, "ID", "HardwarePlanID"))
	ids := e.networkID("VMware Silver network 2")
	ok(t, e.Close())

	// With it or without it, the folder keeps its lab.
	for _, file := range []string{cfg.LabFile, ""} {
		cfg.LabFile = file
		e = openSite(t, cfg)
		same(t, "ID of a network", e.networkID("VMware Silver network 2"), ids)
		same(t, "created", e.Created, false)
		ok(t, e.Close())
	}
}

// TestOpenWithALabOverAnother opens the built-in lab's folder with the file of one that has
// neither its second plan nor its second tenant: nothing changes, and it is told what would.
func TestOpenWithALabOverAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := openSite(t, backend.EmbeddedConfig{DataDir: dir})
	gateways := e.gateways()
	const file = exampleLab
	other := openSite(t, backend.EmbeddedConfig{DataDir: dir, LabFile: file})
	lines := mapped(other.LabChanges, vcc.LabChange.Line)
	for _, want := range []string{
		`- host "hyperv01"`, `- hardware plan "VMware Bronze" with 4 networks, 1 default gateway`, `- tenant "XYZ Holding" with 4 networks, 2 default gateways`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is not told: %q", want, lines)
		}
	}
	same(t, "created", other.Created, false)
	same(t, "gateways", e.gateways(), gateways)
	same(t, "command", other.ApplyCommand("my lab.yaml"), "terraform-provider-vcc backend lab apply 'my lab.yaml' --data-dir "+dir)

	lab, err := labfile.Read(file)
	ok(t, err)
	names := []string{"host:hyperv01", "VMware Bronze", "Hyper-V Gold", "XYZ"}
	_, err = e.Client.ApplyLab(t.Context(), lab, names)
	same(t, "code", vcc.Code(err), vcc.CodeConflict)
	names[3] = "XYZ Holding"
	_, err = e.Client.ApplyLab(t.Context(), lab, names)
	ok(t, err)
	same(t, "gateways", e.gateways(), builtIn[:2])
	same(t, "changes", openSite(t, backend.EmbeddedConfig{DataDir: dir, LabFile: file}).LabChanges, nil)
	wantConfigError(t, backend.EmbeddedConfig{DataDir: dir, LabFile: write(t, tenantsLab), Tenant: "New"}, "tenant",
		"the lab of "+dir+` has no tenant "New" yet, though `)
}

// tenantsLab has a tenant that no other lab has.
const tenantsLab = "service_provider: { name: sp }\ntenants: [ { name: New } ]\n"

// TestOpenWaitsForNobody: who only looks at the lab does not wait for somebody who writes.
func TestOpenWaitsForNobody(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"", exampleLab} {
		cfg := backend.EmbeddedConfig{DataDir: t.TempDir(), LabFile: file}
		ok(t, openSite(t, cfg).Close())
		db, err := sql.Open("sqlite", filepath.Join(cfg.DataDir, "vcc.db")+"?_txlock=immediate")
		ok(t, err)
		tx, err := db.BeginTx(t.Context(), nil)
		ok(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // the store waits longer for a writer
		e, err := backend.OpenEmbedded(ctx, cfg)
		ok(t, err)
		cancel()
		ok(t, errors.Join(e.Close(), tx.Rollback(), db.Close()))
	}
}

// TestOpenExisting: a folder is not made by who only looks.
func TestOpenExisting(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	for name, tc := range map[string]struct {
		files []string
		text  string
	}{
		"none":      {nil, "there is no data folder " + filepath.Join(parent, "none") + "; it is made by backend lab apply"},
		"empty":     {[]string{"terraform.tfstate"}, "the folder " + filepath.Join(parent, "empty") + " has no backend; it is made by backend lab apply"},
		"half made": {[]string{"vcc.db"}, "the data folder " + filepath.Join(parent, "half made") + " has no lab: its making was interrupted; backend lab apply finishes it"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := backend.EmbeddedConfig{DataDir: filepath.Join(parent, name), Existing: true}
			for _, f := range tc.files {
				ok(t, os.MkdirAll(cfg.DataDir, 0o700))
				ok(t, os.WriteFile(filepath.Join(cfg.DataDir, f), nil, 0o600))
			}
			wantConfigError(t, cfg, "dataDir", tc.text)
			_, err := backend.OpenEmbedded(t.Context(), cfg)
			if !errors.Is(err, backend.ErrNoBackend) {
				t.Errorf("it is not ErrNoBackend: %v", err)
			}
			found, _ := os.ReadDir(cfg.DataDir)
			if name != "half made" {
				same(t, "files", mapped(found, os.DirEntry.Name), tc.files)
			}
			cfg.Existing = false // now it is made, or finished
			same(t, "gateways", openSite(t, cfg).gateways(), builtIn)
			cfg.Existing = true
			same(t, "gateways", openSite(t, cfg).gateways(), builtIn)
		})
	}
}

// wantConfigError checks that a backend does not open: which setting is to blame,
// and that the message has a text.
func wantConfigError(t *testing.T, cfg backend.EmbeddedConfig, setting, text string) {
	t.Helper()
	e, err := backend.OpenEmbedded(t.Context(), cfg)
	if err == nil {
		_ = e.Close()
		t.Fatal("it opened")
	}
	var config *backend.ConfigError
	if !errors.As(err, &config) || config.Setting != setting || !strings.Contains(err.Error(), text) {
		t.Errorf("got %#v: %v; want a ConfigError of %q with %q", err, err, setting, text)
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	ok(t, os.MkdirAll(filepath.Join(dir, "taken", "vcc.db"), 0o700))
	ok(t, os.Mkdir(filepath.Join(dir, "other"), 0o700))
	ok(t, os.WriteFile(filepath.Join(dir, "other", "vcc.db"), []byte(strings.Repeat("no database\n", 100)), 0o600))
	fresh := filepath.Join(dir, "fresh")
	for _, tc := range []struct {
		name    string
		cfg     backend.EmbeddedConfig
		setting string
		text    string
	}{
		{"a file where the folder should be", backend.EmbeddedConfig{DataDir: filepath.Join(dir, "file")}, "dataDir",
			"the data folder " + filepath.Join(dir, "file") + " cannot be created: not a directory"},
		{"a file above it", backend.EmbeddedConfig{DataDir: filepath.Join(dir, "file", "data")}, "dataDir", "cannot be created: not a directory"},
		{"a folder where the database should be", backend.EmbeddedConfig{DataDir: filepath.Join(dir, "taken")}, "dataDir",
			"the data folder " + filepath.Join(dir, "taken") + " cannot be used: " + filepath.Join(dir, "taken", "vcc.db") + " cannot be opened: is a directory"},
		{"something else where the database should be", backend.EmbeddedConfig{DataDir: filepath.Join(dir, "other")}, "dataDir", "vcc.db is not a database. Name another file or folder"},
		{"unknown tenant", backend.EmbeddedConfig{DataDir: filepath.Join(dir, "tenant"), Tenant: "abc company"}, "tenant",
			`there is no tenant "abc company" in this lab; did you mean "ABC Company", "XYZ Holding"?`},
		{"no such lab file", backend.EmbeddedConfig{DataDir: fresh, LabFile: filepath.Join(dir, "none.yaml")}, "labFile", "cannot be read: no such file"},
		{"a bad lab file", backend.EmbeddedConfig{DataDir: fresh, LabFile: write(t, "hosts: []\n")}, "labFile", "lab.yaml:1: service_provider.name: a name is required"},
	} {
		t.Run(tc.name, func(t *testing.T) { wantConfigError(t, tc.cfg, tc.setting, tc.text) })
	}
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made for a lab that is none: %v", err)
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := openSite(t, backend.EmbeddedConfig{DataDir: dir})
	second := openSite(t, backend.EmbeddedConfig{DataDir: dir, Tenant: "XYZ Holding"})
	option, err := second.Client.NetworkRouting(t.Context(), self)
	ok(t, err)
	byID := openSite(t, backend.EmbeddedConfig{DataDir: dir, Tenant: option.TenantID})
	gold := []string{"Hyper-V Gold network 1 (internet): detected 10.20.0.1", "Hyper-V Gold network 1: detected 10.20.1.1"}
	same(t, "gateways of the first", first.gateways(), builtIn)
	same(t, "gateways of the second", second.gateways(), gold)
	same(t, "gateways by ID", byID.gateways(), gold)
}

// TestTwoOnOneFolder lets two backends write side by side.
func TestTwoOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := openSite(t, backend.EmbeddedConfig{DataDir: dir, Program: "one"}), openSite(t, backend.EmbeddedConfig{DataDir: dir, Program: "two"})
	same(t, "created by the first and the second", []bool{a.Created, b.Created}, []bool{true, false})
	id := a.networkID("VMware Silver network 1")
	written, err := put(t.Context(), a.Client, id, ipv4("172.17.54.1/24"), vcc.Precondition{Absent: true})
	ok(t, err)
	seen, err := b.Client.DefaultGateway(t.Context(), self, id)
	ok(t, err)
	same(t, "what the other sees", seen, written)
	_, err = put(t.Context(), b.Client, id, ipv4("172.17.54.2/24"), vcc.IfRevision(seen.Revision))
	ok(t, err)
	if _, err = put(t.Context(), a.Client, id, ipv4("172.17.54.3/24"), vcc.IfRevision(written.Revision)); err == nil {
		t.Error("a write was not refused though the other had changed the gateway")
	}
	ok(t, a.Close())
	changes := history(t, b.Client, id)
	same(t, "actors", []string{changes[0].Actor, changes[1].Actor}, []string{b.Actor, a.Actor})
}

// TestActor: the history names the system's user and the program.
func TestActor(t *testing.T) {
	t.Parallel()
	u, err := user.Current()
	ok(t, err)
	e := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir(), Program: "command line"})
	same(t, "actor", e.Actor, u.Username+" (command line)")
	option, err := e.Client.PutNetworkRouting(t.Context(), self, true, unconditional)
	ok(t, err)
	same(t, "who changed it", option.UpdatedBy, e.Actor)
}

func TestManyOpenAFreshFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var opened [6]*backend.Embedded
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range opened {
		wg.Go(func() {
			<-begin
			var err error
			if opened[i], err = backend.OpenEmbedded(t.Context(), backend.EmbeddedConfig{DataDir: dir, Program: "test"}); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	wg.Wait()
	created := 0
	for _, e := range opened {
		if e == nil {
			continue
		}
		if e.Created {
			created++
		}
		same(t, "gateways", (&site{e, t}).gateways(), builtIn)
		ok(t, e.Close())
	}
	same(t, "how many created the folder", created, 1)
}

// TestCloseLeavesNothing runs in a bubble, which fails if a goroutine outlives it.
func TestCloseLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var clients []*httpapi.Client
		for range 3 {
			e, err := backend.OpenEmbedded(t.Context(), backend.EmbeddedConfig{DataDir: dir})
			ok(t, err)
			networks(t, e.Client)
			ok(t, e.Close())
			clients = append(clients, e.Client)
		}
		for _, c := range clients {
			if _, err := c.NetworkRouting(t.Context(), self); err == nil {
				t.Error("a backend that is closed answers")
			}
			c.Close()
		}
	})
}

// TestManyRequestsAtOnce uses one client from many goroutines, as Terraform does.
func TestManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	e := openSite(t, backend.EmbeddedConfig{DataDir: t.TempDir()})
	id := e.networkID("VMware Silver network 1")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if i%4 == 0 {
				if _, err := put(t.Context(), e.Client, id, ipv4("172.17.54.1/24"), unconditional); err != nil {
					t.Error(err)
				}
			}
			if _, _, err := e.Client.DefaultGateways(t.Context(), self, vcc.Page{Limit: 10}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	changes := history(t, e.Client, id)
	same(t, "changes by equal writes", len(changes), 1)
}

// TestDataOfBeforeTheRenaming: a data folder of then has the new names of networks, so that the lab file in new
// names changes nothing.
func TestDataOfBeforeTheRenaming(t *testing.T) {
	t.Parallel()
	const at = "../store/testdata/before-renaming/"
	file, err := os.Open(at + "vcc.db.gz")
	ok(t, err)
	defer file.Close() //nolint:errcheck // what was read has been read
	unzipped, err := gzip.NewReader(file)
	ok(t, err)
	database, err := io.ReadAll(unzipped)
	ok(t, err)
	dir := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(dir, "vcc.db"), database, 0o600))
	text, err := os.ReadFile(at + "lab.yaml")
	ok(t, err)
	renamed := strings.NewReplacer("App: VMware Silver network 1", "App: VMware Silver network 1 (internet)", "Silver network 3", "Silver network 1",
		"Silver network 4", "Silver network 2", "Gold network 2", "Gold network 2 (internet)").Replace(string(text))
	e := openSite(t, backend.EmbeddedConfig{DataDir: dir, LabFile: write(t, renamed)})
	same(t, "changes", mapped(e.LabChanges, vcc.LabChange.Line), nil)

	// A table of which every name still is one means what it says, and the change is shown.
	half := strings.Replace(renamed, "Silver network 1 (internet), Office: VMware Silver network 1", "Silver network 1, Office: VMware Silver network 1 (internet)", 1)
	e = openSite(t, backend.EmbeddedConfig{DataDir: dir, LabFile: write(t, half)})
	same(t, "changes", mapped(e.LabChanges, vcc.LabChange.Line), []string{
		`~ replication job "Silver nightly" of tenant "ABC Company": mapping["App"] from "VMware Silver network 1 (internet)" to "VMware Silver network 1", ` +
			`mapping["Office"] from "VMware Silver network 1" to "VMware Silver network 1 (internet)"`,
	})
}
