// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers sets up everything that reconciles.
package controllers

// All that the operator may do, and nothing else: the generated role is what
// the chart ships and what the tests run under. It may write Secrets anywhere
// and read them in its own namespace only.
//
// +kubebuilder:rbac:groups=license-operator.dev,resources=products;subscriptions;activations;accesskeys;licensecheckouts;seatledgers,verbs=get;list;watch
// +kubebuilder:rbac:groups=license-operator.dev,resources=accesskeys;activations,verbs=create
// +kubebuilder:rbac:groups=license-operator.dev,resources=activations,verbs=delete
// +kubebuilder:rbac:groups=license-operator.dev,resources=usagerecords,verbs=get;list;create;delete
// +kubebuilder:rbac:groups=license-operator.dev,resources=licensecheckouts,verbs=create;delete
// +kubebuilder:rbac:groups=license-operator.dev,resources=seatledgers,verbs=create;update;delete
// +kubebuilder:rbac:groups=license-operator.dev,resources=products/status;subscriptions/status;activations/status;accesskeys/status;licensecheckouts/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces;pods,verbs=get;list;watch
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups="",namespace=license-operator-system,resources=secrets,verbs=get;list;watch;create;update
// +kubebuilder:rbac:groups="",namespace=license-operator-system,resources=configmaps;events,verbs=create;patch
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=license-operator-system,resources=leases,verbs=get;create;update;patch
