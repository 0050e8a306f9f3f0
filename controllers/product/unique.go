// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/store"
)

// judge decides whether a Product can be used under its names. Of two that
// have the same, the older keeps it, so that nobody can take a name away by
// applying another object.
func (c *Controller) judge(ctx context.Context, p *v1alpha1.Product, ns *metav1.PartialObjectMetadata) (ready, unique metav1.Condition, err error) {
	unique = kit.Condition(v1alpha1.ConditionAccountUnique, metav1.ConditionTrue, v1alpha1.ReasonUnique,
		"No other Namespace has this account")
	refuse := func(reason, message string) metav1.Condition {
		return kit.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message)
	}
	rival, older, err := c.accountRival(ctx, ns)
	if err != nil {
		return ready, unique, err
	}
	if rival != "" {
		unique = kit.Condition(v1alpha1.ConditionAccountUnique, metav1.ConditionFalse, v1alpha1.ReasonDuplicateAccount,
			"The Namespace "+rival+" has the same account; set another in the annotation "+v1alpha1.AnnotationAccountID+" of one of them")
	}
	if _, valid := c.Names.Account(ns); !valid {
		return refuse(v1alpha1.ReasonInvalidAccount, "The annotation "+v1alpha1.AnnotationAccountID+
			" of the Namespace is not 12 digits; correct or remove it"), unique, nil
	}
	if older {
		return refuse(v1alpha1.ReasonDuplicateAccount, unique.Message), unique, nil
	}
	for _, name := range []struct{ index, value, reason, field string }{
		{store.IndexProductCode, p.Status.Code, v1alpha1.ReasonDuplicateCode, "`spec.code`"},
		{store.IndexProductSKU, p.Status.SKU, v1alpha1.ReasonDuplicateSKU, "`spec.sku`"},
	} {
		rival, err := c.productRival(ctx, p, name.index, name.value)
		if err != nil {
			return ready, unique, err
		}
		if rival != "" {
			return refuse(name.reason, "The Product "+rival+" is older and has the same "+name.field+
				"; use another for this one"), unique, nil
		}
	}
	return kit.Condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady,
		"The product is known under its code and SKU, and its token is in its Secret"), unique, nil
}

// productRival is the name of the oldest Product with the same index value, if
// that is another one.
func (c *Controller) productRival(ctx context.Context, p *v1alpha1.Product, index, value string) (string, error) {
	list := &v1alpha1.ProductList{}
	err := c.Client.List(ctx, list, client.InNamespace(p.Namespace),
		client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return "", err
	}
	// The cache lists in no order: always name the same rival.
	oldest := p
	for i := range list.Items {
		if other := &list.Items[i]; older(other, oldest) {
			oldest = other
		}
	}
	if oldest == p {
		return "", nil
	}
	return oldest.Name, nil
}

// accountRival is the other Namespace with the same account that has the best
// claim to it, and whether that is better than this one's.
func (c *Controller) accountRival(ctx context.Context, ns *metav1.PartialObjectMetadata) (rival string, isBetter bool, err error) {
	account, _ := c.Names.Account(ns)
	list := store.NamespaceMetadataList()
	if err := c.Client.List(ctx, list, client.MatchingFields{store.IndexNamespaceAccount: account}); err != nil {
		return "", false, err
	}
	var best *metav1.PartialObjectMetadata
	for i := range list.Items {
		other := &list.Items[i]
		if other.Name != ns.Name && (best == nil || c.Names.HasAccountBefore(other, best)) {
			best = other
		}
	}
	if best == nil {
		return "", false, nil
	}
	return best.Name, c.Names.HasAccountBefore(best, ns), nil
}

// older says whether a was there before b; names decide within one second.
func older(a, b metav1.Object) bool {
	ta, tb := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if ta.Equal(&tb) {
		return a.GetName() < b.GetName()
	}
	return ta.Before(&tb)
}

// rivalsOf are the other Products of the namespace with the code or SKU of an
// object, which gain or lose by its change.
func (c *Controller) rivalsOf(ctx context.Context, o client.Object) []reconcile.Request {
	p := o.(*v1alpha1.Product)
	var requests []reconcile.Request
	for index, value := range map[string]string{
		store.IndexProductCode: c.Names.Code(p),
		store.IndexProductSKU:  c.Names.SKU(p),
	} {
		for _, r := range kit.Requests(ctx, c.Client, &v1alpha1.ProductList{},
			client.InNamespace(p.Namespace), client.MatchingFields{index: value}) {
			if r.Name != p.Name {
				requests = append(requests, r)
			}
		}
	}
	return requests
}

// ofNamespace are the Products of a Namespace, and of those that have the same
// account.
func (c *Controller) ofNamespace(ctx context.Context, ns client.Object) []reconcile.Request {
	requests := kit.Requests(ctx, c.Client, &v1alpha1.ProductList{}, client.InNamespace(ns.GetName()))
	account, _ := c.Names.Account(ns)
	for _, rival := range kit.Requests(ctx, c.Client, store.NamespaceMetadataList(),
		client.MatchingFields{store.IndexNamespaceAccount: account}) {
		if rival.Name != ns.GetName() {
			requests = append(requests, kit.Requests(ctx, c.Client, &v1alpha1.ProductList{}, client.InNamespace(rival.Name))...)
		}
	}
	return requests
}
