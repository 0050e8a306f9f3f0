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
	if _, _, err := s.consumer(ctx, who, in.ProductCode, s.subscribed); err != nil {
		return nil, err
	}
	now, signing := s.Clock.Now(), s.Keys.Get().Signing
	signature, err := signing.SignUsageRegistration(secrets.UsageRegistration{
		ProductCode: in.ProductCode, PublicKeyVersion: int(in.PublicKeyVersion),
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
