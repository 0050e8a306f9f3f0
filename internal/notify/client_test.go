// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/receiver"
)

func identity(t testing.TB) *secrets.Identity {
	t.Helper()
	id, err := secrets.NewIdentity(bytes.Repeat([]byte{7}, secrets.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// local is a guard that lets tests reach this host.
func local() *Guard { return &Guard{Allow: prefixes("127.0.0.0/8", "::1/128")} }

// scene is a receiver, a client that trusts it and a message for it.
func scene(t *testing.T) (*receiver.Receiver, *Client, Message) {
	t.Helper()
	clk := clocktesting.NewFakePassiveClock(time.Now())
	r := receiver.New(t, clk.Now)
	key := identity(t).WebhookKey("acme", "render-farm", 1)
	r.Trust(key.Secret())
	return r, NewClient(clk, local(), r.Roots()), Message{ID: "msg_1", Action: v1alpha1.ActionSubscribeSuccess, URL: r.URL,
		CustomerIdentifier: "cust-42", ProductCode: "774F4FF8", Keys: []secrets.WebhookKey{key}}
}

func TestAMessageAsItIsOnTheWire(t *testing.T) {
	r, c, m := scene(t)
	if a := c.Send(t.Context(), m); a.Result != Delivered {
		t.Fatalf("the answer is %+v", a)
	}
	m.Action, m.FreeTrial = v1alpha1.ActionEntitlementUpdated, true
	c.Send(t.Context(), m)
	m.Action, m.FreeTrial, m.CustomerIdentifier = v1alpha1.ActionUnsubscribePending, false, ""
	m.CustomerAccountID, m.LicenseARN = "210987654321", "arn:aws:license-manager::123456789012:license:l-1"
	c.Send(t.Context(), m)
	calls := r.Calls()
	if calls[0].Verified != nil || calls[1].Verified != nil {
		t.Errorf("the signatures: %v, %v", calls[0].Verified, calls[1].Verified)
	}
	want := []string{
		`{"action":"subscribe-success","customer-identifier":"cust-42","product-code":"774F4FF8"}`,
		`{"action":"entitlement-updated","customer-identifier":"cust-42","product-code":"774F4FF8","isFreeTrialTermPresent":"true"}`,
		`{"action":"unsubscribe-pending","product-code":"774F4FF8","customer-aws-account-id":"210987654321","license-arn":"arn:aws:license-manager::123456789012:license:l-1"}`,
	}
	if diff := cmp.Diff(want, []string{calls[0].Raw, calls[1].Raw, calls[2].Raw}); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	header := calls[0].Header
	for _, name := range []string{"Webhook-Timestamp", "Webhook-Signature", "Content-Length"} {
		header.Del(name)
	}
	if diff := cmp.Diff(http.Header{"Content-Type": {"application/json"}, "User-Agent": {"license-operator"}, "Webhook-Id": {"msg_1"}}, header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestAMessageIsSignedWithTheSecretBeforeTheRotationToo(t *testing.T) {
	r, c, m := scene(t)
	m.Keys = append([]secrets.WebhookKey{identity(t).WebhookKey("acme", "render-farm", 2)}, m.Keys...)
	for i, key := range m.Keys {
		r.Trust(key.Secret())
		c.Send(t.Context(), m)
		if err := r.Calls()[i].Verified; err != nil {
			t.Errorf("key %d: %v", i, err)
		}
	}
	r.Trust(identity(t).WebhookKey("acme", "render-farm", 3).Secret())
	c.Send(t.Context(), m)
	if r.Calls()[2].Verified == nil {
		t.Error("the signature is right by a secret that did not sign")
	}
}

// faults are what a receiver may do wrong, and what comes of it.
var faults = map[string]struct {
	behave http.HandlerFunc
	want   Answer
}{
	"200":                    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "thanks") }, Answer{Result: Delivered, Status: 200}},
	"204":                    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, Answer{Result: Delivered, Status: 204}},
	"299":                    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299) }, Answer{Result: Delivered, Status: 299}},
	"300":                    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(300) }, Answer{Result: Redirected, Status: 300}},
	"404":                    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, Answer{Result: Refused, Status: 404}},
	"500":                    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, Answer{Result: Refused, Status: 500}},
	"429 with Retry-After":   {later("120", 429), Answer{Result: Refused, Status: 429, RetryAfter: 2 * time.Minute}},
	"503 for a year":         {later("31536000", 503), Answer{Result: Refused, Status: 503, RetryAfter: 24 * time.Hour}},
	"a Retry-After of words": {later("soon", 503), Answer{Result: Refused, Status: 503}},
	"a redirect": {func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
	}, Answer{Result: Redirected, Status: 307}},
	"a closed connection": {func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, Answer{Result: Unreachable}},
	"half an answer":      {func(w http.ResponseWriter, _ *http.Request) { hijack(w, "HTTP/1.1 200 OK\r\nContent-Le") }, Answer{Result: Unreachable}},
	"no HTTP at all":      {func(w http.ResponseWriter, _ *http.Request) { hijack(w, "220 smtp.example ESMTP\r\n") }, Answer{Result: Unreachable}},
	"headers without end": {func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20))
	}, Answer{Result: Unreachable}},
}

