#!/usr/bin/env bash
# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs the tests in test/clients: unmodified clients of AWS License Manager and
# AWS Marketplace, and of the DevPay License Service, which take the operator for
# ls.amazonaws.com. The host, the port and the CA bundle are compiled into one of
# them, so all runs in a network and a mount namespace of its own: nothing of this
# machine's network, hosts file and certificates changes. Needs Debian 12, root or
# sudo, the Go module proxy and, for the SDK for JavaScript, node 20 and npm.
#
# Arguments are passed to go test, for example: hack/test-clients.sh -run Boto
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "$script")/.."

hosts=/etc/hosts
bundle=/etc/ssl/certs/ca-certificates.crt
clients=(amanda-server python3-boto awscli python3-boto3)

say() { echo "==> $*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages installs what is missing. The clients are only unpacked, with
# the Python that they need: installed, they would bring a mail server and an
# inetd to this machine, and other versions of its aws.
install_packages() {
  command -v apt-get >/dev/null || { echo "Error: this needs Debian's packages; run it on Debian 12" >&2; exit 1; }
  local package missing=() needed=()
  for package in ca-certificates curl iproute2 libcurl4 libglib2.0-0 python3 util-linux; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  say "Fetching Debian's packages: ${clients[*]} ${missing[*]}"
  as_root apt-get update -qq
  if [ ${#missing[@]} -gt 0 ]; then
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
  fi
  mapfile -t needed < <(apt-get install --simulate -qq --no-install-recommends awscli python3-boto3 | awk '/^Inst/ {print $2}')
  mkdir "$work/packages"
  (cd "$work/packages" && apt-get download -qq "${clients[@]}" "${needed[@]}" 2>"$work/apt.log") || { cat "$work/apt.log" >&2; exit 1; }
  for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
  done
  for package in "${clients[@]}"; do
    say "Unpacked $(dpkg-deb --show "$work/packages/$package"_*.deb | tr '\t' ' ')"
  done
}

# build_clients builds and fetches what comes from Go's and JavaScript's modules.
build_clients() {
  local out=$work/clients
  mkdir "$out"
  say "Building the clients in Go"
  go build -o "$out/verify-offline" ./docs/examples/verify-offline
  go -C docs/examples/floating-seat build -o "$out/floating-seat" .
  go -C test/clients/testdata/sdk-go build -o "$out/sdk-go" .
  # The same on a computer whose clock is 20 minutes fast.
  local clock
  clock=$(go env GOROOT)/src/time/time.go
  sed 's/^func Now() Time {/func Now() Time { return trueNow().Round(0).Add(20 * Minute) }\n\nfunc trueNow() Time {/' "$clock" >"$out/time.go"
  printf '{"Replace": {"%s": "%s"}}\n' "$clock" "$out/time.go" >"$out/overlay.json"
  go -C test/clients/testdata/sdk-go build -overlay "$out/overlay.json" -o "$out/sdk-go-fast" .
  local version
  version=$(node --version 2>/dev/null) || version=v0
  version=${version#v}
  if [ "${version%%.*}" -lt 20 ] || ! command -v npm >/dev/null; then
    say "No npm with node 20 or later here: the SDK for JavaScript is left out"
    return
  fi
  say "Fetching the SDK for JavaScript (node $version)"
  cp -r test/clients/testdata/sdk-js "$out/sdk-js"
  (cd "$out/sdk-js" && npm ci --no-audit --no-fund --ignore-scripts --loglevel error)
}

# go test runs this script instead of the test's binary; in the namespaces it
# starts the binary. When that ends, however it does, nothing of it is left: it is
# the first process of the namespace.
case ${1-} in
--unshare)
  shift
  as_root unshare --net --mount --pid --mount-proc --fork --kill-child -- \
    env PATH="$PATH" LICENSE_OPERATOR_CLIENTS="$LICENSE_OPERATOR_CLIENTS" KUBEBUILDER_ASSETS="$KUBEBUILDER_ASSETS" \
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
build_clients
say "Building the operator and the control plane (some minutes the first time)"
go build -o "$work/license-operator" ./cmd/license-operator
KUBEBUILDER_ASSETS=$(go -C hack/controlplane run . assets)
export KUBEBUILDER_ASSETS LICENSE_OPERATOR_CLIENTS=$work
say "Running the clients"
go test -count=1 -timeout 30m -v -exec "'$script' --unshare" "$@" ./test/clients
