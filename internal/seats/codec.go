// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// The entries of a block are lines of text. First come, after a plus sign, the
// lowest of their sequences, from which they are counted, and the words that
// many entries share, each after an equals sign, and numbered from 0:
//
//	+mj3b7k2w
//	=seats,Count,;gpu-rendering,None,Enabled
//	=backend
//
// then the entries, whose fields are separated by blanks and "-" if empty:
//
//	id digest sequence issueTime lifetime flags items caller quantities nodeID object holder
//
// Numbers are in base 36, times in seconds since 1970. The lifetime is from the
// issue to the expiration. The flags are the type (p, e for Perpetual, b) and m
// once the LicenseCheckout has been made. items and caller are numbers of words;
// the quantities, in base 10, are those of the counted items in their order.
// Fields that are empty at the end are left out, and text is escaped as in the
// query of a URL.
const (
	fieldBlank    = "-"
	minimumFields = 9
	maximumFields = 12
	// maxNumber is how long a number is, at most, with a sign and the line's end.
	maxNumber = 15
	// maxValue bounds sequences, in milliseconds at first, and times: no sum of
	// two overflows.
	maxValue = 1 << 53
)

var errEntries = errors.New("`entries` can't be read")

var typeFlags = map[v1alpha1.CheckoutType]byte{
	v1alpha1.CheckoutProvisional: 'p', v1alpha1.CheckoutPerpetual: 'e', v1alpha1.CheckoutBorrow: 'b',
}

var flagTypes = map[byte]v1alpha1.CheckoutType{
	'p': v1alpha1.CheckoutProvisional, 'e': v1alpha1.CheckoutPerpetual, 'b': v1alpha1.CheckoutBorrow,
}

// words numbers the texts that entries share.
type words struct {
	list  []string
	index map[string]int
}

func (w *words) number(text string) int {
	n, found := w.index[text]
	if !found {
		n = len(w.list)
		w.index[text], w.list = n, append(w.list, text)
	}
	return n
}

func encodeEntries(entries []*Entry) string {
	if len(entries) == 0 {
		return ""
	}
	w := &words{index: map[string]int{}}
	lines := make([]byte, 0, len(entries)*80)
	base := entries[0].Sequence
	for _, e := range entries {
		base = min(base, e.Sequence)
	}
	for _, e := range entries {
		lines = appendEntry(lines, w, e, base)
	}
	head := maxNumber
	for _, text := range w.list {
		head += len(text) + 2
	}
	var out strings.Builder
	out.Grow(head + len(lines))
	out.WriteByte('+')
	out.WriteString(strconv.FormatInt(base, 36))
	out.WriteByte('\n')
	for _, text := range w.list {
		out.WriteByte('=')
		out.WriteString(text)
		out.WriteByte('\n')
	}
	out.Write(lines)
	return out.String()
}

func appendEntry(out []byte, w *words, e *Entry, base int64) []byte {
	out = append(out, e.ID...)
	out = append(append(out, ' '), e.Digest...)
	out = strconv.AppendInt(append(out, ' '), e.Sequence-base, 36)
	out = strconv.AppendInt(append(out, ' '), e.IssueTime.Unix(), 36)
	if e.ExpirationTime.IsZero() {
		out = append(out, " -"...)
	} else {
		out = strconv.AppendInt(append(out, ' '), e.ExpirationTime.Unix()-e.IssueTime.Unix(), 36)
	}
	out = append(out, ' ', typeFlags[e.Type])
	if e.Projected {
		out = append(out, 'm')
	}
	out = strconv.AppendInt(append(out, ' '), int64(w.number(itemsText(e.Items))), 36)
	out = strconv.AppendInt(append(out, ' '), int64(w.number(escape(e.Caller))), 36)
	out = append(out, ' ')
	counted := false
	for _, item := range e.Items {
		if item.Quantity > 0 {
			if counted {
				out = append(out, ',')
			}
			out, counted = strconv.AppendInt(out, item.Quantity, 10), true
		}
	}
	if !counted {
		out = append(out, fieldBlank...)
	}
	extra := [...]string{e.NodeID, e.Object, e.Holder}
	last := len(extra)
	for last > 0 && extra[last-1] == "" {
		last--
	}
	for _, text := range extra[:last] {
		out = append(out, ' ')
		if text == "" {
			out = append(out, fieldBlank...)
		} else {
			out = append(out, escape(text)...)
		}
	}
	return append(out, '\n')
}

// escape is url.QueryEscape, and tells the text "-" from an empty one.
func escape(text string) string {
	if text == fieldBlank {
		return "%2D"
	}
	return url.QueryEscape(text)
}

