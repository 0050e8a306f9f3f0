// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"testing"
)

// fullBlock is a block of 256 ordinary entries.
func fullBlock(b *testing.B) *Block {
	b.Helper()
	d := newDraft(newBlock(testKey, 0), t0, nil, nil, true)
	d.open(opening{term: 1})
	d.setPools([]Pool{{Name: "seats", Total: 100000}})
	for i := range MaxEntries {
		if _, got := d.grant(request(fmt.Sprint(i), 1, func(r *Request) { r.NodeID = fmt.Sprintf("i-%016x", i) }), nil); got != done {
			b.Fatalf("entry %d: %d", i, got)
		}
	}
	read, err := Decode(d.finish().Encode())
	if err != nil {
		b.Fatal(err)
	}
	return read
}

func BenchmarkDraftAndEncodeFullBlock(b *testing.B) {
	block := fullBlock(b)
	b.ReportAllocs()
	b.SetBytes(int64(len(encodeEntries(block.Entries))))
	for b.Loop() {
		d := newDraft(block, t0, nil, nil, true)
		d.viewTerm = 1
		d.release(block.Entries[7].ID)
		if _, got := d.grant(request("new", 1), nil); got != done {
			b.Fatal(got)
		}
		d.finish().Encode()
	}
}

func BenchmarkDecodeFullBlock(b *testing.B) {
	l := fullBlock(b).Encode()
	b.ReportAllocs()
	b.SetBytes(int64(len(l.Spec.Entries)))
	for b.Loop() {
		if _, err := Decode(l); err != nil {
			b.Fatal(err)
		}
	}
}
