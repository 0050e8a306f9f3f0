// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/query"
)

// dial opens a TLS connection to the operator that a test writes on by hand.
func dial(t *testing.T) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", operator.Address, call().HTTP.Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange writes by hand and reads one answer. It is nil if the connection was
// closed without one.
func exchange(t *testing.T, text string) *http.Response {
	t.Helper()
	conn := dial(t)
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	// The server may answer and close before it has read everything.
	_, _ = io.WriteString(conn, text)
	method, _, _ := strings.Cut(text, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// cutAfter reads until the other side closes the connection, which it must do
// within some time, and returns what it said before.
func cutAfter(t *testing.T, conn net.Conn, most time.Duration) string {
	t.Helper()
	start := time.Now()
	_ = conn.SetReadDeadline(start.Add(most))
	said, err := io.ReadAll(conn)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		t.Errorf("after %s the connection is still open", most)
	}
	t.Logf("cut after %s", time.Since(start).Round(time.Millisecond))
	return string(said)
}

// alive checks that the operator still answers.
func alive(t *testing.T) {
	t.Helper()
	expect(t, call(), wire.Call{}, 400, "MissingAction")
}

// These take as long as the time-outs; they run side by side after the others.

func TestAClientThatSendsItsHeadersSlowlyIsCut(t *testing.T) {
	t.Parallel()
	conn := dial(t)
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-tick.C:
				if _, err := fmt.Fprintf(conn, "X-Slow-%d: 1\r\n", n); err != nil {
					return
				}
			}
		}
	}()
	cutAfter(t, conn, 40*time.Second)
	alive(t)
}

func TestAConnectionThatNeverSpeaksTLSIsCut(t *testing.T) {
	t.Parallel()
	conn, err := net.Dial("tcp", operator.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cutAfter(t, conn, 40*time.Second)
	alive(t)
}

func TestABodyThatNeverComesIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	conn := dial(t)
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nAction="); err != nil {
		t.Fatal(err)
	}
	said := cutAfter(t, conn, 90*time.Second)
	if !strings.HasPrefix(said, "HTTP/1.1 400") || !strings.Contains(said, "<Code>MalformedQueryString</Code>") {
		t.Errorf("answered:\n%s", said)
	}
	alive(t)
}

func TestABodyThatIsCutIsNoRequest(t *testing.T) {
	s := newShop(t)
	// What has arrived is a whole request, and so must not be acted upon.
	form := query.Encode(wire.Desktop(s.key, s.farm.Token).Parameters)
	before := activation(t, s.Vendor, "initech-first").ResourceVersion
	now.Step(2 * time.Minute)
	conn := dial(t)
	if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form)+1, form); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if said := cutAfter(t, conn, 40*time.Second); strings.Contains(said, "200 OK") {
		t.Errorf("answered:\n%s", said)
	}
	if after := activation(t, s.Vendor, "initech-first").ResourceVersion; after != before {
		t.Error("the key was redeemed")
	}
}

func TestPlainHTTPAtTheTLSPortIsRefusedInTheProtocolsForm(t *testing.T) {
	s := newShop(t)
	plain := *call()
	plain.URL = "http://" + operator.Address
	for name, c := range s.successes() {
		expect(t, &plain, c, 400, "RequiresSSL")
		expect(t, &plain, c.Posted(), 400, "RequiresSSL")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	alive(t)
}

func TestWhatIsNeitherTLSNorHTTPIsCut(t *testing.T) {
	for name, text := range map[string]string{
		"another protocol":       "SSH-2.0-OpenSSH_9.9\r\n",
		"zeros":                  strings.Repeat("\x00", 1000),
		"a handshake of nothing": "\x16\x03\x01\x00\x00",
		"a handshake of noise":   "\x16\x03\x01\x00\x20" + strings.Repeat("\xff", 32),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", operator.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			// So that the operator need not wait for more.
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if said := cutAfter(t, conn, 40*time.Second); strings.HasPrefix(said, "HTTP/1.1 200") {
				t.Errorf("answered:\n%s", said)
			}
		})
	}
	alive(t)
}

