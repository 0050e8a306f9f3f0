// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package store is the only way to custom resources for the endpoint and the
// place of everything that both it and the controllers look up: names, indexes,
// reads that don't mistake a lagging cache for an answer, and the few writes.
package store

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
)

// Names of the indexes of the cache. What can be computed from spec and identity
// key is not read from status, so that an object counts as soon as it is seen.
const (
	// IndexProductCode: Products by code.
	IndexProductCode = "product.code"
	// IndexProductSKU: Products by SKU.
	IndexProductSKU = "product.sku"
	// IndexProductImportedToken: Products by importedTokenSHA256.
	IndexProductImportedToken = "product.importedToken"
	// IndexSubscriptionProduct: Subscriptions by the name of their Product.
	IndexSubscriptionProduct = "subscription.product"
	// IndexSubscriptionPID: Subscriptions by persistent identifier.
	IndexSubscriptionPID = "subscription.pid"
	// IndexSubscriptionAccount: Subscriptions by the customer's account.
	IndexSubscriptionAccount = "subscription.account"
	// IndexSubscriptionLicense: Subscriptions by the id of their licence.
	IndexSubscriptionLicense = "subscription.license"
	// IndexActivationKeyHash: Activations by the hash of their key.
	IndexActivationKeyHash = "activation.keyHash"
	// IndexActivationSubscription: Activations by the name of their
	// Subscription.
	IndexActivationSubscription = "activation.subscription"
	// IndexAccessKeyID: AccessKeys by every id that may be accepted.
	IndexAccessKeyID = "accessKey.id"
	// IndexAccessKeySubscription: AccessKeys by the name of their Subscription.
	IndexAccessKeySubscription = "accessKey.subscription"
	// IndexAccessKeyActivation: AccessKeys by the name of their Activation.
	IndexAccessKeyActivation = "accessKey.activation"
	// IndexSeatLedgerSubscription: SeatLedgers by the name of their
	// Subscription.
	IndexSeatLedgerSubscription = "seatLedger.subscription"
	// IndexSeatLedgerPod: SeatLedgers by the Pods that entries of them live with,
	// see PodKey.
	IndexSeatLedgerPod = "seatLedger.pod"
	// IndexLicenseCheckoutBlock: LicenseCheckouts that stand for entries of a
	// block, by the name of its SeatLedger.
	IndexLicenseCheckoutBlock = "licenseCheckout.block"
	// IndexLicenseCheckoutSubscription: LicenseCheckouts that users have made, by
	// the name of their Subscription.
	IndexLicenseCheckoutSubscription = "licenseCheckout.subscription"
	// IndexLicenseCheckoutQueued: those of them that wait in its queue.
	IndexLicenseCheckoutQueued = "licenseCheckout.queued"
	// IndexLicenseCheckoutHolder: LicenseCheckouts that users have made, by the
	// name of the Pod that holds them.
	IndexLicenseCheckoutHolder = "licenseCheckout.holder"
	// IndexNamespaceAccount: Namespaces by account.
	IndexNamespaceAccount = "namespace.account"
)

// NamespaceMetadata returns an empty object for reading Namespaces, of which
// only the metadata is cached.
func NamespaceMetadata() *metav1.PartialObjectMetadata {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(namespaceKind)
	return ns
}

// NamespaceMetadataList is the same for lists.
func NamespaceMetadataList() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(namespaceListKind)
	return list
}

// Index is one index of the cache.
type Index struct {
	// Object is an empty object of the kind that is indexed.
	Object client.Object
	// Name is one of the constants above.
	Name string
	// Keys are the values under which an object is found.
	Keys func(client.Object) []string
	// InNamespace says that it can be asked for one namespace only: across all of
	// them it finds nothing. A value that only one object has takes 300 bytes, and
	// as much again to be found across namespaces.
	InNamespace bool
}

// Indexes are all indexes.
func Indexes(n Names) []Index {
	return append(inNamespace(n), everywhere(n)...)
}

// everywhere are the indexes that are asked across namespaces.
func everywhere(n Names) []Index {
	return []Index{
		indexOf(IndexProductCode, func(p *v1alpha1.Product) []string { return []string{n.Code(p)} }),
		indexOf(IndexProductSKU, func(p *v1alpha1.Product) []string { return []string{n.SKU(p)} }),
		indexOf(IndexProductImportedToken, func(p *v1alpha1.Product) []string {
			return nonEmpty(p.Spec.ImportedTokenSHA256)
		}),
		indexOf(IndexActivationKeyHash, func(a *v1alpha1.Activation) []string { return nonEmpty(a.Status.KeyHash) }),
		indexOf(IndexAccessKeyID, func(k *v1alpha1.AccessKey) []string { return accessKeyIDs(n, k) }),
		indexOf(IndexSeatLedgerPod, ledgerPods),
		{Object: NamespaceMetadata(), Name: IndexNamespaceAccount, Keys: func(o client.Object) []string {
			account, _ := n.Account(o)
			return []string{account}
		}},
	}
}

