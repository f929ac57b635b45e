package provider_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/httpapi"
	"github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"
)

// TestAccLabFile: Terraform declares a lab file once, in a fresh folder. Afterwards it says what
// the file has otherwise and how to declare it, and changes nothing, whatever it plans.
func TestAccLabFile(t *testing.T) {
	w := (&testLab{t: t}).newWorkspace()
	w.dir = filepath.Join(w.folder, "data")
	lab := func(change ...string) {
		t.Helper()
		text, err := os.ReadFile("../labfile/built-in.yaml")
		if err == nil {
			err = os.WriteFile(filepath.Join(w.folder, "lab.yaml"), []byte(strings.NewReplacer(change...).Replace(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config := func(tenant string) string {
		return fmt.Sprintf("provider \"vcc\" {\n  embedded = {\n    data_dir = \"data\"\n    lab_file = \"lab.yaml\"\n    tenant = %q\n  }\n}\n%s", tenant, routing(true))
	}
	lab()
	w.write(config("ABC Company"))
	w.silent("Lab File", "apply", "-auto-approve")
	w.silent("Lab File", "plan", "-detailed-exitcode")
	networks := w.networks()

	// The second tenant goes, and a plan is widened.
	lab("- name: XYZ Holding", "- name: Other", "networks: { with_internet: 2,", "networks: { with_internet: 3,")
	command := "terraform-provider-vcc backend lab apply lab.yaml --data-dir " + w.dir
	differs := []string{
		"Warning: Lab File Not Declared", `- tenant "XYZ Holding" with 4 networks`, `+ network "VMware Silver network 3 (internet)" of tenant "ABC Company"`,
		"Terraform never changes who exists", command,
	}
	for range 2 {
		w.expect(0, differs, "plan", "-detailed-exitcode")
	}
	w.expect(0, differs, "apply", "-auto-approve")
	for tenant, says := range map[string][]string{
		"Nobody": {`embedded.tenant: there is no tenant "Nobody" in this lab`}, "Other": {`embedded.tenant: the lab of data has no tenant "Other" yet, though lab.yaml has: run ` + command + " to declare it."},
	} {
		w.write(config(tenant))
		w.expect(1, says, "plan")
	}
	if after := w.networks(); !reflect.DeepEqual(after, networks) {
		t.Errorf("networks are %v and were %v", after, networks)
	}

	// The command does it, once who goes is named.
	w.write(config("ABC Company"))
	w.command("lab", "apply", filepath.Join(w.folder, "lab.yaml"), "--remove", "tenant:XYZ Holding")
	w.silent("Lab File", "plan", "-detailed-exitcode")
	w.expect(0, nil, "destroy", "-auto-approve")
}

// networks lists the networks of the first tenant.
func (l *testLab) networks() (list []vcc.Network) {
	l.t.Helper()
	l.open(func(c *httpapi.Client) {
		var err error
		if list, err = vcc.All(func(p vcc.Page) ([]vcc.Network, int, error) {
			return c.Networks(context.Background(), vcc.Actor{}, vcc.NetworkFilter{}, p)
		}); err != nil {
			l.t.Fatal(err)
		}
	})
	return list
}
