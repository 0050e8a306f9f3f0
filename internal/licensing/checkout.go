// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// MaxQuantity is the most units that one checkout may ask for of one
// entitlement.
const MaxQuantity = 1_000_000_000_000

// Want is one entitlement that a checkout asks for, in the words of whoever
// asks.
type Want struct {
	Name string
	// Unit that the caller takes it to have; "" for whatever unit it has.
	Unit v1alpha1.Unit
	// Value is a number of units in digits, or the value that a feature is
	// expected to have, "" for any.
	Value string
}

// Held is one entitlement that a checkout may hold.
type Held struct {
	Name string
	Unit v1alpha1.Unit
	// Quantity of units, 1 or more; 0 for a feature.
	Quantity int64
	// Value of a feature, which may be "".
	Value string
}

// Pool is one counted entitlement.
type Pool struct {
	Name string
	// Total units that may be in use at once.
	Total int64
	// Overage says that units beyond Total are granted and reported.
	Overage bool
}

// Wants are the entitlements that a LicenseCheckout asks for.
func Wants(requests []v1alpha1.EntitlementRequest) []Want {
	wants := make([]Want, 0, len(requests))
	for _, r := range requests {
		w := Want{Name: r.Name}
		if r.Quantity != nil {
			w.Value = strconv.FormatInt(*r.Quantity, 10)
		}
		wants = append(wants, w)
	}
	return wants
}

// Pools are the counted ones of a Subscription's entitlements.
func Pools(entitlements []v1alpha1.Entitlement) []Pool {
	var pools []Pool
	for i := range entitlements {
		if e := &entitlements[i]; e.Unit != v1alpha1.UnitNone {
			pools = append(pools, Pool{Name: e.Name, Total: ptr.Deref(e.MaxCount, 0), Overage: e.Overage == v1alpha1.Allowed})
		}
	}
	return pools
}

// Match answers with what of the wants the entitlements give: of features those
// that are held, of counted ones all or nothing. Whether so many units are free
// is for the book to say. Faults: InvalidParameter for what can't be meant,
// NotEntitled for what the entitlements don't give, also if nothing is left.
func Match(entitlements []v1alpha1.Entitlement, wants []Want) ([]Held, error) {
	return match(entitlements, wants, false)
}

// MatchAll is Match for checkouts that are never partial: features are all or
// nothing too.
func MatchAll(entitlements []v1alpha1.Entitlement, wants []Want) ([]Held, error) {
	return match(entitlements, wants, true)
}

// CheckPerpetual is nil if a checkout of a type may hold these entitlements, else
// the fault InvalidParameter: a Perpetual one of features only would be held for
// ever and draw nothing down.
func CheckPerpetual(kind v1alpha1.CheckoutType, held []Held) error {
	if kind != v1alpha1.CheckoutPerpetual || slices.ContainsFunc(held, func(h Held) bool { return h.Unit != v1alpha1.UnitNone }) {
		return nil
	}
	return fault.New(fault.InvalidParameter, "CheckoutType PERPETUAL draws units down for good, and a feature has none: use PROVISIONAL.")
}

func match(entitlements []v1alpha1.Entitlement, wants []Want, all bool) ([]Held, error) {
	if err := checkWants(wants); err != nil {
		return nil, err
	}
	held := make([]Held, 0, len(wants))
	for _, w := range wants {
		i := slices.IndexFunc(entitlements, func(e v1alpha1.Entitlement) bool { return e.Name == w.Name })
		if i < 0 {
			if all || w.counted() {
				return nil, fault.New(fault.NotEntitled, "The licence has no entitlement %q.", w.Name)
			}
			continue
		}
		h, found, err := w.of(&entitlements[i])
		switch {
		case err != nil:
			return nil, err
		case found:
			held = append(held, h)
		case all:
			return nil, fault.New(fault.NotEntitled, "The licence has the feature %q with another value.", w.Name)
		}
	}
	if len(held) == 0 {
		return nil, fault.New(fault.NotEntitled, "The licence has none of the features asked for.")
	}
	return held, nil
}

// checkWants refuses what can't be meant, whatever the entitlements.
func checkWants(wants []Want) error {
	if len(wants) == 0 {
		return fault.New(fault.InvalidParameter, "Ask for at least one entitlement.")
	}
	for i, w := range wants {
		if slices.ContainsFunc(wants[:i], func(other Want) bool { return other.Name == w.Name }) {
			return fault.New(fault.InvalidParameter, "The entitlement %q is named twice; ask for the sum.", w.Name)
		}
		if w.Unit != "" && w.Unit != v1alpha1.UnitNone {
			if _, err := w.quantity(); err != nil {
				return err
			}
		}
	}
	return nil
}

// counted says whether the caller means something that is counted.
func (w Want) counted() bool {
	if w.Unit == "" {
		return w.Value != ""
	}
	return w.Unit != v1alpha1.UnitNone
}

// of is what an entitlement of the same name gives; false if it is a feature
// with another value.
func (w Want) of(e *v1alpha1.Entitlement) (Held, bool, error) {
	if w.Unit != "" && w.Unit != e.Unit {
		if e.Unit == v1alpha1.UnitNone {
			return Held{}, false, fault.New(fault.NotEntitled,
				"The entitlement %q is a feature; ask for it with the unit None and without a value.", w.Name)
		}
		return Held{}, false, fault.New(fault.NotEntitled,
			"The entitlement %q is counted in the unit %s, not %s; ask for it with that unit.", w.Name, e.Unit, w.Unit)
	}
	if e.Unit == v1alpha1.UnitNone {
		return Held{Name: e.Name, Unit: e.Unit, Value: e.Value}, w.Value == "" || w.Value == e.Value, nil
	}
	quantity, err := w.quantity()
	return Held{Name: e.Name, Unit: e.Unit, Quantity: quantity}, err == nil, err
}

// quantity is the value as a number of units.
func (w Want) quantity() (int64, error) {
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	n, err := strconv.ParseInt(w.Value, 10, 64)
	if err != nil || n < 1 || n > MaxQuantity || strings.ContainsFunc(w.Value, notDigit) {
		return 0, fault.New(fault.InvalidParameter,
			"The value for the entitlement %q must be a number of units in digits, from 1 to %d.", w.Name, MaxQuantity)
	}
	return n, nil
}
