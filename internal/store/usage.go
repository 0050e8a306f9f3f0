// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	// usagePrefix begins the name of a UsageRecord.
	usagePrefix = "usage-"
	// usageHash is how many bytes of a hash are in it: names that somebody finds
	// to be the same are harder to find than 2^80 tries.
	usageHash = 20

	// maxUsageWrites is how many records one replica writes at once.
	maxUsageWrites = 64
	// usageTries is how often a record is created that was there and has gone.
	usageTries = 3
)

// UsageKey is what one UsageRecord is of. Only one record of a key can exist.
type UsageKey struct {
	Namespace string
	// ProductCode is the Product's code.
	ProductCode string
	// Customer is the customer's identifier.
	Customer string
	// License is the LicenseID that the report names, which has hours of its own;
	// "" if it names none. That is of no Subscription: whichever of the customer's
	// a replica counts it for, and whether that has been replaced, is all the same.
	License   string
	Dimension string
	// Hour is the beginning of the hour, in UTC.
	Hour time.Time
	// PodUID is the UID of the Pod that reports for itself, or "".
	PodUID string
}

// hash is the SHA-256 of the parts of the key, each preceded by its length.
func (k UsageKey) hash() [sha256.Size]byte {
	var in []byte
	for _, part := range []string{"license-operator.dev/usage/v1", k.Namespace, k.ProductCode, k.Customer, k.License, k.Dimension, k.PodUID} {
		in = binary.BigEndian.AppendUint64(in, uint64(len(part)))
		in = append(in, part...)
	}
	return sha256.Sum256(binary.BigEndian.AppendUint64(in, uint64(k.Hour.Unix()))) //nolint:gosec // Negative ones differ too.
}

// Name is the name of the record.
func (k UsageKey) Name() string {
	sum := k.hash()
	return usagePrefix + hex.EncodeToString(sum[:usageHash])
}

// MeteringRecordID is the record's MeteringRecordId, a UUID of version 8 (RFC
// 9562, section 5.8). It is the same for each report of the key.
func (k UsageKey) MeteringRecordID() string {
	sum := k.hash()
	id := uuid.UUID(sum[sha256.Size-16:])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// UsageRecords writes UsageRecords. There may be very many, so nothing is cached
// of them: the API server alone knows which report of an hour came first.
type UsageRecords struct {
	// live asks the API server, and is not throttled: how many writes run at
	// once is bounded by slots.
	live  client.Client
	slots chan struct{}
}

// NewUsageRecords returns UsageRecords that write through a client of the API
// server without a bound of its own.
func NewUsageRecords(live client.Client) *UsageRecords {
	return &UsageRecords{live: live, slots: make(chan struct{}, maxUsageWrites)}
}

// OtherUsage are the records of other names that a report may be in already: one
// that names a licence, and one that does not, are of the same hour.
type OtherUsage struct {
	Names []string
	// Own says that only what is of the same Subscription counts.
	Own bool
}

// Put creates a record, unless there is one of its name, or else one of the
// others. first is the one that is there then, created whether it is this one.
// Of reports of one name the API server lets one win; one of the others that is
// made at the same moment may be overlooked. An error means that it is not known:
// the same record may be put again, at any replica.
func (u *UsageRecords) Put(ctx context.Context, r *v1alpha1.UsageRecord, others OtherUsage) (first *v1alpha1.UsageRecord, created bool, err error) {
	select {
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	other, err := u.other(ctx, r, others)
	if err != nil {
		return nil, false, err
	}
	if other != nil { // Its own record comes first, if there is one as well.
		own, err := u.get(ctx, r.Namespace, r.Name)
		if own != nil || err != nil {
			return own, false, err
		}
		return other, false, nil
	}
	for range usageTries {
		fresh := r.DeepCopy()
		err := u.live.Create(ctx, fresh, client.FieldOwner(v1alpha1.FieldOwner))
		if err == nil {
			return fresh, true, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, false, fmt.Errorf("create the UsageRecord %s/%s: %w", r.Namespace, r.Name, err)
		}
		old, err := u.get(ctx, r.Namespace, r.Name)
		if old != nil || err != nil {
			return old, false, err
		}
	}
	return nil, false, fmt.Errorf("the UsageRecord %s/%s is there and not there", r.Namespace, r.Name)
}

// other is the first record that there is of the others; nil if there is none.
func (u *UsageRecords) other(ctx context.Context, r *v1alpha1.UsageRecord, others OtherUsage) (*v1alpha1.UsageRecord, error) {
	for _, name := range others.Names {
		other, err := u.get(ctx, r.Namespace, name)
		if err != nil || other != nil && (!others.Own || other.Spec.SubscriptionRef == r.Spec.SubscriptionRef) {
			return other, err
		}
	}
	return nil, nil
}

// get reads a record; nil if there is none.
func (u *UsageRecords) get(ctx context.Context, namespace, name string) (*v1alpha1.UsageRecord, error) {
	found := &v1alpha1.UsageRecord{}
	err := u.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, found)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the UsageRecord %s/%s: %w", namespace, name, err)
	}
	return found, nil
}

