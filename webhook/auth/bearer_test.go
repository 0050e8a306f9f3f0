// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/license-operator/license-operator/internal/fault"
)

// jwt is a token whose signature nobody checks here.
func jwt(claims string) string {
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

// goodToken is a token that ends some time after v4Now.
func goodToken(life time.Duration) string {
	return jwt(fmt.Sprintf(`{"aud":["license-operator"],"exp":%d}`, v4Now.Add(life).Unix()))
}

// tokens is a TokenReviewer that knows one ServiceAccount, and counts.
type tokens struct {
	mu     sync.Mutex
	asked  int
	status authenticationv1.TokenReviewStatus
	err    error
	hold   chan struct{} // If set, an answer waits for it.
}

func (r *tokens) ReviewToken(ctx context.Context, _, audience string) (authenticationv1.TokenReviewStatus, error) {
	r.mu.Lock()
	r.asked++
	r.mu.Unlock()
	if r.hold != nil {
		<-r.hold
	}
	if audience != "license-operator" {
		return authenticationv1.TokenReviewStatus{}, fmt.Errorf("the audience is %s", audience)
	}
	if err := ctx.Err(); err != nil {
		return authenticationv1.TokenReviewStatus{}, err
	}
	return r.status, r.err
}

func renderStatus() authenticationv1.TokenReviewStatus {
	return authenticationv1.TokenReviewStatus{
		Authenticated: true,
		Audiences:     []string{"license-operator"},
		User: authenticationv1.UserInfo{
			Username: "system:serviceaccount:acme:render",
			UID:      "5b2ab0a6",
			Groups:   []string{"system:serviceaccounts", "system:authenticated"},
			Extra: map[string]authenticationv1.ExtraValue{
				"authentication.kubernetes.io/pod-name": {"render-0"},
				"authentication.kubernetes.io/pod-uid":  {"6d9f3c0c"},
			},
		},
	}
}

func renderPrincipal() *Principal {
	return &Principal{
		Kind: ServiceAccount, Username: "system:serviceaccount:acme:render", UID: "5b2ab0a6",
		Groups: []string{"system:serviceaccounts", "system:authenticated"},
		Extra: map[string][]string{
			"authentication.kubernetes.io/pod-name": {"render-0"},
			"authentication.kubernetes.io/pod-uid":  {"6d9f3c0c"},
		},
		PodName: "render-0", PodUID: "6d9f3c0c",
	}
}

func always() bool { return true }

func bearerRequest(t testing.TB, values ...string) *http.Request {
	t.Helper()
	r := newRequestV4(t, "https://ls.example.com/")
	r.Header["Authorization"] = values
	return r
}

func TestServiceAccountsAreRecognised(t *testing.T) {
	token := goodToken(time.Hour)
	for _, header := range []string{"Bearer " + token, "bearer " + token, "BEARER  " + token + " "} {
		b := NewBearer(&tokens{status: renderStatus()})
		r := bearerRequest(t, header)
		if !HasBearer(r) {
			t.Errorf("%.8q is no bearer token", header)
		}
		got, err := b.Authenticate(context.Background(), r, always, v4Now)
		if diff := gocmp.Diff(renderPrincipal(), got); err != nil || diff != "" {
			t.Fatalf("%.8q: Authenticate() = %v (-want +got):\n%s", header, err, diff)
		}
		if got, err = b.AuthenticateBare(context.Background(), r, always, v4Now); err != nil || got.Username != renderPrincipal().Username {
			t.Errorf("%.8q: AuthenticateBare() = %v, %v", header, got, err)
		}
	}
	b := NewBearer(&tokens{status: renderStatus()})
	bare := bearerRequest(t, token)
	if got, err := b.AuthenticateBare(context.Background(), bare, always, v4Now); err != nil || got.PodUID != "6d9f3c0c" {
		t.Errorf("the token alone: AuthenticateBare() = %v, %v", got, err)
	}
	if _, err := b.Authenticate(context.Background(), bare, always, v4Now); fault.KindOf(err) != fault.MissingAuthentication {
		t.Errorf("the token alone: Authenticate() = %v, want MissingAuthentication", err)
	}
	namespace, name := renderPrincipal().ServiceAccountName()
	if namespace != "acme" || name != "render" || renderPrincipal().Caller() != "system:serviceaccount:acme:render" {
		t.Errorf("the ServiceAccount is %s/%s, the caller %s", namespace, name, renderPrincipal().Caller())
	}
	if namespace, name := v4Principal.ServiceAccountName(); namespace+name != "" || v4Principal.Caller() != testID {
		t.Errorf("a vendor is the ServiceAccount %s/%s and the caller %s", namespace, name, v4Principal.Caller())
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	status := func(change func(*authenticationv1.TokenReviewStatus)) authenticationv1.TokenReviewStatus {
		s := renderStatus()
		change(&s)
		return s
	}
	user := func(name string) authenticationv1.TokenReviewStatus {
		return status(func(s *authenticationv1.TokenReviewStatus) { s.User.Username = name })
	}
	good := "Bearer " + goodToken(time.Hour)
	exp := fmt.Sprint(v4Now.Add(time.Hour).Unix())
	tests := map[string]struct {
		headers []string
		query   string
		status  authenticationv1.TokenReviewStatus
		asked   int
		want    fault.Kind
	}{
		"none":                             {nil, "", renderStatus(), 0, fault.MissingAuthentication},
		"an empty one":                     {[]string{""}, "", renderStatus(), 0, fault.MissingAuthentication},
		"the scheme alone":                 {[]string{"Bearer"}, "", renderStatus(), 0, fault.MissingAuthentication},
		"another scheme":                   {[]string{"Basic YTpi"}, "", renderStatus(), 0, fault.MissingAuthentication},
		"two headers":                      {[]string{good, good}, "", renderStatus(), 0, fault.InvalidSignature},
		"a signature in the query as well": {[]string{good}, "X-Amz-Signature=00", renderStatus(), 0, fault.InvalidSignature},
		"an empty token":                   {[]string{"Bearer "}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"no JWT":                           {[]string{"Bearer abc"}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"a JWT of four parts":              {[]string{good + ".x"}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"a JWT that is no base64":          {[]string{"Bearer a.!.c"}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"a JWT that is no JSON":            {[]string{"Bearer " + jwt("{")}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"a JWT that is a list":             {[]string{"Bearer " + jwt("[]")}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"no expiry":                        {[]string{"Bearer " + jwt(`{"aud":"license-operator"}`)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"an expiry that is no number":      {[]string{"Bearer " + jwt(`{"aud":"license-operator","exp":"1"}`)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"an endless expiry":                {[]string{"Bearer " + jwt(`{"aud":"license-operator","exp":9223372036854775807}`)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"no audience":                      {[]string{"Bearer " + jwt(`{"exp":`+exp+`}`)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"another audience":                 {[]string{"Bearer " + jwt(`{"exp":`+exp+`,"aud":["kubernetes"]}`)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"an audience of another type":      {[]string{"Bearer " + jwt(`{"exp":`+exp+`,"aud":{"license-operator":1}}`)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"a huge token":                     {[]string{good + strings.Repeat("x", maxTokenBytes)}, "", renderStatus(), 0, fault.UnknownAccessKey},
		"an expired one":                   {[]string{"Bearer " + goodToken(0)}, "", renderStatus(), 0, fault.CredentialsExpired},
		"one that the API server refuses": {[]string{good}, "", status(func(s *authenticationv1.TokenReviewStatus) {
			s.Authenticated, s.Error = false, "why"
		}), 1, fault.UnknownAccessKey},
		"an API server that knows no audiences": {[]string{good}, "", status(func(s *authenticationv1.TokenReviewStatus) {
			s.Audiences = nil
		}), 1, fault.UnknownAccessKey},
		"a person":                          {[]string{good}, "", user("jane"), 1, fault.UnknownAccessKey},
		"a node":                            {[]string{good}, "", user("system:node:a"), 1, fault.UnknownAccessKey},
		"a ServiceAccount without a name":   {[]string{good}, "", user("system:serviceaccount:acme"), 1, fault.UnknownAccessKey},
		"a ServiceAccount of empty names":   {[]string{good}, "", user("system:serviceaccount::"), 1, fault.UnknownAccessKey},
		"a ServiceAccount with three names": {[]string{good}, "", user("system:serviceaccount:a:b:c"), 1, fault.UnknownAccessKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reviewer := &tokens{status: test.status}
			r := bearerRequest(t, test.headers...)
			r.URL.RawQuery = test.query
			b := NewBearer(reviewer)
			for range 2 { // The second time the first refusal is remembered.
				who, err := b.Authenticate(context.Background(), r, always, v4Now)
				if who != nil || fault.KindOf(err) != test.want {
					t.Errorf("Authenticate() = %v, %v, want %s", who, err, test.want)
				}
				if len(test.headers) > 0 && err != nil && strings.Contains(err.Error(), "eyJ") {
					t.Errorf("the error tells the token: %v", err)
				}
			}
			if reviewer.asked != test.asked {
				t.Errorf("the API server was asked %d times, want %d", reviewer.asked, test.asked)
			}
		})
	}
}

func TestTokensAreRemembered(t *testing.T) {
	tests := map[string]struct {
		life   time.Duration
		status authenticationv1.TokenReviewStatus
		after  time.Duration
		asked  int
	}{
		"an accepted one for a minute":          {time.Hour, renderStatus(), time.Minute - 1, 1},
		"an accepted one no longer":             {time.Hour, renderStatus(), time.Minute, 2},
		"one that ends soon for less":           {30 * time.Second, renderStatus(), 30*time.Second - 1, 1},
		"a refused one for five seconds":        {time.Hour, authenticationv1.TokenReviewStatus{}, 5*time.Second - 1, 1},
		"a refused one no longer":               {time.Hour, authenticationv1.TokenReviewStatus{}, 5 * time.Second, 2},
		"an accepted one that has ended by now": {30 * time.Second, renderStatus(), 30 * time.Second, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			reviewer := &tokens{status: test.status}
			b := NewBearer(reviewer)
			token := goodToken(test.life)
			_, first := b.AuthenticateToken(context.Background(), token, always, v4Now)
			_, second := b.AuthenticateToken(context.Background(), token, always, v4Now.Add(test.after))
			if reviewer.asked != test.asked {
				t.Errorf("the API server was asked %d times, want %d", reviewer.asked, test.asked)
			}
			if ended := test.after >= test.life; ended != (fault.KindOf(second) == fault.CredentialsExpired) {
				t.Errorf("first %v, then %v", first, second)
			}
			if _, err := b.AuthenticateToken(context.Background(), jwt(`{"aud":"license-operator","exp":4102444800}`), always, v4Now); err == nil && reviewer.asked != test.asked+1 {
				t.Error("another token was answered from memory")
			}
		})
	}
}

// Whether an address may cause a question is asked only when there is one.
func TestQuestionsAreBounded(t *testing.T) {
	reviewer := &tokens{status: renderStatus()}
	b := NewBearer(reviewer)
	never := func() bool { return false }
	if _, err := b.AuthenticateToken(context.Background(), goodToken(time.Hour), never, v4Now); fault.KindOf(err) != fault.Throttled || reviewer.asked != 0 {
		t.Errorf("AuthenticateToken() = %v after %d questions, want Throttled after none", err, reviewer.asked)
	}
	if _, err := b.AuthenticateToken(context.Background(), goodToken(time.Hour), always, v4Now); err != nil {
		t.Errorf("once it is allowed: %v", err)
	}
	if _, err := b.AuthenticateToken(context.Background(), goodToken(time.Hour), never, v4Now); err != nil {
		t.Errorf("a token that is remembered: %v", err)
	}
	for n := range 2*maxTokens + 10 {
		reviewer.status = authenticationv1.TokenReviewStatus{}
		_, _ = b.AuthenticateToken(context.Background(), goodToken(time.Hour)+fmt.Sprint(n), always, v4Now)
	}
	if b.tokens.no.Len() != maxTokens || b.tokens.yes.Len() != 1 {
		t.Errorf("%d refusals and %d acceptances are remembered, want %d and 1", b.tokens.no.Len(), b.tokens.yes.Len(), maxTokens)
	}
}

// What many ask at once is asked once, and goes on when the first goes away.
func TestQuestionsAreShared(t *testing.T) {
	reviewer := &tokens{status: renderStatus(), hold: make(chan struct{})}
	b := NewBearer(reviewer)
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	var wg sync.WaitGroup
	failures := make(chan error, 20)
	ask := func(ctx context.Context, allow func() bool) {
		defer wg.Done()
		if _, err := b.AuthenticateToken(ctx, goodToken(time.Hour), allow, v4Now); err != nil {
			failures <- err
		}
	}
	wg.Add(1)
	go ask(ctx, func() bool { close(started); return true })
	<-started
	wg.Add(10)
	for range 10 {
		go ask(context.Background(), always)
	}
	cancel()
	close(reviewer.hold)
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("refused: %v", err)
	}
	if reviewer.asked != 1 {
		t.Errorf("the API server was asked %d times, want once", reviewer.asked)
	}
}

func TestAnAPIServerThatFails(t *testing.T) {
	cause := errors.New("cause")
	reviewer := &tokens{err: cause}
	b := NewBearer(reviewer)
	if _, err := b.AuthenticateToken(context.Background(), goodToken(time.Hour), always, v4Now); fault.KindOf(err) != fault.Unavailable || !errors.Is(err, cause) {
		t.Errorf("AuthenticateToken() = %v, want Unavailable with its cause", err)
	}
	reviewer.err, reviewer.status = nil, renderStatus()
	if _, err := b.AuthenticateToken(context.Background(), goodToken(time.Hour), always, v4Now); err != nil {
		t.Errorf("a failure was remembered: %v", err)
	}
}

func FuzzReadClaims(f *testing.F) {
	f.Add(goodToken(time.Hour))
	f.Add(jwt(`{"aud":"license-operator","exp":1}`))
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := readClaims(token)
		if err != nil {
			if fault.KindOf(err) != fault.UnknownAccessKey {
				t.Errorf("readClaims(%q) = %v, want UnknownAccessKey", token, err)
			}
			return
		}
		if year := c.expirationTime.UTC().Year(); year < 1970 || year > 9999 || len(token) > maxTokenBytes {
			t.Errorf("%q ends in the year %d", token, year)
		}
	})
}
