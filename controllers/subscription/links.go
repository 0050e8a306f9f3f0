// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
)

// maxApplied bounds how many Secrets are remembered as applied. More than these
// are applied again each time their Subscription is looked at.
const maxApplied = 1 << 17

// Links makes the links to the pages.
type Links struct {
	// URL is where browsers reach the endpoint, without a slash at its end.
	URL string
	// Lifetime is how long a link is good. Another one is made when half of it
	// is over, so that one that is read in the Secret is good for a while.
	Lifetime time.Duration
	Keys     *secrets.Holder

	// applied is what was last applied, and when, by Subscription: it is looked
	// at far more often than its links change.
	applied *lru.Cache
}

// NewLinks returns a maker of links.
func NewLinks(url string, lifetime time.Duration, keys *secrets.Holder) *Links {
	return &Links{URL: url, Lifetime: lifetime, Keys: keys, applied: lru.New(maxApplied)}
}

// application is one Secret that was applied.
type application struct {
	content [sha256.Size]byte
	time    time.Time
}

// linkPaths are the paths of the pages, by the key of the Secret.
var linkPaths = map[string]struct {
	purpose secrets.LinkPurpose
	path    string
}{
	v1alpha1.SecretKeyRegistrationURL: {secrets.RegistrationLink, secrets.RegisterPath},
	v1alpha1.SecretKeyActivationURL:   {secrets.ActivationLink, secrets.ActivatePath},
}

// link writes the links to the pages that the Product has into their Secret. A
// link is as good as a key, so it is nowhere else. An obstacle is what the
// condition Ready says of a Secret that can't be written. Where the Product has
// gone the links stay as they are: it may come back.
func (c *Controller) link(ctx context.Context, product *v1alpha1.Product, sub *v1alpha1.Subscription) (obstacle *metav1.Condition, err error) {
	if c.Links == nil || product == nil {
		return nil, nil
	}
	name, now := v1alpha1.LinksSecretName(sub.Name), c.Clock.Now()
	expires := c.Links.expiration(sub, now)
	data, err := c.Links.data(product, secrets.Link{Namespace: sub.Namespace, Subscription: sub.Name,
		Party: c.Names.Party(product, sub), ExpirationTime: expires}, now)
	if err != nil {
		refused := kit.SecretNotWritten(name)
		return &refused, err
	}
	if len(data) == 0 && sub.Status.LinksSecretRef == nil {
		return nil, nil
	}
	if err := c.applyLinks(ctx, sub, name, data); err != nil {
		if errors.Is(err, store.ErrSecretConflict) {
			conflict := kit.SecretConflict(name, v1alpha1.SecretKeyRegistrationURL)
			return &conflict, nil
		}
		refused := kit.SecretNotWritten(name)
		return &refused, fmt.Errorf("write the Secret %s: %w", name, err)
	}
	if len(data) == 0 { // The operator may not delete it.
		sub.Status.LinksSecretRef, sub.Status.LinksExpirationTime = nil, nil
		return nil, nil
	}
	sub.Status.LinksSecretRef = &v1alpha1.SecretReference{Name: name}
	sub.Status.LinksExpirationTime = &metav1.Time{Time: expires}
	return nil, nil
}

// applyLinks applies the Secret unless that was done a while ago.
func (c *Controller) applyLinks(ctx context.Context, sub *v1alpha1.Subscription, name string, data map[string]string) error {
	what := application{time: c.Clock.Now(), content: sha256.Sum256(fmt.Appendf(nil, "%s %q", sub.UID, data))}
	key := client.ObjectKeyFromObject(sub)
	if was, found := c.Links.applied.Get(key); found && was.(application).content == what.content &&
		what.time.Sub(was.(application).time) < kit.ReapplyInterval {
		return nil
	}
	if err := store.ApplySecret(ctx, c.Client, sub, v1alpha1.GroupVersion.WithKind("Subscription"), name, data); err != nil {
		return err
	}
	c.Links.applied.Add(key, what)
	return nil
}

// expiration is when the links of a Subscription end: as the status says, or
// after a whole lifetime where half of it is over, or where it is more than
// links may live now. It is in whole seconds, as the status can say it: from it
// the same links are made again.
func (l *Links) expiration(sub *v1alpha1.Subscription, now time.Time) time.Time {
	whole := now.Add(l.Lifetime).Truncate(time.Second).UTC()
	if e := sub.Status.LinksExpirationTime; e != nil && now.Before(e.Add(-l.Lifetime/2)) && !e.After(whole) {
		return e.UTC()
	}
	return whole
}

// data is what the Secret holds.
func (l *Links) data(product *v1alpha1.Product, link secrets.Link, now time.Time) (map[string]string, error) {
	data := map[string]string{}
	for key, url := range map[string]string{
		v1alpha1.SecretKeyRegistrationURL: product.Spec.Registration.FulfillmentURL,
		v1alpha1.SecretKeyActivationURL:   product.Spec.Activation.RedirectURL,
	} {
		if url == "" {
			continue
		}
		to := linkPaths[key]
		text, err := l.Keys.Get().Sealing.SealLink(now, to.purpose, link)
		if err != nil {
			return nil, fmt.Errorf("seal a link: %w", err)
		}
		data[key] = l.URL + to.path + text
	}
	return data, nil
}

// next is when time alone asks for another look at the links, if ever.
func (l *Links) next(sub *v1alpha1.Subscription, obstacle bool, now time.Time) time.Duration {
	switch {
	case obstacle:
		return kit.SecretConflictPause // Secrets are not watched.
	case sub.Status.LinksExpirationTime == nil:
		return 0
	}
	return max(min(kit.ReapplyInterval, sub.Status.LinksExpirationTime.Add(-l.Lifetime/2).Sub(now)), 1)
}
