// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/store"
)

// paper is how a request's Secret stands.
type paper struct {
	// ref names it; nil if there is no token in it.
	ref *v1alpha1.SecretReference
	// obstacle is why it could not be written; nil if it was.
	obstacle *metav1.Condition
	// write brings it up to date; nil if it is, as far as is known.
	write func(context.Context) error
}

// paper says how a request's Secret stands. The operator may not read it, so it
// remembers what it wrote: an operator that has just become the leader writes
// all of them once, which changes nothing.
func (p *pass) paper(r *request) paper {
	name := v1alpha1.LicenseSecretName(r.obj.Name)
	switch {
	case r.grant != nil && p.product != nil:
		return p.paperOf(r, name, p.stamp(r), true)
	case r.grant != nil:
		return paper{ref: r.base.Status.SecretRef} // Nobody knows the terms; the token that was written stays.
	case r.base.Status.SecretRef != nil:
		// A token must not outlive the seats: the next holder would use it.
		return p.paperOf(r, name, "", false)
	}
	return paper{}
}

func (p *pass) paperOf(r *request, name, stamp string, held bool) paper {
	was, known := p.recall.written(r.obj.UID)
	due := was.at.Add(kit.ReapplyInterval)
	if was.obstacle != nil {
		due = was.at.Add(kit.SecretConflictPause)
	}
	if !known || was.stamp != stamp || was.held != held || !p.now.Before(due) {
		return paper{ref: r.base.Status.SecretRef, write: func(ctx context.Context) error {
			obstacle, err := p.writeSecret(ctx, r, name, held)
			p.recall.wrote(r.obj.UID, written{stamp: stamp, held: held, at: p.now, obstacle: obstacle})
			return err
		}}
	}
	if held || was.obstacle != nil {
		p.at(due)
	}
	w := paper{obstacle: was.obstacle}
	switch {
	case held && was.obstacle == nil:
		w.ref = &v1alpha1.SecretReference{Name: name}
		keys := p.Keys.Get()
		if next, pending := keys.Signing.NextSignFromTime(p.now); pending {
			p.at(next)
		}
		if next, pending := keys.Sealing.NextUseFromTime(p.now); pending {
			p.at(next)
		}
	case !held && was.obstacle != nil && was.obstacle.Reason != v1alpha1.ReasonSecretConflict:
		w.ref = r.base.Status.SecretRef // The token is still in it.
	}
	return w
}

// stamp is another one whenever the content of the Secret is.
func (p *pass) stamp(r *request) string {
	keys := p.Keys.Get()
	return strings.Join([]string{
		fmt.Sprint(r.grant.Block, r.grant.Sequence, r.grant.IssueTime.Unix(), r.grant.ExpirationTime.Unix()),
		fmt.Sprint(keys.Signing.CurrentVersion(p.now), keys.Signing.JWKSETag(), keys.Sealing.CurrentVersion(p.now)),
		fmt.Sprint(p.account, p.sub.UID, p.sub.Generation, p.product.UID, p.product.Generation),
	}, " ")
}

// writeSecret writes the token and the keys that verify it, or the keys alone
// once the seats are not held any more. An obstacle comes with the error if
// there is one.
func (p *pass) writeSecret(ctx context.Context, r *request, name string, held bool) (*metav1.Condition, error) {
	keys := p.Keys.Get()
	data := map[string]string{v1alpha1.SecretKeyJWKS: string(keys.Signing.JWKS())}
	if held {
		licence := store.Licence{Product: p.product, Subscription: p.sub, Account: p.account}
		consumption, err := keys.Sealing.SealConsumptionToken(p.now, store.ConsumptionToken(p.key, *r.grant))
		if err == nil {
			claims := p.Names.LicenceClaims(licence, *r.grant, consumption, nil)
			data[v1alpha1.SecretKeySignedLicense], err = keys.Signing.SignLicence(p.now, store.LicenceAlgorithm(p.product, r.grant.Type), claims)
		}
		if err != nil {
			obstacle := kit.SecretNotWritten(name)
			return &obstacle, fmt.Errorf("sign the licence token: %w", err)
		}
	}
	err := store.ApplySecret(ctx, p.Client, r.base, v1alpha1.GroupVersion.WithKind("LicenseCheckout"), name, data)
	switch {
	case errors.Is(err, store.ErrSecretConflict):
		obstacle := kit.SecretConflict(name, v1alpha1.SecretKeySignedLicense)
		return &obstacle, nil
	case err != nil:
		obstacle := kit.SecretNotWritten(name)
		return &obstacle, fmt.Errorf("write the Secret %s: %w", name, err)
	}
	return nil, nil
}
