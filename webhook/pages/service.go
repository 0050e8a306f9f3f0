// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/internal/throttle"
)

// MaxBody bounds what may be posted to a page, in bytes: its form has one field
// of some hundred characters.
const MaxBody = 4 << 10

// Bounds of one link, whoever uses it: how often its page is shown, and how
// often a key is handed out, each of which makes an object, as does the token of
// each registration page when it is resolved. store.MaxPageKeys and
// store.MaxPageTokens bound all replicas.
const (
	viewsPerSecond  = 2
	tokensPerSecond = 1.0 / 5
	viewBurst       = 20
	keysPerSecond   = 1.0 / 60
	keyBurst        = 10
)

// Page is one of the pages.
type Page struct {
	// Action is how the log and the metrics call it.
	Action string
	// Methods are the HTTP methods that it knows.
	Methods []string

	prefix  string
	purpose secrets.LinkPurpose
	// views is how often a second one link may show the page in the long run.
	views  float64
	answer func(*Service, context.Context, Request, *customer) (*Answer, error)
}

// all are the pages.
var all = []*Page{
	{Action: "Register", Methods: []string{http.MethodGet, http.MethodHead}, prefix: secrets.RegisterPath,
		purpose: secrets.RegistrationLink, views: tokensPerSecond, answer: (*Service).register},
	{Action: "Activate", Methods: []string{http.MethodGet, http.MethodHead, http.MethodPost}, prefix: secrets.ActivatePath,
		purpose: secrets.ActivationLink, views: viewsPerSecond, answer: (*Service).activate},
}

// Find says which page a path below the path prefix leads to, and the link that
// it ends with; nil for none. The link is a secret.
func Find(path string) (page *Page, link string) {
	for _, p := range all {
		if link, found := strings.CutPrefix(path, p.prefix); found {
			return p, link
		}
		if path+"/" == p.prefix {
			return p, ""
		}
	}
	return nil, ""
}

// Knows says whether the page knows an HTTP method.
func (p *Page) Knows(method string) bool { return slices.Contains(p.Methods, method) }

// Service answers requests for pages. It is safe for concurrent use.
type Service struct {
	clock clock.PassiveClock
	store *store.Store
	keys  *secrets.Holder
	rand  io.Reader

	views     map[*Page]*throttle.Throttle
	handedOut *throttle.Throttle
}

// New returns a service. rand must be a cryptographic source.
func New(clk clock.PassiveClock, st *store.Store, keys *secrets.Holder, rand io.Reader) *Service {
	s := &Service{clock: clk, store: st, keys: keys, rand: rand,
		views:     map[*Page]*throttle.Throttle{},
		handedOut: throttle.New(keysPerSecond, keyBurst, clk)}
	for _, p := range all {
		s.views[p] = throttle.New(p.views, viewBurst, clk)
	}
	return s
}

// Request is a request for a page, with a method that the page knows.
type Request struct {
	Method string
	Header http.Header
	// Link is what Find has found.
	Link string
	// Body is what was posted, at most MaxBody.
	Body []byte
}

// customer is whom a link is for.
type customer struct {
	subscription *v1alpha1.Subscription
	product      *v1alpha1.Product
}

// Answer is a page to show or an address to go to.
type Answer struct {
	// location is where the browser is sent; "" for a page.
	location string
	// template and content make the page.
	template string
	content  any
	// forms are the sources of the content security policy that forms may be
	// sent to, sandbox is its end.
	forms   []string
	sandbox string
}

// Do answers a request. Errors are faults, or internal. Nothing in them comes
// from the link.
func (s *Service) Do(ctx context.Context, page *Page, r Request) (*Answer, error) {
	who, err := s.open(ctx, page, r.Link)
	if err != nil {
		return nil, err
	}
	return page.answer(s, ctx, r, who)
}

// open finds out whom a link is for.
func (s *Service) open(ctx context.Context, page *Page, text string) (*customer, error) {
	now := s.clock.Now()
	link, err := s.keys.Get().Sealing.OpenLink(page.purpose, text)
	if err != nil {
		return nil, fault.New(fault.PageNotFound, "The link is not complete, or it is not one of ours. Copy all of it into the address bar, or ask the vendor for another one.")
	}
	if link.Expired(now) {
		return nil, fault.New(fault.LinkExpired, "Links are good for a limited time. Ask the vendor for another one.")
	}
	if !s.views[page].Allow(link.Namespace + "/" + link.Subscription) {
		return nil, fault.New(fault.Throttled, "This link is used too often. Wait a moment, then load the page again.")
	}
	gone := fault.New(fault.PageNotFound, "What this link was made for is no longer there. Ask the vendor for another one.")
	sub, err := s.store.Subscription(ctx, link.Namespace, link.Subscription)
	if err != nil {
		return nil, err
	}
	if sub == nil {
		return nil, gone
	}
	product, err := s.store.Product(ctx, sub.Namespace, sub.Spec.ProductRef.Name)
	if err != nil {
		return nil, err
	}
	if product == nil || link.Party != s.store.Names.Party(product, sub) {
		return nil, gone // It may be there again, and another customer's.
	}
	if !store.HasOwnCode(product) {
		// What would be handed out would be refused.
		return nil, fault.New(fault.PageNotOffered, "The vendor has not finished setting up this product. Tell the vendor.")
	}
	return &customer{subscription: sub, product: product}, nil
}

// productName is what people call the product.
func (c *customer) productName() string {
	if name := c.product.Spec.DisplayName; name != "" {
		return name
	}
	return c.product.Name
}

// customerName is what people call the customer.
func (c *customer) customerName(names store.Names) string {
	if name := c.subscription.Spec.Customer.DisplayName; name != "" {
		return name
	}
	return names.Customer(c.subscription)
}
