// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// owned are the entitlements of the tests: two counted ones and two features.
var owned = []v1alpha1.Entitlement{
	{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](10)},
	{Name: "traffic", Unit: "Gigabytes", MaxCount: ptr.To[int64](5), Overage: v1alpha1.Allowed},
	{Name: "gpu", Unit: v1alpha1.UnitNone, Value: "Enabled"},
	{Name: "beta", Unit: v1alpha1.UnitNone},
}

func count(name, value string) Want   { return Want{name, v1alpha1.UnitCount, value} }
func feature(name, value string) Want { return Want{name, v1alpha1.UnitNone, value} }

func TestMatch(t *testing.T) {
	seats := func(n int64) Held { return Held{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: n} }
	gpu := Held{Name: "gpu", Unit: v1alpha1.UnitNone, Value: "Enabled"}
	beta := Held{Name: "beta", Unit: v1alpha1.UnitNone}
	for name, test := range map[string]struct {
		wants []Want
		want  []Held
		kind  fault.Kind // "" for granted
		says  string
		// all is the fault of MatchAll where it differs.
		all fault.Kind
	}{
		"units": {wants: []Want{count("seats", "2")}, want: []Held{seats(2)}},
		"more units than there are: whether they are free is the book's to say": {
			wants: []Want{count("seats", "11")}, want: []Held{seats(11)}},
		"units of two kinds": {wants: []Want{{"traffic", "Gigabytes", "1"}, count("seats", "2")},
			want: []Held{{Name: "traffic", Unit: "Gigabytes", Quantity: 1}, seats(2)}},
		"the most units": {wants: []Want{count("seats", "1000000000000")}, want: []Held{seats(1_000_000_000_000)}},
		"leading zeros":  {wants: []Want{count("seats", "007")}, want: []Held{seats(7)}},
		"a feature, answered with the value held": {
			wants: []Want{feature("gpu", "")}, want: []Held{gpu}},
		"a feature with the value that is held": {wants: []Want{feature("gpu", "Enabled")}, want: []Held{gpu}},
		"a feature without a value":             {wants: []Want{feature("beta", "")}, want: []Held{beta}},
		"of many features those that are held": {
			wants: []Want{feature("alpha", ""), feature("beta", ""), feature("gpu", "")}, want: []Held{beta, gpu}, all: fault.NotEntitled},
		"of two features the one whose value fits": {
			wants: []Want{feature("gpu", "Disabled"), feature("beta", "")}, want: []Held{beta}, all: fault.NotEntitled},
		"units, and a feature that is not held": {
			wants: []Want{count("seats", "1"), feature("alpha", "")}, want: []Held{seats(1)}, all: fault.NotEntitled},
		"whatever unit it has, counted":   {wants: []Want{{"seats", "", "3"}}, want: []Held{seats(3)}},
		"whatever unit it has, a feature": {wants: []Want{{"gpu", "", ""}}, want: []Held{gpu}},

		"nothing asked for":                   {kind: fault.InvalidParameter, says: "at least one"},
		"the same name twice":                 {wants: []Want{count("seats", "1"), count("seats", "2")}, kind: fault.InvalidParameter, says: `"seats" is named twice`},
		"the same name once as a feature":     {wants: []Want{count("seats", "1"), feature("seats", "")}, kind: fault.InvalidParameter, says: "named twice"},
		"units without a number":              {wants: []Want{count("seats", "")}, kind: fault.InvalidParameter, says: `"seats" must be a number`},
		"no units":                            {wants: []Want{count("seats", "0")}, kind: fault.InvalidParameter, says: "from 1 to 1000000000000"},
		"less than no units":                  {wants: []Want{count("seats", "-1")}, kind: fault.InvalidParameter, says: "in digits"},
		"a sign before the number":            {wants: []Want{count("seats", "+1")}, kind: fault.InvalidParameter, says: "in digits"},
		"a fraction of a unit":                {wants: []Want{count("seats", "1.5")}, kind: fault.InvalidParameter, says: "in digits"},
		"digits of another script":            {wants: []Want{count("seats", "٣")}, kind: fault.InvalidParameter, says: "in digits"},
		"a blank before the number":           {wants: []Want{count("seats", " 1")}, kind: fault.InvalidParameter, says: "in digits"},
		"more than the most units":            {wants: []Want{count("seats", "1000000000001")}, kind: fault.InvalidParameter, says: "from 1 to"},
		"more units than any number":          {wants: []Want{count("seats", "99999999999999999999")}, kind: fault.InvalidParameter, says: "from 1 to"},
		"whatever unit, counted, no number":   {wants: []Want{{"seats", "", ""}}, kind: fault.InvalidParameter, says: `"seats" must be`},
		"a bad number of what is not there":   {wants: []Want{count("other", "x")}, kind: fault.InvalidParameter, says: `"other" must be`},
		"units in another unit":               {wants: []Want{{"seats", "Gigabytes", "1"}}, kind: fault.NotEntitled, says: `"seats" is counted in the unit Count, not Gigabytes`},
		"units as if they were a feature":     {wants: []Want{feature("seats", "")}, kind: fault.NotEntitled, says: `"seats" is counted in the unit Count, not None`},
		"a feature as if it were units":       {wants: []Want{count("gpu", "1")}, kind: fault.NotEntitled, says: `"gpu" is a feature`},
		"units that are not there":            {wants: []Want{count("other", "1")}, kind: fault.NotEntitled, says: `no entitlement "other"`},
		"units that are not there among some": {wants: []Want{count("seats", "1"), count("other", "1")}, kind: fault.NotEntitled, says: `no entitlement "other"`},
		"whatever unit, a number, not there":  {wants: []Want{feature("gpu", ""), {"other", "", "1"}}, kind: fault.NotEntitled, says: `no entitlement "other"`},
		"only features, none held":            {wants: []Want{feature("alpha", ""), feature("gamma", "")}, kind: fault.NotEntitled, says: "none of the features"},
		"a feature with another value":        {wants: []Want{feature("gpu", "Disabled")}, kind: fault.NotEntitled, says: "none of the features"},
		"a name in other letters":             {wants: []Want{feature("GPU", "")}, kind: fault.NotEntitled, says: "none of the features"},
		"a star is a name like any other":     {wants: []Want{feature("*", "")}, kind: fault.NotEntitled, says: "none of the features"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Match(owned, test.wants)
			checkMatch(t, got, err, test.want, test.kind)
			if f, ok := errors.AsType[*fault.Error](err); ok && !strings.Contains(f.Detail, test.says) {
				t.Errorf("the detail %q does not say %q", f.Detail, test.says)
			}
			if test.all != "" {
				test.want, test.kind = nil, test.all
			}
			got, err = MatchAll(owned, test.wants)
			checkMatch(t, got, err, test.want, test.kind)
		})
	}
}

