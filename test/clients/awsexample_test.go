// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"regexp"
	"testing"
)

// testExample runs docs/examples/floating-seat, which vendors copy.
func (w *world) testExample(t *testing.T) {
	s := w.newStage(t, &w.awsClients(t)[0])
	arn := s.licence(t, "globex", "tool")
	example := func(key pair, args ...string) output {
		return runWith(t, "", s.settings(key).variables(), w.path("clients", "floating-seat"),
			append([]string{"-sku", sku, "-fingerprint", s.fingerprint, "-hold", "1s"}, args...)...)
	}
	t.Run("it holds a seat", func(t *testing.T) {
		got := example(s.key, "-beneficiary", "globex")
		want := regexp.MustCompile(`^Checked out 1 of seats until \S+Z\nExtended until \S+Z\nChecked in\n$`)
		if got.exit != 0 || !want.MatchString(got.stdout) {
			t.Errorf("it ended with %d and printed\n%s%s", got.exit, got.stdout, got.stderr)
		}
		if used := s.used(t, arn); used != "0" {
			t.Errorf("%s seats are in use, want none", used)
		}
	})
	for name, test := range map[string]struct {
		key  pair
		args []string
		want string
	}{
		"no seat is left":            {s.key, []string{"-beneficiary", "globex", "-quantity", "3"}, `^Error: no seat: No Entitlements Allowed: all units are in use`},
		"nothing was bought":         {s.key, []string{"-beneficiary", "nobody"}, `^Error: no seat: The Beneficiary has no licence of the product`},
		"the entitlement is unknown": {s.key, []string{"-beneficiary", "globex", "-entitlement", "desks"}, `^Error: no seat: The licence has no entitlement "desks"`},
		"nobody is named":            {s.key, nil, `^Error: wrong request: Beneficiary is missing`},
		"the secret is wrong":        {pair{s.key.id, "wrong"}, []string{"-beneficiary", "globex"}, `^Error: access denied: InvalidSignatureException: `},
	} {
		t.Run(name, func(t *testing.T) {
			got := example(test.key, test.args...)
			if got.exit != 1 || !regexp.MustCompile(test.want).MatchString(got.stderr) {
				t.Errorf("it ended with %d and said %s\nwant %s", got.exit, got.stderr, test.want)
			}
		})
	}
}
