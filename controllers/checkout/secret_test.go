// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// claims is what a test looks at in a token.
type claims struct {
	ID          string `json:"jti"`
	Subject     string `json:"sub"`
	LicenceARN  string `json:"licenseArn"`
	NodeID      string `json:"nodeId"`
	Issued      int64  `json:"iat"`
	Expires     int64  `json:"exp"`
	Type        string `json:"checkoutType"`
	Consumption string `json:"licenseConsumptionToken"`
}

// verified verifies the token in a LicenseCheckout's Secret with nothing but the
// keys beside it, holds what it says against the status, and returns it.
func (s *scene) verified(co *v1alpha1.LicenseCheckout) string {
	s.Helper()
	s.Refresh(co)
	secret := s.Secret(co.Name + "-license")
	if secret == nil || co.Status.SecretRef == nil || co.Status.SecretRef.Name != secret.Name {
		s.Fatalf("the Secret is %v, and the status names %v", secret, co.Status.SecretRef)
	}
	token, jwks := string(secret.Data["license.jwt"]), string(secret.Data["jwks.json"])
	s.SecretData(secret.Name, "LicenseCheckout", co, map[string]string{"license.jwt": token, "jwks.json": jwks})
	payload := verify(s, token, jwks)
	var got struct {
		claims
		EntitlementsAllowed []secrets.AllowedEntitlement `json:"entitlementsAllowed"`
	}
	if err := json.Unmarshal(payload, &got); err != nil {
		s.Fatal(err)
	}
	sub := &v1alpha1.Subscription{}
	if err := s.Admin.Get(s.Context(), s.key, sub); err != nil {
		s.Fatal(err)
	}
	want := claims{ID: id(co), Subject: s.Names.Customer(sub), NodeID: co.Spec.NodeID, Type: strings.ToUpper(string(co.Spec.Type)),
		LicenceARN:  s.Names.LicenseARN(s.Names.Identity.AccountID(s.Namespace), sub),
		Issued:      co.Status.IssueTime.Unix(),
		Consumption: got.Consumption}
	if e := co.Status.ExpirationTime; e != nil {
		want.Expires = e.Unix()
	}
	if diff := cmp.Diff(want, got.claims); diff != "" {
		s.Errorf("claims (-want +got):\n%s", diff)
	}
	if len(got.EntitlementsAllowed) != len(co.Status.EntitlementsAllowed) {
		s.Errorf("the token allows %v, the status %v", got.EntitlementsAllowed, co.Status.EntitlementsAllowed)
	}
	opened, err := s.Keys.Get().Sealing.OpenConsumptionToken(got.Consumption)
	if err != nil || opened != store.ConsumptionToken(s.key, s.entry(co).Grant) {
		s.Errorf("the consumption token says %+v: %v", opened, err)
	}
	return token
}

// verify verifies a token by a set of keys and returns what it says.
func verify(s *scene, token, jwks string) []byte {
	s.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(jwks), &set); err != nil {
		s.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.PS384, jose.EdDSA})
	if err != nil {
		s.Fatal(err)
	}
	keys := set.Key(signed.Signatures[0].Header.KeyID)
	if len(keys) != 1 {
		s.Fatalf("%d keys have the id in the token", len(keys))
	}
	payload, err := signed.Verify(keys[0])
	if err != nil {
		s.Fatal(err)
	}
	return payload
}

// rotated adds a version of the signing keys that signs from a time on.
func (s *scene) rotated(from time.Time) {
	s.Helper()
	var versions []secrets.SigningKey
	for n, at := range []time.Time{expect.Start.Add(-time.Hour), from} {
		key, err := secrets.NewSigningKey(rand.Reader, n+1, secrets.DefaultRSABits, expect.Start.Add(-time.Hour), at)
		if err != nil {
			s.Fatal(err)
		}
		versions = append(versions, key)
	}
	signing, err := secrets.NewSigning(versions)
	if err != nil {
		s.Fatal(err)
	}
	before := s.Keys.Get()
	if err := s.Keys.Set(&secrets.Keys{Identity: before.Identity, Sealing: before.Sealing, Signing: signing}); err != nil {
		s.Fatal(err)
	}
}

