#!/bin/sh
# A shared backend, played from beginning to end in a scratch folder: PostgreSQL, two
# servers on it with TLS, and two tenants that Terraform drives, each through another
# server. It fails if a plan or an answer is not what the story says.
set -eu

cd "$(dirname "$0")/.."
root=$PWD
cli=$(tools/cli.sh)
scratch=$(mktemp -d)
postgres='' first='' second=''
end() {
	status=$?
	for process in $first $second $postgres; do
		kill "$process" 2>/dev/null || :
		wait "$process" 2>/dev/null || :
	done
	[ "$status" -eq 0 ] || cat "$scratch"/*.log >&2 2>/dev/null || :
	rm -rf "$scratch"
	exit "$status"
}
trap end EXIT
trap 'exit 1' INT TERM

if [ -t 1 ]; then bold='\033[1m' plain='\033[0m' color=''; else bold='' plain='' color=-no-color; fi
heading() { printf "\n${bold}== %s${plain}\n\n" "$1"; }
fail() { echo "demo: $*" >&2; exit 1; }
backend() { echo "\$ terraform-provider-vcc backend $*"; "$plugin" backend "$@"; }
# as TENANT COMMAND...: runs the CLI in a tenant's folder, with the tenant's password.
as() {
	tenant=$1 command=$2
	shift 2
	(cd "$scratch/$tenant" && VCC_PASSWORD=$(cat "$scratch/$tenant.password") "$cli" "$command" -input=false $color "$@")
}
# plan TENANT STATUS: with -detailed-exitcode 0 is an empty plan and 2 one with changes.
plan() {
	status=0
	as "$1" plan -detailed-exitcode || status=$?
	[ "$status" -eq "$2" ] || fail "the plan of $1 ended with status $status, expected $2"
}
# wait_for WHAT COMMAND...: waits until a command succeeds.
wait_for() {
	what=$1
	shift
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || fail "$what did not come up"
		sleep 0.1
	done
}
random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

heading "Build the provider"
mirror=$scratch/mirror/registry.terraform.io/cloudconnect-iac/vcc/0.0.1/$(go env GOOS)_$(go env GOARCH)
plugin=$mirror/terraform-provider-vcc_v0.0.1$(go env GOEXE)
CGO_ENABLED=0 go build -o "$plugin" .
cd "$scratch"
"$plugin" --version

heading "Start PostgreSQL on a socket, and two servers on it, each at a port of its own"
bin=$(dirname "$(readlink -f "$(command -v postgres || ls -d /usr/lib/postgresql/*/bin/postgres | tail -n 1)")")
mkdir "$scratch/pg" && chmod 755 "$scratch" "$scratch/pg"
as_postgres=
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL refuses root
	chown nobody "$scratch/pg"
	as_postgres='setpriv --reuid nobody --regid nogroup --clear-groups'
fi
cd "$scratch/pg"
$as_postgres "$bin/initdb" --pgdata "$scratch/pg/data" --username vcc --auth trust --encoding UTF8 --no-sync >"$scratch/initdb.log"
$as_postgres "$bin/postgres" -D "$scratch/pg/data" -k "$scratch/pg" -c listen_addresses= >"$scratch/postgres.log" 2>&1 &
postgres=$!
cd "$scratch"
wait_for PostgreSQL "$bin/pg_isready" -q -h "$scratch/pg" -U vcc
"$bin/createdb" -h "$scratch/pg" -U vcc vcc
VCC_DATABASE="postgres://vcc@/vcc?host=$scratch/pg"
export VCC_DATABASE

# The lab names two variables; the passwords are in no file of it.
for tenant in abc-company xyz-holding; do random >"$scratch/$tenant.password"; done
ABC_COMPANY_PASSWORD=$(cat "$scratch/abc-company.password") XYZ_HOLDING_PASSWORD=$(cat "$scratch/xyz-holding.password")
export ABC_COMPANY_PASSWORD XYZ_HOLDING_PASSWORD
"$plugin" backend serve --listen 127.0.0.1:19419 --tls-self-signed "$scratch/tls" --lab "$root/internal/backend/lab.yaml" 2>"$scratch/first.log" &
first=$!
"$plugin" backend serve --listen 127.0.0.1:19420 --tls-self-signed "$scratch/tls" --lab "$root/internal/backend/lab.yaml" 2>"$scratch/second.log" &
second=$!
unset ABC_COMPANY_PASSWORD XYZ_HOLDING_PASSWORD
wait_for "the first server" grep -q '"serving"' "$scratch/first.log"
wait_for "the second server" grep -q '"serving"' "$scratch/second.log"
cat "$scratch/first.log" "$scratch/second.log"

