#!/bin/sh
# Prints the path of the CLI that runs the acceptance tests: terraform from 1.8, else
# tofu, else an OpenTofu that it builds into bin/. `cli.sh tofu` passes terraform over.
set -eu

if [ "${1-}" != tofu ] && terraform=$(command -v terraform); then
	version=$(env -u TF_CLI_CONFIG_FILE CHECKPOINT_DISABLE=1 "$terraform" version | sed -n 's/^Terraform v//p')
	case $version in
	0.* | 1.[0-7].*) echo "Terraform $version has no functions of providers, which came with 1.8: looking for OpenTofu." >&2 ;;
	*)
		echo "$terraform"
		exit
		;;
	esac
fi
if command -v tofu; then
	exit
fi

root=$(cd "$(dirname "$0")/.." && pwd)
tofu=$root/bin/tofu
if [ ! -x "$tofu" ]; then
	echo "No ${1:-CLI} in PATH: building OpenTofu into bin/tofu. This takes some minutes, once." >&2
fi
# Without version.dev=no the binary calls itself a prerelease, which no required_version accepts.
go build -C "$root/tools/opentofu" -o "$tofu" \
	-ldflags '-X github.com/opentofu/opentofu/version.dev=no' \
	github.com/opentofu/opentofu/cmd/tofu >&2
echo "$tofu"
