// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
)

// late are books in which an earlier attempt's grant, which was in flight, is
// committed after the first search.
type late struct {
	*books
	searches int
	commit   func()
	// checkIn is the error of CheckIn, or nil.
	checkIn error
}

func (l *late) Find(ctx context.Context, keys []seats.Key, id string) (seats.Key, seats.Grant, bool, error) {
	l.searches++
	key, g, found, err := l.books.Find(ctx, keys, id)
	if l.searches == 1 {
		l.commit()
	}
	return key, g, found, err
}

func (l *late) CheckIn(ctx context.Context, key seats.Key, h seats.Handle) error {
	if l.checkIn != nil {
		return l.checkIn
	}
	return l.books.CheckIn(ctx, key, h)
}

func TestTwoBooksNeverBothGrantOneRequest(t *testing.T) {
	other := func(e *entry) { e.digest = "another" }
	for name, test := range map[string]struct {
		// earlier is how long before the retry the first attempt was granted.
		earlier time.Duration
		change  func(*entry)
		checkIn error
		// want holds the seats; "" where the error is kind.
		want string
		kind fault.Kind
		held []string
	}{
		"the first attempt was granted before":                 {earlier: time.Second, want: "initech", held: []string{"initech"}},
		"the first attempt was granted later":                  {earlier: -time.Second, want: "renewed", held: []string{"renewed"}},
		"both in one second: the lower name":                   {want: "initech", held: []string{"initech"}},
		"the first attempt asked for something else, before":   {earlier: time.Second, change: other, kind: fault.InvalidParameter, held: []string{"initech"}},
		"the other has been checked in meanwhile":              {earlier: time.Second, checkIn: fault.New(fault.CheckoutNotFound, "It has ended."), want: "initech", held: []string{"initech", "renewed"}},
		"it isn't known whether the other could be checked in": {earlier: time.Second, checkIn: fault.New(fault.Unavailable, "Try again later."), kind: fault.Unavailable, held: []string{"initech", "renewed"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.add(f.subscription("renewed").WithSeats("seats", 5).With(func(sub *v1alpha1.Subscription) {
				sub.CreationTimestamp = metav1.NewTime(start.Add(-time.Minute).Truncate(time.Second))
			}).Build())
			// What the first attempt's grant looks like.
			sample := newFixture(t)
			sample.checkout(vendor, sample.request("t"))
			first := sample.books.entries[0]
			first.IssueTime = first.IssueTime.Add(-test.earlier)
			if test.change != nil {
				test.change(first)
			}
			l := &late{books: f.books, checkIn: test.checkIn, commit: func() { f.books.entries = append(f.books.entries, first) }}
			f.service.Books = l
			out, err := f.service.CheckoutLicense(t.Context(), vendor, f.request("t"))
			switch {
			case test.kind != "":
				if fault.KindOf(err) != test.kind {
					t.Errorf("the error is %v, want %s", err, test.kind)
				}
			case err != nil:
				t.Fatal(err)
			case out.LicenseARN != f.arn(test.want):
				t.Errorf("it is of %s, want %s", out.LicenseARN, f.arn(test.want))
			}
			var held []string
			for _, e := range f.books.entries {
				held = append(held, e.key.Name)
			}
			if diff := cmp.Diff(test.held, held); diff != "" {
				t.Errorf("who holds seats (-want +got):\n%s", diff)
			}
			if test.kind != fault.Unavailable {
				return
			}
			// The next attempt puts it right.
			l.checkIn = nil
			if out, err = f.service.CheckoutLicense(t.Context(), vendor, f.request("t")); err != nil || out.LicenseARN != f.arn("initech") || len(f.books.entries) != 1 {
				t.Errorf("tried again it is %v, %v and %d hold seats", out, err, len(f.books.entries))
			}
		})
	}
}

func TestAGrantThatCantBeComparedIsNoAnswer(t *testing.T) {
	f := newFixture(t)
	f.add(f.subscription("renewed").WithSeats("seats", 5).Build())
	f.service.Books = &failing{books: f.books}
	_, err := f.service.CheckoutLicense(t.Context(), vendor, f.request("t"))
	if !errors.Is(err, errSearch) {
		t.Errorf("the error is %v", err)
	}
}

var errSearch = fault.New(fault.Unavailable, "Try again later.")

// failing are books whose second search fails.
type failing struct {
	*books
	searches int
}

func (f *failing) Find(ctx context.Context, keys []seats.Key, id string) (seats.Key, seats.Grant, bool, error) {
	if f.searches++; f.searches > 1 {
		return seats.Key{}, seats.Grant{}, false, errSearch
	}
	return f.books.Find(ctx, keys, id)
}
