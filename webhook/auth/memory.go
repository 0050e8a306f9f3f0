// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/utils/lru"
)

// reviewTimeout bounds one question to the API server.
const reviewTimeout = 5 * time.Second

// answer is what is remembered, and until when it holds.
type answer[T any] struct {
	value T
	// yes says in which half it is kept, so that what strangers can cause
	// never drives out what is of use.
	yes   bool
	until time.Time
}

// memory remembers answers of the API server for a while. What several want to
// know at the same time is asked once. It is safe for concurrent use.
type memory[T any] struct {
	yes, no *lru.Cache
	asking  singleflight.Group
}

func newMemory[T any](size int) *memory[T] {
	return &memory[T]{yes: lru.New(size), no: lru.New(size)}
}

// get returns what is remembered in a place or asks. A question goes on if the
// one who asked first goes away, because others may wait for it.
func (m *memory[T]) get(ctx context.Context, place [sha256.Size]byte, now time.Time, ask func(context.Context) (answer[T], error)) (answer[T], error) {
	for _, half := range [...]*lru.Cache{m.yes, m.no} {
		if found, ok := half.Get(place); ok {
			if known := found.(answer[T]); now.Before(known.until) {
				return known, nil
			}
		}
	}
	told, err, _ := m.asking.Do(string(place[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviewTimeout)
		defer cancel()
		told, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		half, other := m.no, m.yes
		if told.yes {
			half, other = m.yes, m.no
		}
		other.Remove(place)
		half.Add(place, told)
		return told, nil
	})
	if err != nil {
		return answer[T]{}, err
	}
	return told.(answer[T]), nil
}

// hashOf is a hash of a list of texts. Each is preceded by its length, so no two
// lists give the same input.
func hashOf(texts ...string) [sha256.Size]byte {
	var buf [512]byte
	b := buf[:0]
	for _, text := range texts {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return sha256.Sum256(b)
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
