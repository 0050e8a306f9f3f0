// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// projectionPrefix begins the name of a LicenseCheckout that stands for a
// checkout through the API.
const projectionPrefix = "co-"

// ProjectionName is the name of the LicenseCheckout that stands for the
// checkout through the API with this id.
func ProjectionName(id string) string { return projectionPrefix + id }

// ProjectionID is the inverse of ProjectionName; false for another name.
func ProjectionID(name string) (id string, ok bool) { return strings.CutPrefix(name, projectionPrefix) }

// ProjectionLabels are the labels of the LicenseCheckouts that stand for
// entries of a block.
func ProjectionLabels(key seats.Key, block int32) map[string]string {
	return map[string]string{
		v1alpha1.LabelSubscription: key.Name,
		v1alpha1.LabelLedgerBlock:  strconv.FormatInt(int64(block), 10),
	}
}

// BlockOf is the name of the SeatLedger with the entry that a LicenseCheckout
// stands for; "" for one that a user has made.
func BlockOf(co client.Object) string {
	labels := co.GetLabels()
	block, found := labels[v1alpha1.LabelLedgerBlock]
	if !found {
		return ""
	}
	return labels[v1alpha1.LabelSubscription] + "-" + block
}
