// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the contract: the custom resources of the group
// license-operator.dev. A namespace is a vendor's account; everything that an
// object refers to is in its own namespace.
//
// +kubebuilder:object:generate=true
// +groupName=license-operator.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "license-operator.dev", Version: "v1alpha1"}

var schemeBuilder = runtime.NewSchemeBuilder(func(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&Product{}, &ProductList{},
		&Subscription{}, &SubscriptionList{},
		&Activation{}, &ActivationList{},
		&LicenseCheckout{}, &LicenseCheckoutList{},
		&AccessKey{}, &AccessKeyList{},
		&SeatLedger{}, &SeatLedgerList{},
		&UsageRecord{}, &UsageRecordList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
})

// AddToScheme adds the kinds of this package to a scheme.
var AddToScheme = schemeBuilder.AddToScheme
