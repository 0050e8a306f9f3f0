// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"errors"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// registerUsage tells a program, when it starts, that its customer is
// subscribed. The answer is signed, so that the program can tell it from that of
// another server: with the key of the version that the program was built for.
// A version that has been replaced still signs, with the time at which it was,
// until it is retired. Every call asks whether the customer is subscribed; real
// RegisterUsage asks once for each Pod.
func (s *Service) registerUsage(ctx context.Context, who *auth.Principal, in *awsjson.RegisterUsageRequest) (*awsjson.RegisterUsageResult, error) {
	t, _, err := s.consumer(ctx, who, in.ProductCode, s.subscribed)
	if err != nil {
		return nil, err
	}
	issuer, err := s.issuer(ctx, t)
	if err != nil {
		return nil, err
	}
	now, signing := s.Clock.Now(), s.Keys.Get().Signing
	signature, err := signing.SignUsageRegistration(secrets.UsageRegistration{
		Issuer: issuer, ProductCode: in.ProductCode, PublicKeyVersion: int(in.PublicKeyVersion),
		Nonce: ptr.Deref(in.Nonce, ""), IssueTime: now.Unix(),
	})
	if errors.Is(err, secrets.ErrUnknownVersion) {
		return nil, fault.New(fault.PublicKeyVersionInvalid,
			"There is no key of this version, or it has been retired; see /v1/public-keys for those that there are.")
	}
	if err != nil {
		return nil, err
	}
	out := &awsjson.RegisterUsageResult{Signature: signature}
	for _, v := range signing.PublicKeyVersions(now) {
		if v.Version == int(in.PublicKeyVersion) && !v.RotationTime.IsZero() {
			out.PublicKeyRotationTimestamp = &awsjson.Timestamp{Time: v.RotationTime}
		}
	}
	return out, nil
}

// issuer is the account of the vendor of a product. A program knows its vendor
// by the code and the account, so neither may be another vendor's: anybody can
// make a Product with any code. The fault is ProductCodeInvalid.
func (s *Service) issuer(ctx context.Context, t metered) (string, error) {
	first, err := s.Store.HasCodeFirst(ctx, t.product)
	if err != nil {
		return "", err
	}
	if !first {
		return "", fault.New(fault.ProductCodeInvalid,
			"Another vendor has this product code: a Product with it was created before. Give the Product another code.")
	}
	account, err := s.Store.Account(ctx, t.product.Namespace)
	if fault.KindOf(err) == fault.NotEntitled {
		return "", fault.Wrap(err, fault.ProductCodeInvalid,
			"Another vendor has the account of this product's vendor; see the condition AccountUnique of the Product.")
	}
	return account, err
}
