package provider_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// examples says how each file or folder of examples/ is tested.
var examples = map[string]func(t *testing.T, name string){
	"provider/provider.tf":                                  applyExample,
	"provider/served.tf":                                    servedExample,
	"quick-start":                                           applyExample,
	"resources/vcc_default_gateway/resource.tf":             applyExample,
	"resources/vcc_network_routing/resource.tf":             applyExample,
	"resources/vcc_failover_plan/resource.tf":               applyExample,
	"data-sources/vcc_cloud_network":                        applyExample,
	"data-sources/vcc_failover_plan":                        applyExample,
	"resources/vcc_recovery_policy/resource.tf":             applyExample,
	"data-sources/vcc_hardware_plan_networks":               applyExample,
	"data-sources/vcc_reachability":                         applyExample,
	"data-sources/vcc_network_extension_appliance":          applyExample,
	"data-sources/vcc_failover_sessions":                    applyExample,
	"resources/vcc_default_gateway/import.sh":               importExample,
	"resources/vcc_network_routing/import.sh":               importExample,
	"resources/vcc_failover_plan/import.sh":                 importExample,
	"resources/vcc_failover_plan/import-by-string-id.tf":    importExample,
	"resources/vcc_failover_plan/import-by-identity.tf":     identityExample,
	"resources/vcc_default_gateway/import-by-string-id.tf":  importExample,
	"resources/vcc_network_routing/import-by-string-id.tf":  importExample,
	"resources/vcc_default_gateway/import-by-identity.tf":   identityExample,
	"resources/vcc_network_routing/import-by-identity.tf":   identityExample,
	"list-resources/vcc_default_gateway":                    listExample,
	"list-resources/vcc_failover_plan":                      listExample,
	"actions/vcc_failover":                                  actionExample,
	"actions/vcc_replication_job_run":                       actionExample,
	"functions/ipv4":                                        applyExample,
	"functions/ipv6":                                        applyExample,
	"recovery-policy":                                       nil, // TestAccRecoveryPolicy_example
	"real-site":                                             nil, // TestAccRealSite_guide
	"resources/vcc_default_gateways/resource.tf":            applyExample,
	"resources/vcc_default_gateways/import.sh":              importExample,
	"resources/vcc_default_gateways/import-by-string-id.tf": importExample,
	"resources/vcc_default_gateways/import-by-identity.tf":  identitiesExample,
	"list-resources/vcc_default_gateways":                   listExample,
}

const examplesFolder = "../../examples"

func TestAccExamples(t *testing.T) {
	for name, test := range examples {
		if test != nil {
			t.Run(name, func(t *testing.T) { test(t, name) })
		}
	}
}