// itemsText is what the items of many entries have in common: all but the
// quantities.
func itemsText(items []Item) string {
	var out strings.Builder
	for i, item := range items {
		if i > 0 {
			out.WriteByte(';')
		}
		out.WriteString(escape(item.Name))
		out.WriteByte(',')
		out.WriteString(string(item.Unit))
		out.WriteByte(',')
		out.WriteString(escape(item.Value))
	}
	return out.String()
}

func decodeEntries(text string) ([]*Entry, error) {
	var shared []string
	var entries []*Entry
	var base int64
	for number := 1; text != ""; number++ {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if number == 1 {
			lowest, found := strings.CutPrefix(line, "+")
			n, err := strconv.ParseInt(lowest, 36, 64)
			if !found || err != nil || n < 1 || n > maxValue {
				return nil, fmt.Errorf("%w: no sequence in line 1", errEntries)
			}
			base = n
			continue
		}
		if word, ok := strings.CutPrefix(line, "="); ok {
			shared = append(shared, word)
			continue
		}
		e, err := decodeEntry(line, shared)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errEntries, number, err)
		}
		if e.Sequence += base; e.Sequence > maxValue {
			return nil, fmt.Errorf("%w: line %d: a sequence that is too large", errEntries, number)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func decodeEntry(line string, shared []string) (*Entry, error) {
	var fields [maximumFields]string
	count := 0
	for more := true; more; count++ {
		if count == maximumFields {
			return nil, errors.New("too many fields")
		}
		fields[count], line, more = strings.Cut(line, " ")
	}
	if count < minimumFields {
		return nil, errors.New("too few fields")
	}
	r := fieldReader{shared: shared}
	e := &Entry{Digest: fields[1]}
	e.ID, e.Sequence = fields[0], r.number(fields[2])
	issued := r.number(fields[3])
	e.IssueTime = time.Unix(issued, 0).UTC()
	if fields[4] != fieldBlank {
		e.ExpirationTime = time.Unix(issued+r.number(fields[4]), 0).UTC()
	}
	flags := fields[5]
	if flags == "" || flagTypes[flags[0]] == "" || len(flags) > 1 && flags[1:] != "m" {
		return nil, errors.New("unknown flags")
	}
	e.Type, e.Projected = flagTypes[flags[0]], len(flags) > 1
	e.Items = r.items(fields[6], fields[8])
	e.Caller = r.text(r.word(fields[7]))
	e.NodeID, e.Object, e.Holder = r.text(fields[9]), r.text(fields[10]), r.text(fields[11])
	if len(e.ID) < ringPrefix {
		return nil, errors.New("an id that is too short")
	}
	return e, r.err
}

// fieldReader reads the fields of one entry and keeps the first error.
type fieldReader struct {
	shared []string
	err    error
}

func (r *fieldReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *fieldReader) number(text string) int64 {
	n, err := strconv.ParseInt(text, 36, 64)
	if err != nil || n < 0 || n > maxValue {
		r.fail(errors.New("a number that is none"))
		return 0
	}
	return n
}

func (r *fieldReader) word(text string) string {
	n := r.number(text)
	if n >= int64(len(r.shared)) {
		r.fail(errors.New("a word that is missing"))
		return ""
	}
	return r.shared[n]
}

func (r *fieldReader) text(text string) string {
	if text == "" || text == fieldBlank {
		return ""
	}
	plain, err := url.QueryUnescape(text)
	if err != nil {
		r.fail(errors.New("text that is wrongly escaped"))
	}
	return plain
}

func (r *fieldReader) items(word, quantities string) []Item {
	text := r.word(word)
	if quantities == fieldBlank {
		quantities = ""
	}
	if text == "" {
		if quantities != "" {
			r.fail(errors.New("a quantity of nothing"))
		}
		return nil
	}
	parts := strings.Split(text, ";")
	items := make([]Item, 0, len(parts))
	for _, part := range parts {
		name, rest, _ := strings.Cut(part, ",")
		unit, value, ok := strings.Cut(rest, ",")
		if !ok {
			r.fail(errors.New("an item that is incomplete"))
			return nil
		}
		item := Item{Name: r.text(name), Unit: v1alpha1.Unit(unit), Value: r.text(value)}
		if item.Unit != v1alpha1.UnitNone {
			var quantity string
			quantity, quantities, _ = strings.Cut(quantities, ",")
			n, err := strconv.ParseInt(quantity, 10, 64)
			if err != nil || n < 1 {
				r.fail(errors.New("a quantity that is none"))
			}
			item.Quantity = n
		}
		items = append(items, item)
	}
	if quantities != "" {
		r.fail(errors.New("a quantity of nothing"))
	}
	return items
}

func splitRing(text string) []string { return strings.Split(text, " ") }

func joinRing(ring []string) string { return strings.Join(ring, " ") }
