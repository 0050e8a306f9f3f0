// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package auth finds out who sent a request. Verifier checks the signatures
// of REST-Query (versions 0, 1 and 2) and answers with a Principal. It reads
// no clock and knows access keys only through KeyFinder.
package auth
