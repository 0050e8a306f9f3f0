#!/usr/bin/env bash
# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs the tests in test/browser: customers sign up in Chromium, headless, with
# the sample shop in test/shop. Where there is no Chromium or no certutil, Debian's
# packages are installed, which needs Debian or Ubuntu, and root or sudo; without
# certutil alone the tests trust the operator's CA by its key's hash.
#
# Arguments are passed to go test, for example: hack/test-browser.sh -run Keyboard
# LICENSE_OPERATOR_PICTURES=<absolute path> also takes the picture of the
# documentation, which is in docs/tutorials/images.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "==> $*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# browser prints where there is one.
browser() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}

missing=()
browser >/dev/null || missing+=(chromium)
command -v certutil >/dev/null || missing+=(libnss3-tools)
if [ ${#missing[@]} -gt 0 ] && command -v apt-get >/dev/null; then
  say "Installing Debian's packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
browser >/dev/null || { echo "Error: there is no chromium on the PATH, and no apt-get to install one" >&2; exit 1; }

say "Building the control plane (some minutes the first time)"
KUBEBUILDER_ASSETS=$(go -C hack/controlplane run . assets)
export KUBEBUILDER_ASSETS LICENSE_OPERATOR_BROWSER_REQUIRED=1
say "Signing up with $("$(browser)" --version 2>/dev/null)"
go -C test/browser test -count=1 -v "$@" .
