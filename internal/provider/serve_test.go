package provider_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withStderr makes a mirror whose provider writes its standard error, which is where a
// plugin logs, into a file before the CLI can choose from it.
func withStderr(t *testing.T) (mirror, file string) {
	t.Helper()
	built, err := plugin()
	if err != nil {
		t.Fatal(err)
	}
	name := pluginPath("registry.terraform.io")
	mirror = t.TempDir()
	file = filepath.Join(mirror, "stderr")
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\" 2>>'%s'\n", filepath.Join(built, name), file)
	if err := os.MkdirAll(filepath.Dir(filepath.Join(mirror, name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mirror, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return mirror, file
}

// Without a variable for logs nothing is written that the CLI would throw away; with
// any of them everything is as the libraries have it.
func TestAccServe_logs(t *testing.T) {
	// The library for plugins writes two lines of its own as each process starts.
	const protocol, own = `"@module":"sdk.proto"`, "backend answered"
	for name, test := range map[string]struct {
		env         []string
		wants, nots []string
	}{
		"no variable":       {nil, nil, []string{`"@module"`}},
		"an empty variable": {[]string{"TF_LOG="}, nil, []string{`"@module"`}},
		"TF_LOG":            {[]string{"TF_LOG=ERROR"}, []string{protocol, own}, nil}, // the CLI chooses
		"TF_LOG_PROVIDER":   {[]string{"TF_LOG_PROVIDER=TRACE"}, []string{protocol, own}, nil},
		"TF_LOG_CORE":       {[]string{"TF_LOG_CORE=TRACE"}, []string{protocol, own}, nil},
		"TF_LOG_SDK":        {[]string{"TF_LOG_SDK=OFF"}, []string{own}, []string{protocol}},
		"TF_LOG_SDK_PROTO":  {[]string{"TF_LOG_SDK_PROTO=OFF"}, []string{own, `"@module":"sdk.framework"`}, []string{protocol}},
		"of this provider":  {[]string{"TF_LOG_PROVIDER_VCC=OFF"}, []string{protocol}, []string{own}},
		"levels":            {[]string{"TF_LOG=TRACE", "TF_LOG_PROVIDER_VCC=INFO", "TF_LOG_SDK=DEBUG"}, []string{`"@level":"debug"`}, []string{own, `"@level":"trace"`}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newServedLab(t)
			w := l.workspace()
			mirror, stderr := withStderr(t)
			w.write("data \"vcc_hardware_plan_networks\" \"all\" {}\n")
			if err := os.Remove(filepath.Join(w.folder, ".terraform.lock.hcl")); err != nil {
				t.Fatal(err)
			}
			w.expect(0, nil, "init", "-plugin-dir="+mirror)
			w.env = append(w.env, test.env...)
			w.env = append(w.env, "TF_LOG_PATH=") // it is the provider's own that is looked at
			w.expect(0, nil, "plan")
			content, err := os.ReadFile(stderr)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.wants {
				if !strings.Contains(string(content), want) {
					t.Errorf("nothing with %q was logged", want)
				}
			}
			for _, not := range test.nots {
				if strings.Contains(string(content), not) {
					t.Errorf("something with %q was logged", not)
				}
			}
		})
	}
}

// What asks for no data opens no backend: no folder is made, and a served one hears
// nothing.
func TestAccServe_opensNoStore(t *testing.T) {
	l := newServedLab(t)
	l.meet(func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		t.Errorf("%s %s was asked for", r.Method, r.URL)
		server.ServeHTTP(w, r)
	})
	served := l.workspace()
	embedded := l.newWorkspace()
	embedded.put("provider.tf", "provider \"vcc\" {\n  embedded = {}\n}\n")
	for _, w := range []*workspace{served, embedded} {
		w.write(l.blocks(gateway(silver3, ipv4Data), routing(true)))
		for command, says := range map[string]string{
			"validate": "The configuration is valid", "version": "cloudconnect-iac/vcc", "providers schema -json": "cloudconnect-iac/vcc",
		} {
			if out, err := w.cli(strings.Fields(command)...).CombinedOutput(); err != nil || !strings.Contains(string(out), says) {
				t.Errorf("%s: %v %s", command, err, out)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(embedded.folder, ".vcc")); !os.IsNotExist(err) {
		t.Errorf("a data folder was made: %v", err)
	}
	embedded.write("data \"vcc_hardware_plan_networks\" \"all\" {}\n")
	embedded.expect(0, nil, "plan") // which does
	if _, err := os.Stat(filepath.Join(embedded.folder, ".vcc")); err != nil {
		t.Error(err)
	}
}