// An example that nobody runs is one that nobody can rely on.
func TestExamples_complete(t *testing.T) {
	err := fs.WalkDir(os.DirFS(examplesFolder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".tf", ".hcl", ".sh"}, filepath.Ext(name)) {
			return err
		}
		for example := range examples {
			if name == example || strings.HasPrefix(name, example+"/") {
				return nil
			}
		}
		t.Errorf("examples/%s is not tested", name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// example copies an example's file or folder into a workspace, whose lab is then
// the one in the example's own data folder.
func (w *workspace) example(name string) {
	w.t.Helper()
	source := filepath.Join(examplesFolder, name)
	if err := os.Remove(filepath.Join(w.folder, "main.tf")); err != nil {
		w.t.Fatal(err)
	}
	if info, err := os.Stat(source); err != nil {
		w.t.Fatal(err)
	} else if info.IsDir() {
		if err := os.CopyFS(w.folder, os.DirFS(source)); err != nil {
			w.t.Fatal(err)
		}
	} else {
		w.put(filepath.Base(name), readExample(w.t, name))
	}
	w.dir = filepath.Join(w.folder, ".vcc")
	if required, err := filepath.Glob(filepath.Join(w.folder, "*.tf")); err != nil {
		w.t.Fatal(err)
	} else if !slices.ContainsFunc(required, func(file string) bool {
		content, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(content), "required_providers")
	}) {
		w.write("") // the example leaves the source of the provider to its reader
	}
	w.init()
}

func readExample(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(examplesFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// put writes a file into the workspace.
func (w *workspace) put(name, content string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func applyExample(t *testing.T, name string) {
	w := newTestLab(t).newWorkspace()
	w.example(name)
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, nil, "destroy", "-auto-approve")
}

// servedExample connects to a site that is elsewhere than the example says.
func servedExample(t *testing.T, name string) {
	w := newTestLab(t).newWorkspace()
	w.example(name)
	s := newSite(t)
	w.env = []string{"VCC_PASSWORD=correct horse"}
	w.put("ca.pem", s.ca())
	w.put("site_override.tf", fmt.Sprintf("provider \"vcc\" {\n  endpoint = %q\n}\n", s.URL))
	w.put("data.tf", "data \"vcc_hardware_plan_networks\" \"all\" {}\n")
	w.expect(0, nil, "apply", "-auto-approve")
	if !slices.Contains(s.seen, "abc-company:correct horse") {
		t.Errorf("the site has seen the logins %q", s.seen)
	}
}

var anyID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// withIDs puts an ID that exists in the place of one that an example had to make up.
func (l *testLab) withIDs(example string) string {
	id := l.ids[silver1]
	if strings.Contains(example, "vcc_network_routing") {
		id = l.routing().TenantID
	}
	if strings.Contains(example, "vcc_failover_plan") {
		id = l.failoverPlan(wholeSite).ID
	}
	return anyID.ReplaceAllString(example, id)
}

// importExample imports into the resource of the same page, with a block or with
// the command.
func importExample(t *testing.T, name string) {
	w := newTestLab(t).newWorkspace()
	w.write(w.config(readExample(t, filepath.Join(filepath.Dir(name), "resource.tf"))))
	example := w.withIDs(readExample(t, name))
	if filepath.Ext(name) == ".tf" {
		w.put("import.tf", example)
		w.expect(0, []string{"Plan: 1 to import,"}, "plan")
		return
	}
	lines := strings.Split(strings.TrimSpace(example), "\n")
	words := strings.SplitN(lines[len(lines)-1], " ", 4) // terraform import ADDRESS ID
	w.expect(0, []string{"Import successful!"}, words[1], words[2], strings.Trim(words[3], `"`))
}

// identityExample imports by identity as a CLI that knows identities does.
func identityExample(t *testing.T, name string) {
	l := newTestLab(t)
	block := parseExample(t, l.withIDs(readExample(t, name)))
	resource := strings.Split(name, "/")[1]
	identity, diags := block.attributes["identity"].Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for attribute, value := range identity.AsValueMap() {
		if _, said := l.served().importIdentity(resource, attribute, value.AsString()); said != "" {
			t.Error(said)
		}
	}
}

// identitiesExample is identityExample for an identity of several attributes.
func identitiesExample(t *testing.T, name string) {
	l := newTestLab(t)
	resource := strings.Split(name, "/")[1]
	s := l.served()
	results, said := s.listOf(t.Context(), resource, 0, nil)
	if said != "" || len(results) == 0 {
		t.Fatalf("%d results: %s", len(results), said)
	}
	identity, err := results[0].Identity.IdentityData.Unmarshal(s.identityType(resource))
	if err != nil {
		t.Fatal(err)
	}
	var ids map[string]tftypes.Value
	if err := identity.As(&ids); err != nil {
		t.Fatal(err)
	}
	example := readExample(t, name)
	for attribute, value := range ids {
		var id string
		if err := value.As(&id); err != nil {
			t.Fatal(err)
		}
		example = regexp.MustCompile(attribute+` *= *"[^"]*"`).ReplaceAllString(example, fmt.Sprintf("%s = %q", attribute, id))
	}
	block := parseExample(t, example)
	written, diags := block.attributes["identity"].Expr.Value(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	values := map[string]string{}
	for attribute, value := range written.AsValueMap() {
		values[attribute] = value.AsString()
	}
	if _, said := s.importIdentities(resource, values); said != "" {
		t.Error(said)
	}
}

func listExample(t *testing.T, name string) {
	block := parseExample(t, readExample(t, name+"/list-resource.tfquery.hcl"))
	results, said := newTestLab(t).served().listOf(t.Context(), block.labels[0], 100, block.config(t))
	if said != "" || len(results) == 0 {
		t.Errorf("%d results: %s", len(results), said)
	}
}

func actionExample(t *testing.T, name string) {
	block := parseExample(t, readExample(t, name+"/action.tf"))
	progress, said := newTestLab(t).served().invoke(t.Context(), block.labels[0], block.config(t))
	if strings.Contains(said, "ERROR") || progress == "" {
		t.Errorf("%s\n%s", progress, said)
	}
}

// exampleBlock is the one block of an example that the CLI at hand may not know.
type exampleBlock struct {
	labels     []string
	attributes hcl.Attributes
	// inner are the attributes of its config block.
	inner hcl.Attributes
}

func parseExample(t *testing.T, content string) (b exampleBlock) {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL([]byte(content), "example")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	top, _, diags := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "import"}, {Type: "list", LabelNames: []string{"type", "name"}}, {Type: "action", LabelNames: []string{"type", "name"}},
	}})
	if diags.HasErrors() || len(top.Blocks) != 1 {
		t.Fatalf("%d blocks: %v", len(top.Blocks), diags)
	}
	block := top.Blocks[0]
	inside, rest, diags := block.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "config"}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	b.labels = block.Labels
	b.attributes, _ = rest.JustAttributes() // which minds the config block
	for _, config := range inside.Blocks {
		if b.inner, diags = config.Body.JustAttributes(); diags.HasErrors() {
			t.Fatal(diags)
		}
	}
	return b
}

// config returns the values of the config block, which are text.
func (b exampleBlock) config(t *testing.T) map[string]tftypes.Value {
	t.Helper()
	values := map[string]tftypes.Value{}
	for name, a := range b.inner {
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		values[name] = text(v.AsString())
	}
	return values
}