func checkMatch(t *testing.T, got []Held, err error, want []Held, kind fault.Kind) {
	t.Helper()
	if kind == "" && err != nil || kind != "" && (err == nil || fault.KindOf(err) != kind) {
		t.Errorf("the error is %v, want %q", err, kind)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
}

func TestWants(t *testing.T) {
	got := Wants([]v1alpha1.EntitlementRequest{{Name: "seats", Quantity: ptr.To[int64](2)}, {Name: "gpu"}})
	if diff := cmp.Diff([]Want{{"seats", "", "2"}, {"gpu", "", ""}}, got); diff != "" {
		t.Errorf("wants (-want +got):\n%s", diff)
	}
	if _, err := Match(owned, Wants([]v1alpha1.EntitlementRequest{{Name: "gpu", Quantity: ptr.To[int64](2)}})); fault.KindOf(err) != fault.NotEntitled {
		t.Errorf("a quantity of a feature: the error is %v, want NotEntitled", err)
	}
}

func TestPools(t *testing.T) {
	want := []Pool{{Name: "seats", Total: 10}, {Name: "traffic", Total: 5, Overage: true}, {Name: "none-left"}}
	got := Pools(append(owned[:len(owned):len(owned)], v1alpha1.Entitlement{Name: "none-left", Unit: v1alpha1.UnitCount}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("seats", "Count", "1")
	f.Add("gpu", "None", "Enabled")
	f.Add("traffic", "", "0x10")
	f.Fuzz(func(t *testing.T, name, unit, value string) {
		held, err := Match(owned, []Want{{name, v1alpha1.Unit(unit), value}})
		if (err == nil) != (len(held) == 1) {
			t.Fatalf("it is %v and the error %v", held, err)
		}
		if err != nil {
			return
		}
		if h := held[0]; h.Name != name || (h.Unit == v1alpha1.UnitNone) != (h.Quantity == 0) || h.Quantity > MaxQuantity {
			t.Errorf("it is %v", h)
		}
	})
}

func TestAPerpetualCheckoutHoldsUnits(t *testing.T) {
	units := Held{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}
	feature := Held{Name: "gpu", Unit: v1alpha1.UnitNone, Value: "Enabled"}
	for name, test := range map[string]struct {
		kind    v1alpha1.CheckoutType
		held    []Held
		refused bool
	}{
		"units for good":               {v1alpha1.CheckoutPerpetual, []Held{units}, false},
		"units and a feature for good": {v1alpha1.CheckoutPerpetual, []Held{feature, units}, false},
		"a feature for good":           {v1alpha1.CheckoutPerpetual, []Held{feature}, true},
		"a feature for a while":        {v1alpha1.CheckoutProvisional, []Held{feature}, false},
		"a feature, borrowed":          {v1alpha1.CheckoutBorrow, []Held{feature}, false},
		"a type that is not said":      {"", []Held{feature}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckPerpetual(test.kind, test.held)
			if test.refused != (err != nil) || err != nil && (fault.KindOf(err) != fault.InvalidParameter || !strings.Contains(err.Error(), "use PROVISIONAL")) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