// NewUsageRecord is an empty record of a key, with the labels by which it is
// found and kept.
func NewUsageRecord(k UsageKey, product, subscription string) *v1alpha1.UsageRecord {
	return &v1alpha1.UsageRecord{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: k.Name(), Labels: map[string]string{
			v1alpha1.LabelProduct: product, v1alpha1.LabelSubscription: subscription,
		}},
		Spec: v1alpha1.UsageRecordSpec{
			MeteringRecordID: k.MeteringRecordID(),
			ProductRef:       v1alpha1.LocalReference{Name: product}, ProductCode: k.ProductCode,
			SubscriptionRef: v1alpha1.LocalReference{Name: subscription}, CustomerIdentifier: k.Customer,
			Dimension: k.Dimension, Hour: metav1.NewTime(k.Hour), PodUID: k.PodUID,
		},
	}
}

// ContinueAfter is where a list in pages goes on after the API server no longer
// knows the state that its pages were of; "" for other errors. What comes then is
// of a later state: what has been there all the time still comes once, because
// the pages are in the order of names.
func ContinueAfter(err error) string {
	if !apierrors.IsResourceExpired(err) {
		return ""
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}

// OnlyCustomer are the Subscriptions to a Product that a function accepts, the
// oldest first, if all are of one customer; nil if they are of several. Where the
// cache has none, the API server is asked.
func (s *Store) OnlyCustomer(ctx context.Context, namespace, product string, accepted func(*v1alpha1.Subscription) bool) ([]*v1alpha1.Subscription, error) {
	var found []*v1alpha1.Subscription
	add := func(sub *v1alpha1.Subscription) (several bool) {
		if sub.Spec.ProductRef.Name == product && accepted(sub) {
			found = append(found, sub)
		}
		return len(found) > 1 && s.Names.Customer(found[0]) != s.Names.Customer(found[len(found)-1])
	}
	subs, err := s.SubscriptionsOf(ctx, namespace, product, "")
	if err != nil {
		return nil, err
	}
	several := false
	for sub := range subs {
		if several = add(sub); several {
			return nil, nil
		}
	}
	if len(found) == 0 {
		err = s.scan(ctx, namespace, "accepted/"+product, func(page []v1alpha1.Subscription) (some, enough bool) {
			several = slices.ContainsFunc(page, func(sub v1alpha1.Subscription) bool { return add(&sub) })
			return len(found) > 0, several
		})
	}
	if err != nil || several {
		return nil, err
	}
	slices.SortFunc(found, func(a, b *v1alpha1.Subscription) int {
		if older(a, b) {
			return -1
		}
		return 1
	})
	return found, nil
}
