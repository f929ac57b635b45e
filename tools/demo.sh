#!/bin/sh
# The quick start, played from beginning to end in a scratch folder: apply,
# somebody else's change, a plan that shows it, an apply that heals it, a failover,
# destroy; and a real backup server, by its files. It fails if a plan or a trace is not
# what the story says.
set -eu

cd "$(dirname "$0")/.."
. tools/show.sh
root=$PWD
cli=$(tools/cli.sh)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT # some shells do not run the above for a signal
trap 'exit 143' TERM

if [ -t 1 ]; then bold='\033[1m' plain='\033[0m' color=''; else bold='' plain='' color=-no-color; fi
heading() { printf "\n${bold}== %s${plain}\n\n" "$1"; }
tf() { command=$1; shift; "$cli" "$command" -input=false $color "$@"; }
backend() { show terraform-provider-vcc backend "$@"; "$plugin" backend "$@"; }
# plan STATUS: with -detailed-exitcode 0 is an empty plan and 2 one with changes.
plan() {
	status=0
	tf plan -detailed-exitcode || status=$?
	[ "$status" -eq "$1" ] || { echo "demo: the plan ended with status $status, expected $1" >&2; exit 1; }
}

heading "Build the provider"
# The layout of a provider mirror: the CLI installs from it as it would from a registry.
# A source that names no registry means that of the CLI.
mirror=$scratch/mirror/registry.terraform.io/cloudconnect-iac
plugin=$mirror/vcc/0.1.0/$(go env GOOS)_$(go env GOARCH)/terraform-provider-vcc_v0.1.0$(go env GOEXE)
CGO_ENABLED=0 go build -o "$plugin" .
mkdir "$scratch/mirror/registry.opentofu.org"
cp -R "$mirror" "$scratch/mirror/registry.opentofu.org/"
cp "$root/examples/quick-start/main.tf" "$scratch/"
cd "$scratch"
"$plugin" --version
"$cli" version | head -n 1

heading "A backend with the built-in lab, and what its replication jobs detected, before Terraform comes"
backend lab apply
backend gateway list 2>&1

heading "Apply the quick start: one detected gateway is adopted, one is new, routing goes on"
tf init -plugin-dir="$scratch/mirror"
tf apply -auto-approve

heading "Plan again: nothing to do"
plan 0

heading "Somebody changes a gateway and the routing option behind Terraform's back"
backend gateway set "VMware Silver network 1 (internet)" --ipv4 172.17.52.254/23
backend routing off

heading "Plan shows both, and who did it"
plan 2

heading "Apply heals both"
tf apply -auto-approve

heading "Plan again: nothing to do"
plan 0

# Where there are no namespaces to be had, the rehearsal says why, and the story goes on.
heading "Before the disaster: a rehearsal in this machine's kernel, with real packets"
status=0
why=$("$plugin" backend failover rehearse "Whole site" --exec web01 -- true 2>&1) || status=$?
if [ "$status" -eq 0 ]; then
	backend failover rehearse "Whole site" --check "$root/examples/rehearsal/checks.yaml" 2>&1
else
	echo "$why"
fi

heading "The site is lost: full site failover"
backend failover start "Whole site"

heading "Web reaches db, because the routing option is on"
backend trace --source web01 --destination db01 --protocol tcp --port 5432

heading "Db does not reach the internet, and why"
status=0
backend trace --source db01 --destination internet --protocol tcp --port 443 || status=$?
[ "$status" -eq 3 ] || { echo "demo: the trace ended with status $status, expected 3" >&2; exit 1; }

heading "Production is back: undo"
backend failover undo

heading "Destroy"
tf destroy -auto-approve

heading "What is left: what Terraform never managed"
backend gateway list

heading "A real backup server: a lab made of its export, and what it has"
mkdir real-site
cd real-site
cp "$root"/examples/real-site/* .
show terraform-provider-vcc backend vbr lab export.json
"$plugin" backend vbr lab export.json | tee lab.yaml
backend lab apply lab.yaml
backend vbr import export.json
tf init -plugin-dir="$scratch/mirror"

heading "The plan shows what the console has otherwise"
plan 2
tf apply -auto-approve

heading "What has not reached the server, and the script that brings it there"
backend vbr status
show terraform-provider-vcc backend vbr script
"$plugin" backend vbr script >change.ps1
# The script is PowerShell.
# shellcheck disable=SC2016
sed -n '/^\$data = /,/^.@/p' change.ps1

heading "As if the script had run on the server, and that had exported again: nothing is left"
backend vbr import export-after.json
backend vbr status
plan 0
