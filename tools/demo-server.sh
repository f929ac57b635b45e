#!/bin/sh
# A shared backend, played from beginning to end in a scratch folder: one PostgreSQL,
# two servers with TLS on it, two tenants that Terraform drives at either server. It
# fails if a step fails or does not show what the story says, and leaves nothing running.
set -eu

cd "$(dirname "$0")/.."
. tools/show.sh
cli=$(tools/cli.sh)
scratch=$(mktemp -d)
pg=$(mktemp -d) # apart, because another user owns it; and the path of a socket must be short

if [ -t 1 ]; then bold='\033[1m' plain='\033[0m' color=''; else bold='' plain='' color=-no-color; fi
heading() { printf "\n${bold}== %s${plain}\n\n" "$1"; }
fail() { echo "demo: $1" >&2; exit 1; }
password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
shown() { grep -q -e "$1" "$scratch/output" || fail "the output does not have: $1"; }
not_shown() { ! grep -q -e "$1" "$scratch/output" || fail "the output has: $1"; }
# recorded COMMAND...: runs it, shows what it prints, keeps that for shown, and its status.
recorded() {
	status=0
	"$@" >"$scratch/output" 2>&1 || status=$?
	cat "$scratch/output"
}
expect() { [ "$status" -eq "$1" ] || fail "the status was $status, expected $1"; }

