// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPercentilesAreLatenciesThatWereMeasured(t *testing.T) {
	var hundred latencies
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for name, test := range map[string]struct {
		sorted  latencies
		percent float64
		want    time.Duration
	}{
		"none has percentile 0":                    {nil, 99, 0},
		"one is every percentile":                  {latencies{7}, 1, 7},
		"the 50th of two is the first":             {latencies{1, 2}, 50, 1},
		"the 99th of a hundred is the 99th":        {hundred, 99, 99},
		"the 100th is the largest":                 {hundred, 100, 100},
		"the 99th of three is the largest of them": {latencies{1, 2, 9}, 99, 9},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.sorted.percentile(test.percent); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestTheMedianLeavesTheValuesAsTheyAre(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   float64
	}{
		"of none it is 0": {nil, 0},
		"of an odd number it is the one in the middle": {[]float64{9, 1, 5}, 5},
		"of an even number it is the mean of two":      {[]float64{8, 1, 4, 2}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			before := append([]float64(nil), test.values...)
			if got := median(test.values); got != test.want {
				t.Errorf("got %g, want %g", got, test.want)
			}
			if diff := cmp.Diff(before, test.values); diff != "" {
				t.Errorf("the values have changed:\n%s", diff)
			}
		})
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	p := &pair{
		operator: []result{{perSecond: 50, p99: 4 * time.Millisecond}, {perSecond: 10, p99: 30 * time.Millisecond}, {perSecond: 60, p99: 6 * time.Millisecond}},
		constant: []result{{perSecond: 100, p99: 2 * time.Millisecond}, {perSecond: 20, p99: 15 * time.Millisecond}, {perSecond: 80, p99: 2 * time.Millisecond}},
	}
	if got := p.rates(); got != 0.5 {
		t.Errorf("got the ratio %g of the rates, want 0.5: the slow round was slow for both", got)
	}
	if got := p.p99s(); got != 2 {
		t.Errorf("got the ratio %g of the 99th percentiles, want 2", got)
	}
}

func TestARateCountsAllRequests(t *testing.T) {
	got := latencies{3, 1, 2, 4}.over(2 * time.Second)
	want := result{perSecond: 2, p50: 2, p99: 4}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
