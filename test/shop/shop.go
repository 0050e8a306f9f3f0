// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering/types"
)

// maxSessions bounds the memory: a shop in earnest has a database.
const maxSessions = 1000

// Resolver is what the shop needs of the SDK.
type Resolver interface {
	ResolveCustomer(ctx context.Context, in *marketplacemetering.ResolveCustomerInput, opts ...func(*marketplacemetering.Options)) (*marketplacemetering.ResolveCustomerOutput, error)
}

// Shop is the vendor's site.
type Shop struct {
	*http.ServeMux
	resolver Resolver
	secure   bool
	visits   io.Writer

	mu       sync.Mutex
	sessions map[string]string // Customers by session.
}

// NewShop returns a site. Each visit is written to visits, without what is
// secret. secure says that it is served over https.
func NewShop(resolver Resolver, secure bool, visits io.Writer) *Shop {
	s := &Shop{ServeMux: http.NewServeMux(), resolver: resolver, secure: secure, visits: visits, sessions: map[string]string{}}
	s.HandleFunc("POST /register", s.register)
	s.HandleFunc("GET /activate", s.activate)
	s.HandleFunc("GET /{$}", s.home)
	return s
}

// register is the fulfilment URL: the customer's browser posts the token here.
// The form comes from another site, as it must: a check against cross-site
// requests would have to leave this path out.
func (s *Shop) register(w http.ResponseWriter, r *http.Request) {
	s.note(r, "offer-type", r.PostFormValue("x-amzn-marketplace-offer-type"))
	token := r.PostFormValue("x-amzn-marketplace-token")
	if token == "" {
		show(w, http.StatusBadRequest, "We did not get a registration token", "Please begin again at the link that you have got.")
		return
	}
	customer, err := s.resolver.ResolveCustomer(r.Context(), &marketplacemetering.ResolveCustomerInput{RegistrationToken: aws.String(token)})
	var expired *types.ExpiredTokenException
	var invalid *types.InvalidTokenException
	switch {
	case errors.As(err, &expired):
		show(w, http.StatusBadRequest, "This page is too old", "Please open the link that you have got once more, and go on from there.")
		return
	case errors.As(err, &invalid):
		show(w, http.StatusBadRequest, "We do not know this registration", "Please begin again at the link that you have got, or ask us.")
		return
	case err != nil:
		fmt.Fprintln(s.visits, "ResolveCustomer failed:", err)
		show(w, http.StatusBadGateway, "We can't sign you up at the moment", "Please try again in a few minutes.")
		return
	}
	session := s.signIn(aws.ToString(customer.CustomerIdentifier))
	// The browser came from another site: a Strict cookie would not go with the
	// redirect.
	http.SetCookie(w, &http.Cookie{Name: "session", Value: session, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// activate is the redirect URL of the activation page. A customer of a program
// for the desktop types the key into it; a hosted service would call
// ActivateHostedProduct here.
func (s *Shop) activate(w http.ResponseWriter, r *http.Request) {
	s.note(r, "product", r.FormValue("ProductCode"))
	key := r.FormValue("ActivationKey")
	if key == "" {
		show(w, http.StatusBadRequest, "We did not get an activation key", "Please begin again at the link that you have got.")
		return
	}
	show(w, http.StatusOK, "Your activation key", key)
}

// home greets a customer who is signed in.
func (s *Shop) home(w http.ResponseWriter, r *http.Request) {
	s.note(r, "", "")
	cookie, err := r.Cookie("session")
	if err != nil {
		show(w, http.StatusOK, "Welcome, stranger", "Please begin at the link that you have got.")
		return
	}
	s.mu.Lock()
	customer, known := s.sessions[cookie.Value]
	s.mu.Unlock()
	if !known {
		show(w, http.StatusOK, "Welcome back", "Please sign in again.")
		return
	}
	show(w, http.StatusOK, "Welcome, "+customer, "You are signed in.")
}

func (s *Shop) signIn(customer string) (session string) {
	session = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= maxSessions {
		clear(s.sessions)
	}
	s.sessions[session] = customer
	return session
}

// note writes what is known of a visit: where the browser says that it comes
// from, and one thing more.
func (s *Shop) note(r *http.Request, name, value string) {
	fmt.Fprintf(s.visits, "%s %s referer=%q %s=%q\n", r.Method, r.URL.Path, r.Referer(), name, value)
}