pids=''
end() {
	for pid in $pids; do kill "$pid" 2>/dev/null || true; done
	if [ -f "$pg/data/postmaster.pid" ]; then postgres pg_ctl -D "$pg/data" -m immediate -s stop || true; fi
	rm -rf "$scratch" "$pg"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# PostgreSQL refuses to run as root. postgres PROGRAM ARGUMENTS... runs one of its programs as
# an ordinary user, in a folder that this user may enter.
bin=$(command -v postgres || printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
bin=$(dirname "$(readlink -f "$bin")")
[ -x "$bin/initdb" ] || fail "there is no PostgreSQL server in PATH or under /usr/lib/postgresql; on Debian, install the package postgresql"
as=''
if [ "$(id -u)" -eq 0 ]; then
	as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
	chown nobody "$pg"
fi
postgres() (
	cd "$pg"
	program=$1
	shift
	$as "$bin/$program" "$@"
)

# tf TENANT ENDPOINT COMMAND...: Terraform in a tenant's folder, with the tenant's account.
tf() {
	tenant=$1 endpoint=$2 command=$3
	shift 3
	TF_VAR_endpoint=$endpoint VCC_PASSWORD=$(cat "$scratch/$tenant.password") \
		"$cli" -chdir="$scratch/$tenant" "$command" -input=false $color "$@"
}
# remote ACCOUNT ENDPOINT ARGUMENTS...: the command line against a server.
remote() {
	account=$1 endpoint=$2
	shift 2
	set -- backend --endpoint "$endpoint" --username "$account" \
		--password-file "$scratch/$account.password" --ca-certificate "$scratch/tls/ca.pem" "$@"
	show terraform-provider-vcc "$@"
	"$plugin" "$@"
}
# on_database ARGUMENTS...: the command line of who owns the database, whose address is in VCC_DATABASE.
on_database() { show terraform-provider-vcc backend "$@"; "$plugin" backend "$@"; }
# serve NAME: starts a server, and puts its process into pid.
serve() {
	log=$scratch/$1.log
	set -- backend serve --listen 127.0.0.1:0 --lab "$scratch/lab.yaml" --tls-self-signed "$scratch/tls"
	show terraform-provider-vcc "$@"
	ABC_COMPANY_PASSWORD=$(cat "$scratch/abc-company.password") XYZ_HOLDING_PASSWORD=$(cat "$scratch/xyz-holding.password") \
		"$plugin" "$@" 2>"$log" &
	pid=$!
	pids="$pids $pid"
}
# address NAME PID: waits until the server serves, and prints its address.
address() {
	for _ in $(seq 150); do
		found=$(sed -n 's/.*"msg":"serving","address":"\([^"]*\)".*/\1/p' "$scratch/$1.log")
		[ -z "$found" ] || { echo "https://$found"; return; }
		kill -0 "$2" 2>/dev/null || break
		sleep 0.2
	done
	cat "$scratch/$1.log" >&2
	fail "server $1 does not serve"
}
# stop PID: asks a server to stop, which has to end well.
stop() {
	kill "$1"
	status=0
	wait "$1" || status=$?
	expect 0
}

heading "Build the provider"
# The layout of a provider mirror: the CLI installs from it as it would from a registry.
# A source that names no registry means that of the CLI.
mirror=$scratch/mirror/registry.terraform.io/cloudconnect-iac
plugin=$mirror/vcc/0.1.0/$(go env GOOS)_$(go env GOARCH)/terraform-provider-vcc_v0.1.0$(go env GOEXE)
CGO_ENABLED=0 go build -o "$plugin" .
mkdir "$scratch/mirror/registry.opentofu.org"
cp -R "$mirror" "$scratch/mirror/registry.opentofu.org/"
cp internal/labfile/built-in.yaml "$scratch/lab.yaml"
"$plugin" --version
"$cli" version | head -n 1

heading "Start a PostgreSQL for this run, on a socket"
mkdir "$scratch/abc-company" "$scratch/xyz-holding"
postgres initdb --pgdata "$pg/data" --username vcc --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync >"$scratch/output" 2>&1 || {
	cat "$scratch/output" >&2
	fail "initdb failed"
}
postgres pg_ctl -D "$pg/data" -o "-k $pg -c listen_addresses=" -l "$pg/log" -w -s start || {
	cat "$pg/log" >&2
	fail "PostgreSQL does not start"
}
postgres createdb -h "$pg" -U vcc vcc
"$bin/postgres" --version
export VCC_DATABASE="postgres://vcc@/vcc?host=$pg&sslmode=disable"

heading "The first operator"
# Passwords of this run only, in files that only this user may read.
umask 077
for account in operator abc-company xyz-holding; do password >"$scratch/$account.password"; done
on_database account add operator --new-password-file "$scratch/operator.password"

heading "Two servers on the one database, with TLS by one authority and with the lab's two tenants"
serve one
one_pid=$pid
serve two
two_pid=$pid
one=$(address one "$one_pid")
two=$(address two "$two_pid")
echo "Server one: $one"
echo "Server two: $two"
on_database account list

heading "ABC Company applies at server one"
cat >"$scratch/abc-company/main.tf" <<'TF'
terraform {
  required_providers {
    vcc = {
      source  = "cloudconnect-iac/vcc"
      version = "~> 0.1.0"
    }
  }
}

variable "endpoint" {
  type = string
}

# The password comes from VCC_PASSWORD.
provider "vcc" {
  endpoint       = var.endpoint
  username       = "abc-company"
  ca_certificate = file("${path.module}/../tls/ca.pem")
}

resource "vcc_default_gateway" "app" {
  network_name = "VMware Silver network 1 (internet)"

  ipv4 = {
    address     = "172.17.52.1"
    subnet_mask = "255.255.254.0"
  }
}

resource "vcc_network_routing" "this" {
  enabled = true
}

output "network_id" {
  value = vcc_default_gateway.app.network_id
}
TF
tf abc-company "$one" init -plugin-dir="$scratch/mirror"
tf abc-company "$one" apply -auto-approve

heading "XYZ Holding applies at server two"
cat >"$scratch/xyz-holding/main.tf" <<'TF'
terraform {
  required_providers {
    vcc = {
      source  = "cloudconnect-iac/vcc"
      version = "~> 0.1.0"
    }
  }
}

variable "endpoint" {
  type = string
}

# The password comes from VCC_PASSWORD.
provider "vcc" {
  endpoint       = var.endpoint
  username       = "xyz-holding"
  ca_certificate = file("${path.module}/../tls/ca.pem")
}

resource "vcc_default_gateway" "frontend" {
  network_name = "Hyper-V Gold network 1 (internet)"

  ipv4 = {
    address     = "10.20.0.1"
    subnet_mask = "255.255.255.0"
  }
}
TF
tf xyz-holding "$two" init -plugin-dir="$scratch/mirror"
tf xyz-holding "$two" apply -auto-approve

heading "Each plans at the other server: nothing to do"
tf abc-company "$two" plan -detailed-exitcode
tf xyz-holding "$one" plan -detailed-exitcode

heading "At server two, ABC Company changes a gateway by hand, and an operator switches its routing off"
remote abc-company "$two" gateway set "VMware Silver network 1 (internet)" --ipv4 172.17.52.254/23
remote operator "$two" --tenant "ABC Company" routing off

heading "ABC Company's plan at server one shows both, and who did it"
recorded tf abc-company "$one" plan -detailed-exitcode
expect 2
shown 'abc-company changed ipv4.address from 172.17.52.1 to 172.17.52.254'
shown 'operator changed enabled from true to false'

heading "XYZ Holding has nothing of it"
recorded tf xyz-holding "$one" plan -detailed-exitcode
expect 0
recorded remote xyz-holding "$one" networks
expect 0
shown 'Hyper-V Gold network 1 (internet)'
not_shown 'Silver'

heading "And nothing comes of knowing the ID of another tenant's network"
network=$("$cli" -chdir="$scratch/abc-company" output -raw network_id)
cat >"$scratch/xyz-holding/other.tf" <<'TF'
resource "vcc_default_gateway" "other" {
  network_id = "00000000-0000-4000-8000-000000000000"
}
TF
recorded tf xyz-holding "$one" import vcc_default_gateway.other "$network"
expect 1
shown "$network"
not_shown 'Silver'
rm "$scratch/xyz-holding/other.tf"

heading "Server one is told to stop, and ends well"
stop "$one_pid"
tail -n 1 "$scratch/one.log"

heading "Everything goes on at server two: ABC Company heals its site"
tf abc-company "$two" apply -auto-approve
tf abc-company "$two" plan -detailed-exitcode
remote abc-company "$two" gateway history "VMware Silver network 1 (internet)"

heading "A backup, while server two serves, and what another database has of it"
on_database backup "$scratch/vcc.backup"
on_database restore --database "sqlite:$scratch/copy.db" "$scratch/vcc.backup"
recorded on_database account list --database "sqlite:$scratch/copy.db"
expect 0
shown 'xyz-holding  *tenant  *XYZ Holding'

heading "Destroy"
tf abc-company "$two" destroy -auto-approve
tf xyz-holding "$two" destroy -auto-approve

heading "Server two is told to stop, and ends well"
stop "$two_pid"
tail -n 1 "$scratch/two.log"
