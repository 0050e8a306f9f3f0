// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// The value is in the field: receivers verify with it. Fix the code, never the
// test.
func TestAWebhookSecretNeverChanges(t *testing.T) {
	id := newTestIdentity(t)
	want := "whsec_+krP4BaMog+6dZa1W1sx7ZUz6duEA6/+J+4xrVsEOIU="
	got := id.WebhookKey("acme", "render-farm", 1).Secret()
	if got != want {
		t.Errorf("the secret is %s, want %s", got, want)
	}
	if !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=$`).MatchString(got) {
		t.Errorf("the secret %s has another form", got)
	}
	if again := id.WebhookKey("acme", "render-farm", 1).Secret(); again != got {
		t.Errorf("the same names give %s and %s", got, again)
	}
}

func TestEachWebhookHasASecretOfItsOwn(t *testing.T) {
	id := newTestIdentity(t)
	other, err := NewIdentity(testKey(9))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for name, key := range map[string]WebhookKey{
		"the first":            id.WebhookKey("acme", "render-farm", 1),
		"another rotation":     id.WebhookKey("acme", "render-farm", 2),
		"another Product":      id.WebhookKey("acme", "studio", 1),
		"another vendor":       id.WebhookKey("globex", "render-farm", 1),
		"a shifted border":     id.WebhookKey("acmer", "ender-farm", 1),
		"another identity key": other.WebhookKey("acme", "render-farm", 1),
	} {
		if before, taken := seen[key.Secret()]; taken {
			t.Errorf("%s has the secret of %s", name, before)
		}
		seen[key.Secret()] = name
	}
}

func TestAWebhookKeyPrintsNothing(t *testing.T) {
	key := newTestIdentity(t).WebhookKey("acme", "render-farm", 1)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		text := fmt.Sprintf(verb+verb, key, &key)
		if text != strings.Repeat("secrets.WebhookKey(redacted)", 2) || strings.Contains(text, hex.EncodeToString(key.key[:4])) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
