// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/query"
)

func TestSignatureVersion0IsAcceptedBehindItsFlag(t *testing.T) {
	s := newShop(t)
	hold(t)
	r := another(t, cluster.Operator, func(o *options.Options) { o.LeaderElect, o.AllowSignatureVersion0 = true, true })
	old := wire.SignedAs(s.Key, "0", "")
	for name, c := range map[string]wire.Call{
		"named":   wire.ByPid(old, s.pid, s.farm.Code),
		"missing": wire.ByPid(old, s.pid, s.farm.Code).Tampered(query.SignatureVersion, ""),
	} {
		if got := r.client.OK(t, c).Text("Subscribed"); got != "true" {
			t.Errorf("with the version %s, Subscribed is %q", name, got)
		}
	}
	wrong := *old
	wrong.SecretAccessKey = "wrong"
	expect(t, r.client, wire.ByPid(&wrong, s.pid, s.farm.Code), 403, "SignatureDoesNotMatch")
	expect(t, r.client, wire.ByPid(old, s.pid, s.farm.Code).Tampered(query.ActionParameter, "GetActiveSubscriptionsByPid"), 403, "SignatureDoesNotMatch")
	expect(t, r.client, wire.ByPid(old, s.pid, s.farm.Code, query.Expires, "2100-01-01T00:00:00Z"), 400, "InvalidParameterCombination")
	expect(t, r.client, wire.ByPid(old, s.pid, s.farm.Code, query.Timestamp, "2100-01-01T00:00:00Z"), 400, "RequestExpired")
}

func TestSignatureVersion1IsRefusedBehindItsFlag(t *testing.T) {
	s := newShop(t)
	hold(t)
	r := another(t, cluster.Operator, func(o *options.Options) { o.LeaderElect, o.AllowSignatureVersion1 = true, false })
	expect(t, r.client, wire.ByPid(wire.SignedAs(s.Key, "1", ""), s.pid, s.farm.Code), 400, "InvalidParameterValue")
	r.client.OK(t, wire.ByPid(s.Key, s.pid, s.farm.Code))
}

func TestAPathPrefixPrecedesEveryPath(t *testing.T) {
	s := newShop(t)
	hold(t)
	r := another(t, cluster.Operator, func(o *options.Options) { o.LeaderElect, o.PathPrefix = true, "/licences" })
	for _, path := range []string{"/licences", "/licences/"} {
		c := wire.ByPid(s.Key, s.pid, s.farm.Code)
		c.Path = path
		if got := r.client.OK(t, c).Text("Subscribed"); got != "true" {
			t.Errorf("at %s Subscribed is %q", path, got)
		}
	}
	for _, path := range []string{"/", "/licences/x", "/licencesx", "/licences//", "//licences"} {
		c := wire.ByPid(s.Key, s.pid, s.farm.Code)
		c.Path = path
		expect(t, r.client, c, 400, "InvalidAction")
	}
}

// throttled is a replica with buckets that hardly refill.
func throttled(t *testing.T) *replica {
	t.Helper()
	hold(t)
	return another(t, cluster.Operator, func(o *options.Options) {
		o.LeaderElect = true
		o.CallerRate, o.CallerBurst, o.AnonymousRate, o.AnonymousBurst = 0.01, 3, 0.01, 3
	})
}

// refusedAfter calls until the caller is throttled, and returns how often it
// was answered before.
func refusedAfter(t *testing.T, c *wire.Client, call wire.Call) int {
	t.Helper()
	for n := range 20 {
		a := c.Do(t, call)
		if a.Code() != "RequestThrottled" {
			continue
		}
		if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "1" {
			t.Errorf("throttled with status %d and Retry-After %q", a.Status, a.Header.Get("Retry-After"))
		}
		return n
	}
	t.Fatal("never throttled")
	return 0
}

func TestAnAccessKeyThatAsksTooMuchIsThrottledAndNobodyElse(t *testing.T) {
	s := newShop(t)
	r := throttled(t)
	ask := wire.ByPid(s.Key, s.pid, s.farm.Code)
	if got := refusedAfter(t, r.client, ask); got != 3 {
		t.Errorf("throttled after %d requests, want 3", got)
	}
	// The customer, on the same address, has a bucket of its own.
	if got := refusedAfter(t, r.client, wire.ByTokens(s.customer, s.userToken, s.farm.Token)); got != 3 {
		t.Errorf("the customer is throttled after %d requests, want 3", got)
	}
	// So has whoever signs nothing.
	if got := refusedAfter(t, r.client, wire.Desktop(s.key, s.farm.Token)); got != 3 {
		t.Errorf("an address is throttled after %d requests, want 3", got)
	}
	now.Step(101 * time.Second)
	if got := refusedAfter(t, r.client, ask); got != 1 {
		t.Errorf("after a while throttled after %d requests, want 1", got)
	}
}

func TestAStrangerWhoGuessesIsThrottledByAddressAndNobodyElse(t *testing.T) {
	s := newShop(t)
	r := throttled(t)
	wrong := *s.Key
	wrong.SecretAccessKey = "wrong"
	guess := wire.ByPid(&wrong, s.pid, s.farm.Code)
	if got := refusedAfter(t, r.client, guess); got != 3 {
		t.Errorf("throttled after %d guesses, want 3", got)
	}
	// The owner of the key that was guessed at loses nothing.
	if got := refusedAfter(t, r.client, wire.ByPid(s.Key, s.pid, s.farm.Code)); got != 3 {
		t.Errorf("the owner is throttled after %d requests, want 3", got)
	}
	// Another address has a bucket of its own.
	elsewhere := *r.client
	base := r.client.HTTP.Transport.(*http.Transport)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	elsewhere.HTTP = &http.Client{Transport: &http.Transport{
		TLSClientConfig: base.TLSClientConfig.Clone(),
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
	}}
	if got := refusedAfter(t, &elsewhere, guess); got != 3 {
		t.Errorf("another address is throttled after %d guesses, want 3", got)
	}
}

func TestTheCertificateIsRenewedWhileClientsGoOn(t *testing.T) {
	s := newShop(t)
	serial := func() string {
		conn, err := tls.Dial("tcp", operator.Address, call().HTTP.Transport.(*http.Transport).TLSClientConfig)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	call().OK(t, wire.Active(s.Key, s.pid))
	// Two thirds of its 90 days.
	now.Step(61 * 24 * time.Hour)
	within(t, "the certificate is another one", func() bool {
		// A connection of old goes on, whatever it began with.
		call().OK(t, wire.Active(s.Key, s.pid))
		return serial() != before
	})
	// A new one trusts the new certificate by the CA of old.
	call().HTTP.CloseIdleConnections()
	call().OK(t, wire.Active(s.Key, s.pid))
}
