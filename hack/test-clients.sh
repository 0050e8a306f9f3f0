#!/usr/bin/env bash
# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs the tests in test/clients: unmodified clients of the DevPay License
# Service against the operator, which they take for ls.amazonaws.com. The host,
# the port and the CA bundle are compiled into one of them, so all runs in a
# network and a mount namespace of its own: nothing of this machine's network,
# hosts file and certificates changes. Needs Debian 12, and root or sudo.
#
# Arguments are passed to go test, for example: hack/test-clients.sh -run Boto
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "$script")/.."

hosts=/etc/hosts
bundle=/etc/ssl/certs/ca-certificates.crt

say() { echo "==> $*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages installs what is missing. The two clients are only unpacked:
# installed, they would bring a mail server and an inetd to this machine.
install_packages() {
  command -v apt-get >/dev/null || { echo "Error: this needs Debian's packages; run it on Debian 12" >&2; exit 1; }
  local package missing=()
  for package in ca-certificates curl iproute2 libcurl4 libglib2.0-0 python3 util-linux; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  say "Fetching Debian's packages: amanda-server python3-boto ${missing[*]}"
  as_root apt-get update -qq
  if [ ${#missing[@]} -gt 0 ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
  fi
  mkdir "$work/packages"
  (cd "$work/packages" && apt-get download -qq amanda-server python3-boto 2>"$work/apt.log") || { cat "$work/apt.log" >&2; exit 1; }
  for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
    say "Unpacked $(dpkg-deb --show "$package" | tr '\t' ' ')"
  done
}

# go test runs this script instead of the test's binary; in the namespaces it
# starts the binary.
case ${1-} in
--unshare)
  shift
  as_root unshare --net --mount --fork --kill-child -- \
    env LICENSE_OPERATOR_CLIENTS="$LICENSE_OPERATOR_CLIENTS" KUBEBUILDER_ASSETS="$KUBEBUILDER_ASSETS" \
    "$script" --inside "$@"
  exit
  ;;
--inside)
  shift
  work=$LICENSE_OPERATOR_CLIENTS
  ip link set lo up
  # kube-apiserver wants an address on the way out, though nothing is there.
  ip address add 192.0.2.1/24 dev lo
  ip route add default dev lo
  printf '127.0.0.1 localhost ls.amazonaws.com\n' >"$work/hosts"
  mount --bind "$work/hosts" "$hosts"
  # The test adds the operator's CA when there is one.
  cp "$bundle" "$work/ca-bundle.crt"
  mount --bind "$work/ca-bundle.crt" "$bundle"
  cd test/clients
  exec "$@"
  ;;
esac

work=$(mktemp -d)
trap 'as_root rm -rf "$work"' EXIT
install_packages
say "Building the operator and the control plane (some minutes the first time)"
go build -o "$work/license-operator" ./cmd/license-operator
KUBEBUILDER_ASSETS=$(go -C hack/controlplane run . assets)
export KUBEBUILDER_ASSETS LICENSE_OPERATOR_CLIENTS=$work
say "Running the clients"
go test -count=1 -v -exec "'$script' --unshare" "$@" ./test/clients