heading "The first operator: the password is shown once"
backend account add operator >"$scratch/account"
sed 's/^Password: .*/Password: (shown here, once)/' "$scratch/account"
sed -n 's/^Password: //p' "$scratch/account" >"$scratch/operator.password"
backend account list

first_server="--endpoint https://127.0.0.1:19419 --ca-certificate $scratch/tls/ca.pem"
second_server="--endpoint https://127.0.0.1:19420 --ca-certificate $scratch/tls/ca.pem"
heading "The operator declares the lab once more, and acts for a tenant"
operator="--username operator --password-file $scratch/operator.password"
backend lab show $first_server $operator >"$scratch/lab.yaml"
tail -n +2 "$scratch/lab.yaml" >"$scratch/shown.yaml"
backend lab apply "$scratch/shown.yaml" $second_server $operator
backend replicate "Silver nightly" $second_server $operator --tenant "ABC Company"

# network TENANT NAME: the ID of a network.
network() {
	"$plugin" backend networks --json $first_server --username "$1" --password-file "$scratch/$1.password" |
		tr -d '\n' | sed 's/}/}\n/g' | sed -n "s/.*\"id\": \"\([^\"]*\)\", *\"name\": \"$2\".*/\1/p"
}
# configure TENANT PORT NETWORK ADDRESS
configure() {
	mkdir -p "$scratch/$1"
	cat >"$scratch/$1/main.tf" <<-CONFIG
		terraform {
		  required_providers {
		    vcc = { source = "registry.terraform.io/cloudconnect-iac/vcc" }
		  }
		}

		provider "vcc" {
		  endpoint       = "https://127.0.0.1:$2"
		  username       = "$1"
		  ca_certificate = file("$scratch/tls/ca.pem")
		}

		resource "vcc_default_gateway" "app" {
		  network_id = "$3"
		  ipv4 = {
		    address     = "$4"
		    subnet_mask = "255.255.255.0"
		  }
		}

		resource "vcc_network_routing" "this" {
		  enabled = true
		}
	CONFIG
	as "$1" init -plugin-dir="$scratch/mirror" >/dev/null
}
heading "Two tenants, two configurations, two servers, and even one IP network"
configure abc-company 19419 "$(network abc-company 'VMware Silver network 4')" 10.0.0.1
configure xyz-holding 19420 "$(network xyz-holding 'Hyper-V Gold network 1')" 10.0.0.1
as abc-company apply -auto-approve
as xyz-holding apply -auto-approve
plan abc-company 0
plan xyz-holding 0

heading "Nobody sees what is not theirs"
backend gateway list $first_server --username xyz-holding --password-file "$scratch/xyz-holding.password" >"$scratch/list"
cat "$scratch/list"
if grep -q Silver "$scratch/list"; then fail "one tenant sees the other's gateways"; fi

heading "A colleague changes a gateway at the other server: the plan says so"
backend gateway set "VMware Silver network 4" --ipv4 10.0.0.254/24 $second_server --username abc-company --password-file "$scratch/abc-company.password"
plan abc-company 2 >"$scratch/plan" || { cat "$scratch/plan"; exit 1; }
cat "$scratch/plan"
grep -q "abc-company changed ipv4.address from 10.0.0.1 to 10.0.0.254" "$scratch/plan" || fail "the plan does not say who changed what"
plan xyz-holding 0

heading "One server stops: the other goes on"
kill "$first"
wait "$first" || fail "the first server did not end well"
first=''
sed -i 's/19419/19420/' "$scratch/abc-company/main.tf"
as abc-company apply -auto-approve
plan abc-company 0

heading "A backup while it runs, and what it was, on SQLite"
backend backup "$scratch/lab.backup"
backend restore --database "sqlite:$scratch/copy.db" "$scratch/lab.backup"
backend account list --database "sqlite:$scratch/copy.db"

heading "Destroy"
as abc-company destroy -auto-approve
as xyz-holding destroy -auto-approve
