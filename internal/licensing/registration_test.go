// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

func TestRegistrationUsable(t *testing.T) {
	now := time.Date(2026, time.November, 22, 2, 44, 0, 0, time.UTC)
	fresh, used, revoked := &v1alpha1.Activation{}, &v1alpha1.Activation{}, &v1alpha1.Activation{}
	used.Status.FirstRedemptionTime = &metav1.Time{Time: now.Add(-time.Second)}
	revoked.Spec.State = v1alpha1.ActivationRevoked
	for name, test := range map[string]struct {
		activation *v1alpha1.Activation
		use        v1alpha1.TokenUse
		left       time.Duration
		want       fault.Kind // "" for usable
	}{
		"a fresh one":                          {fresh, v1alpha1.TokenUseReusable, time.Second, ""},
		"a fresh one, if nothing is said":      {fresh, "", time.Second, ""},
		"a fresh one, for one use":             {fresh, v1alpha1.TokenUseOnce, time.Nanosecond, ""},
		"one that was used":                    {used, v1alpha1.TokenUseReusable, time.Second, ""},
		"one that was used, for one use":       {used, v1alpha1.TokenUseOnce, time.Second, fault.RegistrationTokenExpired},
		"at its end":                           {fresh, v1alpha1.TokenUseReusable, 0, fault.RegistrationTokenExpired},
		"after its end":                        {used, v1alpha1.TokenUseOnce, -time.Hour, fault.RegistrationTokenExpired},
		"after its end, without an Activation": {nil, "", -time.Hour, fault.RegistrationTokenExpired},
		"revoked":                              {revoked, v1alpha1.TokenUseReusable, time.Second, fault.RegistrationTokenInvalid},
		"revoked, after its end":               {revoked, v1alpha1.TokenUseReusable, -time.Second, fault.RegistrationTokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			err := RegistrationUsable(RegistrationUse{Activation: test.activation, Use: test.use, Expiration: now.Add(test.left)}, now)
			if test.want == "" && err != nil || test.want != "" && fault.KindOf(err) != test.want {
				t.Errorf("it is %v, want %q", err, test.want)
			}
		})
	}
}

func TestRegistrationLifetime(t *testing.T) {
	issued := time.Date(2026, time.November, 22, 2, 44, 0, 0, time.UTC)
	for lifetime, want := range map[time.Duration]int32{
		4 * time.Hour: 14400, 90*time.Second + time.Millisecond: 90, time.Second: 60, -time.Hour: 60, 100000 * time.Hour: 31536000,
	} {
		if got := RegistrationLifetime(issued, issued.Add(lifetime)); got != want {
			t.Errorf("of %s it is %d, want %d", lifetime, got, want)
		}
	}
}
