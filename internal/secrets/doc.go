// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package secrets holds everything that comes from the operator's keys: names
// and identifiers that are derived and so survive a restore, tokens that are
// sealed and so need no store, and licence tokens that are signed and so need
// no connection.
//
// Three kinds of key do three kinds of work. The identity key is never rotated:
// product codes, accounts, customer identifiers, PIDs, ARNs and access keys
// must come out the same when the same manifests are applied again. Sealing
// keys come in versions, so that each can be rotated with an overlap; whatever
// is sealed says which version made it. Signing keys come in versions too: each
// is published before it signs, so that verifiers know it when they meet it.
//
// All keys live in one Secret in the operator's own namespace. Errors of this
// package never contain key bytes or the text of a token.
package secrets
