// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// get reads what anybody may read.
func (r *replica) get(path string) (*http.Response, []byte) {
	r.Helper()
	resp, err := r.server.Client().Get(r.server.URL + path)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return resp, body
}

// registration is the answer of RegisterUsage.
type registration struct {
	Signature                  string
	PublicKeyRotationTimestamp float64
}

func (s *shop) register(version, more string) *answer {
	s.Helper()
	return s.first.must(s.customer, "RegisterUsage", fmt.Sprintf(`{"ProductCode":%q,"PublicKeyVersion":%s%s}`, s.code, version, more))
}

// verified is what a registration says, by a library of others and the public
// key that the endpoint publishes.
func (s *shop) verified(a *answer, version string) (registration, map[string]any) {
	s.Helper()
	var out registration
	if err := json.Unmarshal(a.body, &out); a.status != http.StatusOK || err != nil {
		s.Fatalf("%d %v: %s", a.status, err, a.body)
	}
	resp, text := s.second.get("/v1/public-keys/" + version + ".pem")
	block, _ := pem.Decode(text)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/x-pem-file" || block == nil {
		s.Fatalf("the public key: %d %s", resp.StatusCode, text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		s.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(out.Signature, []jose.SignatureAlgorithm{jose.PS256})
	if err != nil {
		s.Fatal(err)
	}
	payload, err := signed.Verify(key)
	if err != nil {
		s.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		s.Fatal(err)
	}
	return out, claims
}

func TestAProgramLearnsThatItsCustomerIsSubscribed(t *testing.T) {
	s := newShop(t)
	out, claims := s.verified(s.register("1", `,"Nonce":"a \"nonce\""`), "1")
	want := map[string]any{"iss": s.Names.Identity.AccountID(s.Namespace), "productCode": s.code, "publicKeyVersion": 1.0, "nonce": `a "nonce"`, "iat": float64(s.Clock.Now().Unix())}
	if diff := cmp.Diff(want, claims); diff != "" || out.PublicKeyRotationTimestamp != 0 {
		t.Errorf("replaced at %f (-want +got)\n%s", out.PublicKeyRotationTimestamp, diff)
	}
	if _, claims := s.verified(s.register("1", ""), "1"); claims["nonce"] != nil {
		t.Errorf("a nonce that nobody gave: %v", claims)
	}
	for name, test := range map[string]struct {
		a    *answer
		code string
	}{
		"a version that never was":   {s.register("2", ""), "InvalidPublicKeyVersionException"},
		"the version 0":              {s.register("0", ""), "ValidationException"},
		"no version":                 {s.first.must(s.customer, "RegisterUsage", fmt.Sprintf(`{"ProductCode":%q}`, s.code)), "ValidationException"},
		"a nonce of 256 characters":  {s.register("1", fmt.Sprintf(`,"Nonce":%q`, strings.Repeat("x", 256))), "ValidationException"},
		"another product":            {s.first.must(s.customer, "RegisterUsage", `{"ProductCode":"FFFFFFFF","PublicKeyVersion":1}`), "InvalidProductCodeException"},
		"a vendor of two customers":  {s.first.must(s.vendor, "RegisterUsage", fmt.Sprintf(`{"ProductCode":%q,"PublicKeyVersion":1}`, s.code)), "CustomerNotEntitledException"},
		"a product of another's key": {s.first.must(s.vendor, "RegisterUsage", `{"ProductCode":"FFFFFFFF","PublicKeyVersion":1}`), "InvalidProductCodeException"},
	} {
		if got := test.a.code(t); test.a.status != http.StatusBadRequest || got != test.code {
			t.Errorf("%s: %d %s, want %s", name, test.a.status, test.a.body, test.code)
		}
	}
	// The hour after the end is for usage, not for starting programs.
	expect.Edit(s.Stage, s.initech, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionCancelled })
	if a := s.register("1", ""); a.code(t) != "CustomerNotEntitledException" {
		t.Errorf("cancelled: %s", a.body)
	}
}

