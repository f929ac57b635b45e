package cli_test

import (
	"strings"
	"testing"
)

// What the scripts of the shells ask is answered.
func TestCompletion(t *testing.T) {
	folder(t)
	for line, want := range map[string]string{
		"":                                   "backend install uninstall completion help version",
		"b":                                  "backend",
		"__":                                 "",
		"backend ga":                         "gateway",
		"backend gateway ":                   "list set remove history",
		"backend --json gateway s":           "set",
		"backend --tenant 'ABC' gateway s":   "set",
		"backend --tenant gateway r":         "routing replicate reachability replay restore",
		"backend --tenant=gateway rou":       "routing",
		"backend nothing ga":                 "gateway", // as far as it is known
		"help backend vbr ex":                "export-script",
		"completion ":                        "bash zsh fish",
		"completion z":                       "zsh",
		"completion zsh ":                    "",
		"version ":                           "",
		"version -":                          "--help",
		"-":                                  "--version --help",
		"install --":                         "--dir --as-version --force --help",
		"install --dir ":                     ":folders",
		"backend networks --":                "--data-dir --endpoint --username --password-file --ca-certificate --tenant --json --help",
		"backend networks --json --j":        "",
		"backend backup --":                  "--database --json --help", // no flag that it refuses
		"backend backup ":                    ":files",
		"backend backup a ":                  "",
		"backend lab apply ":                 ":files",
		"backend lab apply --":               "--dry-run --remove --data-dir --endpoint --username --password-file --ca-certificate --json --help",
		"backend lab apply --remove x --rem": "--remove", // which may be repeated
		"backend lab apply -- --":            ":files",
		"backend trace --proto":              "--protocol",
		"backend trace --protocol ":          "tcp udp icmp",
		"backend trace --protocol=u":         "udp",
		"backend trace --protocol = u":       "udp", // as bash breaks it
		"backend trace --protocol =":         "tcp udp icmp",
		"backend trace --check ":             ":files",
		"backend trace --check=":             ":files",
		"backend trace --nothing=":           "",
		"backend --endpoint https : //sp.example.net : 9419 rou": "routing",
		"backend account add --role ":                            "operator tenant viewer",
		"backend account add --database sqlite : vcc.db ":        "",
	} {
		r := typed(t, "__complete "+line+typing(line))
		var got []string
		for _, candidate := range strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n") {
			value, _, _ := strings.Cut(candidate, "\t")
			got = append(got, value)
		}
		equal(t, line, []any{r.status, strings.Join(got, " "), r.stderr}, []any{0, want, ""})
	}
	equal(t, "with what it means", done(t, "__complete backend gateway h"), "history\tShow the history of a network's default gateway, newest fir…\n")
	equal(t, "an unknown shell", typed(t, "completion tcsh"), result{2, "", "Error: <shell> must be one of \"bash\",\"zsh\",\"fish\" but got \"tcsh\". See: terraform-provider-vcc completion --help\n"})
}

// typing is the empty word behind a line that ends with a blank.
func typing(line string) string {
	if line == "" || strings.HasSuffix(line, " ") {
		return "''"
	}
	return ""
}
