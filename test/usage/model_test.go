// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Any batches at any replica: the answers are those of a table in which the
// first quantity of an hour stays. The table lives on from batch to batch, as
// the records do.
func TestTheAnswersAreThoseOfATableInWhichTheFirstQuantityStays(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	table, ids := map[string]int{}, map[string]string{}
	rapid.Check(t, func(t *rapid.T) {
		var records, keys, want []string
		for range rapid.IntRange(1, 25).Draw(t, "records") {
			customer := rapid.SampledFrom([]string{initech, globex, "nobody"}).Draw(t, "customer")
			dimension := rapid.SampledFrom([]string{minutes, storage}).Draw(t, "dimension")
			ago := rapid.IntRange(0, 23).Draw(t, "hours")
			quantity := rapid.IntRange(0, 2).Draw(t, "quantity")
			key := fmt.Sprint(customer, dimension, ago)
			records = append(records, hourly(now.Add(-time.Duration(ago)*time.Hour), customer, dimension, quantity))
			first, reported := table[key]
			switch {
			case customer == "nobody":
				want = append(want, "CustomerNotSubscribed")
			case reported && first != quantity:
				want = append(want, "DuplicateRecord")
			default:
				table[key] = quantity
				want = append(want, "Success")
			}
			keys = append(keys, key)
		}
		by := rapid.SampledFrom([]*replica{s.first, s.second}).Draw(t, "replica")
		a, err := by.call(by.as(s.vendor), "BatchMeterUsage", s.report(records...))
		if err != nil {
			t.Fatal(err)
		}
		b := readBatch(s, a)
		if got := b.statuses(); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		for i, r := range b.Results {
			if r.Status != "Success" {
				continue
			}
			if known, seen := ids[keys[i]]; seen && known != r.MeteringRecordID {
				t.Fatalf("%s was %s and is %s", keys[i], known, r.MeteringRecordID)
			}
			ids[keys[i]] = r.MeteringRecordID
		}
	})
	if got := len(s.records()); got != len(table) {
		t.Errorf("%d records, the table has %d", got, len(table))
	}
}
