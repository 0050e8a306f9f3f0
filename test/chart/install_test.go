// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	release   = "acme"
	namespace = "licensing"
	fullname  = "acme-license-operator"
	keys      = "license-operator-keys"
)

// TestInstallUpgradeUninstall goes through a release's life. No pod runs here:
// there are no controllers.
func TestInstallUpgradeUninstall(t *testing.T) {
	c := newCluster(t)
	c.restricted(t, namespace)
	rendered := decode(t, must(t)(helm(t, "template", release, chartDir(), "--namespace", namespace)))

	notes := c.helm(t, "install", release, chartDir(), "--namespace", namespace)
	for _, want := range []string{
		"rollout status deployment/" + fullname, "get secret " + keys, "get configmap license-operator-ca",
		"https://" + fullname + "." + namespace + ".svc\n", "made by the operator",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes lack %q:\n%s", want, notes)
		}
	}
	for _, o := range rendered {
		if !c.has(t, o) {
			t.Errorf("%s is not in the cluster", id(o))
		}
	}
	c.checkPermissions(t)

	// What users and the operator make while the release lives.
	product := &v1alpha1.Product{ObjectMeta: metav1.ObjectMeta{Name: "render-farm", Namespace: "default"}}
	product.Spec.DisplayName = "Acme Render Farm"
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: keys, Namespace: namespace},
		Data: map[string][]byte{"identity": []byte("once and for all")}}
	for _, o := range []client.Object{product, secret} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}

	before := c.deployment(t)
	c.helm(t, "upgrade", release, chartDir(), "--namespace", namespace,
		"--set", "replicas=3,log.level=debug,tls.dnsNames={licences.example.com}")
	after := c.deployment(t)
	if *after.Spec.Replicas != 3 {
		t.Errorf("%d replicas after the upgrade, want 3", *after.Spec.Replicas)
	}
	args := strings.Join(after.Spec.Template.Spec.Containers[0].Args, " ")
	for _, want := range []string{"--log-level=debug", "--tls-dns-names=licences.example.com"} {
		if !strings.Contains(args, want) {
			t.Errorf("the arguments after the upgrade lack %s: %s", want, args)
		}
	}
	if before.UID != after.UID {
		t.Error("the upgrade replaced the Deployment")
	}
	c.checkKept(t, "an upgrade", rendered, product, secret)

	c.helm(t, "upgrade", release, chartDir(), "--namespace", namespace, "--set", "crds.install=false")
	c.checkKept(t, "an upgrade without definitions", rendered, product, secret)
	c.helm(t, "upgrade", release, chartDir(), "--namespace", namespace)
	c.checkKept(t, "an upgrade with definitions again", rendered, product, secret)

	c.helm(t, "uninstall", release, "--namespace", namespace)
	c.checkKept(t, "uninstalling", rendered, product, secret)
	for _, o := range rendered {
		if o.GetKind() != "CustomResourceDefinition" && c.has(t, o) {
			t.Errorf("%s is still in the cluster", id(o))
		}
	}

	c.helm(t, "install", release, chartDir(), "--namespace", namespace)
	c.checkKept(t, "installing again", rendered, product, secret)
}

func (c *cluster) deployment(t *testing.T) *appsv1.Deployment {
	t.Helper()
	d := &appsv1.Deployment{}
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: fullname}, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkKept fails if a definition, the product or the keys are gone, or were
// made anew.
func (c *cluster) checkKept(t *testing.T, after string, rendered []object, product *v1alpha1.Product, secret *corev1.Secret) {
	t.Helper()
	for _, crd := range ofKind(rendered, "CustomResourceDefinition") {
		if !c.has(t, crd) {
			t.Errorf("%s is gone after %s", id(crd), after)
		}
	}
	gotProduct, gotSecret := &v1alpha1.Product{}, &corev1.Secret{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(product), gotProduct); err != nil {
		t.Errorf("the Product after %s: %v", after, err)
	} else if gotProduct.UID != product.UID {
		t.Errorf("the Product is another one after %s", after)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(secret), gotSecret); err != nil {
		t.Errorf("the keys after %s: %v", after, err)
	} else if diff := cmp.Diff(secret, gotSecret); diff != "" {
		t.Errorf("the keys have changed after %s (-before +after):\n%s", after, diff)
	}
}

// checkPermissions asks the API server what the release's ServiceAccount may
// do: the bindings must name it, in the release's namespace.
func (c *cluster) checkPermissions(t *testing.T) {
	t.Helper()
	for name, test := range map[string]struct {
		ask  authorizationv1.ResourceAttributes
		want bool
	}{
		"read the keys":                       {authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "get", Resource: "secrets", Name: keys}, true},
		"delete the keys":                     {authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "delete", Resource: "secrets", Name: keys}, false},
		"lead":                                {authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "update", Group: "coordination.k8s.io", Resource: "leases"}, true},
		"publish the CA":                      {authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "create", Resource: "configmaps"}, true},
		"write a Secret for a vendor":         {authorizationv1.ResourceAttributes{Namespace: "default", Verb: "create", Resource: "secrets"}, true},
		"read a vendor's Secrets":             {authorizationv1.ResourceAttributes{Namespace: "default", Verb: "get", Resource: "secrets"}, false},
		"list all Secrets":                    {authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets"}, false},
		"watch Subscriptions":                 {authorizationv1.ResourceAttributes{Verb: "watch", Group: v1alpha1.GroupVersion.Group, Resource: "subscriptions"}, true},
		"change what billing has decided":     {authorizationv1.ResourceAttributes{Namespace: "default", Verb: "update", Group: v1alpha1.GroupVersion.Group, Resource: "subscriptions"}, false},
		"open a shell in somebody else's pod": {authorizationv1.ResourceAttributes{Namespace: "default", Verb: "create", Resource: "pods", Subresource: "exec"}, false},
	} {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:" + namespace + ":" + fullname, ResourceAttributes: &test.ask}}
		if err := c.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != test.want {
			t.Errorf("may %s: %t, want %t", name, review.Status.Allowed, test.want)
		}
	}
}
