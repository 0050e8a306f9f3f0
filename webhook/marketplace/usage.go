// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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

// usageTimeout is how long the records of one request may take to be written;
// clients of AWS wait a minute for an answer.
const usageTimeout = 10 * time.Second

// batchMeterUsage records usage of several customers of one product.
//
// Everything that is wrong with the request, in any of its records, is found
// before anything is written. The first report of an hour counts: a record that
// says the same is a Success again, with the same MeteringRecordId, also within
// one request, and one that says something else a DuplicateRecord. What could
// not be written comes back in UnprocessedRecords; whether it is there then or
// not, it can be sent again. If that is all of them, the answer is the fault
// Unavailable, so that SDKs repeat the request by themselves.
func (s *Service) batchMeterUsage(ctx context.Context, who *auth.Principal, in *awsjson.BatchMeterUsageRequest) (*awsjson.BatchMeterUsageResult, error) {
	if who.Kind == auth.Customer {
		return nil, fault.New(fault.AccessDenied, "BatchMeterUsage is for vendors; a customer's AccessKey may call MeterUsage.")
	}
	if len(in.UsageRecords) > licensing.MaxUsageRecords {
		return nil, fault.New(fault.Validation, "At most %d usage records may be sent at once.", licensing.MaxUsageRecords)
	}
	target, err := s.meteredProduct(ctx, who, in)
	if err != nil {
		return nil, err
	}
	out := &awsjson.BatchMeterUsageResult{Results: []awsjson.UsageRecordResult{}, UnprocessedRecords: []awsjson.UsageRecord{}}
	if len(in.UsageRecords) == 0 {
		return out, nil
	}
	items, err := s.planUsage(ctx, target, in.UsageRecords)
	if err != nil {
		return nil, err
	}
	written := s.writeUsage(ctx, items)
	for i := range items {
		s.answerUsage(out, target, &items[i], written)
	}
	if len(out.Results) == 0 {
		return nil, fault.New(fault.Unavailable, "No usage record could be written now. Send all of them again.")
	}
	return out, nil
}

// usageItem is one record of a request.
type usageItem struct {
	in     *awsjson.UsageRecord
	report licensing.UsageReport
	// record is what it would become; nil if the customer is not subscribed.
	record *v1alpha1.UsageRecord
	// others are the records of other names that it may be in already.
	others store.OtherUsage
}

// meets says whether two items may be in one record.
func (i *usageItem) meets(other *usageItem) bool {
	names := append([]string{other.record.Name}, other.others.Names...)
	return slices.Contains(names, i.record.Name) ||
		slices.ContainsFunc(i.others.Names, func(name string) bool { return slices.Contains(names, name) })
}

// writtenUsage is what became of the records of one name.
type writtenUsage struct {
	// first is the report that counts; nil if it is not known.
	first *v1alpha1.UsageRecord
	// fresh says that it is of this request.
	fresh bool
	err   error
}

// writeUsage puts the records, each name once: of several in one request the
// first is the one that counts. Those that may be in one record are written in
// the order of the request, so that they see what it writes itself.
func (s *Service) writeUsage(ctx context.Context, items []usageItem) map[string]*writtenUsage {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	written := make(map[string]*writtenUsage, len(items))
	var groups [][]*usageItem
	for i := range items {
		item := &items[i]
		if item.record == nil || written[item.record.Name] != nil {
			continue
		}
		written[item.record.Name] = &writtenUsage{}
		groups = join(groups, item)
	}
	var wg sync.WaitGroup
	for _, group := range groups {
		wg.Go(func() {
			for _, item := range group {
				w := written[item.record.Name]
				w.first, w.fresh, w.err = s.Usage.Put(ctx, item.record, item.others)
			}
		})
	}
	wg.Wait()
	failed := 0
	var cause error
	for _, w := range written {
		if w.err != nil {
			failed, cause = failed+1, w.err
		}
	}
	if failed > 0 {
		logf.FromContext(ctx).Error(cause, "Usage records could not be written; the caller is asked to send them again", "failed", failed)
	}
	return written
}

// join adds an item behind all those groups of which it meets an item, as one.
func join(groups [][]*usageItem, item *usageItem) [][]*usageItem {
	var met []*usageItem
	apart := groups[:0]
	for _, group := range groups {
		if slices.ContainsFunc(group, item.meets) {
			met = append(met, group...)
		} else {
			apart = append(apart, group)
		}
	}
	return append(apart, append(met, item))
}

