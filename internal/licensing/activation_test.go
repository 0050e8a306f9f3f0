// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/builder"
)

func TestActivationLifetime(t *testing.T) {
	key := func() *builder.ActivationBuilder { return builder.Activation("initech-1", "initech") }
	product := builder.Product("render-farm").WithKeyLifetime(7200).WithRegistration(600, v1alpha1.TokenUseOnce)
	plain := builder.Product("render-farm")
	for name, test := range map[string]struct {
		product    *builder.ProductBuilder
		activation *builder.ActivationBuilder
		want       time.Duration
	}{
		"a key's default":                       {plain, key(), time.Hour},
		"a token's default":                     {plain, key().ForRegistration(), 4 * time.Hour},
		"a key's by the Product":                {product, key(), 2 * time.Hour},
		"a token's by the Product":              {product, key().ForRegistration(), 10 * time.Minute},
		"a shorter one of its own":              {product, key().WithLifetime(60), time.Minute},
		"exactly the Product's":                 {product, key().WithLifetime(7200), 2 * time.Hour},
		"at most the Product's":                 {product, key().WithLifetime(7201), 2 * time.Hour},
		"at most the default":                   {plain, key().WithLifetime(3601), time.Hour},
		"a token's is not bounded by the key's": {product, key().ForRegistration().WithLifetime(601), 10 * time.Minute},
		"the longest there is":                  {builder.Product("a").WithKeyLifetime(31_536_000), key(), 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ActivationLifetime(test.product.Build(), test.activation.Build()); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}

func TestWhatAPageHasMadeIsUselessADayAfterItsKeyIsOver(t *testing.T) {
	key := func() *builder.ActivationBuilder {
		return builder.Activation("initech-1", "initech").MadeByPage(v1alpha1.PageActivation).
			With(func(a *v1alpha1.Activation) { a.CreationTimestamp = metav1.Time{Time: now} })
	}
	expiring := func(a *v1alpha1.Activation) { a.Status.ExpirationTime = &metav1.Time{Time: now.Add(time.Minute)} }
	redeemed := func(a *v1alpha1.Activation) { a.Status.FirstRedemptionTime = &metav1.Time{Time: now} }
	for name, test := range map[string]struct {
		activation *builder.ActivationBuilder
		want       time.Duration // 0 for never
	}{
		"issued":                                {key().With(expiring), time.Minute + 24*time.Hour},
		"used":                                  {key().With(expiring).With(redeemed), 0},
		"a token that was resolved":             {key().ForRegistration().With(expiring).With(redeemed), time.Minute + 24*time.Hour},
		"never issued":                          {key(), 25 * time.Hour},
		"a token that was never issued":         {key().ForRegistration(), 28 * time.Hour},
		"never issued, with its own lifetime":   {key().WithLifetime(60), time.Minute + 24*time.Hour},
		"never issued, with a longer lifetime":  {key().ForRegistration().WithLifetime(86400), 48 * time.Hour},
		"the vendor's, which was never issued":  {key().MadeByPage(""), 0},
		"the vendor's, which was issued before": {key().MadeByPage("").With(expiring), 0},
	} {
		t.Run(name, func(t *testing.T) {
			var want time.Time
			if test.want != 0 {
				want = now.Add(test.want)
			}
			if got := PageUseless(test.activation.Build()); !got.Equal(want) {
				t.Errorf("it is useless from %s on, want %s", got, want)
			}
		})
	}
}

func TestKeyUsable(t *testing.T) {
	expiring := func(at time.Time) *builder.ActivationBuilder {
		return builder.Activation("initech-1", "initech").With(func(a *v1alpha1.Activation) {
			a.Status.IssueTime = &metav1.Time{Time: at.Add(-time.Hour)}
			a.Status.ExpirationTime = &metav1.Time{Time: at}
		})
	}
	without := func(drop func(*v1alpha1.ActivationStatus)) *builder.ActivationBuilder {
		return expiring(now.Add(time.Hour)).With(func(a *v1alpha1.Activation) { drop(&a.Status) })
	}
	for name, test := range map[string]struct {
		activation *builder.ActivationBuilder
		want       fault.Kind // "" for usable
	}{
		"within its lifetime":         {expiring(now.Add(time.Second)), ""},
		"a nanosecond before its end": {expiring(now.Add(1)), ""},
		"at its end":                  {expiring(now), fault.ActivationKeyExpired},
		"after its end":               {expiring(now.Add(-time.Hour)), fault.ActivationKeyExpired},
		"never issued":                {builder.Activation("initech-1", "initech"), fault.ActivationKeyExpired},
		"without a time of issue":     {without(func(s *v1alpha1.ActivationStatus) { s.IssueTime = nil }), fault.ActivationKeyExpired},
		"without an end":              {without(func(s *v1alpha1.ActivationStatus) { s.ExpirationTime = nil }), fault.ActivationKeyExpired},
		"revoked within its lifetime": {expiring(now.Add(time.Hour)).Revoked(), fault.ActivationKeyInvalid},
		"revoked and over":            {expiring(now.Add(-time.Hour)).Revoked(), fault.ActivationKeyInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			err := KeyUsable(test.activation.Build(), now)
			if test.want == "" {
				if err != nil {
					t.Errorf("it is refused: %v", err)
				}
				return
			}
			if err == nil || fault.KindOf(err) != test.want {
				t.Errorf("the error is %v, want %s", err, test.want)
			}
		})
	}
}

func TestRevoked(t *testing.T) {
	for name, test := range map[string]struct {
		activation *v1alpha1.Activation
		want       bool
	}{
		"one that does not exist": {nil, false},
		"Active":                  {builder.Activation("a", "b").Build(), false},
		"Revoked":                 {builder.Activation("a", "b").Revoked().Build(), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Revoked(test.activation); got != test.want {
				t.Errorf("it is %t, want %t", got, test.want)
			}
		})
	}
}

