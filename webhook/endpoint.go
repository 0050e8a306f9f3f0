// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhook is the HTTPS endpoint: one server that licensed software
// talks to. It tells the protocols apart, bounds and counts requests, and
// leaves encoding to query and awsjson and deciding to devpay,
// licensemanager and marketplace.
package webhook

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/internal/throttle"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/devpay"
	"github.com/license-operator/license-operator/webhook/licensemanager"
	"github.com/license-operator/license-operator/webhook/marketplace"
	"github.com/license-operator/license-operator/webhook/pages"
	"github.com/license-operator/license-operator/webhook/query"
)

// Bounds of one request, in bytes. Services of AWS JSON 1.1 have bounds of their
// own for bodies.
const (
	maxBody       = 64 << 10
	maxHeaders    = 64 << 10
	maxRequestURI = 32 << 10
)

// Config is how the endpoint behaves.
type Config struct {
	// PathPrefix precedes every path, for example "/licenses"; "" for none.
	PathPrefix string
	// AllowVersion0 and AllowVersion1 accept these signature versions.
	AllowVersion0, AllowVersion1 bool
	// CallerRate and CallerBurst bound the requests of one access key, in
	// requests per second and at once; a rate of 0 is no bound.
	CallerRate  float64
	CallerBurst int
	// AnonymousRate and AnonymousBurst bound the unsigned requests of one
	// address, and once more those that failed to prove who sent them: the second
	// can't use up what the first need.
	AnonymousRate  float64
	AnonymousBurst int
}

// Endpoint answers requests. It is an http.Handler.
type Endpoint struct {
	clock    clock.PassiveClock
	prefix   string
	service  *devpay.Service
	services map[*awsjson.Service]jsonService
	jwks     http.Handler
	// publicKeys are those of RegisterUsage.
	publicKeys http.Handler
	pages      *pages.Service
	verifier   *auth.Verifier
	// authentic says whether an access key's id was made here.
	authentic func(id string) bool
	large     *largeBodies
	bearer    *auth.Bearer
	vended    *CredentialsService
	callers   *throttle.Throttle
	anonymous *throttle.Throttle
	failures  *throttle.Throttle
}

// Parts is what the endpoint decides with.
type Parts struct {
	Clock clock.PassiveClock
	Store *store.Store
	Keys  *secrets.Holder
	Books licensemanager.Books
	// Live asks the API server who a ServiceAccount is and what it may do.
	Live client.Writer
	// Usage writes what is metered.
	Usage *store.UsageRecords
}

// NewEndpoint returns an endpoint.
func NewEndpoint(cfg Config, p Parts) *Endpoint {
	sessions, reviewer := auth.NewSessions(p.Keys), auth.NewReviewer(p.Live)
	verifier := auth.NewVerifier(keyFinder{p.Store})
	verifier.AllowVersion0, verifier.AllowVersion1 = cfg.AllowVersion0, cfg.AllowVersion1
	verifier.Sessions = sessions
	access := auth.NewAuthorizer(reviewer, p.Clock)
	licences := &licensemanager.Service{Clock: p.Clock, Store: p.Store, Books: p.Books, Keys: p.Keys, Access: access}
	market := &marketplace.Service{Clock: p.Clock, Store: p.Store, Keys: p.Keys, Access: access, Usage: p.Usage}
	e := &Endpoint{
		clock:   p.Clock,
		prefix:  strings.TrimSuffix(cfg.PathPrefix, "/"),
		service: &devpay.Service{Clock: p.Clock, Store: p.Store, Keys: p.Keys},
		services: map[*awsjson.Service]jsonService{
			awsjson.LicenseManager:         licences,
			awsjson.MarketplaceMetering:    market,
			awsjson.MarketplaceEntitlement: market,
		},
		jwks:      NewJWKSHandler(p.Keys),
		pages:     pages.New(p.Clock, p.Store, p.Keys, rand.Reader),
		verifier:  verifier,
		authentic: func(id string) bool { return p.Store.Names.Identity.AuthenticAccessKeyID(id) },
		large:     newLargeBodies(maxLargeBodies),
		bearer:    auth.NewBearer(reviewer),
		callers:   throttle.New(cfg.CallerRate, cfg.CallerBurst, p.Clock),
		anonymous: throttle.New(cfg.AnonymousRate, cfg.AnonymousBurst, p.Clock),
		failures:  throttle.New(cfg.AnonymousRate, cfg.AnonymousBurst, p.Clock),
	}
	e.publicKeys = &publicKeysHandler{keys: p.Keys, clock: p.Clock, prefix: e.prefix}
	e.vended = NewCredentialsService(e.bearer, sessions, e.allowAnonymous, p.Clock)
	return e
}

