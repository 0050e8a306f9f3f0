// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// The aims of docs/benchmarks.md.
const (
	leastRate  = 0.5
	mostP99    = 3.0
	mostPatch  = time.Second
	unitMebi   = 1 << 20
	unitKibi   = 1 << 10
	timeDigits = 10 * time.Microsecond
)

// report is everything that was measured.
type report struct {
	settings              *settings
	machine               machine
	pairs, bare           []*pair
	activations           result
	patches               []patched
	created               time.Duration
	empty, filled, loaded memory
}

func (p *pair) round(i int) string {
	a, b := p.operator[i], p.constant[i]
	return fmt.Sprintf("%.0f/s beside %.0f/s, p99 %s beside %s, processor %s beside %s",
		a.perSecond, b.perSecond, a.p99.Round(timeDigits), b.p99.Round(timeDigits), a.processor, b.processor)
}

// write prints Markdown.
func (r *report) write(w io.Writer) error {
	var b strings.Builder
	r.writeMachine(&b)
	r.writeRates(&b)
	r.writeOthers(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) writeMachine(b *strings.Builder) {
	m := r.machine
	fmt.Fprintf(b, "| Machine | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"Processor", fmt.Sprintf("%s, %d cores", m.cpu, m.cores)},
		{"Memory", fmt.Sprintf("%.0f GiB", float64(m.memory)/(1<<30))},
		{"System", m.system},
		{"Go", m.goVersion},
		{"license-operator", m.operator},
		{"kube-apiserver, etcd", m.apiserver + ", " + m.etcd},
		{"Load average before (1, 5, 15 minutes)", m.loadAverage},
		{"Subscriptions", fmt.Sprint(r.settings.subscriptions)},
		{"Clients, rounds", fmt.Sprintf("%d, %d of %s", r.settings.clients, r.settings.rounds, r.settings.round)},
		{"Flags of the operator", "`" + strings.Join(operatorFlags, " ") + "`"},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], row[1])
	}
}

func (r *report) writeRates(b *strings.Builder) {
	fmt.Fprintf(b, "\n| Request | Requests/s | p50 | p99 | Processor time |\n|---|---|---|---|---|\n")
	for _, kind := range []struct {
		name  string
		pairs []*pair
	}{{"", r.pairs}, {", bare clients", r.bare}} {
		for _, p := range kind.pairs {
			writeRow(b, p.action+kind.name, middle(p.operator))
			writeRow(b, fmt.Sprintf("a constant of the same %d bytes%s", p.bytes, kind.name), middle(p.constant))
		}
	}
	writeRow(b, "ActivateHostedProduct, a committed write each", r.activations)

	fmt.Fprintf(b, "\n| Operator to constant | Requests/s (at least %.1f) | p99 (at most %.0f) | Processor time |\n|---|---|---|---|\n", leastRate, mostP99)
	for _, p := range r.pairs {
		fmt.Fprintf(b, "| %s | %.2f %s | %.2f %s | %.2f |\n", p.action,
			p.rates(), verdict(p.rates() >= leastRate), p.p99s(), verdict(p.p99s() <= mostP99), p.processors())
	}
	for _, p := range r.bare {
		fmt.Fprintf(b, "| %s, bare clients | %.2f | %.2f | %.2f |\n", p.action, p.rates(), p.p99s(), p.processors())
	}
}

func writeRow(b *strings.Builder, name string, r result) {
	processor := ""
	if r.processor > 0 {
		processor = r.processor.Round(time.Microsecond).String()
	}
	fmt.Fprintf(b, "| %s | %.0f | %s | %s | %s |\n", name, r.perSecond, r.p50.Round(timeDigits), r.p99.Round(timeDigits), processor)
}

func (r *report) writeOthers(b *strings.Builder) {
	answers := each(r.patches, func(p patched) time.Duration { return p.answer })
	kubectl := median(each(r.patches, func(p patched) time.Duration { return p.kubectl }))
	perObject := float64(r.filled.now-r.empty.now) / float64(r.settings.subscriptions) / unitKibi
	slowest := largest(answers)
	fmt.Fprintf(b, "\n| Figure | |\n|---|---|\n")
	for _, row := range [][2]string{
		{fmt.Sprintf("Start of `kubectl patch` Cancelled to Subscribed=false, median of %d", len(answers)),
			fmt.Sprintf("%s (kubectl itself runs %s)", median(answers).Round(time.Millisecond), kubectl.Round(time.Millisecond))},
		{fmt.Sprintf("The slowest (at most %s)", mostPatch), fmt.Sprintf("%s %s", slowest.Round(time.Millisecond), verdict(slowest <= mostPatch))},
		{fmt.Sprintf("%d Subscriptions created, and all have status", r.settings.subscriptions), r.created.Round(100 * time.Millisecond).String()},
		{"Memory of the operator without Subscriptions", mebibytes(r.empty.now)},
		{"with them", fmt.Sprintf("%s (%.1f KiB each)", mebibytes(r.filled.now), perObject)},
		{"under load", fmt.Sprintf("%s (at most %s so far)", mebibytes(r.loaded.now), mebibytes(r.loaded.peak))},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], row[1])
	}
}

func mebibytes(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/unitMebi) }

func verdict(met bool) string {
	if met {
		return "(met)"
	}
	return "(missed)"
}
