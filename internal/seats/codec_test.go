// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

var t0 = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// entryOf is an entry with one seat, changed by edits.
func entryOf(id string, edits ...func(*Entry)) *Entry {
	e := &Entry{Digest: NewDigest(id), Grant: Grant{ID: NewID(id), Sequence: 7, Type: v1alpha1.CheckoutProvisional,
		Items:     []Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}},
		IssueTime: t0, ExpirationTime: t0.Add(time.Hour), Caller: "team"}}
	for _, edit := range edits {
		edit(e)
	}
	return e
}

// odd is every ASCII character, a few others, and bytes that are no text.
func odd() string {
	var s strings.Builder
	for c := range 128 {
		s.WriteByte(byte(c))
	}
	return s.String() + "é漢\u2028\U0001f4ba\xff\xc3"
}

func TestEntriesAreReadAsTheyWereWritten(t *testing.T) {
	tests := map[string][]*Entry{
		"no entries": nil,
		"one seat":   {entryOf("a")},
		"a Perpetual one never expires": {entryOf("a", func(e *Entry) {
			e.Type, e.ExpirationTime = v1alpha1.CheckoutPerpetual, time.Time{}
		})},
		"a borrowed one whose object was made": {entryOf("a", func(e *Entry) { e.Type, e.Projected = v1alpha1.CheckoutBorrow, true })},
		"everything is empty": {entryOf("a", func(e *Entry) {
			e.Digest, e.Caller, e.Items, e.ExpirationTime = "", "", nil, e.IssueTime
		})},
		"every text is a hyphen": {entryOf("a", func(e *Entry) {
			e.Caller, e.NodeID, e.Object, e.Holder = "-", "-", "-", "-"
			e.Items = []Item{{Name: "-", Unit: v1alpha1.UnitNone, Value: "-"}, {Name: "-", Unit: "Count", Quantity: 3, Value: "-"}}
		})},
		"only the node is there":   {entryOf("a", func(e *Entry) { e.NodeID = "n" })},
		"only the object is there": {entryOf("a", func(e *Entry) { e.Object = "o" })},
		"only the holder is there": {entryOf("a", func(e *Entry) { e.Holder = "h" })},
		"texts have every odd character": {entryOf("a", func(e *Entry) {
			e.Caller, e.NodeID, e.Object, e.Holder = odd(), odd(), odd(), odd()
			e.Items = []Item{{Name: odd(), Unit: v1alpha1.UnitNone, Value: odd()}}
		})},
		"features and counted items are mixed": {entryOf("a", func(e *Entry) {
			e.Items = []Item{{Name: "f", Unit: v1alpha1.UnitNone}, {Name: "x", Unit: "Bytes/Second", Quantity: 1_000_000_000_000},
				{Name: "g", Unit: v1alpha1.UnitNone, Value: "Enabled"}, {Name: "y", Unit: "Percent", Quantity: 2}}
		})},
		"the same item is there twice": {entryOf("a", func(e *Entry) {
			e.Items = []Item{{Name: "x", Unit: "Count", Quantity: 1}, {Name: "x", Unit: "Count", Quantity: 2}}
		})},
		"sequences are not in order": {
			entryOf("a", func(e *Entry) { e.Sequence = 1_700_000_000_900 }),
			entryOf("b", func(e *Entry) { e.Sequence = 1_700_000_000_001 }),
			entryOf("c", func(e *Entry) { e.Sequence = 1_700_000_000_100 })},
		"a block full of large ones": large(MaxEntries),
	}
	for name, entries := range tests {
		t.Run(name, func(t *testing.T) {
			text := encodeEntries(entries)
			read, err := decodeEntries(text)
			if err != nil {
				t.Fatalf("%v in %q", err, text)
			}
			if diff := cmp.Diff(entries, read); diff != "" {
				t.Errorf("other entries are read (-written +read):\n%s", diff)
			}
			if again := encodeEntries(read); again != text {
				t.Errorf("they are written otherwise again:\n%q\n%q", text, again)
			}
		})
	}
}

// large are entries as large as callers can make them, of a Subscription with a
// few entitlements.
func large(n int) []*Entry {
	entries := make([]*Entry, 0, n)
	for i := range n {
		entries = append(entries, entryOf(fmt.Sprint(i), func(e *Entry) {
			e.Caller, e.NodeID = strings.Repeat("é", 62)+fmt.Sprintf("%04d", i), strings.Repeat("é", 126)+fmt.Sprintf("%04d", i)
			e.Object, e.Holder = "co-"+strings.Repeat("o", 250), "6f1c6d0e-7d0f-4c53-a8d3-8a9a3ad3b3f3"
			e.Sequence = 1_700_000_000_000 + int64(i)
			e.Items = []Item{{Name: "gpu-rendering", Unit: v1alpha1.UnitCount, Quantity: 1_000_000_000_000 - int64(i)},
				{Name: "support", Unit: v1alpha1.UnitNone, Value: "gold"}}
		}))
	}
	return entries
}

