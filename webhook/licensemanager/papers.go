// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// papers is what a holder gets for its seats.
type papers struct {
	// consumptionToken gives them back or extends them.
	consumptionToken string
	// signedToken proves them offline.
	signedToken string
}

// papers makes the tokens of a grant that has been committed. The consumption
// token is sealed as of the time of issue, so that a repeated request gets the
// same one though the sealing key has been rotated since; the signed one is
// signed with the key of now, the one that verifiers will know the longest.
func (s *Service) papers(l *licence, g seats.Grant, o *order) (papers, error) {
	keys := s.Keys.Get()
	consumption, err := keys.Sealing.SealConsumptionToken(g.IssueTime, store.ConsumptionToken(l.key(), g))
	if err != nil {
		return papers{}, err
	}
	licence := store.Licence{Product: l.product, Subscription: l.sub, Account: l.account}
	claims := s.Store.Names.LicenceClaims(licence, g, consumption, metadataOf(o))
	signed, err := keys.Signing.SignLicence(s.Clock.Now(), store.LicenceAlgorithm(l.product, g.Type), claims)
	return papers{consumptionToken: consumption, signedToken: signed}, err
}

// metadataOf is what a borrower says of itself; nil for nothing.
func metadataOf(o *order) map[string]string {
	if len(o.metadata) == 0 {
		return nil
	}
	metadata := make(map[string]string, len(o.metadata))
	for _, m := range o.metadata {
		metadata[ptr.Deref(m.Name, "")] = ptr.Deref(m.Value, "")
	}
	return metadata
}
