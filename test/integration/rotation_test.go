// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// sealedBy reads the version that a token says it was sealed with.
func sealedBy(t testing.TB, token string) int {
	t.Helper()
	_, text, found := strings.Cut(token, "}")
	raw, err := base64.StdEncoding.DecodeString(text)
	version, n := binary.Uvarint(raw)
	if !found || err != nil || n <= 0 {
		t.Fatalf("this is no token: %v", err)
	}
	return int(version)
}

func TestTheSealingKeyIsRotatedWhileTokensAreInTheField(t *testing.T) {
	s := newShop(t)
	before := sealedBy(t, s.userToken)
	use := func() (hosted, desktop, refreshed string) {
		return call().OK(t, wire.Hosted(s.Key, s.key, s.farm.Token)).Text("UserToken"),
			call().OK(t, wire.Desktop(s.key, s.farm.Token)).Text("UserToken"),
			call().OK(t, wire.Refresh(s.customer, s.userToken)).Text("UserToken")
	}
	key := types.NamespacedName{Namespace: env.OperatorNamespace, Name: secrets.DefaultSecretName}
	version, err := secrets.RotateSealing(t.Context(), cluster.Client, key, now, rand.Reader, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if version <= before {
		t.Fatalf("version %d comes after %d", version, before)
	}
	hosted, desktop, refreshed := use()
	if hosted != s.userToken || desktop != s.userToken || refreshed != s.userToken {
		t.Error("before the delay is over the same key gives another token")
	}
	now.Step(5*time.Minute + time.Second)
	within(t, "new tokens are sealed with the new version", func() bool {
		return sealedBy(t, call().OK(t, wire.Desktop(s.key, s.farm.Token)).Text("UserToken")) == version
	})
	hosted, desktop, refreshed = use()
	if hosted != desktop || desktop != refreshed || sealedBy(t, refreshed) != version {
		t.Errorf("after the delay the tokens are sealed with %d, %d and %d, want %d",
			sealedBy(t, hosted), sealedBy(t, desktop), sealedBy(t, refreshed), version)
	}
	for name, token := range map[string]string{"before": s.userToken, "after": refreshed} {
		if got := call().OK(t, wire.ByTokens(s.customer, token, s.farm.Token)).Text("Subscribed"); got != "true" {
			t.Errorf("the token sealed %s the rotation: Subscribed is %q", name, got)
		}
	}
	// A program built after the rotation has another product token.
	fresh := newShop(t)
	if got := sealedBy(t, fresh.farm.Token); got != version {
		t.Errorf("a new Product's token is sealed with %d, want %d", got, version)
	}
	if got := call().OK(t, wire.Refresh(fresh.Key, fresh.userToken)).Text("UserToken"); got != fresh.userToken {
		t.Error("a token of the newest version is refreshed to another one")
	}

	// A version that is known to others is retired: its tokens die, and only they.
	if err := secrets.RetireSealing(t.Context(), cluster.Client, key, now, before); err != nil {
		t.Fatal(err)
	}
	within(t, "tokens of the retired version are refused", func() bool {
		return call().Do(t, wire.Refresh(s.customer, s.userToken)).Code() == "InvalidUserToken"
	})
	expect(t, call(), wire.Hosted(s.Key, s.key, s.farm.Token), 403, "InvalidProductToken")
	call().OK(t, wire.Refresh(s.customer, refreshed))
	call().OK(t, wire.ByTokens(fresh.customer, fresh.userToken, fresh.farm.Token))
}
