// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// claimNames are the names of a struct's JSON fields in their order.
func claimNames(of reflect.Type) []string {
	var names []string
	for n := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(n).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func TestThePageNamesEveryClaim(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "protocols", "signed-token.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Claims\n")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(table, -1)
	var documented []string
	members := map[string]string{}
	for _, row := range rows {
		documented = append(documented, row[1])
		members[row[1]] = row[2]
	}
	if diff := cmp.Diff(append(claimNames(reflect.TypeFor[wireClaims]()), "pad"), documented); diff != "" {
		t.Errorf("the table in docs/protocols/signed-token.md is not that of the code (- code, + page):\n%s", diff)
	}
	for claim, of := range map[string]reflect.Type{
		"entitlementsAllowed":      reflect.TypeFor[AllowedEntitlement](),
		"issuer":                   reflect.TypeFor[wireIssuer](),
		"validity":                 reflect.TypeFor[wireRange](),
		"entitlements":             reflect.TypeFor[wireEntitlement](),
		"consumptionConfiguration": reflect.TypeFor[wireConsumption](),
	} {
		if want := "of `" + strings.Join(claimNames(of), "`, `") + "`"; !strings.HasSuffix(members[claim], want) {
			t.Errorf("%s is a %q, want one %s", claim, members[claim], want)
		}
	}
}
