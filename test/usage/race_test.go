// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Many report the same hours at once, through two replicas, with quantities of
// their own: of each hour one report wins, and all are told the same.
func TestOfManyReportsOfAnHourOneWinsWhateverTheReplica(t *testing.T) {
	const reporters, hours, rounds = 8, 6, 4
	s := newShop(t)
	now := s.Clock.Now()
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	// accepted are the quantities that were a Success, by the hour and dimension.
	accepted, ids := map[string]map[int]bool{}, map[string]map[string]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range reporters {
		by := []*replica{s.first, s.second}[n%2]
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		wg.Go(func() {
			for range rounds {
				var records []string
				var keys []string
				var quantities []int
				for _, hour := range random.Perm(hours) {
					at, dimension, quantity := now.Add(-time.Duration(hour)*time.Hour), []string{minutes, storage}[random.IntN(2)], random.IntN(3)
					records = append(records, hourly(at, initech, dimension, quantity))
					keys = append(keys, fmt.Sprint(hour, dimension))
					quantities = append(quantities, quantity)
				}
				a, err := by.call(by.as(s.vendor), "BatchMeterUsage", s.report(records...))
				if err != nil {
					t.Error(err)
					return
				}
				b := readBatch(t, a)
				if len(b.Results) != hours || len(b.UnprocessedRecords) != 0 {
					t.Errorf("%+v", b)
					return
				}
				mu.Lock()
				for i, r := range b.Results {
					if accepted[keys[i]] == nil {
						accepted[keys[i]], ids[keys[i]] = map[int]bool{}, map[string]bool{}
					}
					if r.Status == "Success" {
						accepted[keys[i]][quantities[i]] = true
						ids[keys[i]][r.MeteringRecordID] = true
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	stored := map[string]map[int]bool{}
	for _, r := range s.records() {
		key := fmt.Sprint(int(now.UTC().Truncate(time.Hour).Sub(r.Spec.Hour.Time)/time.Hour), r.Spec.Dimension)
		stored[key] = map[int]bool{int(r.Spec.Quantity): true}
		if want := map[string]bool{r.Spec.MeteringRecordID: true}; !maps.Equal(ids[key], want) {
			t.Errorf("%s was told as %v, want %v", key, ids[key], want)
		}
	}
	if diff := cmp.Diff(stored, accepted); diff != "" {
		t.Errorf("what was told to be a Success is not what is stored (-stored +told)\n%s", diff)
	}
}

// The same for MeterUsage: one quantity is recorded, the others are told so.
func TestOfManyCallsOfMeterUsageOneWins(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	var mu sync.Mutex
	codes := map[string]int{}
	var wg sync.WaitGroup
	for n := range 12 {
		by := []*replica{s.first, s.second}[n%2]
		wg.Go(func() {
			a, err := by.call(by.as(s.customer), "MeterUsage", s.meter(now, n/2, fmt.Sprintf(`,"ClientToken":"%d"`, n)))
			if err != nil {
				t.Error(err)
				return
			}
			code := a.code(t)
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	if want := map[string]int{"": 2, "DuplicateRequestException": 10}; !maps.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
	if all := s.records(); len(all) != 1 || strings.Contains(all[0].Name, " ") {
		t.Errorf("%d records", len(all))
	}
}
