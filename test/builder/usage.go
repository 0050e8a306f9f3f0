// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// WithDimension adds a dimension that usage is metered in.
func (b *ProductBuilder) WithDimension(name string) *ProductBuilder {
	b.build.Spec.Metering.Dimensions = append(b.build.Spec.Metering.Dimensions, v1alpha1.MeteringDimension{Name: name})
	return b
}

// WithRetention sets how many days a UsageRecord is kept.
func (b *ProductBuilder) WithRetention(days int32) *ProductBuilder {
	b.build.Spec.Metering.RecordRetentionDays = ptr.To(days)
	return b
}

// UsageRecordBuilder builds a UsageRecord.
type UsageRecordBuilder struct {
	object[*UsageRecordBuilder, *v1alpha1.UsageRecord]
}

// UsageRecord starts a record of 3 units in an hour of the past.
func UsageRecord(name, product, subscription string) *UsageRecordBuilder {
	b := &UsageRecordBuilder{}
	b.self, b.build = b, &v1alpha1.UsageRecord{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			v1alpha1.LabelProduct: product, v1alpha1.LabelSubscription: subscription}},
		Spec: v1alpha1.UsageRecordSpec{
			MeteringRecordID: "5e0bc2d8-6b9b-8c6e-9f51-0b1f4a3a9d10",
			ProductRef:       v1alpha1.LocalReference{Name: product}, ProductCode: "774F4FF8",
			SubscriptionRef: v1alpha1.LocalReference{Name: subscription}, CustomerIdentifier: "cust-42",
			Dimension: "render-minutes", Hour: metav1.NewTime(time.Date(2031, time.May, 6, 7, 0, 0, 0, time.UTC)),
			Quantity: 3, Operation: v1alpha1.OperationBatchMeterUsage,
		},
	}
	return b
}

// OfHour sets the beginning of the hour.
func (b *UsageRecordBuilder) OfHour(hour time.Time) *UsageRecordBuilder {
	b.build.Spec.Hour = metav1.NewTime(hour)
	return b
}

// WithCustomer sets the customer's identifier.
func (b *UsageRecordBuilder) WithCustomer(identifier string) *UsageRecordBuilder {
	b.build.Spec.CustomerIdentifier = identifier
	return b
}

// WithDimension sets the dimension.
func (b *UsageRecordBuilder) WithDimension(name string) *UsageRecordBuilder {
	b.build.Spec.Dimension = name
	return b
}

// WithQuantity sets the units that were used.
func (b *UsageRecordBuilder) WithQuantity(units int32) *UsageRecordBuilder {
	b.build.Spec.Quantity = units
	return b
}

// WithAllocation adds a part of the quantity that belongs to a tag, or to none
// if the key is "".
func (b *UsageRecordBuilder) WithAllocation(units int32, key, value string) *UsageRecordBuilder {
	a := v1alpha1.UsageAllocation{Quantity: units}
	if key != "" {
		a.Tags = []v1alpha1.UsageTag{{Key: key, Value: value}}
	}
	b.build.Spec.Allocations = append(b.build.Spec.Allocations, a)
	return b
}
