// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package replicas

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// promise is what was answered to one activation key, by one replica.
type promise struct {
	Token, PID, KeyID, Secret string
}

// customers is a vendor with so many customers, each with an activation key.
type customers struct {
	*wire.Vendor
	product wire.Product
	keys    []string
}

func newCustomers(t *testing.T, ledger *wire.Ledger, count int) *customers {
	t.Helper()
	c := &customers{Vendor: wire.NewVendor(t, cluster, ledger)}
	c.product = c.Product(t, builder.Product("render-farm"))
	for i := range count {
		name := nameOf(i)
		c.Apply(t, builder.Subscription(name, "render-farm").Build())
		c.Apply(t, builder.Activation(name, name).Build())
	}
	for i := range count {
		c.keys = append(c.keys, c.ActivationKey(t, nameOf(i)))
	}
	return c
}

func nameOf(i int) string { return fmt.Sprintf("customer-%03d", i) }

// activate uses one customer's key for both kinds of product. The error says
// that a client has to try again, here or elsewhere.
func (c *customers) activate(ctx context.Context, p *process, i int) (promise, error) {
	hosted, err := answered(p.client.Try(ctx, wire.Hosted(c.Key, c.keys[i], c.product.Token)))
	if err != nil {
		return promise{}, err
	}
	desktop, err := answered(p.client.Try(ctx, wire.Desktop(c.keys[i], c.product.Token)))
	if err != nil {
		return promise{}, err
	}
	if hosted.Text("UserToken") != desktop.Text("UserToken") {
		return promise{}, fmt.Errorf("one key gives two user tokens")
	}
	return promise{
		Token: desktop.Text("UserToken"), PID: hosted.Text("PersistentIdentifier"),
		KeyID: desktop.Text("AWSAccessKeyId"), Secret: desktop.Text("SecretAccessKey"),
	}, nil
}

func answered(a *wire.Answer, err error) (*wire.Answer, error) {
	if err == nil && a.Status != http.StatusOK {
		err = fmt.Errorf("answered %d %s", a.Status, a.Code())
	}
	return a, err
}

func TestNothingThatWasAnsweredIsLostWhenTheLeaderIsKilled(t *testing.T) {
	const count, workers, killAt = 100, 8, 30
	ledger := &wire.Ledger{}
	both := pair(t, ledger)
	leader, survivor := leaderOf(t, both)
	c := newCustomers(t, ledger, count)

	var (
		mu       sync.Mutex
		promises = map[int][]promise{}
		byLeader int
		next     atomic.Int64
		done     atomic.Int64
		retried  atomic.Int64
		killed   = make(chan struct{})
	)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				// Every key at both replicas, as far as they live.
				for try := 0; ; try++ {
					r := both[(i+try)%2]
					made, err := c.activate(t.Context(), r, i)
					if err != nil {
						if retried.Add(1); try > 100 {
							t.Errorf("%s: %v", nameOf(i), err)
							return
						}
						continue
					}
					mu.Lock()
					promises[i] = append(promises[i], made)
					if r == leader {
						byLeader++
					}
					mu.Unlock()
					break
				}
				if done.Add(1) == killAt {
					if err := leader.kill(); err != nil {
						t.Error(err)
					}
					close(killed)
				}
			}
		})
	}
	wg.Wait()
	select {
	case <-killed:
	default:
		t.Fatal("nobody was killed")
	}
	t.Logf("%d keys activated, %d by the leader until it was killed, %d tries failed", len(promises), byLeader, retried.Load())
	if byLeader == 0 || retried.Load() == 0 {
		t.Error("the leader was killed before or after everything, so that nothing is proved")
	}
	if len(promises) != count {
		t.Errorf("%d keys were activated, want %d", len(promises), count)
	}
	c.onRecord(t, promises)
	for i, made := range promises {
		again, err := c.activate(t.Context(), survivor, i)
		if err != nil {
			t.Errorf("%s at the survivor: %v", nameOf(i), err)
			continue
		}
		for _, before := range made {
			if diff := cmp.Diff(before, again); diff != "" {
				t.Errorf("%s is answered differently by the survivor (-before +now):\n%s", nameOf(i), diff)
			}
		}
	}
	// The survivor takes over what only a leader does.
	c.Apply(t, builder.Activation("later", nameOf(0)).Build())
	survivor.await(t, "the leader", 90*time.Second, survivor.leads)
	key := c.ActivationKey(t, "later")
	survivor.client.OK(t, wire.Desktop(key, c.product.Token))
	survivor.silent(t, ledger)
	leader.silent(t, ledger)
}

// onRecord holds what the API server has against what was promised.
func (c *customers) onRecord(t *testing.T, promises map[int][]promise) {
	t.Helper()
	keys := &v1alpha1.AccessKeyList{}
	if err := cluster.Client.List(t.Context(), keys, client.InNamespace(c.Namespace), client.HasLabels{v1alpha1.LabelActivation}); err != nil {
		t.Fatal(err)
	}
	byActivation := map[string][]string{}
	for i := range keys.Items {
		name := keys.Items[i].Labels[v1alpha1.LabelActivation]
		byActivation[name] = append(byActivation[name], keys.Items[i].Status.AccessKeyID)
	}
	for i, made := range promises {
		a := &v1alpha1.Activation{}
		if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: c.Namespace, Name: nameOf(i)}, a); err != nil {
			t.Fatal(err)
		}
		if !meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionRedeemed) || a.Status.FirstRedemptionTime == nil {
			t.Errorf("%s was answered and is not on record as redeemed", a.Name)
		}
		if diff := cmp.Diff([]string{made[0].KeyID}, byActivation[a.Name]); diff != "" {
			t.Errorf("%s has other AccessKeys than it was answered (-answered +on record):\n%s", a.Name, diff)
		}
	}
}