// A vendor who makes a Product with another's code gets no signature for it.
func TestNobodySignsForTheProductOfAnotherVendor(t *testing.T) {
	s := newShop(t)
	time.Sleep(1100 * time.Millisecond) // Times of creation are whole seconds.
	forger := &shop{Stage: expect.On(t, cluster), code: s.code}
	p := builder.Product(product).With(func(p *v1alpha1.Product) { p.Spec.Code = s.code }).Build()
	forger.customer = builder.CustomerKey("desktop", "mine").Build()
	forger.Create(p, builder.Subscription("mine", product).Build(), forger.customer)
	forger.first = forger.start(func(c client.Client) client.Client { return c })
	a := forger.register("1", "")
	if a.code(t) != "InvalidProductCodeException" || !strings.Contains(string(a.body), "Another vendor has this product code") {
		t.Errorf("the code of another: %s", a.body)
	}
	if a := s.register("1", ""); a.code(t) != "" {
		t.Errorf("who had it first: %s", a.body)
	}
}

// While a key is rotated, programs with the old one go on until it is retired.
func TestTheKeyOfRegisterUsageIsRotated(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	key := func(version int, from time.Time) secrets.SigningKey {
		k, err := secrets.NewSigningKey(rand.Reader, version, secrets.DefaultRSABits, from, from)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	old, next := key(4, now.Add(-time.Hour).Truncate(time.Second)), key(5, now.Add(time.Hour).Truncate(time.Second))
	hold := func(keys ...secrets.SigningKey) {
		signing, err := secrets.NewSigning(keys)
		if err != nil {
			t.Fatal(err)
		}
		held := s.Keys.Get()
		if err := s.Keys.Set(&secrets.Keys{Identity: held.Identity, Sealing: held.Sealing, Signing: signing}); err != nil {
			t.Fatal(err)
		}
	}
	hold(old, next)
	for _, version := range []string{"4", "5"} {
		if out, _ := s.verified(s.register(version, ""), version); out.PublicKeyRotationTimestamp != 0 {
			t.Errorf("before the rotation: version %s was replaced at %f", version, out.PublicKeyRotationTimestamp)
		}
	}
	s.Step(2 * time.Hour)
	if out, _ := s.verified(s.register("4", ""), "4"); out.PublicKeyRotationTimestamp != float64(next.SignFromTime.Unix()) {
		t.Errorf("the old version was replaced at %f, want %d", out.PublicKeyRotationTimestamp, next.SignFromTime.Unix())
	}
	if out, _ := s.verified(s.register("5", ""), "5"); out.PublicKeyRotationTimestamp != 0 {
		t.Errorf("the new version was replaced at %f", out.PublicKeyRotationTimestamp)
	}
	var list struct {
		PublicKeys []struct {
			PublicKeyVersion                      int
			Current                               bool
			SignFromTime, RotationTime, PublicKey string
		}
	}
	_, text := s.first.get("/v1/public-keys")
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for i, k := range list.PublicKeys {
		_, alone := s.first.get(fmt.Sprintf("/v1/public-keys/%d.pem", k.PublicKeyVersion))
		if k.PublicKeyVersion != 4+i || k.Current != (i == 1) || (k.RotationTime == "") != (i == 1) || k.PublicKey != string(alone) {
			t.Errorf("%+v", k)
		}
	}
	if len(list.PublicKeys) != 2 {
		t.Errorf("%s", text)
	}
	hold(next)
	if a := s.register("4", ""); a.code(t) != "InvalidPublicKeyVersionException" {
		t.Errorf("a retired version: %s", a.body)
	}
	for _, path := range []string{"/4.pem", "/5", "/05.pem", "/5.pem/", "/../keys", "/"} {
		if resp, body := s.first.get("/v1/public-keys" + path); resp.StatusCode == http.StatusOK {
			t.Errorf("%s is answered %s", path, body)
		}
	}
}
