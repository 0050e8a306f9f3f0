// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/throttle"
)

const (
	// allowedFor and deniedFor are how long the API server's word on what a
	// caller may do is remembered.
	allowedFor = 10 * time.Second
	deniedFor  = 5 * time.Second

	maxDecisions = 16384

	// reviewsPerSecond and reviewBurst bound the questions that one caller
	// causes, who may name any namespace.
	reviewsPerSecond = 20
	reviewBurst      = 100
)

// extraOfPods say which Pod, and which of its tokens, a request came with, and
// nothing of what the ServiceAccount may do (Kubernetes' service account
// authentication). They are left out of reviews, so that all Pods of a
// ServiceAccount share one answer.
var extraOfPods = []string{
	extraPodName, extraPodUID,
	"authentication.kubernetes.io/node-name",
	"authentication.kubernetes.io/node-uid",
	"authentication.kubernetes.io/credential-id",
}

// AccessReviewer asks the API server what a user may do. NewReviewer makes one.
type AccessReviewer interface {
	// ReviewAccess reports whether a user may do something.
	ReviewAccess(ctx context.Context, spec authorizationv1.SubjectAccessReviewSpec) (bool, error)
}

// Authorizer decides what a ServiceAccount may do to our resources, as the API
// server would. It is safe for concurrent use.
type Authorizer struct {
	reviewer  AccessReviewer
	clock     clock.PassiveClock
	decisions *memory[struct{}]
	reviews   *throttle.Throttle
}

// NewAuthorizer returns an Authorizer that remembers nothing yet.
func NewAuthorizer(reviewer AccessReviewer, clk clock.PassiveClock) *Authorizer {
	return &Authorizer{reviewer: reviewer, clock: clk, decisions: newMemory[struct{}](maxDecisions),
		reviews: throttle.New(reviewsPerSecond, reviewBurst, clk)}
}

// Allowed reports whether a ServiceAccount may do something to a resource of
// our API group: the verb, the plural name of the resource, a subresource or "",
// a namespace, and the name of one object or "" for any. Other kinds of caller
// have nothing to do with RBAC and are allowed nothing here.
//
// Errors are faults: Throttled for a caller that asks for ever new things, and
// Unavailable if the API server can't be asked.
func (a *Authorizer) Allowed(ctx context.Context, p *Principal, verb, resource, subresource, namespace, name string) (bool, error) {
	if p.Kind != ServiceAccount || namespace == "" {
		return false, nil
	}
	now := a.clock.Now()
	attributes := authorizationv1.ResourceAttributes{
		Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version,
		Verb: verb, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
	}
	told, err := a.decisions.get(ctx, placeOfReview(p, &attributes), now, func(ctx context.Context) (answer[struct{}], error) {
		if !a.reviews.Allow(p.Username) {
			return answer[struct{}]{}, fault.New(fault.Throttled, "Too many requests. Try again later.")
		}
		allowed, err := a.reviewer.ReviewAccess(ctx, reviewOf(p, &attributes))
		if err != nil {
			return answer[struct{}]{}, fault.Wrap(err, fault.Unavailable, "What the caller may do can't be checked now. Try again later.")
		}
		if allowed {
			return answer[struct{}]{yes: true, until: now.Add(allowedFor)}, nil
		}
		return answer[struct{}]{until: now.Add(deniedFor)}, nil
	})
	return told.yes, err
}

func reviewOf(p *Principal, attributes *authorizationv1.ResourceAttributes) authorizationv1.SubjectAccessReviewSpec {
	spec := authorizationv1.SubjectAccessReviewSpec{
		User: p.Username, UID: p.UID, Groups: p.Groups, ResourceAttributes: attributes,
	}
	if names := extraOf(p); len(names) > 0 {
		spec.Extra = make(map[string]authorizationv1.ExtraValue, len(names))
		for _, name := range names {
			spec.Extra[name] = p.Extra[name]
		}
	}
	return spec
}

// extraOf are the names, in order, of what a review says beside user and groups.
func extraOf(p *Principal) []string {
	return slices.DeleteFunc(sortedKeys(p.Extra), func(name string) bool { return slices.Contains(extraOfPods, name) })
}

// placeOfReview is a hash of everything that the API server is asked.
func placeOfReview(p *Principal, a *authorizationv1.ResourceAttributes) [sha256.Size]byte {
	texts := make([]string, 0, 32)
	texts = append(texts, a.Verb, a.Resource, a.Subresource, a.Namespace, a.Name, p.Username, p.UID, strconv.Itoa(len(p.Groups)))
	texts = append(texts, p.Groups...)
	for _, name := range extraOf(p) {
		texts = append(texts, name, strconv.Itoa(len(p.Extra[name])))
		texts = append(texts, p.Extra[name]...)
	}
	return hashOf(texts...)
}