func TestUserTokenExpiration(t *testing.T) {
	bounded := builder.Product("render-farm").WithUserTokenLifetime(3600)
	for name, test := range map[string]struct {
		product *builder.ProductBuilder
		asked   time.Duration
		want    time.Time
	}{
		"never, if nobody says":             {builder.Product("a"), 0, time.Time{}},
		"after what the caller asks for":    {builder.Product("a"), time.Minute, now.Add(time.Minute)},
		"after what the Product allows":     {bounded, 0, now.Add(time.Hour)},
		"a shorter time than allowed":       {bounded, time.Minute, now.Add(time.Minute)},
		"exactly the time that is allowed":  {bounded, time.Hour, now.Add(time.Hour)},
		"a longer time than allowed is cut": {bounded, time.Hour + 1, now.Add(time.Hour)},
		"the longest the Product may allow": {builder.Product("a").WithUserTokenLifetime(3_153_600_000), 0, now.Add(3_153_600_000 * time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := UserTokenExpiration(test.product.Build(), test.asked, now); !got.Equal(test.want) {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}

func TestAcceptedRotation(t *testing.T) {
	idOf := func(rotation int32) string { return "AKIA" + strconv.Itoa(int(rotation)) }
	key := func(rotation, overlap, recorded int32) *builder.AccessKeyBuilder {
		return builder.VendorKey("backend").WithRotation(rotation).WithOverlap(overlap).
			With(func(k *v1alpha1.AccessKey) { k.Status.Rotation = recorded })
	}
	previous := func(b *builder.AccessKeyBuilder, rotation int32, until time.Time) *builder.AccessKeyBuilder {
		return b.With(func(k *v1alpha1.AccessKey) {
			k.Status.Previous = &v1alpha1.PreviousAccessKey{AccessKeyID: idOf(rotation), Rotation: rotation, ExpirationTime: metav1.NewTime(until)}
		})
	}
	for name, test := range map[string]struct {
		key  *builder.AccessKeyBuilder
		id   string
		want int32 // 0 for refused
	}{
		"the current pair":                              {key(2, 0, 2), idOf(2), 2},
		"the current pair before it is recorded":        {key(2, 0, 0), idOf(2), 2},
		"rotation not said is 1":                        {builder.VendorKey("backend"), idOf(1), 1},
		"the pair before without overlap":               {key(2, 0, 2), idOf(1), 0},
		"the next pair":                                 {key(2, 0, 2), idOf(3), 0},
		"an id of nobody":                               {key(2, 600, 1), "AKIA", 0},
		"no id":                                         {key(2, 600, 1), "", 0},
		"the pair before a change not yet recorded":     {key(2, 600, 1), idOf(1), 1},
		"the new pair of a change not yet recorded":     {key(2, 600, 1), idOf(2), 2},
		"the pair before such a change without overlap": {key(2, 0, 1), idOf(1), 0},
		"nothing recorded, so nothing is before":        {key(2, 600, 0), idOf(1), 0},
		"the pair before during its overlap":            {previous(key(2, 600, 2), 1, now.Add(1)), idOf(1), 1},
		"the pair before at the end of its overlap":     {previous(key(2, 600, 2), 1, now), idOf(1), 0},
		"the current pair during an overlap":            {previous(key(2, 600, 2), 1, now.Add(1)), idOf(2), 2},
		"the pair before, its overlap taken back":       {previous(key(2, 0, 2), 1, now.Add(1)), idOf(1), 0},
		"the last but one during a pending change":      {previous(key(3, 600, 2), 1, now.Add(1)), idOf(1), 1},
		"an id that somebody wrote into the status": {previous(key(2, 600, 2), 1, now.Add(1)).With(func(k *v1alpha1.AccessKey) {
			k.Status.Previous.AccessKeyID = idOf(7)
		}), idOf(7), 0},
		"a key that waits for a finalizer only": {key(2, 0, 2).With(func(k *v1alpha1.AccessKey) {
			k.DeletionTimestamp = &metav1.Time{Time: now}
		}), idOf(2), 0},
		"an Inactive key's current pair":                 {key(2, 0, 2).Inactive(), idOf(2), 0},
		"an Inactive key's pair before":                  {previous(key(2, 600, 2), 1, now.Add(1)).Inactive(), idOf(1), 0},
		"an Inactive key's pair before a pending change": {key(2, 600, 1).Inactive(), idOf(1), 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := AcceptedRotation(test.key.Build(), test.id, idOf, now)
			if got != test.want || ok != (test.want != 0) {
				t.Errorf("it is %d, %t; want %d", got, ok, test.want)
			}
		})
	}
}

func TestPendingRotation(t *testing.T) {
	for name, test := range map[string]struct {
		rotation, overlap, recorded int32
		want                        int32 // 0 for none
	}{
		"recorded":                      {2, 600, 2, 0},
		"not recorded, with overlap":    {2, 600, 1, 1},
		"not recorded, without overlap": {2, 0, 1, 0},
		"nothing recorded yet":          {2, 600, 0, 0},
		"back to a lower one":           {1, 600, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			k := builder.VendorKey("backend").WithRotation(test.rotation).WithOverlap(test.overlap).Build()
			k.Status.Rotation = test.recorded
			if before, pending := PendingRotation(k); pending != (test.want != 0) || pending && before != test.want {
				t.Errorf("it is %d, %t; want %d", before, pending, test.want)
			}
		})
	}
}
