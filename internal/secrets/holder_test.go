// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"sync"
	"testing"
	"time"
)

func TestHolderKeepsTheIdentity(t *testing.T) {
	var holder Holder
	if holder.Get() != nil {
		t.Error("an empty Holder holds something")
	}
	first := &Keys{Identity: newTestIdentity(t), Sealing: newTestRing(t), Signing: newTestSigning(t)}
	reloaded := &Keys{Identity: newTestIdentity(t), Sealing: newTestRing(t), Signing: newTestSigning(t)}
	other, err := NewIdentity(testKey(9))
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]*Keys{
		"no keys":         nil,
		"no identity":     {Sealing: newTestRing(t), Signing: newTestSigning(t)},
		"no ring":         {Identity: other, Signing: newTestSigning(t)},
		"no signing keys": {Identity: other, Sealing: newTestRing(t)},
	} {
		if err := holder.Set(keys); err == nil || holder.Get() != nil {
			t.Errorf("%s: taken", name)
		}
	}
	for name, keys := range map[string]*Keys{"the first": first, "the same identity, loaded again": reloaded} {
		if err := holder.Set(keys); err != nil || holder.Get() != keys {
			t.Errorf("%s: %v", name, err)
		}
	}
	held := holder.Get()
	if err := holder.Set(&Keys{Identity: other, Sealing: newTestRing(t), Signing: newTestSigning(t)}); !errors.Is(err, ErrIdentityChanged) || holder.Get() != held {
		t.Errorf("another identity: %v", err)
	}
}

func TestHolderTakesOneIdentityOfMany(t *testing.T) {
	for range 50 {
		var holder Holder
		var wg sync.WaitGroup
		taken := make([]bool, 4)
		for n := range taken {
			id, err := NewIdentity(testKey(byte(n)))
			if err != nil {
				t.Fatal(err)
			}
			keys := &Keys{Identity: id, Sealing: newTestRing(t), Signing: newTestSigning(t)}
			wg.Go(func() { taken[n] = holder.Set(keys) == nil })
		}
		wg.Wait()
		count := 0
		for _, ok := range taken {
			if ok {
				count++
			}
		}
		if count != 1 {
			t.Fatalf("%d identities were taken", count)
		}
	}
}

func TestOneRingServesManyAtOnce(t *testing.T) {
	ring := newTestRing(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			token := userToken()
			token.IssueTime = now.Add(time.Duration(n) * time.Second)
			for range 200 {
				text, err := ring.SealUserToken(now, token)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := ring.OpenUserToken(text); err != nil || got != token {
					t.Errorf("got %+v, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
