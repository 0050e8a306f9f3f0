// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Result is what is known of a commit.
type Result int

const (
	// Committed: this version is the block's newest.
	Committed Result = iota
	// Conflict: it is not, and never will be: another one came first.
	Conflict
	// Refused: it is not, and never will be: it is invalid, or forbidden.
	Refused
	// Unknown: it may be, or may still become so.
	Unknown
)

// Store keeps the blocks. What it reads is the newest committed version, never
// an older one.
type Store interface {
	// List reads all blocks of a book.
	List(ctx context.Context, key Key) ([]*v1alpha1.SeatLedger, error)
	// Read reads one block; nil if there is none.
	Read(ctx context.Context, key Key, number int32) (*v1alpha1.SeatLedger, error)
	// Commit replaces the version whose resourceVersion next carries, or makes
	// the block if it carries none. It answers the block with its new
	// resourceVersion if the result is Committed, and else an error for the log.
	Commit(ctx context.Context, next *v1alpha1.SeatLedger) (*v1alpha1.SeatLedger, Result, error)
}

// String is the label of a metric.
func (r Result) String() string {
	switch r {
	case Committed:
		return "Committed"
	case Conflict:
		return "Conflict"
	case Refused:
		return "Refused"
	default:
		return "Unknown"
	}
}
