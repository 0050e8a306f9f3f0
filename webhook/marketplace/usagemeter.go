// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"k8s.io/utils/ptr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// meterUsage records what the caller itself has used in one hour.
//
// The customer is the caller's, see consumer. A Pod that calls with its
// ServiceAccount reports for itself, as real metering has it for each Pod: the
// quantities of several Pods are records of their own. Who signs with an
// AccessKey reports for the customer as a whole, because one key may be used in
// many places. The hour decides what is the same report; a ClientToken that came
// before with other parameters is refused where it is known: in the record of
// the hour, and in this replica's memory.
func (s *Service) meterUsage(ctx context.Context, who *auth.Principal, in *awsjson.MeterUsageRequest) (*awsjson.MeterUsageResult, error) {
	t, subs, err := s.consumer(ctx, who, in.ProductCode, s.acceptsUsage)
	if ptr.Deref(in.DryRun, false) {
		return nil, dryRun(err)
	}
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	report := licensing.UsageReport{Dimension: in.UsageDimension, Timestamp: in.Timestamp.Time,
		Quantity: ptr.Deref(in.UsageQuantity, 0), Allocations: allocationsOf(in.UsageAllocations)}
	if err := licensing.CheckUsage(t.product, report, licensing.MeterUsageWindow, now); err != nil {
		return nil, err
	}
	sub := acceptedFor(subs, report.Hour(), now)
	if sub == nil {
		metrics.Usage(t.product.Namespace, t.product.Name, report.Dimension, metrics.UsageNotSubscribed, 0)
		return nil, fault.New(fault.CustomerNotEntitled, "The customer was not subscribed to the product at that time.")
	}
	// A customer's AccessKey is of one licence, as if it named it.
	record, others, err := s.newRecord(t, subs, sub, who.Kind == auth.Customer, who.PodUID, report)
	if err != nil {
		return nil, err
	}
	record.Spec.Operation = v1alpha1.OperationMeterUsage
	token := ptr.Deref(in.ClientToken, "")
	if token == "" {
		return s.meter(ctx, t, record, others)
	}
	sum := sha256.Sum256([]byte(token))
	record.Spec.ClientTokenHash = hex.EncodeToString(sum[:])
	fresh, ok := s.tokens.claim(record, now)
	if !ok {
		return nil, errTokenReused
	}
	out, err := s.meter(ctx, t, record, others)
	if fresh && err != nil && fault.KindOf(err) != fault.Unavailable {
		s.tokens.forget(record)
	}
	return out, err
}

// meter writes the record of one hour, unless one of the others is there.
func (s *Service) meter(ctx context.Context, t metered, record *v1alpha1.UsageRecord, others store.OtherUsage) (*awsjson.MeterUsageResult, error) {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	count := func(result metrics.UsageResult) {
		metrics.Usage(t.product.Namespace, t.product.Name, record.Spec.Dimension, result, record.Spec.Quantity)
	}
	first, fresh, err := s.Usage.Put(ctx, record, others)
	if err != nil {
		count(metrics.UsageUnprocessed)
		logf.FromContext(ctx).Error(err, "A usage record could not be written; the caller is asked to send it again")
		return nil, fault.Wrap(err, fault.Unavailable, "The usage can't be recorded now. Send it again.")
	}
	same := reportOf(first).Same(reportOf(record))
	repeated := first.Spec.ClientTokenHash != "" && first.Spec.ClientTokenHash == record.Spec.ClientTokenHash
	switch {
	case fresh:
		count(metrics.UsageRecorded)
	case repeated && (!same || !record.Spec.ReportedTime.Equal(first.Spec.ReportedTime)):
		count(metrics.UsageDuplicate)
		return nil, errTokenReused
	case !same:
		count(metrics.UsageDuplicate)
		return nil, fault.New(fault.DuplicateUsage,
			"Usage of this dimension has been reported for this hour with another quantity; the first report counts.")
	default:
		count(metrics.UsageRepeated)
	}
	return &awsjson.MeterUsageResult{MeteringRecordID: first.Spec.MeteringRecordID}, nil
}

// dryRun is what a dry run answers: DryRunAllowed if the caller may report
// usage, DryRunDenied if not. What can't be decided, or names no product, is
// said as it is.
func dryRun(err error) error {
	switch {
	case err == nil:
		return fault.New(fault.DryRunAllowed, "Request would have succeeded, but DryRun flag is set.")
	case fault.KindOf(err) == fault.AccessDenied, fault.KindOf(err) == fault.CustomerNotEntitled:
		return fault.Wrap(err, fault.DryRunDenied, "The caller may not report usage of the product.")
	default:
		return err
	}
}
