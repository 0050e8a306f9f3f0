// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/lru"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

const (
	// maxTokens is how many client tokens a replica remembers.
	maxTokens = 16384
	// tokenLifetime is for how long: longer than usage can be reported late.
	tokenLifetime = 24 * time.Hour
)

var errTokenReused = fault.New(fault.IdempotencyConflict,
	"The ClientToken has been used with other parameters; use another one for another request.")

// tokenMemory remembers what client tokens were used for. It is this replica's
// own and forgets the ones that were not used for the longest time: that one
// token comes with one set of parameters helps to find mistakes, but the hour
// decides what is recorded. The zero value is empty and ready to use.
type tokenMemory struct {
	mu    sync.Mutex
	known *lru.Cache
}

// tokenUse is what a token was used for, as a hash, and until when that is
// remembered.
type tokenUse struct {
	parameters [sha256.Size]byte
	until      time.Time
}

// claim says whether a record's client token is new, or was used for the same
// record. One that is new is remembered; fresh says that it was not before.
func (m *tokenMemory) claim(r *v1alpha1.UsageRecord, now time.Time) (fresh, ok bool) {
	key, parameters := tokenKey(r), parametersOf(r)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = lru.New(maxTokens)
	}
	if found, known := m.known.Get(key); known {
		if use, is := found.(tokenUse); is && now.Before(use.until) {
			return false, use.parameters == parameters
		}
	}
	m.known.Add(key, tokenUse{parameters, now.Add(tokenLifetime)})
	return true, true
}

// forget forgets a token that was claimed for nothing: the request was refused.
func (m *tokenMemory) forget(r *v1alpha1.UsageRecord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known.Remove(tokenKey(r))
}

// tokenKey is what a client token is one of: a customer's.
func tokenKey(r *v1alpha1.UsageRecord) [3]string {
	return [3]string{r.Namespace, r.Spec.SubscriptionRef.Name, r.Spec.ClientTokenHash}
}

// parametersOf is a hash of everything that a request says: the name is a hash
// of the product, the customer, the licence, the dimension and the hour.
func parametersOf(r *v1alpha1.UsageRecord) [sha256.Size]byte {
	parts := []string{r.Name, r.Spec.ReportedTime.UTC().Format(time.RFC3339)}
	return sha256.Sum256([]byte(strings.Join(append(parts, reportOf(r).Quantities()...), "\n")))
}
