// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestOneWithoutAHolderEndsAtItsTime(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	s.Clock.SetTime(start.Add(time.Hour - time.Millisecond))
	s.After(s.pass(), time.Millisecond)
	s.says(c, "True, Granted", "False, Held")
	s.Clock.SetTime(start.Add(time.Hour))
	s.After(s.pass(), 0)
	s.says(c, "False, Expired", "True, Expired")
	s.Events("Normal Expired")
	if c.Status.IssueTime == nil || c.Status.ExpirationTime == nil || len(c.Status.EntitlementsAllowed) != 1 || c.Status.SecretRef != nil {
		t.Errorf("the record of it is %+v", c.Status)
	}
	s.holders()
	s.truth()

	// It is not asked for again, by nobody.
	s.restart()
	s.Step(time.Hour)
	s.pass()
	s.says(c, "False, Expired", "True, Expired")
	s.holders()
	s.truth()
}

func TestOneThatEndedWhileNobodyLookedHasEnded(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	// Somebody else, as the keeper of the book does, ends it.
	s.Clock.SetTime(start.Add(2 * time.Hour))
	if err := s.books.Keep(t.Context(), s.key, 0, seats.Upkeep{}); err != nil {
		t.Fatal(err)
	}
	s.holders()
	s.restart()
	s.pass()
	s.says(c, "False, Expired", "True, Expired")
	s.Events("Normal Expired")
	s.truth()
}

func TestAPerpetualCheckoutEndsWithItsPeriod(t *testing.T) {
	t.Parallel()
	s := stageWith(t, builder.Product("render-farm").WithRenewal(v1alpha1.RenewalWeekly),
		builder.Subscription("initech", "render-farm").StartingAt(start))
	c := s.granted(co("a").OfType(v1alpha1.CheckoutPerpetual))
	s.Clock.SetTime(start.Add(8 * 24 * time.Hour))
	if err := s.books.Keep(t.Context(), s.key, 0, seats.Upkeep{RenewalStart: start.Add(7 * 24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	s.pass()
	s.says(c, "False, PeriodEnded", "True, PeriodEnded")
	s.Events("Normal PeriodEnded")
	s.holders()
	s.truth()

	// That stays so, whatever becomes of the Product.
	p := builder.Product("render-farm").InNamespace(s.Namespace).Build()
	expect.Edit(s.Stage, p, func(p *v1alpha1.Product) { p.Spec.License.Renewal = v1alpha1.RenewalNone })
	s.restart()
	s.pass()
	s.says(c, "False, PeriodEnded", "True, PeriodEnded")
	s.truth()
}

func TestWhatALostBookHeldIsAskedForAgain(t *testing.T) {
	for name, b := range map[string]*builder.LicenseCheckoutBuilder{
		"Provisional": co("a"), "Perpetual": co("a").OfType(v1alpha1.CheckoutPerpetual), "one that does not wait": co("a").OrFail(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			c := s.granted(b)
			s.Step(time.Minute)
			s.loseBook()
			s.pass()
			s.says(c, "True, Granted", "False, Held")
			if got, want := c.Status.IssueTime.Time, start.Add(time.Minute); !got.Equal(want) {
				t.Errorf("it was issued at %s, want %s", got, want)
			}
			s.Events(nil...)
			s.verified(c)
			s.truth()
		})
	}
}

// loseBook deletes the book, which the watch shows.
func (s *scene) loseBook() {
	s.Helper()
	list, err := s.ledgers().List(s.Context(), s.key)
	if err != nil {
		s.Fatal(err)
	}
	for _, l := range list {
		s.Delete(l)
		s.books.Forget(l)
	}
}

func TestWhatALostBookHeldAndNobodyMayHaveNowIsGone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	s.loseBook()
	s.Delete(builder.Subscription("initech", "").InNamespace(s.Namespace).Build())
	s.pass()
	s.says(c, "False, SubscriptionNotFound", "True, Removed")
	s.Events("Normal Removed", "Warning SubscriptionNotFound")
	s.truth()
	s.Create(builder.Subscription("initech", "render-farm").Build())
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	s.truth()
}

// ahead tells a time that is ahead of another clock's.
type ahead struct {
	clock.Clock
	by time.Duration
}

func (a ahead) Now() time.Time { return a.Clock.Now().Add(a.by) }

// The book ends what is over by the latest clock of all replicas. By this one's
// it is not over yet, but it was not lost either.
func TestWhatAReplicaAheadHasEndedIsNotGrantedAgain(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	s.Clock.SetTime(start.Add(time.Hour - 500*time.Millisecond))
	other := seats.NewBooks(s.Context(), seats.Options{Store: s.ledgers(), Clock: ahead{s.Timers(), time.Second}, Log: logr.Discard()})
	if err := other.Keep(s.Context(), s.key, 0, seats.Upkeep{}); err != nil {
		t.Fatal(err)
	}
	s.restart() // It reads what the other has committed.
	s.pass()
	s.says(c, "False, Expired", "True, Expired")
	s.Events("Normal Expired")
	s.holders()
	s.truth()
}

func TestADeletedCheckoutGivesItsSeatsBackAtOnce(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a").WithSeats("seats", 3))
	next := s.apply(co("b"))[0]
	s.pass()
	s.Events("Normal Queued")
	s.Delete(c)
	s.pass()
	s.says(next, "True, Granted", "False, Held")
	s.holders("b")
	s.Events("Normal Granted")
	s.truth()
	s.Delete(next)
	s.After(s.pass(), 0)
	s.holders()
	s.truth()
}

func TestACheckoutThatIsBeingDeletedGivesItsSeatsBackAtOnce(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	expect.Edit(s.Stage, c, func(c *v1alpha1.LicenseCheckout) { c.Finalizers = []string{"example.com/slow"} })
	s.Delete(c)
	s.pass()
	s.says(c, "False, Deleted", "True, Deleted")
	s.Events("Normal Deleted")
	s.holders()
	s.truth()
	expect.Edit(s.Stage, c, func(c *v1alpha1.LicenseCheckout) { c.Finalizers = nil })
	s.truth()
}

func TestWhatWasDeletedWhileNobodyLookedIsGivenBack(t *testing.T) {
	t.Parallel()
	s := stage(t)
	gone, replaced := s.granted(co("gone")), s.granted(co("replaced"))
	s.Delete(gone)
	s.Delete(replaced)
	again := s.apply(co("replaced"))[0]
	s.restart()
	s.pass()
	s.holders("replaced")
	s.says(again, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	s.truth()
}

func TestWhatTheCacheDoesNotShowYetKeepsItsSeats(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	s.c.Client = blind{s.Operator}
	s.pass()
	s.holders("a")
	s.c.Live = failing{s.Operator}
	if _, err := s.try(); err == nil {
		t.Error("no error, so nobody looks again")
	}
	s.holders("a")
	s.restart()
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.truth()
}

// blind shows no LicenseCheckouts.
type blind struct{ client.Client }

func (b blind) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if _, ok := list.(*v1alpha1.LicenseCheckoutList); ok {
		return nil
	}
	return b.Client.List(ctx, list, opts...)
}

// failing gets nothing.
type failing struct{ client.Client }

func (failing) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return expect.ErrLost
}