func TestAFullBlockFitsIntoTheSchema(t *testing.T) {
	if n := len(encodeEntries(large(MaxEntries))); n > 512<<10 {
		t.Errorf("%d large entries are %d bytes, the schema allows %d", MaxEntries, n, 512<<10)
	}
	ordinary := make([]*Entry, 0, MaxEntries)
	for i := range MaxEntries {
		ordinary = append(ordinary, entryOf(fmt.Sprint(i), func(e *Entry) { e.NodeID = fmt.Sprintf("node-%d", i) }))
	}
	if n := len(encodeEntries(ordinary)); n > 100*MaxEntries {
		t.Errorf("%d ordinary entries are %d bytes: every commit writes that", MaxEntries, n)
	}
}

// Blocks outlive the operator that wrote them: this text must be read for ever.
func TestTheTextOfEntries(t *testing.T) {
	entries := []*Entry{
		{Digest: "3q2-7wAAAAA", Grant: Grant{ID: "abcdefghijklmnopqrstuvwxyz", Sequence: 1_767_225_600_003, Type: v1alpha1.CheckoutProvisional,
			Items:     []Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 2}, {Name: "gpu-rendering", Unit: v1alpha1.UnitNone, Value: "Enabled"}},
			IssueTime: time.Unix(1_767_225_600, 0).UTC(), ExpirationTime: time.Unix(1_767_229_200, 0).UTC(), Caller: "backend"}},
		{Digest: "_w", Grant: Grant{ID: "bbcdefghijklmnopqrstuvwxyz", Sequence: 1_767_225_600_001, Type: v1alpha1.CheckoutPerpetual,
			Items:     []Item{{Name: "disk", Unit: "Bytes/Second", Quantity: 10}},
			IssueTime: time.Unix(1_767_225_601, 0).UTC(), Caller: "backend", NodeID: "node 1/a", Object: "co-1", Projected: true}},
		{Digest: "_w", Grant: Grant{ID: "cbcdefghijklmnopqrstuvwxyz", Sequence: 1_767_225_600_036, Type: v1alpha1.CheckoutBorrow,
			IssueTime: time.Unix(1_767_225_601, 0).UTC(), ExpirationTime: time.Unix(1_767_225_602, 0).UTC(), Caller: "-", Holder: "uid"}},
	}
	const want = "+mjuohs01\n" +
		"=seats,Count,;gpu-rendering,None,Enabled\n" +
		"=backend\n" +
		"=disk,Bytes/Second,\n" +
		"=\n" +
		"=%2D\n" +
		"abcdefghijklmnopqrstuvwxyz 3q2-7wAAAAA 2 t85s00 2s0 p 0 1 2\n" +
		"bbcdefghijklmnopqrstuvwxyz _w 0 t85s01 - em 2 1 10 node+1%2Fa co-1\n" +
		"cbcdefghijklmnopqrstuvwxyz _w z t85s01 1 b 3 4 - - - uid\n"
	if diff := cmp.Diff(want, encodeEntries(entries)); diff != "" {
		t.Errorf("entries are written otherwise (-want +got):\n%s", diff)
	}
	read, err := decodeEntries(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(entries, read); diff != "" {
		t.Errorf("the text is read otherwise (-want +got):\n%s", diff)
	}
}

func TestWhatIsNotATextOfEntriesIsRefused(t *testing.T) {
	const good = "+1\n=s,Count,\n=c\nabcdefghijklmnop d 0 1 1 p 0 1 1\n"
	if _, err := decodeEntries(good); err != nil {
		t.Fatalf("the good text is refused: %v", err)
	}
	replace := func(old, with string) string { return strings.Replace(good, old, with, 1) }
	tests := map[string]string{
		"no sequence":                      replace("+1\n", ""),
		"a word in place of the sequence":  "=w\nabcdefghijklmnop d 0 1 1 p 0 0 -\n",
		"a sequence of 0":                  replace("+1", "+0"),
		"a sequence that is too large":     replace("+1", "+1y2p0ij32e8e7"),
		"a sequence beyond 64 bits in all": strings.Replace(replace("+1", "+1y2p0ij32e8e7"), " d 0 ", " d 1 ", 1),
		"a sequence below 0":               replace(" d 0 ", " d -1 "),
		"too few fields":                   replace(" 1\n", "\n"),
		"too many fields":                  replace("p 0 1 1", "p 0 1 1 n o h x"),
		"no flags":                         replace(" p ", "  "),
		"an unknown type":                  replace(" p ", " x "),
		"an unknown flag":                  replace(" p ", " px "),
		"a flag twice":                     replace(" p ", " pmm "),
		"no issue time":                    replace(" d 0 1 ", " d 0 - "),
		"an issue time that is too large":  replace(" d 0 1 ", " d 0 1y2p0ij32e8e7 "),
		"a lifetime below 0":               replace(" 1 1 p", " 1 -1 p"),
		"a lifetime that is too large":     replace(" 1 1 p", " 1 1y2p0ij32e8e7 p"),
		"a word of items that is missing":  replace("p 0 1 1", "p 2 1 1"),
		"a word of items below 0":          replace("p 0 1 1", "p -1 1 1"),
		"a caller that is missing":         replace("p 0 1 1", "p 0 2 1"),
		"a caller wrongly escaped":         replace("=c", "=%zz"),
		"a node wrongly escaped":           replace("p 0 1 1", "p 0 1 1 %zz"),
		"an item without a unit":           replace("=s,Count,", "=s"),
		"an item without a value":          replace("=s,Count,", "=s,Count"),
		"no quantity":                      replace("p 0 1 1", "p 0 1 -"),
		"a quantity of 0":                  replace("p 0 1 1", "p 0 1 0"),
		"a quantity below 0":               replace("p 0 1 1", "p 0 1 -1"),
		"a quantity too many":              replace("p 0 1 1", "p 0 1 1,1"),
		"a quantity in base 36":            replace("p 0 1 1", "p 0 1 a"),
		"an id that is too short":          replace("abcdefghijklmnop", "abcdefghijk"),
		"an empty line":                    good + "\n",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if entries, err := decodeEntries(text); err == nil {
				t.Errorf("%q is read as %+v", text, entries[0])
			}
		})
	}
}

