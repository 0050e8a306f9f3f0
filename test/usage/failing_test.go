// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/expect"
)

// faults disturbs writes and reads of UsageRecords; the zero value lets all
// through.
type faults struct {
	client.Client

	mu     sync.Mutex
	create func(r *v1alpha1.UsageRecord, do func() error) error
	get    func(do func() error) error
}

func (f *faults) set(create func(*v1alpha1.UsageRecord, func() error) error, get func(func() error) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.create, f.get = create, get
}

// Create implements client.Writer.
func (f *faults) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	f.mu.Lock()
	hook := f.create
	f.mu.Unlock()
	do := func() error { return f.Client.Create(ctx, o, opts...) }
	if r, ok := o.(*v1alpha1.UsageRecord); ok && hook != nil {
		return hook(r, do)
	}
	return do()
}

// Get implements client.Reader.
func (f *faults) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	f.mu.Lock()
	hook := f.get
	f.mu.Unlock()
	do := func() error { return f.Client.Get(ctx, key, o, opts...) }
	if _, ok := o.(*v1alpha1.UsageRecord); ok && hook != nil {
		return hook(do)
	}
	return do()
}

var errAway = errors.New("the API server is away")

// disturbed is a shop whose replicas share faults.
func disturbed(t *testing.T) (*shop, *faults) {
	t.Helper()
	f := &faults{}
	return openShop(t, expect.On(t, cluster), func(c client.Client) client.Client {
		f.Client = c
		return f
	}), f
}

func TestWhatTheAPIServerDidNotTakeComesBack(t *testing.T) {
	s, f := disturbed(t)
	now := s.Clock.Now()
	of := func(hours int, quantity int) string {
		return hourly(now.Add(-time.Duration(hours)*time.Hour), initech, minutes, quantity)
	}
	lost := func(r *v1alpha1.UsageRecord) bool { return r.Spec.Quantity == 2 }
	for name, create := range map[string]func(*v1alpha1.UsageRecord, func() error) error{
		"refused before": func(r *v1alpha1.UsageRecord, do func() error) error {
			if lost(r) {
				return errAway
			}
			return do()
		},
		"done, and the answer lost": func(r *v1alpha1.UsageRecord, do func() error) error {
			err := do()
			if lost(r) && !apierrors.IsAlreadyExists(err) {
				return errAway
			}
			return err
		},
		"over a quota": func(r *v1alpha1.UsageRecord, do func() error) error {
			if lost(r) {
				return apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("usagerecords").GroupResource(), r.Name, errors.New("exceeded quota"))
			}
			return do()
		},
		"too many requests": func(r *v1alpha1.UsageRecord, do func() error) error {
			if lost(r) {
				return apierrors.NewTooManyRequests("later", 1)
			}
			return do()
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range s.records() {
				s.Delete(&r)
			}
			f.set(create, nil)
			b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(of(1, 1), of(2, 2), of(3, 3), of(2, 2), of(4, 4), hourly(now, "nobody", minutes, 2))))
			if got := fmt.Sprint(b.statuses()); got != "[Success Success Success CustomerNotSubscribed]" || len(b.UnprocessedRecords) != 2 {
				t.Fatalf("%+v", b)
			}
			f.set(nil, nil)
			again, err := json.Marshal(b.UnprocessedRecords)
			if err != nil {
				t.Fatal(err)
			}
			b = readBatch(t, s.second.must(s.vendor, "BatchMeterUsage", fmt.Sprintf(`{"ProductCode":%q,"UsageRecords":%s}`, s.code, again)))
			if got := fmt.Sprint(b.statuses()); got != "[Success Success]" || len(b.UnprocessedRecords) != 0 {
				t.Errorf("sent again: %+v", b)
			}
			s.holds(map[int]int{1: 1, 2: 2, 3: 3, 4: 4})
		})
	}
}

