#!/usr/bin/env bash
# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs every fuzz target of the module for a time each (default 30s), one after
# the other, and ends at the first finding. Go keeps the input that was found in
# testdata/fuzz beside the target: commit it with the fix.
#
#   hack/fuzz.sh [TIME]
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}

# The test files of all packages, and from them one line for each target: the
# package's directory and the function's name.
files=$(go list -f '{{$dir := .Dir}}{{range .TestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}' ./... | sed '/^$/d')
targets=$(tr '\n' '\0' <<<"$files" | { xargs -0 grep -HoE '^func Fuzz[A-Z0-9_][A-Za-z0-9_]*\(' || true; } |
  sed -E 's#/[^/]*:func (.*)\($#\t\1#' | sort -u)
[ -n "$targets" ] || { echo "Error: no fuzz target found" >&2; exit 1; }

count=0
total=$(wc -l <<<"$targets")
while IFS=$'\t' read -r dir name; do
  count=$((count + 1))
  echo "==> [$count/$total] $name in ${dir#"$PWD"/} for $time"
  if ! go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$dir"; then
    echo "FAIL: $name in ${dir#"$PWD"/}; the input is in testdata/fuzz/$name there, if it was a finding" >&2
    exit 1
  fi
done <<<"$targets"
echo "OK: $total fuzz targets ran for $time each and found nothing"