// ServeHTTP implements http.Handler. Whatever happens, the answer is in the
// protocol's own form, carries a request id, and leaves one log line.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &record{id: uuid.NewString(), start: e.clock.Now(), protocol: protocolQuery, action: noAction}
	w.Header().Set("x-amzn-RequestId", rec.id)
	path := strings.TrimPrefix(r.URL.Path, e.prefix)
	page, link := pages.Find(path)
	switch {
	case page != nil:
		e.servePage(w, r, rec, page, link)
	case path == JWKSPath:
		e.serveKeys(w, r, rec, actionJWKS, e.jwks)
	case path == PublicKeysPath, strings.HasPrefix(path, PublicKeysPath+"/"):
		e.serveKeys(w, r, rec, actionPublicKeys, e.publicKeys)
	case path == CredentialsPath:
		e.serveCredentials(w, r, rec)
	case r.Header.Get("X-Amz-Target") != "":
		e.serveJSON(w, r, rec)
	default:
		e.serveQuery(w, r, rec)
	}
}

func (e *Endpoint) serveQuery(w http.ResponseWriter, r *http.Request, rec *record) {
	var result query.Result
	err := e.guarded(r, rec, func() (err error) {
		result, err = e.answer(w, r, rec)
		return err
	})
	e.finish(w, r, rec, err, func(w http.ResponseWriter) (string, int, error) {
		if err != nil {
			failure := query.FailureOf(err)
			return failure.Code, failure.Status, query.WriteError(w, rec.id, err)
		}
		return codeOK, http.StatusOK, query.WriteResult(w, rec.id, result)
	})
}

// guarded runs what decides on a request. A panic is an internal error like any
// other, and those who don't prove who they are fail a bounded number of times.
func (e *Endpoint) guarded(r *http.Request, rec *record, decide func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			logf.FromContext(r.Context()).Error(nil, "Panic in a request",
				"requestID", rec.id, "panic", p, "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "")
		}
	}()
	if err = decide(); err != nil && rec.principal == nil {
		err = e.bound(r, err)
	}
	return err
}

// answer decides on a request of the REST-Query protocol.
func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request, rec *record) (query.Result, error) {
	if err := e.checkTransport(r); err != nil {
		return nil, err
	}
	if err := e.checkPath(r); err != nil {
		return nil, err
	}
	body, err := readBody(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	in, err := query.Parse(r, body)
	if err != nil {
		return nil, err
	}
	action, err := in.Action()
	if err != nil {
		return nil, err
	}
	rec.action = action.Name
	if err := in.CheckVersion(); err != nil {
		return nil, err
	}
	who, err := e.authenticate(r.Context(), r, in, action)
	rec.principal = who
	if err != nil {
		return nil, err
	}
	if err := action.CheckParameters(in); err != nil {
		return nil, err
	}
	return e.service.Do(r.Context(), action, who, in)
}

func (e *Endpoint) checkTransport(r *http.Request) error {
	if r.TLS == nil {
		return fault.New(fault.TLSRequired, "Use https.")
	}
	if len(r.RequestURI) > maxRequestURI {
		return fault.New(fault.URITooLong, "The URL is longer than %d bytes; send the parameters in the body of a POST.", maxRequestURI)
	}
	size := 0
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if size > maxHeaders {
		return fault.New(fault.RequestTooLarge, "The headers are larger than %d bytes.", maxHeaders)
	}
	return nil
}

// checkPath is for what is served at one path only.
func (e *Endpoint) checkPath(r *http.Request) error {
	if strings.TrimSuffix(r.URL.Path, "/") != e.prefix {
		return fault.New(fault.UnknownAction, "Nothing is served at this path; send requests to %s/.", e.prefix)
	}
	return nil
}

// authenticate proves who calls, and throttles: by access key where one was
// proved, by address where none was. A caller that was proved and refused is
// returned with the error, for the log.
func (e *Endpoint) authenticate(ctx context.Context, r *http.Request, in *query.Request, action *query.Action) (*auth.Principal, error) {
	throttled := fault.New(fault.Throttled, "Too many requests. Try again later.")
	if !action.IsSigned() {
		if !e.allowAnonymous(r) {
			return nil, throttled
		}
		return nil, nil
	}
	who, err := e.verifier.Verify(ctx, auth.InputOf(in, action), e.clock.Now())
	if err != nil {
		return nil, err
	}
	if !e.callers.Allow(who.AccessKeyID) {
		return who, throttled
	}
	return who, who.Authorize(action)
}

// allowAnonymous throttles by the address.
func (e *Endpoint) allowAnonymous(r *http.Request) bool { return e.anonymous.Allow(subnet(r)) }

// bound passes on why a caller was not proved, and throttles an address with
// too many such failures. What we could not do is no failure of the caller's.
func (e *Endpoint) bound(r *http.Request, err error) error {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Throttled:
		return err
	}
	if e.failures.Allow(subnet(r)) {
		return err
	}
	return fault.New(fault.Throttled, "Too many requests that failed. Try again later.")
}

// address is the caller's without the port, which changes.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// subnet is the address for throttling: one IPv6 customer has 2^64 of them.
func subnet(r *http.Request) string {
	host := address(r)
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Unmap().Is4() {
		return host
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return host
	}
	return prefix.String()
}