func later(text string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", text)
		w.WriteHeader(status)
	}
}

// hijack writes a text in place of an answer, and closes.
func hijack(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, text)
	conn.Close()
}

func TestWhatAReceiverAnswers(t *testing.T) {
	for name, test := range faults {
		t.Run(name, func(t *testing.T) {
			r, c, m := scene(t)
			r.Behave(test.behave)
			if diff := cmp.Diff(test.want, c.Send(t.Context(), m)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if n := len(r.Calls()); n != 1 {
				t.Errorf("the receiver was called %d times", n)
			}
		})
	}
}

func TestARetryAfterMayBeADate(t *testing.T) {
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
		now.AddDate(5, 0, 0).Format(http.TimeFormat):  24 * time.Hour,
		"-5": 0, "": 0, "1e3": 0, "99999999999999999999": 0, "0": 0, "7": 7 * time.Second,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestWhoHangsIsLeft uses real time: it is the ten seconds that count, so it
// asks with less patience.
func TestWhoHangsIsLeft(t *testing.T) {
	r, c, m := scene(t)
	r.Behave(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if a := c.Send(ctx, m); a != (Answer{Result: TimedOut}) {
		t.Errorf("the answer is %+v", a)
	}
	if n := len(r.Calls()); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestASlowOrEndlessBodyIsNotWaitedFor(t *testing.T) {
	for name, behave := range map[string]http.HandlerFunc{
		"slow": func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(200)
			for req.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(50 * time.Millisecond)
			}
		},
		"endless": func(w http.ResponseWriter, req *http.Request) {
			for chunk := strings.Repeat("x", 1<<16); req.Context().Err() == nil; {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, c, m := scene(t)
			r.Behave(behave)
			start := time.Now()
			if a := c.Send(t.Context(), m); a != (Answer{Result: Delivered, Status: 200}) {
				t.Errorf("the answer is %+v", a)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	r, c, m := scene(t)
	var from atomic.Value
	fresh := 0
	r.Behave(func(w http.ResponseWriter, req *http.Request) {
		if from.Swap(req.RemoteAddr) != req.RemoteAddr {
			fresh++
		}
		_, _ = io.WriteString(w, "taken")
	})
	for range 5 {
		c.Send(t.Context(), m)
	}
	if fresh != 1 {
		t.Errorf("five messages came over %d connections", fresh)
	}
}

func TestWhoIsNotTrusted(t *testing.T) {
	r, c, m := scene(t)
	stranger := NewClient(c.clock, local(), nil)
	if a := stranger.Send(t.Context(), m); a != (Answer{Result: Untrusted}) {
		t.Errorf("a certificate of nobody: %+v", a)
	}
	wrongName := m
	wrongName.URL = strings.Replace(m.URL, "127.0.0.1", "localhost", 1)
	if a := c.Send(t.Context(), wrongName); a != (Answer{Result: Untrusted}) {
		t.Errorf("a certificate for another name: %+v", a)
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	m.URL = old.URL
	if a := c.Send(t.Context(), m); a != (Answer{Result: Untrusted}) {
		t.Errorf("TLS 1.1: %+v", a)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	m.URL = strings.Replace(plain.URL, "http:", "https:", 1)
	if a := c.Send(t.Context(), m); a != (Answer{Result: Untrusted}) {
		t.Errorf("no TLS: %+v", a)
	}
	if n := len(r.Calls()); n != 0 {
		t.Errorf("%d messages went out", n)
	}
}

func TestWhoMustNotBeReachedIsNotEvenDialled(t *testing.T) {
	var dialled atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			dialled.Add(1)
			conn.Close()
		}
	}()
	_, open, m := scene(t)
	closed := NewClient(open.clock, &Guard{}, nil)
	port := listener.Addr().(*net.TCPAddr).Port
	// Names that resolve to loopback stand for a name that has changed its mind.
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0x7f.1", "2130706433", "017700000001"} {
		m.URL = fmt.Sprintf("https://%s:%d/", host, port)
		if a := closed.Send(t.Context(), m); a.Result == Delivered || a.Status != 0 {
			t.Errorf("%s: %+v", host, a)
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		m.URL = fmt.Sprintf("http://%s:%d/", host, port)
		if a := closed.Send(t.Context(), m); a != (Answer{Result: Forbidden}) {
			t.Errorf("%s: %+v", host, a)
		}
	}
	if n := dialled.Load(); n != 0 {
		t.Errorf("the host was dialled %d times", n)
	}
}

func TestWhatIsNoWebhookIsNotCalled(t *testing.T) {
	_, c, m := scene(t)
	for _, url := range []string{"", "x", "http://acme.example/", "ftp://acme.example/", "https://acme example/", "file:///etc/passwd", "http://[::1]/"} {
		m.URL = url
		if a := c.Send(t.Context(), m); a != (Answer{Result: Unreachable}) {
			t.Errorf("%q: %+v", url, a)
		}
	}
}

// No proxy is ever used for a loopback address, and the environment is read once
// in a process: so the transport itself is looked at.
func TestTheEnvironmentsProxyIsNotUsed(t *testing.T) {
	_, c, _ := scene(t)
	if transport, ok := c.http.Transport.(*http.Transport); !ok || transport.Proxy != nil {
		t.Errorf("the transport is %+v", c.http.Transport)
	}
}

func TestAReasonSaysNothingOfTheURLOrTheAnswer(t *testing.T) {
	r, c, m := scene(t)
	m.URL += "?token=canary-url"
	r.Behave(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://canary-location.example/")
		w.WriteHeader(307)
		_, _ = io.WriteString(w, "canary-body")
	})
	answers := []Answer{c.Send(t.Context(), m), {Result: Refused, Status: 12345}, {Result: TimedOut}, {Result: Forbidden}, {Result: Unresolved}, {Result: Unreachable}, {Result: Untrusted}, {Result: Delivered}}
	for _, a := range answers {
		if a.Reason() == "" || strings.Contains(a.Reason(), "canary") || strings.Contains(fmt.Sprintf("%+v", a), "canary") {
			t.Errorf("%+v: %s", a, a.Reason())
		}
	}
}

func TestWhatFailsIsKnownByItsError(t *testing.T) {
	for want, err := range map[Result]error{
		Unresolved:  &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}},
		TimedOut:    &net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}},
		Unreachable: errors.New("connection refused"),
		Untrusted:   &net.OpError{Op: "remote error", Err: errors.New("alert")},
		Forbidden:   fmt.Errorf("dial: %w", errForbidden),
	} {
		if got := failureOf(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, seed := range []string{"120", "-1", "", "Tue, 06 May 2031 08:08:09 GMT", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := retryAfter(text, now); got < 0 || got > maxRetryAfter {
			t.Errorf("%q is %s", text, got)
		}
	})
}
