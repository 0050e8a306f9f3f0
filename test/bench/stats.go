// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// latencies of requests.
type latencies []time.Duration

// over is what the latencies amount to when they were measured in a time.
func (l latencies) over(length time.Duration) result {
	slices.Sort(l)
	return result{
		perSecond: float64(len(l)) / length.Seconds(),
		p50:       l.percentile(50),
		p99:       l.percentile(99),
	}
}

// percentile of sorted latencies: the smallest one that so many percent of
// them do not exceed. It is 0 for none.
func (l latencies) percentile(percent float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	rank := int(math.Ceil(percent / 100 * float64(len(l))))
	return l[max(rank, 1)-1]
}

// median of values, which stay as they are; of an even number the mean of the
// two in the middle. It is 0 for none.
func median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// each maps values.
func each[T, V any](values []T, f func(T) V) []V {
	mapped := make([]V, 0, len(values))
	for _, v := range values {
		mapped = append(mapped, f(v))
	}
	return mapped
}

// largest of values; there is at least one.
func largest[T cmp.Ordered](values []T) T { return slices.Max(values) }

// pair is a measurement and the constant's beside it, round by round.
type pair struct {
	action             string
	operator, constant []result
	bytes              int
}

// middle is the median of each figure.
func middle(rounds []result) result {
	return result{
		perSecond: median(each(rounds, func(r result) float64 { return r.perSecond })),
		p50:       median(each(rounds, func(r result) time.Duration { return r.p50 })),
		p99:       median(each(rounds, func(r result) time.Duration { return r.p99 })),
		processor: median(each(rounds, func(r result) time.Duration { return r.processor })),
	}
}

// rates is the median of the ratios of the rates in each round, the operator's
// to the constant's: what disturbs the machine disturbs two neighbours alike.
func (p *pair) rates() float64 {
	return p.ratio(func(r result) float64 { return r.perSecond })
}

// p99s is the same for the 99th percentiles.
func (p *pair) p99s() float64 {
	return p.ratio(func(r result) float64 { return r.p99.Seconds() })
}

// processors is the same for the servers' own processor time.
func (p *pair) processors() float64 {
	return p.ratio(func(r result) float64 { return r.processor.Seconds() })
}

func (p *pair) ratio(figure func(result) float64) float64 {
	ratios := make([]float64, len(p.operator))
	for i := range ratios {
		ratios[i] = figure(p.operator[i]) / figure(p.constant[i])
	}
	return median(ratios)
}
