package provider_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestAccUpgrade plans on the state and the data folder of the release before networks were
// named as the product names them: there is nothing to do, and afterwards what there was works.
func TestAccUpgrade(t *testing.T) {
	const before = "../store/testdata/before-renaming/"
	read := func(name string) []byte {
		t.Helper()
		content, err := os.ReadFile(before + name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	w := (&testLab{t: t}).newWorkspace()
	w.dir = filepath.Join(w.folder, "data")
	file, err := os.Open(before + "vcc.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // what was read has been read
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	database, err := io.ReadAll(unzipped)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"main.tf": read("main.tf"), "terraform.tfstate": read("state.json"), "data/vcc.db": database} {
		if err := os.WriteFile(filepath.Join(w.folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.expect(0, nil, "plan", "-detailed-exitcode")
	w.expect(0, nil, "apply", "-auto-approve")
	w.expect(0, nil, "plan", "-detailed-exitcode")
	state, err := os.ReadFile(filepath.Join(w.folder, "terraform.tfstate"))
	if err != nil || !bytes.Contains(state, []byte(`"network_name": "VMware Silver network 2 (internet)"`)) {
		t.Errorf("the state does not have the new name: %v\n%s", err, state)
	}
	w.command("gateway", "set", "VMware Silver network 2 (internet)", "--ipv4", "172.17.62.254/24")
	w.expect(2, []string{"(command line) changed ipv4.address from 172.17.62.1 to 172.17.62.254"}, "plan", "-detailed-exitcode")
	w.expect(0, nil, "destroy", "-auto-approve")
}
