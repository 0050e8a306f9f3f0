// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

const (
	product = "render-farm"
	sku     = "RENDER-1"
)

// vendor has one product, whose seats are sold here.
type vendor struct {
	*wire.Vendor
	fingerprint string
}

// newVendor makes a vendor whose product gives a checkout so many minutes.
func newVendor(t *testing.T, minutes int32) *vendor {
	t.Helper()
	v := &vendor{Vendor: wire.NewVendor(t, cluster, canaries)}
	v.Product(t, builder.Product(product).WithSKU(sku).WithIssuer("Acme").WithProvisional(minutes).
		WithSeats("seats", 1).WithFeature("gpu-rendering", "Enabled"))
	wire.Eventually(t, "the Product has its key fingerprint", func(ctx context.Context) error {
		p := &v1alpha1.Product{}
		if err := cluster.Client.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: product}, p); err != nil {
			return err
		}
		if v.fingerprint = p.Status.KeyFingerprint; v.fingerprint == "" {
			return errors.New("it has none")
		}
		return nil
	})
	return v
}

// licence is one customer's Subscription.
type licence struct {
	*vendor
	customer string
}

// licence makes a Subscription with so many seats, and waits until the replicas
// have seen it.
func (v *vendor) licence(t *testing.T, customer string, total int64, replicas ...*replica) *licence {
	t.Helper()
	l := &licence{v, customer}
	v.Apply(t, builder.Subscription(customer, product).WithCustomer(customer).WithSeats("seats", total).Build())
	for _, r := range replicas {
		l.seen(t, r)
	}
	return l
}

// seen waits until a replica lists the licence, and leaves no trace in the book.
func (l *licence) seen(t *testing.T, r *replica) {
	t.Helper()
	filter := fmt.Appendf(nil, `{"Filters":[{"Name":"Beneficiary","Values":[%q]}]}`, l.customer)
	wire.Eventually(t, r.name+" lists the licence of "+l.customer, func(ctx context.Context) error {
		a, err := l.call(ctx, r, "ListReceivedLicenses", filter)
		if err != nil {
			return err
		}
		var list struct{ Licenses []json.RawMessage }
		if err := json.Unmarshal(a.body, &list); err != nil || len(list.Licenses) != 1 {
			return fmt.Errorf("answered %s, %w", a.body, err)
		}
		return nil
	})
}

// blocks reads the book as the API server has it, which must be sound.
func (l *licence) blocks(t *testing.T) []*seats.Block {
	t.Helper()
	list := &v1alpha1.SeatLedgerList{}
	if err := cluster.Client.List(t.Context(), list, client.InNamespace(l.Namespace), client.MatchingLabels{seats.LabelBlock: l.customer}); err != nil {
		t.Fatal(err)
	}
	blocks := make([]*seats.Block, len(list.Items))
	for i := range list.Items {
		var err error
		if blocks[i], err = seats.Decode(&list.Items[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range seats.Check(blocks) {
		t.Errorf("the book of %s: %s", l.customer, d.What)
	}
	return blocks
}

// entries are all that the book holds, by id.
func (l *licence) entries(t *testing.T) map[string]*seats.Entry {
	t.Helper()
	held := map[string]*seats.Entry{}
	for _, b := range l.blocks(t) {
		for _, e := range b.Entries {
			held[e.ID] = e
		}
	}
	return held
}

// holds fails the test unless the book holds exactly what was answered: each
// checkout once, where its token says, with the times of the answer, and nothing
// else.
func (l *licence) holds(t *testing.T, answered []*grant) {
	t.Helper()
	held := l.entries(t)
	sealing := keysOf(t).Sealing
	named := map[string]bool{}
	for _, g := range answered {
		token, err := sealing.OpenConsumptionToken(g.LicenseConsumptionToken)
		if err != nil {
			t.Fatal(err)
		}
		if token.Namespace != l.Namespace || token.Subscription != l.customer {
			t.Errorf("a token is for %s/%s", token.Namespace, token.Subscription)
		}
		if named[token.ID] {
			t.Errorf("%s was answered to two ClientTokens", token.ID)
		}
		named[token.ID] = true
		e := held[token.ID]
		if e == nil {
			t.Errorf("%s was answered and is not in the book", token.ID)
			continue
		}
		if e.Block != token.Block || e.Sequence != token.Sequence || e.Type != token.Type ||
			e.IssueTime.Format(time.RFC3339) != g.IssuedAt || e.ExpirationTime.Format(time.RFC3339) != g.Expiration {
			t.Errorf("%s is answered %d/%d %s to %s, and in the book %d/%d %s to %s", e.ID,
				token.Block, token.Sequence, g.IssuedAt, g.Expiration, e.Block, e.Sequence, e.IssueTime, e.ExpirationTime)
		}
		if len(e.Items) != 1 || e.Items[0].Name != "seats" || e.Items[0].Quantity != 1 {
			t.Errorf("%s holds %v, want one seat", e.ID, e.Items)
		}
	}
	for id := range held {
		if !named[id] {
			t.Errorf("%s is in the book and was answered to nobody", id)
		}
	}
}

// keysOf are the keys of the operator, which seal its tokens.
func keysOf(t *testing.T) *secrets.Keys {
	t.Helper()
	s := &corev1.Secret{}
	key := client.ObjectKey{Namespace: env.OperatorNamespace, Name: secrets.DefaultSecretName}
	if err := cluster.Client.Get(t.Context(), key, s); err != nil {
		t.Fatal(err)
	}
	keys, err := secrets.Parse(s.Data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
