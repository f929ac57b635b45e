// Releasecheck makes a release as a snapshot, twice, and checks what comes out.
//
//	go run ./releasecheck -cli CLI [-targets LIST] [-fresh] ROOT
//
// GoReleaser, and the sbom and syft that it starts, are taken from ROOT/bin. What is built is the commit that is checked out,
// in two clones at different places; the second build has another time zone, another umask and, with -fresh, an empty
// build cache. Both are signed with a key that is thrown away. Checked are:
//
//   - the names, the sums, the manifest and the signature, as the registry wants them;
//   - each archive: the program under its name, for its system, without cgo and without paths of this machine; beside it the
//     licenses of all that is linked; and its bill of materials;
//   - that both builds are the same to the byte;
//   - that a CLI installs the provider from a mirror made of the archives, and plans with it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cloudconnect-iac/terraform-provider-vcc/tools/targets"
)

func main() {
	cli := flag.String("cli", "", "the `path` of terraform or tofu")
	only := flag.String("targets", "", "build for these targets alone, a `list` such as \"linux_amd64 windows_amd64\"; this system's has to be among them")
	fresh := flag.Bool("fresh", false, "compile everything again in the second build")
	flag.Parse()
	if flag.NArg() != 1 || *cli == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), *cli, strings.Fields(*only), *fresh); err != nil {
		fmt.Fprintf(os.Stderr, "Error: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, cli string, only []string, fresh bool) (err error) {
	if root, err = filepath.Abs(root); err != nil {
		return err
	}
	list, err := chosen(root, only)
	if err != nil {
		return err
	}
	commit, err := output(ctx, root, "git", "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	changed, err := output(ctx, root, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		fmt.Fprintf(os.Stderr, "These changes are not committed, so they are not in what is built:\n%s\n", changed)
	}
	scratch, err := os.MkdirTemp("", "vcc-release") // short, for the socket of gpg's agent
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nWhat was built is in %s", err, scratch)
		} else {
			err = os.RemoveAll(scratch)
		}
	}()
	key, err := newKey(ctx, filepath.Join(scratch, "gpg"))
	if err != nil {
		return err
	}
	defer key.stop(ctx)

	var built []*release
	for i, second := range []bool{false, true} {
		place := filepath.Join(scratch, []string{"first", "second/at/another/place"}[i])
		started := time.Now()
		r, err := build(ctx, root, commit, place, list, key, second, second && fresh)
		if err != nil {
			return err
		}
		fmt.Printf("Built %s for %d targets in %s\n", r.version, len(list), time.Since(started).Round(time.Second))
		built = append(built, r)
	}
	first := built[0]
	if err := errors.Join(first.check(key.public), same(first, built[1])); err != nil {
		return err
	}
	for _, name := range first.names() {
		sum, err := sumOf(filepath.Join(first.folder, name))
		if err != nil {
			return err
		}
		fmt.Printf("%s  %s\n", sum, name)
	}
	fmt.Printf("Both builds have these digests, and the signatures verify.\n")
	if err := first.install(ctx, cli, root, filepath.Join(scratch, "install")); err != nil {
		return err
	}
	fmt.Printf("%s installs the provider from a mirror of the archives, and plans with it.\n", filepath.Base(cli))
	return nil
}

// chosen returns the targets to build for.
func chosen(root string, only []string) ([]targets.Target, error) {
	all, err := targets.Read(root)
	if err != nil {
		return nil, err
	}
	list := all
	if len(only) > 0 {
		list = nil
	}
	for _, name := range only {
		t, err := targets.Parse(name)
		if err == nil && !slices.Contains(all, t) {
			err = fmt.Errorf("%s is no target of %s", name, targets.ConfigFile)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	if here := (targets.Target{OS: runtime.GOOS, Arch: runtime.GOARCH}); !slices.Contains(list, here) {
		return nil, fmt.Errorf("%s is not among the targets, and the CLI installs for it here", here)
	}
	return list, nil
}

// key is one that is made for this run alone.
type key struct {
	home, fingerprint string
	public            []byte
}

// newKey makes a key of the kind that the registry takes, with the program that signs releases.
func newKey(ctx context.Context, home string) (*key, error) {
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	k := &key{home: home}
	if _, err := k.gpg(ctx, "--quick-generate-key", "Release check, no release <nobody@example.net>", "rsa3072", "sign", "1d"); err != nil {
		return nil, err
	}
	listed, err := k.gpg(ctx, "--list-keys", "--with-colons")
	if err != nil {
		return nil, err
	}
	match := regexp.MustCompile(`(?m)^fpr:+([0-9A-F]{40}):`).FindSubmatch(listed)
	if match == nil {
		return nil, fmt.Errorf("gpg lists no key: %s", listed)
	}
	k.fingerprint = string(match[1])
	k.public, err = k.gpg(ctx, "--export", k.fingerprint)
	return k, err
}

func (k *key) gpg(ctx context.Context, args ...string) ([]byte, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "gpg", append([]string{"--batch", "--passphrase", ""}, args...)...) //nolint:gosec // the arguments are ours
	cmd.Env = append(os.Environ(), "GNUPGHOME="+k.home)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("gpg %s: %w: %s", args[0], err, &said)
	}
	return out, nil
}

// stop ends the agent that gpg has started.
func (k *key) stop(ctx context.Context) {
	cmd := exec.CommandContext(ctx, "gpgconf", "--kill", "gpg-agent")
	cmd.Env = append(os.Environ(), "GNUPGHOME="+k.home)
	_ = cmd.Run() // it ends with its folder, too
}

