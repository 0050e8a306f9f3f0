// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/query"
)

// lagging is a replica that has seen nothing since it was frozen.
func lagging(t *testing.T) (*replica, *link) {
	t.Helper()
	hold(t)
	l := &link{}
	r := another(t, l.wrap(cluster.Operator), func(o *options.Options) { o.LeaderElect = true })
	l.freeze()
	t.Cleanup(l.melt)
	return r, l
}

func TestAReplicaThatLagsAnswersForWhatAnotherHasJustMade(t *testing.T) {
	slow, _ := lagging(t)
	// Everything from the Namespace to the pair is younger than the freeze.
	s := newShop(t)
	for name, c := range s.successes() {
		t.Run(name, func(t *testing.T) {
			a := slow.client.OK(t, c)
			if diff := cmp.Diff(prologue+goldens[name], a.Golden(s.values())); diff != "" {
				t.Errorf("the replica that lags answers differently (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReplicaThatLagsMakesWhatTheOtherAnswersFor(t *testing.T) {
	s := newShop(t)
	slow, l := lagging(t)
	key := s.Activation(t, builder.Activation("behind", "initech"))
	desktop := slow.client.OK(t, wire.Desktop(key, s.farm.Token))
	hosted := slow.client.OK(t, wire.Hosted(s.Key, key, s.farm.Token))
	customer := wire.Customer(desktop)
	for name, r := range map[string]*replica{"the one that made it": slow, "the other": operator} {
		t.Run(name, func(t *testing.T) {
			a := r.client.OK(t, wire.ByTokens(customer, desktop.Text("UserToken"), s.farm.Token))
			if got := a.Text("Subscribed"); got != "true" {
				t.Errorf("Subscribed is %q", got)
			}
			got := answersOf(r.client.OK(t, wire.Hosted(s.Key, key, s.farm.Token)), r.client.OK(t, wire.Desktop(key, s.farm.Token)))
			if diff := cmp.Diff(answersOf(hosted, desktop), got); diff != "" {
				t.Errorf("the key used again is answered differently (-first +again):\n%s", diff)
			}
		})
	}
	l.melt()
	within(t, "the replica has caught up", func() bool {
		return slow.client.Do(t, wire.Refresh(customer, desktop.Text("UserToken"))).Status == http.StatusOK
	})
}

func TestARotatedKeySignsAtAReplicaThatLags(t *testing.T) {
	s := newShop(t)
	slow, _ := lagging(t)
	rotated := rotate(t, s.Vendor, "vendor", s.Key.AccessKeyID, 0)
	for name, r := range map[string]*replica{"the other": operator, "the one that lags": slow} {
		a := r.client.OK(t, wire.ByPid(rotated, s.pid, s.farm.Code))
		if got := a.Text("Subscribed"); got != "true" {
			t.Errorf("%s: Subscribed is %q", name, got)
		}
	}
}

func TestWhatStrangersMakeUpNeverCausesALookUp(t *testing.T) {
	s := newShop(t)
	slow, l := lagging(t)
	// Nothing could be looked up now.
	l.cut(true)
	defer l.cut(false)
	unknown := *s.Key
	unknown.AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
	for name, f := range map[string]failure{
		"a key id":            {wire.Active(&unknown, s.pid), 403, "InvalidClientTokenId"},
		"a PID":               {wire.Active(s.Key, madeUpPID), 403, "InvalidPersistentIdentifier"},
		"an activation key":   {wire.Desktop(madeUpKey, s.farm.Token), 403, "InvalidActivationKey"},
		"a product token":     {wire.Desktop(s.key, madeUpProduct), 403, "InvalidProductToken"},
		"a user token":        {wire.Refresh(s.Key, madeUpUser), 403, "InvalidUserToken"},
		"a tampered token":    {wire.Refresh(s.Key, tamper(s.userToken)), 403, "InvalidUserToken"},
		"an additional one":   {wire.Refresh(s.Key, s.userToken, query.AdditionalTokens, madeUpProduct), 403, "InvalidProductToken"},
		"a tampered key":      {wire.Desktop(tamper(s.key), s.farm.Token), 403, "InvalidActivationKey"},
		"another vendor's ID": {wire.Active(s.Key, "P"+s.pid[2:]+"A"), 403, "InvalidPersistentIdentifier"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, slow.client, f.call, f.status, f.code) })
	}
	if got := l.lost(); got != 0 {
		t.Errorf("the API server was asked %d times", got)
	}
}

func TestKeysOfThoseWhoAreGoneDoNotUseUpTheLookUpsOfNewOnes(t *testing.T) {
	s := newShop(t)
	s.Apply(t, builder.VendorKey("gone").Build())
	gone := s.Pair(t, "gone", "")
	s.Delete(t, &v1alpha1.AccessKey{}, "gone")
	slow, l := lagging(t)
	for range 400 {
		if a := slow.client.Do(t, wire.Active(gone, s.pid)); a.Code() != "InvalidClientTokenId" {
			t.Fatalf("the key that is gone is answered %d %s", a.Status, a.Code())
		}
	}
	asked := l.passed("LIST /accesskeys")
	if asked == 0 || asked > 200 {
		t.Errorf("400 requests with one key that is gone made %d look-ups", asked)
	}
	s.Apply(t, builder.VendorKey("new").Build())
	fresh := s.Pair(t, "new", "")
	slow.client.OK(t, wire.Active(fresh, s.pid))
}

func TestWhileTheAPIServerIsAwayWhatIsKnownIsAnsweredAndTheRestIsToComeAgain(t *testing.T) {
	s := newShop(t)
	key := s.Activation(t, builder.Activation("away", "initech"))
	hold(t)
	l := &link{}
	r := another(t, l.wrap(cluster.Operator), func(o *options.Options) { o.LeaderElect = true })
	l.freeze()
	defer l.melt()
	l.cut(true)
	known := s.successes()
	// Whether its pair is still there can't be known.
	delete(known, "ActivateDesktopProduct")
	for name, c := range known {
		if a := r.client.Do(t, c); a.Status != http.StatusOK {
			t.Errorf("%s, whose answer is known, is answered %d %s", name, a.Status, a.Code())
		}
	}
	for name, c := range map[string]wire.Call{
		"a first hosted activation":  wire.Hosted(s.Key, key, s.farm.Token),
		"a first desktop activation": wire.Desktop(key, s.farm.Token),
	} {
		a := expect(t, r.client, c, http.StatusServiceUnavailable, "ServiceUnavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: nothing says when to come again", name)
		}
	}
	l.cut(false)
	r.client.OK(t, wire.Hosted(s.Key, key, s.farm.Token))
	r.client.OK(t, wire.Desktop(key, s.farm.Token))
}
