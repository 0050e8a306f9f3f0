// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	// watchLag is how long the second replica takes to read a changed Secret.
	watchLag = time.Minute
	// tokenLifetime is the longest lifetime of a checkout.
	tokenLifetime = 30 * time.Minute
	tick          = 30 * time.Second
)

// field is a world with two replicas that sign, and programs that verify with a
// JWKS that they read again only every JWKSMaxAge, from either replica.
type field struct {
	*testing.T
	client   client.Client
	clock    *clocktesting.FakePassiveClock
	replicas [2]Holder
	tokens   chan signed
	failures atomic.Int64
	verified atomic.Int64
	// turns counts what each worker has done, so that time waits for them.
	turns []*atomic.Int64
}

type signed struct {
	token   string
	expires time.Time
}

func newField(t *testing.T) *field {
	c, clk, keys := newLoaded(t)
	f := &field{T: t, client: c, clock: clk, tokens: make(chan signed, 64)}
	for n := range f.replicas {
		if err := f.replicas[n].Set(keys); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// work runs fn again and again until ctx ends.
func (f *field) work(ctx context.Context, wg *sync.WaitGroup, fn func()) {
	turns := &atomic.Int64{}
	f.turns = append(f.turns, turns)
	wg.Go(func() {
		for ctx.Err() == nil {
			fn()
			turns.Add(1)
			runtime.Gosched() // Or else each would work for a whole time slice.
		}
	})
}

// sign is a replica's checkout.
func (f *field) sign(replica *Holder, algorithm v1alpha1.SigningAlgorithm) {
	at := f.clock.Now()
	claims := changedClaims(func(c *LicenceClaims) { c.IssueTime, c.ExpirationTime = at, at.Add(tokenLifetime) })
	token, err := replica.Get().Signing.SignLicence(at, algorithm, claims)
	if err != nil {
		f.Errorf("SignLicence: %v", err)
	}
	select {
	case f.tokens <- signed{token, claims.ExpirationTime}:
	default:
	}
}

// program returns what a program does in its turn: take a token if there is one
// and check the oldest that it holds and that has not expired.
func (f *field) program(n int) func() {
	var held []signed
	var jwks *jose.JSONWebKeySet
	var fetched time.Time
	reads := n
	return func() {
		at := f.clock.Now()
		if jwks == nil || at.Sub(fetched) >= JWKSMaxAge {
			jwks, fetched = &jose.JSONWebKeySet{}, at
			if err := json.Unmarshal(f.replicas[reads%2].Get().Signing.JWKS(), jwks); err != nil {
				f.Errorf("the JWKS: %v", err)
			}
			reads++
		}
		select {
		case s := <-f.tokens:
			held = append(held, s)
		default:
		}
		for len(held) > 0 && !at.Before(held[0].expires) {
			held = held[1:]
		}
		if len(held) == 0 {
			return
		}
		for _, s := range []signed{held[0], held[len(held)-1]} {
			if _, err := verifyWith(jwks, s.token); err != nil {
				f.failures.Add(1)
				return
			}
			f.verified.Add(1)
		}
		if len(held) > 64 {
			held = append(held[:1], held[len(held)-1])
		}
	}
}

// pass lets time pass, tick by tick, and waits at each until every worker has
// done something since. The first replica reads the Secret at once.
func (f *field) pass(d time.Duration) {
	changed := reload(f.T, f.client)
	if err := f.replicas[0].Set(changed); err != nil {
		f.Fatal(err)
	}
	for passed := time.Duration(0); passed < d; passed += tick {
		if passed == watchLag {
			if err := f.replicas[1].Set(changed); err != nil {
				f.Fatal(err)
			}
		}
		f.clock.SetTime(f.clock.Now().Add(tick))
		before := make([]int64, len(f.turns))
		for n, turns := range f.turns {
			before[n] = turns.Load()
		}
		for n, turns := range f.turns {
			for turns.Load() < before[n]+2 {
				runtime.Gosched()
			}
		}
	}
}

// rotate publishes a version, lets it sign and retires the old one, under load,
// and returns how often a program refused a token that had not expired.
func rotate(t *testing.T, delay, retireAfter time.Duration) (failures, verified int64) {
	f := newField(t)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer func() { stop(); wg.Wait() }()
	for n := range 2 {
		f.work(ctx, &wg, func() { f.sign(&f.replicas[n], algorithms[2*n]) })
		f.work(ctx, &wg, f.program(n))
		f.work(ctx, &wg, f.program(n+1))
	}
	f.pass(2 * JWKSMaxAge)
	mustRotateSigning(t, f.client, f.clock, delay)
	f.pass(delay + retireAfter)
	if err := RetireSigning(ctx, f.client, secretName, f.clock, 1); err != nil {
		t.Error(err)
	}
	f.pass(2 * JWKSMaxAge)
	if next := f.replicas[1].Get().Signing; next.CurrentVersion(f.clock.Now()) != 2 || len(publicKeys(t, next.JWKS())) != 3 {
		t.Error("the rotation is not over")
	}
	return f.failures.Load(), f.verified.Load()
}

func TestARotationUnderLoadFailsNoVerification(t *testing.T) {
	// A token that was signed last of all by the old version must expire first.
	failures, verified := rotate(t, DefaultSigningDelay, tokenLifetime+2*tick)
	if failures != 0 || verified < 1000 {
		t.Errorf("%d failed and %d succeeded", failures, verified)
	}
}

// Without the waits verifications do fail: so the test above would show it.
func TestARotationInAHurryFailsVerifications(t *testing.T) {
	for name, times := range map[string][2]time.Duration{
		"signing before verifiers know the key":  {0, tokenLifetime + 2*tick},
		"retiring before the tokens are expired": {DefaultSigningDelay, 2 * tick},
	} {
		t.Run(name, func(t *testing.T) {
			if failures, verified := rotate(t, times[0], times[1]); failures == 0 {
				t.Errorf("none failed, %d succeeded", verified)
			}
		})
	}
}
