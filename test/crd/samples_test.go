// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/env"
)

func samples() string { return filepath.Join(env.Root(), "config", "samples") }

func TestApplyingTheSamplesAgainChangesNothing(t *testing.T) {
	want := []string{
		"namespace/acme",
		"accesskey.license-operator.dev/acme-vendor",
		"activation.license-operator.dev/globex-first",
		"activation.license-operator.dev/initech-first",
		"product.license-operator.dev/render-farm",
		"product.license-operator.dev/studio",
		"subscription.license-operator.dev/globex",
		"subscription.license-operator.dev/initech",
	}
	var got []string
	for line := range strings.Lines(kubectl(t, "", "apply", "-k", samples())) {
		name, result, _ := strings.Cut(strings.TrimSpace(line), " ")
		if result != "created" {
			t.Errorf("%s is %s", name, result)
		}
		got = append(got, name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("what was applied (-want +got):\n%s", diff)
	}
	versions := func() string {
		return kubectl(t, "", "get", "licensing", "-n", "acme", "-o",
			`jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}`)
	}
	before := versions()
	kubectl(t, "", "apply", "-k", samples())
	if diff := cmp.Diff(before, versions()); diff != "" {
		t.Errorf("applied again (-first +again):\n%s", diff)
	}
}

func TestEverySampleIsAcceptedAndRefersToAnother(t *testing.T) {
	objects, err := env.Manifests(samples())
	if err != nil {
		t.Fatal(err)
	}
	present := map[string]bool{}
	for _, o := range objects {
		present[o.GetKind()+"/"+o.GetName()] = true
	}
	namespace := cluster.Namespace(t)
	strict := client.WithFieldValidation(cluster.Client, "Strict")
	for _, o := range objects {
		t.Run(o.GetKind()+" "+o.GetName(), func(t *testing.T) {
			if o.GetKind() == "Namespace" {
				if o.GetName() != "acme" {
					t.Errorf("the namespace is %s", o.GetName())
				}
				return
			}
			if o.GetNamespace() != "acme" {
				t.Errorf("in namespace %q", o.GetNamespace())
			}
			spec := o.Object["spec"].(map[string]any)
			for field, kind := range map[string]string{"productRef": "Product", "subscriptionRef": "Subscription"} {
				if ref, has := spec[field].(map[string]any); has && !present[kind+"/"+ref["name"].(string)] {
					t.Errorf("no %s %s among the samples", kind, ref["name"])
				}
			}
			o.SetNamespace(namespace)
			if err := strict.Create(t.Context(), o); err != nil {
				t.Error(err)
			}
			if kind := o.GetKind(); kind == "SeatLedger" || kind == "UsageRecord" {
				t.Errorf("a %s is nobody's to apply", kind)
			}
		})
	}
}

func TestTheSampleCheckoutIsAppliedOnItsOwn(t *testing.T) {
	kubectl(t, "", "apply", "-k", samples())
	err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "initech-worker"}, &v1alpha1.LicenseCheckout{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the kustomization brings it too: %v", err)
	}
	printed := kubectl(t, "", "create", "--dry-run=server", "--validate=strict", "-o", "name",
		"-f", filepath.Join(samples(), "licensecheckout_initech-worker.yaml"))
	if printed != "licensecheckout.license-operator.dev/initech-worker\n" {
		t.Errorf("kubectl prints %q", printed)
	}
}