// answerUsage adds what became of one record to the answer.
func (s *Service) answerUsage(out *awsjson.BatchMeterUsageResult, t metered, item *usageItem, written map[string]*writtenUsage) {
	count := func(result metrics.UsageResult) {
		metrics.Usage(t.product.Namespace, t.product.Name, item.in.Dimension, result, item.report.Quantity)
	}
	result := awsjson.UsageRecordResult{UsageRecord: item.in}
	if item.record == nil {
		count(metrics.UsageNotSubscribed)
		result.Status = awsjson.UsageCustomerNotSubscribed
		out.Results = append(out.Results, result)
		return
	}
	w := written[item.record.Name]
	switch {
	case w.err != nil:
		count(metrics.UsageUnprocessed)
		out.UnprocessedRecords = append(out.UnprocessedRecords, *item.in)
		return
	case !reportOf(w.first).Same(item.report):
		count(metrics.UsageDuplicate)
		result.Status = awsjson.UsageDuplicateRecord
	case w.fresh:
		w.fresh = false // Only the first of several in one request is the new one.
		count(metrics.UsageRecorded)
		result.Status, result.MeteringRecordID = awsjson.UsageSuccess, w.first.Spec.MeteringRecordID
	default:
		count(metrics.UsageRepeated)
		result.Status, result.MeteringRecordID = awsjson.UsageSuccess, w.first.Spec.MeteringRecordID
	}
	out.Results = append(out.Results, result)
}

// reportOf is what a record says.
func reportOf(r *v1alpha1.UsageRecord) licensing.UsageReport {
	return licensing.UsageReport{Dimension: r.Spec.Dimension, Timestamp: r.Spec.Hour.Time,
		Quantity: r.Spec.Quantity, Allocations: r.Spec.Allocations}
}

// metered is a Product whose usage is reported.
type metered struct {
	product *v1alpha1.Product
	code    string
}

// newRecord is the UsageRecord of a report for one of a customer's Subscriptions,
// the oldest of which comes first, and the others that the report may be in
// already. A report that names the licence is of that licence's hour. The hour of
// one that does not is the customer's, by the identifier in its oldest
// Subscription: two replicas that count it for different Subscriptions, since one
// of them is being suspended, or was replaced, write the same record. The fault is
// AllocationsInvalid for one that is too large.
func (s *Service) newRecord(t metered, subs []*v1alpha1.Subscription, chosen *v1alpha1.Subscription, byLicense bool, podUID string, r licensing.UsageReport) (*v1alpha1.UsageRecord, store.OtherUsage, error) {
	key := func(customer, license string) store.UsageKey {
		return store.UsageKey{Namespace: chosen.Namespace, ProductCode: t.code, Customer: customer, License: license,
			Dimension: r.Dimension, Hour: r.Hour(), PodUID: podUID}
	}
	own, others := key(s.Store.Names.Customer(subs[0]), ""), store.OtherUsage{}
	if byLicense {
		own = key(s.Store.Names.Customer(chosen), s.Store.Names.LicenseID(chosen))
		others = store.OtherUsage{Names: []string{key(own.Customer, "").Name()}, Own: true}
	} else {
		for _, sub := range subs {
			customer := s.Store.Names.Customer(sub)
			if podUID == "" { // Pods name no licence.
				others.Names = append(others.Names, key(customer, s.Store.Names.LicenseID(sub)).Name())
			}
			if name := key(customer, "").Name(); name != own.Name() && !slices.Contains(others.Names, name) {
				others.Names = append(others.Names, name)
			}
		}
	}
	record := store.NewUsageRecord(own, t.product.Name, chosen.Name)
	record.Spec.CustomerIdentifier, record.Spec.CustomerAccountID = s.Store.Names.Customer(chosen), chosen.Spec.Customer.AccountID
	record.Spec.ReportedTime = ptr.To(metav1.NewTime(r.Timestamp.UTC().Truncate(time.Second)))
	record.Spec.Quantity, record.Spec.Allocations = r.Quantity, r.Allocations
	return record, others, checkSize(record)
}

// maxRecord is how many bytes of JSON a record may have: etcd takes 1.5 MiB. Some
// characters of tags take six there, so that a request of 1 MiB can have more.
const maxRecord = 5 << 18

// checkSize is AllocationsInvalid for a record that etcd would not take, so that
// nobody sends it again and again.
func checkSize(r *v1alpha1.UsageRecord) error {
	if len(r.Spec.Allocations) == 0 {
		return nil
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(raw) > maxRecord {
		return fault.New(fault.AllocationsInvalid, "The UsageAllocations of one usage record are too large. Use fewer of them, or shorter tags.")
	}
	return nil
}

// allocationsOf are the allocations of a request.
func allocationsOf(in []awsjson.UsageAllocation) []v1alpha1.UsageAllocation {
	var out []v1alpha1.UsageAllocation
	for _, a := range in {
		allocation := v1alpha1.UsageAllocation{Quantity: a.AllocatedUsageQuantity}
		for _, tag := range a.Tags {
			allocation.Tags = append(allocation.Tags, v1alpha1.UsageTag{Key: tag.Key, Value: tag.Value})
		}
		out = append(out, allocation)
	}
	return out
}
