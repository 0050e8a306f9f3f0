// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net/http"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/license-operator/license-operator/internal/fault"
)

const (
	// Audience is the audience that a ServiceAccount's token must have, so
	// that a token for this endpoint is good for nothing else.
	Audience = "license-operator"

	// acceptedFor and refusedFor are how long the API server's word on a
	// token is remembered.
	acceptedFor = 60 * time.Second
	refusedFor  = 5 * time.Second

	maxTokens = 16384

	serviceAccountPrefix = "system:serviceaccount:"
	extraPodName         = "authentication.kubernetes.io/pod-name"
	extraPodUID          = "authentication.kubernetes.io/pod-uid"
)

// TokenReviewer asks the API server about a token. NewReviewer makes one.
type TokenReviewer interface {
	// ReviewToken returns the API server's word on a token for an audience. A
	// token that is no good is no error.
	ReviewToken(ctx context.Context, token, audience string) (authenticationv1.TokenReviewStatus, error)
}

// Bearer finds out whose ServiceAccount token a request has. It remembers
// answers, by a hash of the token only. It is safe for concurrent use.
type Bearer struct {
	reviewer TokenReviewer
	tokens   *memory[*Principal]
}

// NewBearer returns a Bearer that remembers nothing yet.
func NewBearer(reviewer TokenReviewer) *Bearer {
	return &Bearer{reviewer: reviewer, tokens: newMemory[*Principal](maxTokens)}
}

// HasBearer reports whether a request has an Authorization header of the scheme
// Bearer (RFC 6750, section 2.1).
func HasBearer(r *http.Request) bool {
	_, ok := cutBearer(r.Header.Get(headerAuthorization))
	return ok
}

func cutBearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	return strings.Trim(token, " "), ok && strings.EqualFold(scheme, "Bearer")
}

// Authenticate proves which ServiceAccount sent a request, whose header must
// be `Authorization: Bearer` and a token. allow is asked before the API server
// is, and answers whether the caller's address may cause that.
//
// Errors are faults: MissingAuthentication without such a header;
// InvalidSignature with two, or one beside a signature in the query; and those
// of AuthenticateToken.
func (b *Bearer) Authenticate(ctx context.Context, r *http.Request, allow func() bool, now time.Time) (*Principal, error) {
	token, ok := cutBearer(r.Header.Get(headerAuthorization))
	if !ok {
		return nil, fault.New(fault.MissingAuthentication, "Request is missing Authentication Token")
	}
	if err := checkOneAuthorization(r); err != nil {
		return nil, err
	}
	return b.AuthenticateToken(ctx, token, allow, now)
}

// AuthenticateBare is Authenticate for a request whose Authorization header may
// hold the token without a scheme: so it comes from AWS's SDKs when they ask for
// container credentials.
func (b *Bearer) AuthenticateBare(ctx context.Context, r *http.Request, allow func() bool, now time.Time) (*Principal, error) {
	token := r.Header.Get(headerAuthorization)
	if cut, ok := cutBearer(token); ok {
		token = cut
	}
	if token == "" {
		return nil, fault.New(fault.MissingAuthentication, "Request is missing Authentication Token")
	}
	if err := checkOneAuthorization(r); err != nil {
		return nil, err
	}
	return b.AuthenticateToken(ctx, token, allow, now)
}

func checkOneAuthorization(r *http.Request) error {
	if len(r.Header[headerAuthorization]) > 1 {
		return twice(headerAuthorization)
	}
	if r.URL.RawQuery != "" && hasQuerySignature(r.URL.RawQuery) {
		return bothWays()
	}
	return nil
}

// AuthenticateToken proves whose token it is.
//
// Errors are faults: UnknownAccessKey for what is no ServiceAccount's token for
// this service; CredentialsExpired; Throttled if the API server would have to
// be asked and allow forbids it; Unavailable if it can't be asked.
func (b *Bearer) AuthenticateToken(ctx context.Context, token string, allow func() bool, now time.Time) (*Principal, error) {
	claims, err := readClaims(token)
	if err != nil {
		return nil, err
	}
	if !now.Before(claims.expirationTime) {
		return nil, fault.New(fault.CredentialsExpired, expiredCredentialsText)
	}
	told, err := b.tokens.get(ctx, hashOf(token), now, func(ctx context.Context) (answer[*Principal], error) {
		if !allow() {
			return answer[*Principal]{}, fault.New(fault.Throttled, "Too many requests. Try again later.")
		}
		status, err := b.reviewer.ReviewToken(ctx, token, Audience)
		if err != nil {
			return answer[*Principal]{}, fault.Wrap(err, fault.Unavailable, "The token can't be checked now. Try again later.")
		}
		who, ok := principalOf(&status)
		if !ok {
			return answer[*Principal]{until: now.Add(refusedFor)}, nil
		}
		until := now.Add(acceptedFor)
		if claims.expirationTime.Before(until) {
			until = claims.expirationTime
		}
		return answer[*Principal]{value: who, yes: true, until: until}, nil
	})
	if err != nil {
		return nil, err
	}
	if !told.yes {
		return nil, fault.New(fault.UnknownAccessKey, unknownCredentialsText)
	}
	return told.value, nil
}
