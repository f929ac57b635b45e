package vbr_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vbr"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestForms reads a file of each form that PowerShell gives an export, and of each that is refused. This writes
// what was read anew:
//
//	go test ./internal/vbr -run TestForms -rewrite
//
// A file that begins with no_ must be refused, and any other must not.
func TestForms(t *testing.T) {
	var named []string
	datadriven.RunTest(t, filepath.Join("testdata", "forms.txt"), func(t *testing.T, d *datadriven.TestData) string {
		name := d.CmdArgs[0].Key
		named = append(named, name)
		document, err := readForm(name)
		if refused := strings.HasPrefix(name, "no_"); refused != (err != nil) {
			t.Errorf("%s: %s is read with the error %v", d.Pos, name, err)
		}
		if err != nil {
			return err.Error() + "\n"
		}
		return describe(document)
	})
	files, err := os.ReadDir(forms)
	ok(t, err)
	for _, f := range files {
		if !slices.Contains(named, f.Name()) {
			t.Errorf("testdata/forms.txt lacks %s", f.Name())
		}
	}
}

// describe writes a document for people.
func describe(d vbr.Document) string {
	var b strings.Builder
	for _, p := range d.Providers {
		fmt.Fprintf(&b, "provider %q %s of server %q at %s: routing %t", p.Provider, p.ProviderID, p.Server, p.ExportedAt.Format(time.RFC3339), p.RoutingEnabled)
		if p.Failure != "" {
			fmt.Fprintf(&b, ", failed: %q", p.Failure)
		}
		b.WriteByte('\n')
		for _, n := range p.Networks {
			fmt.Fprintf(&b, "  %q network %q gateway %q %s: %s\n", n.Name, n.NetworkID, n.GatewayID, p.Platforms[n.Name], settings(n.Gateway))
		}
	}
	return b.String()
}

func settings(g *vcc.GatewaySettings) string {
	if g == nil {
		return "none"
	}
	var parts []string
	if g.IPv4 != nil {
		parts = append(parts, fmt.Sprintf("%s/%d", g.IPv4.Address, g.IPv4.PrefixLength))
	}
	if g.IPv6 != nil {
		parts = append(parts, fmt.Sprintf("%s in %s", g.IPv6.Address, g.IPv6.Network))
	}
	return strings.Join(parts, ", ")
}

// TestSelect finds one service provider's part of a file.
func TestSelect(t *testing.T) {
	const first, second = "5f2b0c1e-3f7a-4d0c-9a55-0d6f3c1b7e21", "7a2b0c1e-3f7a-4d0c-9a55-0d6f3c1b7e22"
	last := &vcc.LastExport{ExportSource: vcc.ExportSource{Provider: "other.example.net", ProviderID: second}}
	for _, tc := range []struct {
		file, provider string
		last           *vcc.LastExport
		want, refusal  string
	}{
		{"export.json", "", nil, "sp.example.net " + first, ""},
		{"export.json", "sp.example.net", nil, "sp.example.net " + first, ""},
		{"export.json", strings.ToUpper(first), nil, "sp.example.net " + first, ""},
		{"export.json", "sp.example.org", nil, "", `it has no service provider "sp.example.org"; did you mean "sp.example.net"?`},
		{"export_two_providers.json", "", nil, "", `it has 2 service providers; say which is meant with --provider: "sp.example.net", "other.example.net"`},
		{"export_two_providers.json", "", last, "other.example.net " + second, ""},
		{"export_two_providers.json", "sp.example.net", last, "sp.example.net " + first, ""},
		{"export_failed_provider.json", "sp.example.net", nil, "", `the backup server said nothing of service provider "sp.example.net": The service provider is not available. Nothing was changed`},
		{"export_failed_provider.json", "other.example.net", nil, "other.example.net " + second, ""},
		{"raw_7.json", "", nil, "", "it is the output of the cmdlet, which does not say how the service provider is called; name it with --provider"},
		{"raw_7.json", first, nil, "", "it is the output of the cmdlet, which does not say how the service provider is called; name it with --provider"},
		{"raw_7.json", "sp.example.net", nil, "sp.example.net " + first, ""},
		{"raw_7.json", second, nil, "", `it has no service provider "` + second + `"; did you mean "` + first + `"?`},
		{"raw_two_providers.json", "", last, "other.example.net " + second, ""},
		{"raw_two_providers.json", second, last, "other.example.net " + second, ""},
		{"raw_two_providers.json", "sp.example.net", nil, "", `it is the output of the cmdlet, which has IDs of service providers and no names; give one with --provider: "` + first + `", "` + second + `"`},
	} {
		d, err := readForm(tc.file)
		ok(t, err)
		e, err := d.Select(tc.provider, tc.last)
		got := ""
		if err == nil {
			got = e.Provider + " " + e.ProviderID
		}
		equal(t, tc.file+" with "+tc.provider, got, tc.want)
		if tc.refusal != "" {
			equal(t, "error of "+tc.file+" with "+tc.provider, fmt.Sprint(err), tc.refusal)
		}
	}
}