func TestABookThatIsFrozenGrantsNothingUntilItThaws(t *testing.T) {
	t.Parallel()
	s := stage(t)
	held := s.granted(co("held"))
	list, err := s.ledgers().List(t.Context(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	l := list[0]
	l.Spec.FrozenTime, l.Spec.Sequence = ptr.To(metav1.NewTime(start)), l.Spec.Sequence+1
	if err := s.Admin.Update(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	s.books.Observe(l)
	made := s.apply(co("a"), co("b").OrFail())
	s.pass()
	s.says(held, "True, Granted", "False, Held")
	s.says(made[0], "False, Queued", "False, NotGranted")
	s.says(made[1], "Unknown, Pending", "False, NotGranted")
	s.Events("Normal Queued")
	s.truth()
	if err := s.books.Keep(t.Context(), s.key, 0, seats.Upkeep{Thaw: true}); err != nil {
		t.Fatal(err)
	}
	s.pass()
	s.says(made[0], "True, Granted", "False, Held")
	s.says(made[1], "True, Granted", "False, Held")
	s.Events("Normal Granted", "Normal Granted")
	s.truth()
}

func TestASubscriptionLoweredBelowItsUseThrowsNobodyOut(t *testing.T) {
	t.Parallel()
	s := stage(t)
	a, b := s.granted(co("a").WithSeats("seats", 2)), s.granted(co("b"))
	sub := builder.Subscription("initech", "").InNamespace(s.Namespace).Build()
	expect.Edit(s.Stage, sub, func(sub *v1alpha1.Subscription) {
		sub.Spec.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To[int64](1)}}
	})
	s.total(1)
	next := s.apply(co("c"))[0]
	s.pass()
	s.holders("a", "b")
	s.Events("Normal Queued")
	s.Delete(b)
	s.pass()
	s.holders("a")
	s.Delete(a)
	s.pass()
	s.says(next, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	s.truth()
}

func TestOverageIsGrantedBeyondTheTotal(t *testing.T) {
	t.Parallel()
	s := stageWith(t, builder.Product("render-farm").WithEntitlement(v1alpha1.Entitlement{
		Name: "cores", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](1), Overage: v1alpha1.Allowed}),
		builder.Subscription("initech", "render-farm"))
	c := s.granted(co("a").WithSeats("cores", 5))
	s.verified(c)
	s.truth()
}

// showing shows one LicenseCheckout in an older version.
type showing struct {
	client.Client
	old *v1alpha1.LicenseCheckout
}

func (s showing) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := s.Client.List(ctx, list, opts...); err != nil {
		return err
	}
	if list, ok := list.(*v1alpha1.LicenseCheckoutList); ok {
		for i := range list.Items {
			if list.Items[i].UID == s.old.UID {
				s.old.DeepCopyInto(&list.Items[i])
			}
		}
	}
	return nil
}
