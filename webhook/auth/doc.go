// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package auth finds out who sent a request and answers with a Principal.
// Verifier checks signatures: of REST-Query (versions 0, 1 and 2) and of the
// JSON protocols (version 4). It reads no clock and knows access keys only
// through KeyFinder.
package auth
