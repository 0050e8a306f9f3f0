// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestStatusAndSecretFollowFromTheSpecAndTheName(t *testing.T) {
	for name, test := range map[string]struct {
		product *builder.ProductBuilder
		// want is computed with the namespace of the test.
		want func(s *expect.Stage) v1alpha1.ProductStatus
	}{
		"a spec without names: everything is derived": {
			builder.Product("render-farm"),
			func(s *expect.Stage) v1alpha1.ProductStatus {
				return v1alpha1.ProductStatus{
					Code:           s.Names.Identity.ProductCode(s.Namespace, "render-farm"),
					SKU:            "render-farm",
					KeyFingerprint: "aws:" + s.Names.Identity.AccountID(s.Namespace) + ":" + s.Namespace + ":issuer-fingerprint",
				}
			},
		},
		"code, SKU and issuer of the spec come first": {
			builder.Product("render-farm").WithCode("774F4FF8").WithSKU("ACME-RENDER").WithIssuer("Acme Inc."),
			func(s *expect.Stage) v1alpha1.ProductStatus {
				return v1alpha1.ProductStatus{
					Code: "774F4FF8", SKU: "ACME-RENDER",
					KeyFingerprint: "aws:" + s.Names.Identity.AccountID(s.Namespace) + ":Acme Inc.:issuer-fingerprint",
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := stage(t)
			p := published(s, c, test.product)
			want := test.want(s)
			want.ObservedGeneration = 1
			want.TokenSecretRef = &v1alpha1.SecretReference{Name: "render-farm-product-token"}
			got := p.Status
			got.Conditions = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if form := regexp.MustCompile(`^[0-9A-F]{8}$`); !form.MatchString(p.Status.Code) {
				t.Errorf("the code is %q", p.Status.Code)
			}
			s.Condition(p, v1alpha1.ConditionAccountUnique, "True, Unique")
			s.SecretData("render-farm-product-token", "Product", p, map[string]string{"productToken": token(s, p)})
			expect.Truth(s, c, p)
		})
	}
}

// token is what must be in a Product's Secret. It opens to the names of the
// Product.
func token(s *expect.Stage, p *v1alpha1.Product) string {
	s.Helper()
	want := secrets.ProductToken{Namespace: p.Namespace, Code: p.Status.Code}
	text, err := s.Keys.Get().Sealing.SealProductToken(s.Clock.Now(), want)
	if err != nil {
		s.Fatal(err)
	}
	got, err := s.Keys.Get().Sealing.OpenProductToken(text)
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("token (-want +got):\n%s", diff)
	}
	return text
}

func TestAChangedSpecIsObserved(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	expect.Edit(s, p, func(p *v1alpha1.Product) {
		p.Spec.SKU, p.Spec.License.IssuerName = "ACME-2", "Acme"
	})
	expect.Reconcile(s, c, p)
	if p.Status.ObservedGeneration != 2 || p.Status.SKU != "ACME-2" {
		t.Errorf("observedGeneration is %d and the SKU %q", p.Status.ObservedGeneration, p.Status.SKU)
	}
	want := "aws:" + s.Names.Identity.AccountID(s.Namespace) + ":Acme:issuer-fingerprint"
	if p.Status.KeyFingerprint != want {
		t.Errorf("the fingerprint is %q, want %q", p.Status.KeyFingerprint, want)
	}
	s.Events(nil...)
	expect.Truth(s, c, p)
}

func TestTheAnnotationOfTheNamespaceSetsTheAccount(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	derived := p.Status.KeyFingerprint
	annotate := func(value string) {
		t.Helper()
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}}
		expect.Edit(s, ns, func(ns *corev1.Namespace) {
			ns.Annotations = map[string]string{v1alpha1.AnnotationAccountID: value}
			if value == "" {
				ns.Annotations = nil
			}
		})
		expect.Reconcile(s, c, p)
	}

	annotate("210987654321")
	s.Condition(p, v1alpha1.ConditionReady, "True, Ready")
	if want := "aws:210987654321:" + s.Namespace + ":issuer-fingerprint"; p.Status.KeyFingerprint != want {
		t.Errorf("the fingerprint is %q, want %q", p.Status.KeyFingerprint, want)
	}
	s.Events(nil...)

	for _, invalid := range []string{"2109-8765-4321", "21098765432", "2109876543210", "21098765432x", "210987654321\n"} {
		annotate(invalid)
		s.Condition(p, v1alpha1.ConditionReady, "False, InvalidAccount")
		if p.Status.KeyFingerprint != derived {
			t.Errorf("with the account %q the fingerprint is %q, want the derived %q", invalid, p.Status.KeyFingerprint, derived)
		}
	}
	s.Events("Warning InvalidAccount")
	expect.Truth(s, c, p)

	annotate("")
	s.Condition(p, v1alpha1.ConditionReady, "True, Ready")
	if p.Status.KeyFingerprint != derived {
		t.Errorf("without the annotation the fingerprint is %q, want %q", p.Status.KeyFingerprint, derived)
	}
	s.Events("Normal Ready")
	expect.Truth(s, c, p)
}

func TestANamespaceThatIsNotInTheCacheYetIsWaitedFor(t *testing.T) {
	s, c := stage(t)
	p := builder.Product("render-farm").InNamespace("not-there").Build()
	result, err := c.Reconcile(t.Context(), p)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Events(nil...)
}

func TestAStaleObjectIsRetriedInSilence(t *testing.T) {
	s, c := stage(t)
	p := builder.Product("render-farm").Build()
	s.Create(p)
	stale := p.DeepCopy()
	expect.Edit(s, p, func(p *v1alpha1.Product) { p.Spec.DisplayName = "Another" })
	result, err := c.Reconcile(t.Context(), stale)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Events(nil...)
	expect.Reconcile(s, c, p)
	s.Condition(p, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	expect.Truth(s, c, p)
}

func TestAProductThatIsGoneNeedsNothing(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	s.Delete(p)
	p.Status = v1alpha1.ProductStatus{}
	if result, err := c.Reconcile(t.Context(), p); err != nil || result.RequeueAfter != 0 {
		t.Errorf("the result is %v and the error %v, want neither", result, err)
	}
	s.Events(nil...)
}
