// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/env"
)

func TestTheErrorsOfThePagesAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(env.Root(), "docs", "protocols", "pages.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Errors\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var got []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.Contains(cells[1], "`") {
			got = append(got, strings.Trim(cells[1], " `")+" "+strings.TrimSpace(cells[2]))
		}
	}
	want := []string{fmt.Sprintf("%s %d", internalFailure.code, internalFailure.status)}
	for _, f := range failures {
		want = append(want, fmt.Sprintf("%s %d", f.code, f.status))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of docs/protocols/pages.md is not that of the code (- code, + page):\n%s", diff)
	}
	for name, bound := range map[string]string{"tokens": fmt.Sprintf("%d at once and then one each %g seconds", viewBurst, 1/tokensPerSecond),
		"keys a day": fmt.Sprintf("%d a day", store.MaxPageKeys), "views": fmt.Sprintf("%d a second and %d at once", viewsPerSecond, viewBurst),
		"keys": fmt.Sprintf("one a minute and %d at once", keyBurst), "a body": fmt.Sprintf("more than %d KiB", MaxBody>>10)} {
		if !strings.Contains(table, bound) {
			t.Errorf("the bound of %s is not documented: %s", name, bound)
		}
	}
}
