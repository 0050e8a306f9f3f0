// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import "testing"

// SetMaxEntries makes blocks smaller until a test ends.
func SetMaxEntries(t testing.TB, n int) {
	before := maxEntries
	maxEntries = n
	t.Cleanup(func() { maxEntries = before })
}