func TestABlockIsReadAsItWasWritten(t *testing.T) {
	successor := int32(3)
	b := newBlock(Key{Namespace: "ns", Name: "team"}, 12)
	b.Sequence, b.Term, b.Successor = 1_700_000_000_001, 4, &successor
	b.HighWater, b.Frozen = t0.Add(123456*time.Microsecond), t0
	b.Pools = []v1alpha1.SeatPool{{Name: "seats", Total: 5, Capacity: 4, Used: 2, Overage: v1alpha1.Forbidden}}
	b.Entries = []*Entry{entryOf("a"), entryOf("b")}
	for _, e := range b.Entries {
		e.Block = 12
		b.byID[e.ID] = e
	}
	b.Released = []string{"abcdefghijkl", "mnopqrstuvwx"}
	read, err := Decode(b.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, read, cmp.AllowUnexported(Block{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("another block is read (-written +read):\n%s", diff)
	}
	for name, edit := range map[string]func(*v1alpha1.SeatLedger){
		"an entry is there twice": func(l *v1alpha1.SeatLedger) { l.Spec.Entries += entryLine(l) },
		"the entries are no text": func(l *v1alpha1.SeatLedger) { l.Spec.Entries = "nonsense" },
		"the entries are cut off": func(l *v1alpha1.SeatLedger) { l.Spec.Entries = l.Spec.Entries[:len(l.Spec.Entries)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			l := b.Encode()
			edit(l)
			if _, err := Decode(l); err == nil || !strings.Contains(err.Error(), "ns/team-12") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// entryLine is the last line of a block's entries.
func entryLine(l *v1alpha1.SeatLedger) string {
	lines := strings.SplitAfter(l.Spec.Entries, "\n")
	return lines[len(lines)-2]
}

// What is encoded belongs to the store, which may change it; a committed block
// never changes.
func TestAnEncodedBlockSharesNothing(t *testing.T) {
	b := newBlock(Key{Namespace: "ns", Name: "team"}, 0)
	b.Pools = []v1alpha1.SeatPool{{Name: "seats", Total: 5}}
	l := b.Encode()
	l.Labels["a"], l.Spec.Pools[0].Total = "b", 6
	if b.meta.Labels["a"] != "" || b.Pools[0].Total != 5 {
		t.Errorf("the block was changed through what it was encoded to: %v, %v", b.meta.Labels, b.Pools)
	}
	read, err := Decode(l)
	if err != nil {
		t.Fatal(err)
	}
	again := read.Encode()
	again.Labels["c"], again.Spec.Pools[0].Total = "d", 7
	if l.Labels["c"] != "" || l.Spec.Pools[0].Total != 6 {
		t.Errorf("what was decoded, such as an object of the cache, was changed: %v, %v", l.Labels, l.Spec.Pools)
	}
}

func FuzzDecodeEntries(f *testing.F) {
	f.Add("")
	f.Add(encodeEntries(large(3)))
	f.Add("+1\n=s,Count,\n=c\nabcdefghijklmnop d 0 1 1 p 0 1 1\n")
	f.Add("+1\n=s,None,v;t,Bytes/Second,\n=%2D\nabcdefghijklmnop  z 1 - em 0 1 5 - %2D x\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := decodeEntries(text)
		if err != nil {
			return
		}
		written := encodeEntries(entries)
		again, err := decodeEntries(written)
		if err != nil {
			t.Fatalf("what was read of %q is written as %q, which can't be read: %v", text, written, err)
		}
		if diff := cmp.Diff(entries, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q is read otherwise once it was written again:\n%s", text, diff)
		}
	})
}
