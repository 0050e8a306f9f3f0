// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tutorials_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/license-operator/license-operator/internal/fault"
	_ "github.com/license-operator/license-operator/internal/metrics" // Registers the metrics.
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/query"
)

// tableRows reads the first table below a heading of the second level of a
// page in docs, without its head: the texts of its cells, without back-quotes.
func tableRows(t *testing.T, page, heading string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(env.Root(), "docs", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(data), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/%s has no heading %q", page, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "`", ""))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("docs/%s has no table below %q", page, heading)
	}
	return rows[2:]
}

// kinds are all kinds of fault, by the source of their package.
func kinds(t *testing.T) []fault.Kind {
	t.Helper()
	var all []fault.Kind
	files, err := filepath.Glob(filepath.Join(env.Root(), "internal", "fault", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		before := len(all)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Kind" {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, fault.Kind(value))
			}
			return true
		})
		if len(all) == before {
			t.Fatalf("no kinds of fault found in %s", name)
		}
	}
	return all
}

// compareErrors compares the table of errors of a protocol's page with the
// failures of its package, "code status" each.
func compareErrors(t *testing.T, page, code string, want []string) {
	t.Helper()
	var got []string
	for _, row := range tableRows(t, page, "Errors") {
		got = append(got, row[0]+" "+row[1])
		for _, cell := range row[2:] {
			if cell == "" {
				t.Errorf("%s: a cell is empty", row[0])
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("the table in docs/%s is not that of %s (- code, + page):\n%s", page, code, diff)
	}
}

func TestTheErrorsOfDevPayAreThoseOfTheCode(t *testing.T) {
	var want []string
	for _, kind := range kinds(t) {
		failure := query.FailureOf(fault.New(kind, "any"))
		if kind != fault.Internal && failure.Status == http.StatusInternalServerError {
			continue // Another protocol's.
		}
		want = append(want, fmt.Sprintf("%s %d", failure.Code, failure.Status))
	}
	compareErrors(t, "protocols/devpay.md", "webhook/query", want)
}

// jsonPages are the pages of APIs that speak AWS JSON 1.1.
var jsonPages = map[string][]*awsjson.Service{
	"protocols/license-manager.md": {awsjson.LicenseManager},
	"protocols/marketplace.md":     {awsjson.MarketplaceMetering, awsjson.MarketplaceEntitlement},
}

func TestTheErrorsOfTheJSONProtocolAreThoseOfTheCode(t *testing.T) {
	for page, services := range jsonPages {
		var want []string
		for _, service := range services {
			for _, kind := range kinds(t) {
				failure := service.FailureOf(fault.New(kind, "any"))
				want = append(want, fmt.Sprintf("%s %d", failure.Code, failure.Status))
			}
		}
		compareErrors(t, page, "webhook/awsjson", want)
	}
}

func TestTheOperationsOfTheJSONProtocolAreThoseOfTheCode(t *testing.T) {
	for page, services := range jsonPages {
		var want, got []string
		for _, op := range awsjson.Targets {
			if slices.Contains(services, op.Service) && op.Kubectl == "" {
				want = append(want, op.Name)
			}
		}
		for _, row := range tableRows(t, page, "Operations") {
			got = append(got, row[0])
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the table in docs/%s is not that of webhook/awsjson (- code, + page):\n%s", page, diff)
		}
	}
}

func TestTheActionsOfDevPayAreThoseOfTheCode(t *testing.T) {
	var want, got [][]string
	for _, a := range query.Actions {
		signers := []string{}
		for _, s := range a.Signers {
			signers = append(signers, strings.ToLower(string(s)))
		}
		if len(signers) == 0 {
			signers = []string{"nobody"}
		}
		var parameters []string
		for _, p := range a.Parameters {
			switch {
			case strings.HasPrefix(p.Name, query.AdditionalTokens+"."):
			case p.Required:
				parameters = append(parameters, p.Name)
			default:
				parameters = append(parameters, "["+p.Name+"]")
			}
		}
		want = append(want, []string{a.Name, strings.Join(signers, ", "), strings.Join(parameters, ", ")})
	}
	for _, row := range tableRows(t, "protocols/devpay.md", "Actions") {
		got = append(got, row[:3])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table in docs/protocols/devpay.md is not that of webhook/query (- code, + page):\n%s", diff)
	}
}

func TestTheFlagsAreThoseOfTheCode(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	(&options.Options{}).AddFlags(flags)
	var want [][]string
	flags.VisitAll(func(f *pflag.Flag) {
		value := f.DefValue
		if value == "[]" {
			value = ""
		}
		want = append(want, []string{"--" + f.Name, value, f.Usage})
	})
	if diff := cmp.Diff(want, tableRows(t, "operations.md", "Flags")); diff != "" {
		t.Errorf("the table in docs/operations.md is not that of internal/options (- code, + page):\n%s", diff)
	}
}

var metricName = regexp.MustCompile(`fqName: "(license_operator_[^"]+)".*variableLabels: \{([^}]*)\}`)

func TestTheMetricsAreThoseOfTheCode(t *testing.T) {
	descriptions := make(chan *prometheus.Desc, 1000)
	metrics.Registry.(prometheus.Collector).Describe(descriptions)
	close(descriptions)
	var want, got [][]string
	for d := range descriptions {
		if found := metricName.FindStringSubmatch(d.String()); found != nil {
			want = append(want, []string{found[1], strings.ReplaceAll(found[2], ",", ", ")})
		}
	}
	for _, row := range tableRows(t, "operations.md", "Metrics") {
		got = append(got, row[:2])
	}
	byName := func(a, b []string) int { return strings.Compare(a[0], b[0]) }
	slices.SortFunc(want, byName)
	slices.SortFunc(got, byName)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table in docs/operations.md is not that of internal/metrics (- code, + page):\n%s", diff)
	}
}