// TestHostile: a file of 50 MB of whatever JSON is refused, and so is the start of it that is just not too
// large. Neither takes the memory for it: everything that is allocated on the way counts.
func TestHostile(t *testing.T) {
	const most = 200 << 20
	gateway := `{"Id":"1","Name":"Silver network 1","IpAddress":{"Address":1,"IPAddressToString":"172.17.52.1"},"NetworkMask":"255.255.254.0"},`
	for name, tc := range map[string]struct{ start, again string }{
		"lists in lists":       {"", "["},
		"objects in objects":   {"", `{"DefaultGateway":`},
		"wrapped in one each":  {"", `{"Count":1,"value":`},
		"empty objects":        {`{"ProviderId":"1","DefaultGateway":[`, "{},"},
		"nulls":                {`{"ProviderId":"1","DefaultGateway":[`, "null,"},
		"properties":           {`{"ProviderId":"1"`, `,"a":1`},
		"one text":             {`{"format":1,"server":"`, "a"},
		"escapes":              {`{"format":1,"server":"`, `\u0000`},
		"gateways":             {`{"ProviderId":"1","RoutingEnabled":true,"DefaultGateway":[`, gateway},
		"UTF-16":               {"\xff\xfe", "[\x00"},
		"white space":          {"", " "},
		"numbers of one digit": {"[", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int64{50 << 20, 8 << 20} {
				text := &endless{start: tc.start, again: tc.again}
				taken := allocated(func() {
					if _, err := vbr.Read(io.LimitReader(text, size)); err == nil {
						t.Errorf("%d bytes were read", size)
					}
				})
				if text.given > 9<<20 {
					t.Errorf("%d of %d bytes were read before they were too many", text.given, size)
				}
				if taken > most {
					t.Errorf("%d bytes took %d MiB", size, taken>>20)
				}
			}
		})
	}
	t.Run("as many gateways as are read", func(t *testing.T) {
		text := `{"ProviderId":"1","RoutingEnabled":true,"DefaultGateway":[` + strings.Repeat(`{},`, 249_000) + `{}]}`
		taken := allocated(func() {
			if _, err := vbr.Read(strings.NewReader(text)); err == nil {
				t.Error("gateways of one name were read")
			}
		})
		if taken > most {
			t.Errorf("it took %d MiB", taken>>20)
		}
	})
}

// TestHostile_wrapped: a list in a list's place is no reason to copy what is in it again and again.
func TestHostile_wrapped(t *testing.T) {
	const most = 100 << 20
	text := strings.Repeat(`{"Count":1,"value":`, 31) + `"` + strings.Repeat("a", 7<<20) + `"` + strings.Repeat("}", 31)
	taken := allocated(func() {
		if _, err := vbr.Read(strings.NewReader(text)); err == nil {
			t.Error("it was read")
		}
	})
	if taken > most {
		t.Errorf("it took %d MiB", taken>>20)
	}
}

// allocated is how many bytes fn allocates in all.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// endless is a text that goes on and on.
type endless struct {
	start, again string
	given        int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	e.start = e.start[n:]
	for n < len(p) {
		n += copy(p[n:], e.again)
	}
	e.given += n
	return n, nil
}

// FuzzRead: whatever is read obeys the rules or is refused, and reading it never panics.
func FuzzRead(f *testing.F) {
	files, err := os.ReadDir(forms)
	ok(f, err)
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(forms, file.Name()))
		ok(f, err)
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := vbr.Read(strings.NewReader(string(content)))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		if len(d.Providers) == 0 {
			t.Error("a document without a provider was read")
		}
		for _, p := range d.Providers {
			e, err := d.Select(p.ProviderID, &vcc.LastExport{ExportSource: vcc.ExportSource{Provider: "sp", ProviderID: p.ProviderID}})
			if err != nil {
				continue
			}
			ok(t, e.Validate())
			for _, n := range e.Networks {
				if n.Gateway != nil {
					ok(t, n.Gateway.Validate())
				}
			}
			if lab, _, err := vbr.Lab(d, e); err == nil {
				if _, err := lab.Lab().Check(); err != nil {
					t.Error(err)
				}
			}
			pending := vcc.LastExport{ExportSource: e.ExportSource, Networks: []vcc.ImportedNetwork{}}.Pending(nil, true)
			for _, n := range e.Networks {
				pending = append(pending, vcc.PendingChange{Name: n.Name, Server: n.Gateway})
			}
			var script strings.Builder
			ok(t, vbr.WriteScript(&script, vcc.LastExport{ExportSource: e.ExportSource}, pending))
			data := dataBlock(t, script.String())
			for i, g := range data.Gateways {
				equal(t, "name", g.Name, e.Networks[i].Name)
			}
		}
	})
}
