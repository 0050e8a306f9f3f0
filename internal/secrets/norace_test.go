// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package secrets

// raceDetector says that the test runs under the race detector, which makes
// long loops of hashing take minutes.
const raceDetector = false