// holds makes sure that the records are those, quantities by hours ago.
func (s *shop) holds(want map[int]int) {
	s.Helper()
	got := map[int]int{}
	for _, r := range s.records() {
		got[int(s.Clock.Now().UTC().Truncate(time.Hour).Sub(r.Spec.Hour.Time)/time.Hour)] = int(r.Spec.Quantity)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("recorded %v, want %v", got, want)
	}
}

// If nothing could be written, SDKs repeat the call by themselves.
func TestABatchOfWhichNothingWasTakenIsAnErrorThatSDKsRepeat(t *testing.T) {
	s, f := disturbed(t)
	now := s.Clock.Now()
	f.set(func(*v1alpha1.UsageRecord, func() error) error { return errAway }, nil)
	a := s.first.must(s.vendor, "BatchMeterUsage", s.report(hourly(now, initech, minutes, 1), hourly(now, globex, minutes, 1)))
	if a.status != http.StatusInternalServerError || a.code(t) != "InternalServiceErrorException" || a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), errAway.Error()) {
		t.Errorf("%d %s, Retry-After %q", a.status, a.body, a.header.Get("Retry-After"))
	}
	a = s.first.must(s.customer, "MeterUsage", s.meter(now, 1, `,"ClientToken":"one"`))
	if a.status != http.StatusInternalServerError || a.code(t) != "InternalServiceErrorException" {
		t.Errorf("MeterUsage: %d %s", a.status, a.body)
	}
	f.set(nil, nil)
	recordID(t, s.first.must(s.customer, "MeterUsage", s.meter(now, 1, `,"ClientToken":"one"`)))
}

func TestARecordThatCannotBeComparedIsNotAnswered(t *testing.T) {
	s, f := disturbed(t)
	now := s.Clock.Now()
	record := s.report(hourly(now, initech, minutes, 1))
	readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", record))
	f.set(nil, func(func() error) error { return errAway })
	if a := s.first.must(s.vendor, "BatchMeterUsage", record); a.status != http.StatusInternalServerError {
		t.Errorf("%d %s", a.status, a.body)
	}
	// One that was there, and is gone when it is looked at, is made again.
	once := sync.Once{}
	f.set(nil, func(do func() error) error {
		once.Do(func() {
			r := s.records()[0]
			s.Delete(&r)
		})
		return do()
	})
	if b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", record)); b.Results[0].Status != "Success" {
		t.Errorf("%+v", b)
	}
	s.holds(map[int]int{0: 1})
}

// Half of all writes fail, before or after they are done, while two replicas are
// sent the same records again and again: what is acknowledged is there, once,
// and all is there in the end.
func TestNothingIsLostWhileTheAPIServerFails(t *testing.T) {
	s, f := disturbed(t)
	now := s.Clock.Now()
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	f.set(func(_ *v1alpha1.UsageRecord, do func() error) error {
		mu.Lock()
		n := random.IntN(4)
		mu.Unlock()
		switch n {
		case 0:
			return errAway
		case 1:
			if err := do(); err != nil {
				return err
			}
			return errAway
		default:
			return do()
		}
	}, nil)
	want := map[int]int{}
	var pending []string
	for hour := range 23 {
		want[hour] = hour + 1
		pending = append(pending, hourly(now.Add(-time.Duration(hour)*time.Hour), initech, minutes, hour+1))
	}
	for round := 0; len(pending) > 0; round++ {
		if round == 100 {
			t.Fatalf("%d records are left", len(pending))
		}
		a := []*replica{s.first, s.second}[round%2].must(s.vendor, "BatchMeterUsage", s.report(pending...))
		if a.status == http.StatusInternalServerError {
			continue
		}
		b := readBatch(t, a)
		for _, r := range b.Results {
			if r.Status != "Success" {
				t.Fatalf("%+v", r)
			}
		}
		pending = nil
		for _, r := range b.UnprocessedRecords {
			raw, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, string(raw))
		}
	}
	s.holds(want)
}