func TestTheTokenIsSignedAgainWhenTheKeysChange(t *testing.T) {
	t.Parallel()
	s := stageWith(t, builder.Product("render-farm").WithSigningAlgorithm(v1alpha1.EdDSA), builder.Subscription("initech", "render-farm"))
	s.rotated(start.Add(20 * time.Minute))
	c := s.granted(co("worker"))
	first := s.verified(c)
	s.AtTime(s.pass(), start.Add(20*time.Minute))

	s.Clock.SetTime(start.Add(20 * time.Minute))
	s.AtTime(s.pass(), start.Add(time.Hour))
	second := s.verified(c)
	if first == second {
		t.Error("the token is the same under another key")
	}
	verify(s, first, string(s.Secret("worker-license").Data["jwks.json"]))
	s.Events(nil...)
	s.truth()
}

func TestTheTokenIsWrittenAgainWhenTheTermsChange(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("worker"))
	first := s.verified(c)
	p := builder.Product("render-farm").InNamespace(s.Namespace).Build()
	expect.Edit(s.Stage, p, func(p *v1alpha1.Product) { p.Spec.DisplayName = "Render Farm 2" })
	s.pass()
	if s.verified(c) == first {
		t.Error("the token is the same")
	}
	s.truth()
}

func TestASecretThatSomebodyDeletedComesBack(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("worker").OfType(v1alpha1.CheckoutBorrow))
	token := s.verified(c)
	s.Delete(s.Secret("worker-license"))
	s.Step(kit.ReapplyInterval - time.Second)
	s.After(s.pass(), time.Second)
	s.Step(time.Second)
	s.pass()
	if s.verified(c) != token {
		t.Error("the token is another one")
	}
	s.truth()
}

func TestASecretOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	foreign := s.ForeignSecret("worker-license", "license.jwt")
	c := s.apply(co("worker"))[0]
	s.After(s.pass(), kit.SecretConflictPause)
	s.says(c, "True, SecretConflict", "False, Held")
	s.Events("Warning SecretConflict")
	if c.Status.SecretRef != nil {
		t.Errorf("the status names %v", c.Status.SecretRef)
	}
	s.truth()

	s.Delete(foreign)
	s.Step(kit.SecretConflictPause)
	s.AtTime(s.pass(), start.Add(time.Hour))
	s.says(c, "True, Granted", "False, Held")
	s.verified(c)
	s.Events("Normal Granted")
	s.truth()
}

func TestARefusedSecretIsTriedAgainAndHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()
	s := stage(t)
	allow := s.ForbidSecrets()
	made := s.apply(co("a"), co("b"))
	if _, err := s.try(); !apierrors.IsForbidden(err) {
		t.Errorf("the error is %v, want Forbidden", err)
	}
	for _, c := range made {
		s.says(c, "True, SecretNotWritten", "False, Held")
	}
	s.Events("Warning SecretNotWritten", "Warning SecretNotWritten")
	s.After(s.pass(), kit.SecretConflictPause)
	s.truth()

	allow()
	s.Step(kit.SecretConflictPause)
	s.pass()
	for _, c := range made {
		s.says(c, "True, Granted", "False, Held")
		s.verified(c)
	}
	s.Events("Normal Granted", "Normal Granted")
	s.truth()
}

func TestATokenDoesNotOutliveItsSeats(t *testing.T) {
	t.Parallel()
	s := stage(t)
	pod := s.pod("worker-0")
	c := s.granted(co("worker").HeldByPod("worker-0"))
	s.verified(c)
	s.kill(pod)
	s.pass()
	s.says(c, "False, HolderGone", "True, HolderGone")
	s.Events("Normal HolderGone")
	if c.Status.SecretRef != nil {
		t.Errorf("the status names %v", c.Status.SecretRef)
	}
	data := s.Secret("worker-license").Data
	if len(data) != 1 || data["jwks.json"] == nil {
		t.Errorf("the Secret holds %d keys", len(data))
	}
	s.truth()
}

func TestNothingSecretIsInTheObject(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("worker"))
	token := s.verified(c)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), token) {
		t.Error("the token is in the object")
	}
}
