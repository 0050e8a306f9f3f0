// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import "strconv"

// Result is what an action answers. The types of this file implement it.
type Result interface {
	// name is the action's name.
	name() string
	// appendTo appends the elements inside XResult.
	appendTo(b []byte) []byte
}

// ActivateHostedProductResult answers ActivateHostedProduct.
type ActivateHostedProductResult struct {
	UserToken            string
	PersistentIdentifier string
}

func (*ActivateHostedProductResult) name() string { return "ActivateHostedProduct" }

func (r *ActivateHostedProductResult) appendTo(b []byte) []byte {
	b = appendElement(b, "UserToken", r.UserToken)
	return appendElement(b, "PersistentIdentifier", r.PersistentIdentifier)
}

// ActivateDesktopProductResult answers ActivateDesktopProduct.
type ActivateDesktopProductResult struct {
	UserToken       string
	AWSAccessKeyID  string
	SecretAccessKey string
}

func (*ActivateDesktopProductResult) name() string { return "ActivateDesktopProduct" }

func (r *ActivateDesktopProductResult) appendTo(b []byte) []byte {
	b = appendElement(b, "UserToken", r.UserToken)
	b = appendElement(b, "AWSAccessKeyId", r.AWSAccessKeyID)
	return appendElement(b, "SecretAccessKey", r.SecretAccessKey)
}

// VerifyProductSubscriptionByPidResult answers VerifyProductSubscriptionByPid.
type VerifyProductSubscriptionByPidResult struct {
	Subscribed bool
}

func (*VerifyProductSubscriptionByPidResult) name() string { return "VerifyProductSubscriptionByPid" }

func (r *VerifyProductSubscriptionByPidResult) appendTo(b []byte) []byte {
	return appendElement(b, "Subscribed", strconv.FormatBool(r.Subscribed))
}

// VerifyProductSubscriptionByTokensResult answers
// VerifyProductSubscriptionByTokens.
type VerifyProductSubscriptionByTokensResult struct {
	Subscribed bool
}

func (*VerifyProductSubscriptionByTokensResult) name() string {
	return "VerifyProductSubscriptionByTokens"
}

func (r *VerifyProductSubscriptionByTokensResult) appendTo(b []byte) []byte {
	return appendElement(b, "Subscribed", strconv.FormatBool(r.Subscribed))
}

// GetActiveSubscriptionsByPidResult answers GetActiveSubscriptionsByPid. The
// product codes are written flat, without an element around them, as the
// service's schema says.
type GetActiveSubscriptionsByPidResult struct {
	ProductCodes []string
}

func (*GetActiveSubscriptionsByPidResult) name() string { return "GetActiveSubscriptionsByPid" }

func (r *GetActiveSubscriptionsByPidResult) appendTo(b []byte) []byte {
	for _, code := range r.ProductCodes {
		b = appendElement(b, "ProductCode", code)
	}
	return b
}

// RefreshUserTokenResult answers RefreshUserToken.
type RefreshUserTokenResult struct {
	UserToken string
}

func (*RefreshUserTokenResult) name() string { return "RefreshUserToken" }

func (r *RefreshUserTokenResult) appendTo(b []byte) []byte {
	return appendElement(b, "UserToken", r.UserToken)
}
