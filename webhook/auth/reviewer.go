// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reviewer asks the API server: it is a TokenReviewer and an AccessReviewer.
type Reviewer struct{ client client.Writer }

// NewReviewer returns a Reviewer. The client's scheme must know Kubernetes' own
// kinds, and it must be allowed to create tokenreviews of
// authentication.k8s.io and subjectaccessreviews of authorization.k8s.io.
func NewReviewer(c client.Writer) *Reviewer { return &Reviewer{c} }

// ReviewToken implements TokenReviewer.
func (r *Reviewer) ReviewToken(ctx context.Context, token, audience string) (authenticationv1.TokenReviewStatus, error) {
	review := &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{audience}},
	}
	err := r.client.Create(ctx, review)
	return review.Status, err
}

// ReviewAccess implements AccessReviewer.
func (r *Reviewer) ReviewAccess(ctx context.Context, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: spec}
	err := r.client.Create(ctx, review)
	return review.Status.Allowed && !review.Status.Denied, err
}
