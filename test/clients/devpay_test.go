// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// What the program says about a key, by the code of the error.
const (
	notValid = "Problem with Amazon response: Activation key is not valid; double-check.\n"
	expired  = "Problem with Amazon response: Activation key has expired; get a new one.\n"
)

var (
	compiledInToken = regexp.MustCompile(`\{ProductToken\}[A-Za-z0-9+/]+=*`)
	deviceProperty  = regexp.MustCompile(`(?m)^device-property "(S3_[A-Z_]+)" "([^"]*)"$`)
)

// testActivateDevPay runs the program with which users of the backup software
// Amanda activated their DevPay product. Its vendor imports the product token
// that is compiled into it.
func (w *world) testActivateDevPay(t *testing.T) {
	program := w.path("root", "usr", "sbin", "activate-devpay")
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	token := compiledInToken.Find(binary)
	if token == nil {
		t.Fatalf("no product token in %s", program)
	}
	sum := sha256.Sum256(token)
	v := newVendor(t, w.env, hex.EncodeToString(sum[:]))
	good := v.activationKey(t, "good")

	// Set by the first test.
	var (
		customer  pair
		userToken string
	)
	t.Run("a good key gives the lines for Amanda's configuration", func(t *testing.T) {
		got := run(t, nil, program, good)
		if got.exit != 0 || got.stderr != "" {
			t.Fatalf("it ended with %d and said:\n%s", got.exit, got.stderr)
		}
		properties := map[string]string{}
		for _, match := range deviceProperty.FindAllStringSubmatch(got.stdout, -1) {
			properties[match[1]] = match[2]
		}
		if lines := strings.Count(got.stdout, "\n"); lines != 3 || len(properties) != 3 {
			t.Fatalf("it printed %d lines with %d properties, want 3:\n%s", lines, len(properties), got.stdout)
		}
		customer = pair{properties["S3_ACCESS_KEY"], properties["S3_SECRET_KEY"]}
		userToken = properties["S3_USER_TOKEN"]
		if customer.id == "" || customer.secret == "" || !strings.HasPrefix(userToken, "{UserToken}") {
			t.Fatalf("a property is missing:\n%s", got.stdout)
		}
	})
	t.Run("the key used again gives the same", func(t *testing.T) {
		first, again := run(t, nil, program, good), run(t, nil, program, good)
		if diff := cmp.Diff(first.stdout, again.stdout); diff != "" || first.exit != 0 {
			t.Errorf("the second output differs:\n%s", diff)
		}
	})
	for name, test := range map[string]struct {
		state v1alpha1.SubscriptionState
		want  string
	}{
		"what it printed proves an active subscription": {v1alpha1.SubscriptionActive, "true"},
		"and the end of a cancelled one":                {v1alpha1.SubscriptionCancelled, "false"},
	} {
		t.Run(name, func(t *testing.T) {
			v.setState(t, test.state)
			b := startBoto(t, w)
			got := b.call(t, call{Capability: "sign-v2", Verb: "GET", Action: "VerifyProductSubscriptionByTokens",
				Parameters: map[string]string{"UserToken": userToken, "ProductToken": string(token)}}.signedBy(customer))
			if got.Status != 200 || got.first("Subscribed") != test.want {
				t.Errorf("got %+v, want Subscribed=%s", got, test.want)
			}
		})
	}

	for name, test := range map[string]struct{ key, want string }{
		"a made-up key is not valid":       {"ADMAY7DVLJTWHJ76MMBMQEXAMPLE", notValid},
		"a mistyped key is not valid":      {mistyped(good), notValid},
		"an old key has expired":           {v.expiredKey(t, "expired"), expired},
		"a key of another form is refused": {"no%20key", notValid},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, nil, program, test.key)
			if got.exit == 0 || got.stdout != "" {
				t.Errorf("it ended with %d and printed %q", got.exit, got.stdout)
			}
			if diff := cmp.Diff(test.want, got.stderr); diff != "" {
				t.Errorf("what it said (-want +got):\n%s", diff)
			}
		})
	}
}

// mistyped changes the last character of a key.
func mistyped(key string) string {
	last := key[len(key)-1]
	if last == 'A' {
		last = 'B'
	} else {
		last = 'A'
	}
	return key[:len(key)-1] + string(last)
}
