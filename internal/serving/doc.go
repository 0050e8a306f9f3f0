// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package serving keeps the certificate that the endpoint serves with. It comes
// from a CA of the operator's own, is renewed in time, and is swapped in the
// running server.
//
// All replicas share one Secret in the operator's namespace. Each of them looks
// at it, decides what is due from nothing but its content, the clock and the
// wanted names, and writes with an optimistic lock; so any replica may be the
// one that renews, and none needs to lead.
//
// A new CA is handed out long before it signs anything. The Secret's CA bundle,
// copied to a ConfigMap that holds nothing secret, has the CA that signs now
// and also the one before it and the one after it while they matter. A client
// that reads the bundle anew at least once per PublishDelay never sees a
// certificate that it can't verify.
//
// Errors of this package never contain bytes of a key.
package serving
