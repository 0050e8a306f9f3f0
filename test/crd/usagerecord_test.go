// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

const (
	usageImmutable = "a UsageRecord is immutable: the first report of an hour counts"
	wholeHour      = "`hour` must be a whole hour"
	dimensionWords = "`name` must be printable ASCII without blanks at its ends"
)

func usage() *builder.UsageRecordBuilder {
	return builder.UsageRecord("usage-1", "render-farm", "initech").OfHour(noon)
}

// largestUsage is a record as large as one request can make it.
func largestUsage() *v1alpha1.UsageRecord {
	b := usage().WithQuantity(2500)
	for i := range 2500 {
		b.WithAllocation(1, "number", strings.Repeat("v", 200)+strconv.Itoa(i))
	}
	return b.Build()
}

var usageCases = cases{
	creations: map[string]creation{
		"a record of an hour is accepted":             {object: usage().Build()},
		"a record of nothing is accepted":             {object: usage().WithQuantity(0).Build()},
		"the most units are accepted":                 {object: usage().WithQuantity(1<<31 - 1).Build()},
		"allocations are accepted":                    {object: usage().WithAllocation(2, "team", "a").WithAllocation(1, "", "").Build()},
		"the largest record is accepted":              {object: largestUsage()},
		"half an hour is refused":                     {object: usage().OfHour(noon.Add(30 * time.Minute)).Build(), want: refusals{"spec.hour": wholeHour}},
		"a second past the hour is refused":           {object: usage().OfHour(noon.Add(time.Second)).Build(), want: refusals{"spec.hour": wholeHour}},
		"no hour is refused":                          {object: usage().OfHour(time.Time{}).Build(), want: refusals{"spec.hour": "Required value"}},
		"less than nothing is refused":                {object: usage().WithQuantity(-1).Build(), want: refusals{"spec.quantity": "should be greater than or equal to 0"}},
		"an allocation of less than nothing is":       {object: usage().WithAllocation(-1, "", "").Build(), want: refusals{"spec.allocations[0].quantity": "should be greater than or equal to 0"}},
		"a tag that is named twice is refused":        {object: usage().With(func(r *v1alpha1.UsageRecord) { r.Spec.Allocations = twice() }).Build(), want: refusals{"spec.allocations[0].tags[1]": "Duplicate value"}},
		"an operation that reports nothing is":        {object: usage().With(func(r *v1alpha1.UsageRecord) { r.Spec.Operation = "RegisterUsage" }).Build(), want: refusals{"spec.operation": `Unsupported value: "RegisterUsage": supported values: "BatchMeterUsage", "MeterUsage"`}},
		"no customer is refused":                      {object: usage().WithCustomer("").Build(), want: refusals{"spec.customerIdentifier": "Required value"}},
		"no dimension is refused":                     {object: usage().WithDimension("").Build(), want: refusals{"spec.dimension": "Required value"}},
		"a dimension of any printable text is stored": {object: usage().WithDimension("GB-Hours, ä").Build()},
	},
	updates: map[string]update{
		"the quantity can't be changed":       {object: usage().Build(), change: changing(func(r *v1alpha1.UsageRecord) { r.Spec.Quantity++ }), want: refusals{"spec": usageImmutable}},
		"the allocations can't be changed":    {object: usage().WithAllocation(3, "", "").Build(), change: changing(func(r *v1alpha1.UsageRecord) { r.Spec.Allocations = nil }), want: refusals{"spec": usageImmutable}},
		"the customer can't be changed":       {object: usage().Build(), change: changing(func(r *v1alpha1.UsageRecord) { r.Spec.CustomerIdentifier = "cust-43" }), want: refusals{"spec": usageImmutable}},
		"what was left out can't be set":      {object: usage().Build(), change: changing(func(r *v1alpha1.UsageRecord) { r.Spec.CustomerAccountID = "210987654321" }), want: refusals{"spec": usageImmutable}},
		"a label can be set, say on what was": {object: usage().Build(), change: changing(func(r *v1alpha1.UsageRecord) { r.Labels["acme.example/billed"] = "true" })},
	},
}

func twice() []v1alpha1.UsageAllocation {
	return []v1alpha1.UsageAllocation{{Quantity: 3, Tags: []v1alpha1.UsageTag{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}}}
}

// They are cases of a Product.
func init() { maps.Copy(productCases.creations, meteringCases) }

// meteringCases are those of Product.spec.metering.
var meteringCases = map[string]creation{
	"dimensions are accepted":                         {object: product().WithDimension("render-minutes").WithDimension("GB of storage").Build()},
	"dimensions that differ by case only are":         {object: product().WithDimension("minutes").WithDimension("Minutes").Build()},
	"a dimension that is named twice is refused":      {object: product().WithDimension("minutes").WithDimension("minutes").Build(), want: refusals{"spec.metering.dimensions[1]": `Duplicate value: {"name":"minutes"}`}},
	"a dimension with a blank in front is refused":    {object: product().WithDimension(" minutes").Build(), want: refusals{"spec.metering.dimensions[0].name": dimensionWords}},
	"a dimension with an umlaut is refused":           {object: product().WithDimension("Gebühr").Build(), want: refusals{"spec.metering.dimensions[0].name": dimensionWords}},
	"a dimension of one character is accepted":        {object: product().WithDimension("m").Build()},
	"two days of retention are accepted":              {object: product().WithRetention(2).Build()},
	"records must be kept for longer than reports go": {object: product().WithRetention(1).Build(), want: refusals{"spec.metering.recordRetentionDays": "should be greater than or equal to 2"}},
}

func TestAUsageRecordHasNoStatus(t *testing.T) {
	r := usage().InNamespace(cluster.Namespace(t)).Build()
	if err := cluster.Client.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Client.Status().Update(t.Context(), r); !apierrors.IsNotFound(err) {
		t.Errorf("a write of its status answers %v", err)
	}
}