// inNamespace are the others, those of the kinds that there are very many of
// among them.
func inNamespace(n Names) []Index {
	indexes := []Index{
		indexOf(IndexSubscriptionProduct, func(s *v1alpha1.Subscription) []string {
			return []string{s.Spec.ProductRef.Name}
		}),
		indexOf(IndexSubscriptionPID, func(s *v1alpha1.Subscription) []string { return []string{n.PID(s)} }),
		indexOf(IndexSubscriptionAccount, func(s *v1alpha1.Subscription) []string {
			return nonEmpty(s.Spec.Customer.AccountID)
		}),
		indexOf(IndexSubscriptionLicense, func(s *v1alpha1.Subscription) []string { return []string{n.LicenseID(s)} }),
		indexOf(IndexActivationSubscription, func(a *v1alpha1.Activation) []string {
			return []string{a.Spec.SubscriptionRef.Name}
		}),
		indexOf(IndexAccessKeySubscription, func(k *v1alpha1.AccessKey) []string { return nameOf(k.Spec.SubscriptionRef) }),
		indexOf(IndexAccessKeyActivation, func(k *v1alpha1.AccessKey) []string { return nameOf(k.Spec.ActivationRef) }),
		indexOf(IndexSeatLedgerSubscription, func(l *v1alpha1.SeatLedger) []string {
			return []string{l.Spec.SubscriptionRef.Name}
		}),
		indexOf(IndexLicenseCheckoutBlock, func(co *v1alpha1.LicenseCheckout) []string { return nonEmpty(BlockOf(co)) }),
		indexOf(IndexLicenseCheckoutSubscription, checkoutSubscription),
		indexOf(IndexLicenseCheckoutQueued, func(co *v1alpha1.LicenseCheckout) []string {
			if !licensing.Queued(co) {
				return nil
			}
			return checkoutSubscription(co)
		}),
		indexOf(IndexLicenseCheckoutHolder, func(co *v1alpha1.LicenseCheckout) []string {
			if BlockOf(co) != "" || co.Spec.HolderRef == nil {
				return nil
			}
			return []string{co.Spec.HolderRef.Name}
		}),
	}
	for i := range indexes {
		indexes[i].InNamespace = true
	}
	return indexes
}

// indexOf is an index of one kind.
func indexOf[T any, P interface {
	*T
	client.Object
}](name string, keys func(P) []string) Index {
	return Index{Object: P(new(T)), Name: name, Keys: func(o client.Object) []string { return keys(o.(P)) }}
}

// SetupIndexes adds all indexes; it comes before the caches start.
func SetupIndexes(ctx context.Context, informers cache.Informers, n Names) error {
	for _, i := range Indexes(n) {
		if err := i.addTo(ctx, informers); err != nil {
			return fmt.Errorf("the index %s: %w", i.Name, err)
		}
	}
	return nil
}

func (i Index) addTo(ctx context.Context, informers cache.Informers) error {
	if !i.InNamespace {
		return informers.IndexField(ctx, i.Object, i.Name, client.IndexerFunc(i.Keys))
	}
	informer, err := informers.GetInformer(ctx, i.Object, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	return informer.AddIndexers(toolscache.Indexers{indexPrefix + i.Name: i.namespacedKeys})
}

// namespacedKeys are the keys that IndexField would make, without those for
// finding an object across namespaces.
func (i Index) namespacedKeys(obj any) ([]string, error) {
	o, ok := obj.(client.Object)
	if !ok {
		return nil, fmt.Errorf("the cache holds a %T", obj)
	}
	keys := slices.Clone(i.Keys(o))
	for n, value := range keys {
		keys[n] = indexKey(o.GetNamespace(), value)
	}
	return keys, nil
}

// accessKeyIDs are the ids under which an AccessKey is found; whether one is
// accepted now is decided when it is used.
func accessKeyIDs(n Names, k *v1alpha1.AccessKey) []string {
	ids := []string{n.AccessKeyID(k, licensing.Rotation(k))}
	if before, pending := licensing.PendingRotation(k); pending {
		ids = append(ids, n.AccessKeyID(k, before))
	}
	if p := k.Status.Previous; p != nil {
		ids = append(ids, p.AccessKeyID)
	}
	return ids
}

// checkoutSubscription is the Subscription of a LicenseCheckout that a user has
// made.
func checkoutSubscription(co *v1alpha1.LicenseCheckout) []string {
	if BlockOf(co) != "" {
		return nil
	}
	return []string{co.Spec.SubscriptionRef.Name}
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func nameOf(ref *v1alpha1.LocalReference) []string {
	if ref == nil {
		return nil
	}
	return []string{ref.Name}
}