// repository is where releases are made from: GoReleaser takes the address of their page from it.
const repository = "https://github.com/cloudconnect-iac/terraform-provider-vcc"

// build makes a release in a clone of the repository's commit.
func build(ctx context.Context, root, commit, place string, list []targets.Target, k *key, second, fresh bool) (*release, error) {
	for _, args := range [][]string{
		{"clone", "--quiet", "--no-checkout", root, place},
		{"-C", place, "checkout", "--quiet", "--detach", commit},
		{"-C", place, "remote", "set-url", "origin", repository},
	} {
		if _, err := output(ctx, root, "git", args...); err != nil {
			return nil, err
		}
	}
	config := place + ".yml"
	if err := narrow(filepath.Join(place, targets.ConfigFile), config, list); err != nil {
		return nil, err
	}
	mask := "022"
	env := append(os.Environ(), "PATH="+filepath.Join(root, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GNUPGHOME="+k.home, "GPG_FINGERPRINT="+k.fingerprint)
	if second {
		mask = "077"
		env = append(env, "TZ=Asia/Kathmandu", "LC_ALL=C")
	}
	if fresh {
		env = append(env, "GOCACHE="+place+".cache")
	}
	goreleaser := exec.CommandContext(ctx, "sh", "-c", `umask "$0" && exec "$@"`, mask, //nolint:gosec // the paths are ours
		filepath.Join(root, "bin", "goreleaser"), "release", "--snapshot", "--clean", "--config", config)
	goreleaser.Dir, goreleaser.Env = place, env
	out, err := goreleaser.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("goreleaser: %w\n%s", err, out)
	}
	return open(filepath.Join(place, "dist"), root, list)
}

// narrow writes a configuration without the targets that are not in the list.
func narrow(from, to string, list []targets.Target) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var kept []string
	for line := range strings.Lines(string(content)) {
		entry, isEntry := strings.CutPrefix(strings.TrimSpace(line), "- ")
		if t, err := targets.Parse(entry); isEntry && err == nil && !slices.Contains(list, t) {
			continue
		}
		kept = append(kept, line)
	}
	return os.WriteFile(to, []byte(strings.Join(kept, "")), 0o600)
}

// open finds what GoReleaser has made in a folder.
func open(folder, root string, list []targets.Target) (*release, error) {
	content, err := os.ReadFile(filepath.Join(folder, "metadata.json"))
	if err != nil {
		return nil, err
	}
	var metadata struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(content, &metadata); err != nil {
		return nil, fmt.Errorf("metadata.json: %w", err)
	}
	manifest, err := os.ReadFile(filepath.Join(root, manifestFile))
	if err != nil {
		return nil, err
	}
	return &release{folder: folder, version: metadata.Version, targets: list, manifest: manifest, settings: ofReleases}, nil
}

// example is the configuration that is planned with what was built.
const example = "examples/quick-start/main.tf"

// install has a CLI install the provider from a mirror made of the archives, in an empty home, and plan with it.
func (r *release) install(ctx context.Context, cli, root, scratch string) error {
	mirror, work := filepath.Join(scratch, "mirror"), filepath.Join(scratch, "work")
	for _, registry := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		folder := filepath.Join(mirror, registry, "cloudconnect-iac", "vcc")
		if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // nothing of it is secret
			return err
		}
		for _, t := range r.targets {
			if err := copyFile(filepath.Join(folder, r.archive(t)), filepath.Join(r.folder, r.archive(t))); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(work, 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	content, err := os.ReadFile(filepath.Join(root, example))
	if err != nil {
		return err
	}
	constraint := regexp.MustCompile(`(?m)^( *version *= )".*"$`)
	if !constraint.Match(content) {
		return fmt.Errorf("%s has no version of the provider", example)
	}
	content = constraint.ReplaceAll(content, []byte(`${1}"`+r.version+`"`)) // that of a snapshot has to be asked for by name
	if err := os.WriteFile(filepath.Join(work, "main.tf"), content, 0o600); err != nil {
		return err
	}
	settings := filepath.Join(scratch, "cli.tfrc")
	if err := os.WriteFile(settings, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror), 0o600); err != nil {
		return err
	}
	lock := []string{"providers", "lock", "-fs-mirror=" + mirror}
	for _, t := range r.targets {
		lock = append(lock, "-platform="+t.String())
	}
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"init", "-input=false", "-no-color"}, "v" + r.version},
		{append(lock, "-no-color"), ""}, // which reads the archives of the other systems
		{[]string{"plan", "-input=false", "-no-color"}, "Plan: 3 to add, 0 to change, 0 to destroy."},
	} {
		cmd := exec.CommandContext(ctx, cli, step.args...) //nolint:gosec // it is the caller's CLI
		cmd.Dir = work
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + scratch, "TF_CLI_CONFIG_FILE=" + settings, "CHECKPOINT_DISABLE=1"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(step.args, " "), err, out)
		}
		if !strings.Contains(string(out), step.want) {
			return fmt.Errorf("%s does not say %q:\n%s", strings.Join(step.args, " "), step.want, out)
		}
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// output runs a program in a folder and returns what it prints, without the last line's end.
func output(ctx context.Context, folder, name string, args ...string) (string, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the arguments are ours
	cmd.Dir, cmd.Stderr = folder, &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, &said)
	}
	return strings.TrimRight(string(out), "\n"), nil
}
