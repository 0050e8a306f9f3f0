// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"
	"slices"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// maxMetadata bounds the names and values of CheckoutMetadata together, in
// bytes: they go into a token, which must not grow without end.
const maxMetadata = 4 << 10

// CheckoutBorrowLicense gives seats for use without a connection. The ARN says
// which licence, so there is no beneficiary; an unknown one is InvalidParameter
// as it is for GetLicense. Everything asked for is given, features too, or
// nothing.
func (s *Service) CheckoutBorrowLicense(ctx context.Context, who *auth.Principal, in *awsjson.CheckoutBorrowLicenseRequest) (*awsjson.CheckoutBorrowLicenseResponse, error) {
	if in.DigitalSignatureMethod != awsjson.DigitalSignatureMethodJWTPS384 {
		return nil, fault.New(fault.UnsupportedSignatureMethod, "DigitalSignatureMethod must be JWT_PS384.")
	}
	if err := checkMetadata(in.CheckoutMetadata); err != nil {
		return nil, err
	}
	namespace, err := s.namespaceByARN(ctx, who, in.LicenseARN)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, who, mayCheckOut, namespace, ""); err != nil {
		return nil, err
	}
	lic, err := s.licenceByARN(ctx, who, namespace, in.LicenseARN)
	if err != nil {
		return nil, err
	}
	o := &order{
		id:       seats.NewID("borrow", namespace, in.LicenseARN, s.Store.Names.Customer(lic.sub), callerOf(who), in.ClientToken),
		kind:     v1alpha1.CheckoutBorrow,
		wants:    wantsOf(in.Entitlements),
		caller:   who,
		nodeID:   ptr.Deref(in.NodeID, ""),
		metadata: in.CheckoutMetadata,
	}
	o.digest = digestOf(o, in.DigitalSignatureMethod)
	_, grant, err := s.give(ctx, []*licence{lic}, o)
	if err != nil {
		return nil, err
	}
	made, err := s.papers(lic, grant, o)
	if err != nil {
		return nil, err
	}
	return &awsjson.CheckoutBorrowLicenseResponse{
		LicenseARN:              lic.arn,
		LicenseConsumptionToken: made.consumptionToken,
		EntitlementsAllowed:     allowed(grant.Items),
		NodeID:                  o.nodeID,
		SignedToken:             made.signedToken,
		IssuedAt:                formatTime(grant.IssueTime),
		Expiration:              formatTime(grant.ExpirationTime),
		CheckoutMetadata:        in.CheckoutMetadata,
	}, nil
}

// checkMetadata refuses what a token can't hold: it has one value for each name.
func checkMetadata(metadata []awsjson.Metadata) error {
	size := 0
	for i, m := range metadata {
		name := ptr.Deref(m.Name, "")
		if name == "" {
			return fault.New(fault.InvalidParameter, "Each CheckoutMetadata must have a Name.")
		}
		if slices.ContainsFunc(metadata[:i], func(other awsjson.Metadata) bool { return ptr.Deref(other.Name, "") == name }) {
			return fault.New(fault.InvalidParameter, "CheckoutMetadata has a Name twice.")
		}
		size += len(name) + len(ptr.Deref(m.Value, ""))
	}
	if size > maxMetadata {
		return fault.New(fault.InvalidParameter, "CheckoutMetadata must have at most %d bytes altogether.", maxMetadata)
	}
	return nil
}
