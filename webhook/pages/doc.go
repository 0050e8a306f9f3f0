// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pages is the browser's side of sign-up: a page that posts a
// registration token to the vendor's site, and one that sends the customer there
// with an activation key. Both are reached by links that the operator hands out,
// and need no script.
//
// What the vendor's site gets is what AWS gives: the form fields of "SaaS
// customer onboarding" in the AWS Marketplace Seller Guide, and the query
// parameters ActivationKey and ProductCode of "Activating a product" in the
// Amazon DevPay Developer Guide.
package pages
