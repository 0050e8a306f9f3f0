// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/operations"
)

const (
	// maxResults is the largest page and the default, by the API model.
	maxResults = 100

	filterBeneficiary = "Beneficiary"
	filterSKU         = "ProductSKU"
	filterFingerprint = "Fingerprint"
	filterStatus      = "Status"
	filterIssuer      = "IssuerName"
)

// operation is one that lists.
type operation struct {
	name    string
	allowed []string
}

// query is what a request for a list says.
type query struct {
	arns    []string
	filters []awsjson.Filter
	token   *string
	max     *int32
}

// filters are the values by the names of filters. Each filter has one value, by
// the API reference.
func (op operation) filters(given []awsjson.Filter) (map[string]string, error) {
	wanted := make(map[string]string, len(given))
	for _, f := range given {
		name := ptr.Deref(f.Name, "")
		if !slices.Contains(op.allowed, name) {
			return nil, fault.New(fault.InvalidParameter, "The Name of a filter of %s must be one of %s.", op.name, strings.Join(op.allowed, ", "))
		}
		if _, twice := wanted[name]; twice {
			return nil, fault.New(fault.InvalidParameter, "The filter %s is given twice.", name)
		}
		if len(f.Values) != 1 {
			return nil, fault.New(fault.InvalidParameter, "The filter %s must have one value.", name)
		}
		wanted[name] = f.Values[0]
	}
	return wanted, nil
}

// matches says whether a licence passes all filters.
func (s *Service) matches(l *licence, wanted map[string]string) bool {
	names := s.Store.Names
	for name, value := range wanted {
		var passes bool
		switch name {
		case filterBeneficiary:
			passes = names.IsBeneficiary(l.sub, value)
		case filterStatus:
			passes = value == licensing.LicenseStatus(l.standing)
		case filterSKU:
			passes = l.product != nil && value == names.SKU(l.product)
		case filterIssuer:
			passes = l.product != nil && value == issuerName(l.product)
		case filterFingerprint:
			passes = l.product != nil && value == names.KeyFingerprint(l.account, l.product)
		}
		if !passes {
			return false
		}
	}
	return true
}

// mark is what the pages of one list have in common, so that the token of one
// is of no use for another.
func (op operation) mark(namespace string, arns []string, wanted map[string]string) string {
	parts := []string{op.name, namespace}
	for _, name := range op.allowed {
		if value, found := wanted[name]; found {
			parts = append(parts, "filter", name, value)
		}
	}
	return seats.NewDigest(append(append(parts, "arns"), arns...)...)
}

// pages makes the tokens of pages: a list goes on after a licence's name.
func (s *Service) pages() operations.Pages {
	return operations.Pages{Purpose: "license-list-page", Keys: s.Keys}
}
