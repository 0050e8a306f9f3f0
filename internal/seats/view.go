// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Commits come thick when more than crowd operations wait for one. They have
// done so lately for the time of lately.
const (
	crowd  = 8
	lately = 250 * time.Millisecond
)

// note takes in how many operations have waited for a commit.
func (b *Books) note(operations int) {
	if operations > crowd {
		b.crowded.Store(b.clock.Now().UnixNano())
	}
}

// Busy says whether many operations have waited for commits on this replica
// lately. What can wait should do so then.
func (b *Books) Busy() bool {
	last := b.crowded.Load()
	return last != 0 && b.clock.Now().Sub(time.Unix(0, last)) < lately
}

// Newest decodes a block as the watch has shown it, or is what this replica
// knows of it if that is newer, as after its own commits. It reads nothing from
// the API server. Nobody may change what it returns. An error means that
// somebody else has written the block.
func (b *Books) Newest(l *v1alpha1.SeatLedger) (*Block, error) {
	if bk := b.known(l); bk != nil {
		bk.mu.Lock()
		defer bk.mu.Unlock()
		if s := bk.slots[l.Spec.Block]; s != nil && s.current != nil &&
			s.current.meta.UID == l.UID && s.current.Sequence >= l.Spec.Sequence {
			return s.current, nil
		}
	}
	return Decode(l)
}