func TestOldTLSIsRefused(t *testing.T) {
	trust := call().HTTP.Transport.(*http.Transport).TLSClientConfig
	for name, version := range map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11} {
		cfg := trust.Clone()
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS10, version
		if conn, err := tls.Dial("tcp", operator.Address, cfg); err == nil {
			_ = conn.Close()
			t.Errorf("TLS %s is accepted", name)
		}
	}
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		cfg := trust.Clone()
		cfg.MinVersion, cfg.MaxVersion = version, version
		conn, err := tls.Dial("tcp", operator.Address, cfg)
		if err != nil {
			t.Errorf("TLS %s is refused: %v", name, err)
			continue
		}
		_ = conn.Close()
	}
	alive(t)
}

func TestHeadersBeyondEveryBoundAreAnsweredOrCut(t *testing.T) {
	for name, size := range map[string]int{"100 KB in one": 100 << 10, "1 MB in one": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			resp := exchange(t, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Junk: "+strings.Repeat("x", size)+"\r\n\r\n")
			if resp != nil && resp.StatusCode != http.StatusRequestEntityTooLarge && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("answered %s", resp.Status)
			}
			alive(t)
		})
	}
	t.Run("ten thousand small ones", func(t *testing.T) {
		var b strings.Builder
		for i := range 10000 {
			fmt.Fprintf(&b, "X-%d: 1\r\n", i)
		}
		resp := exchange(t, "GET / HTTP/1.1\r\nHost: localhost\r\n"+b.String()+"\r\n")
		if resp != nil && (resp.StatusCode < 400 || resp.StatusCode >= 500) {
			t.Errorf("answered %s", resp.Status)
		}
		alive(t)
	})
}

func TestEveryAnswerCarriesARequestID(t *testing.T) {
	for name, text := range map[string]string{
		"GET":                    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"HEAD":                   "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a method of its own":    "BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"CONNECT":                "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
		"OPTIONS of the server":  "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET of another host":    "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"HTTP/1.0":               "GET / HTTP/1.0\r\n\r\n",
		"a chunked body":         "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
		"chunks that are none":   "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"a body that asks first": "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			resp := exchange(t, text)
			if resp == nil {
				t.Fatal("the connection was closed without an answer")
			}
			if resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("answered %s", resp.Status)
			}
			if _, err := uuid.Parse(resp.Header.Get("x-amzn-RequestId")); err != nil {
				t.Errorf("the request's id is %q: %v", resp.Header.Get("x-amzn-RequestId"), err)
			}
		})
	}
	alive(t)
}

func TestARequestOfTheJSONProtocolIsRefusedInItsForm(t *testing.T) {
	const unknown, unsigned = "UnknownOperationException", "MissingAuthenticationTokenException"
	for name, test := range map[string]struct{ target, want, text string }{
		"an operation of License Manager, not signed": {"AWSLicenseManager.CheckoutLicense", unsigned, "Message"},
		"one that License Manager has not":            {"AWSLicenseManager.Checkout", unknown, "Message"},
		"an operation of metering, not signed":        {"AWSMPMeteringService.ResolveCustomer", unsigned, "message"},
		"an operation of entitlements, not signed":    {"AWSMPEntitlementService.GetEntitlements", unsigned, "message"},
		"one that metering has not":                   {"AWSMPMeteringService.CheckoutLicense", unknown, "message"},
		"one that nobody has":                         {"x", unknown, "message"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, call().URL+"/", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Amz-Target", test.target)
			req.Header.Set("Content-Type", "application/x-amz-json-1.1")
			resp, err := call().HTTP.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var body map[string]string
			if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != 400 || body["__type"] != test.want || resp.Header.Get("x-amzn-ErrorType") != test.want || body[test.text] == "" {
				t.Errorf("answered %d %v", resp.StatusCode, body)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
				t.Errorf("the content type is %q", got)
			}
			if _, err := uuid.Parse(resp.Header.Get("x-amzn-RequestId")); err != nil {
				t.Error(err)
			}
			if resp.Header.Get("Date") == "" {
				t.Error("the answer has no Date")
			}
		})
	}
}
