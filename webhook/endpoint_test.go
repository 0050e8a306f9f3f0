// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/license-operator/license-operator/webhook"
	"github.com/license-operator/license-operator/webhook/query"
)

// hidden is something that neither a caller nor the log may see.
const hidden = "hunter2-hunter2-hunter2"

// golden is an error's body with a name for the request's id.
func golden(kind, code, message string) string {
	return `<?xml version="1.0"?><ErrorResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><Error><Type>` + kind +
		`</Type><Code>` + code + `</Code><Message>` + message + `</Message><Detail/></Error><RequestId>{{RequestId}}</RequestId></ErrorResponse>`
}

const internalMessage = "The request could not be processed because of an internal error. Try again later."

func TestWhatGoesWrongInsideIsToldInFixedWords(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*fixture)
		request func(*fixture) *http.Request
		status  int
		want    string
	}{
		"the cache panics": {
			func(f *fixture) { f.vault.fail = func() error { panic(hidden) } }, nil,
			500, golden("Receiver", "InternalError", internalMessage)},
		"the cache fails": {
			func(f *fixture) { f.vault.fail = func() error { return errors.New(hidden) } }, nil,
			500, golden("Receiver", "InternalError", internalMessage)},
		"the API server must be asked and there is no way": {
			func(*fixture) {}, nil,
			500, golden("Receiver", "InternalError", internalMessage)},
		"the access keys can't be read": {
			func(f *fixture) { f.vault.key = nil }, nil,
			503, golden("Receiver", "ServiceUnavailable", "The access key can&#39;t be looked up now; try again.")},
		"the request came without TLS": {
			func(*fixture) {}, func(*fixture) *http.Request { return httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil) },
			400, golden("Sender", "RequiresSSL", "Use https.")},
		"the body breaks off": {
			func(*fixture) {}, func(*fixture) *http.Request {
				r := httptest.NewRequest(http.MethodPost, "https://"+host+"/", broken{})
				r.ContentLength = -1
				return r
			},
			400, golden("Sender", "MalformedQueryString", "The body could not be read completely.")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, webhook.Config{})
			test.prepare(f)
			r := httptest.NewRequest(http.MethodGet, f.active(t), nil)
			if test.request != nil {
				r = test.request(f)
			}
			w := f.serve(r)
			id := w.Header().Get("x-amzn-RequestId")
			if _, err := uuid.Parse(id); err != nil {
				t.Errorf("the request's id is %q: %v", id, err)
			}
			if diff := cmp.Diff(test.want, strings.ReplaceAll(w.Body.String(), id, "{{RequestId}}")); diff != "" {
				t.Errorf("another body (-want +got):\n%s", diff)
			}
			if w.Code != test.status {
				t.Errorf("status %d, want %d", w.Code, test.status)
			}
			if got := w.Header().Get("Retry-After"); (got != "") != (test.status == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After is %q", got)
			}
			if got := len(f.lines(t)); got == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

// broken is a body that breaks off.
type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, errors.New(hidden) }

func TestEachRequestLeavesOneLineThatSaysWhoAndWhat(t *testing.T) {
	f := newFixture(t, webhook.Config{})
	f.vault.fail = func() error { return errors.New("the cache is closed") }
	wrong, unknown := *f.vendor, *f.vendor
	wrong.SecretAccessKey = hidden
	unknown.AccessKeyID = "AKIAIOSFODNN7EXAMPLE"
	const token = "{ProductToken}" + hidden
	for name, test := range map[string]struct {
		url  string
		want map[string]any
	}{
		"a vendor's request that fails inside": {f.active(t), map[string]any{
			"msg": "Request", "logger": "endpoint", "level": "ERROR", "err": "the cache is closed", "protocol": "REST-Query", "action": "GetActiveSubscriptionsByPid",
			"code": "InternalError", "status": 500.0, "client": "192.0.2.1", "namespace": "acme", "accessKey": "vendor"}},
		"a vendor's request that is refused": {
			f.sign(t, f.vendor, query.ActionParameter, "GetActiveSubscriptionsByPid", query.PersistentIdentifier, hidden), map[string]any{
				"msg": "Request", "logger": "endpoint", "level": "INFO", "protocol": "REST-Query", "action": "GetActiveSubscriptionsByPid", "code": "InvalidPersistentIdentifier",
				"status": 403.0, "client": "192.0.2.1", "namespace": "acme", "accessKey": "vendor",
				"detail": "The parameter `PersistentIdentifier` is invalid or malformed: it must be 1 to 128 upper-case letters and digits."}},
		"a caller with a wrong secret is nobody": {
			f.sign(t, &wrong, query.ActionParameter, "ActivateHostedProduct", query.ProductToken, token), map[string]any{
				"msg": "Request", "logger": "endpoint", "level": "INFO", "protocol": "REST-Query", "action": "ActivateHostedProduct", "code": "SignatureDoesNotMatch",
				"status": 403.0, "client": "192.0.2.1", "detail": "The `Signature` of this request is not the one its secret access key makes."}},
		"a caller without a key is nobody": {
			f.sign(t, &unknown, query.ActionParameter, "ActivateHostedProduct", query.ProductToken, token), map[string]any{
				"msg": "Request", "logger": "endpoint", "level": "INFO", "protocol": "REST-Query", "action": "ActivateHostedProduct", "code": "InvalidClientTokenId",
				"status": 403.0, "client": "192.0.2.1", "detail": "No active access key has the `AWSAccessKeyId` of this request."}},
		"an action that is none is not repeated": {"https://" + host + "/?Action=" + hidden, map[string]any{
			"msg": "Request", "logger": "endpoint", "level": "INFO", "protocol": "REST-Query", "action": "-", "code": "InvalidAction", "status": 400.0, "client": "192.0.2.1",
			"detail": "The parameter `Action` must name one of the six actions of the License Service."}},
		"a path is not repeated": {"https://" + host + "/" + hidden, map[string]any{
			"msg": "Request", "logger": "endpoint", "level": "INFO", "protocol": "REST-Query", "action": "-", "code": "InvalidAction", "status": 400.0, "client": "192.0.2.1",
			"detail": "Nothing is served at this path; send requests to /."}},
	} {
		t.Run(name, func(t *testing.T) {
			w := f.get(test.url)
			text := f.log.String()
			if strings.Contains(text, hidden) {
				t.Errorf("the log holds what the caller sent:\n%s", text)
			}
			lines := f.lines(t)
			if len(lines) != 1 {
				t.Fatalf("%d lines:\n%s", len(lines), text)
			}
			got := lines[0]
			if got["requestID"] != w.Header().Get("x-amzn-RequestId") {
				t.Errorf("the line is of the request %v", got["requestID"])
			}
			for _, name := range []string{"requestID", "time", "durationSeconds"} {
				if got[name] == nil {
					t.Errorf("the line has no %s", name)
				}
				delete(got, name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("another line (-want +got):\n%s", diff)
			}
		})
	}
}

// deaf is a caller that has gone.
type deaf struct{ http.ResponseWriter }

// Write implements io.Writer.
func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAnAnswerThatNobodyReadsIsLoggedAsLost(t *testing.T) {
	for name, target := range map[string]string{"REST-Query": "", "JSON": "AWSLicenseManager.GetLicense"} {
		f := newFixture(t, webhook.Config{})
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		f.endpoint.ServeHTTP(deaf{httptest.NewRecorder()}, r.WithContext(withLogger(r.Context(), f)))
		lines := f.lines(t)
		if len(lines) != 1 || lines[0]["answerLost"] != true {
			t.Errorf("%s: logged %v", name, lines)
		}
	}
}

// A caller that hangs up makes what waits for it fail, which is nobody's fault.
func TestACallerThatHangsUpIsNoErrorOfTheService(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		level string
	}{
		"what waits ends with the request":  {fmt.Errorf("read the cache: %w", context.Canceled), "INFO"},
		"something else fails at that time": {errors.New("the cache is closed"), "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, webhook.Config{})
			ctx, hangUp := context.WithCancel(t.Context())
			f.vault.fail = func() error {
				hangUp()
				return test.err
			}
			f.serve(httptest.NewRequest(http.MethodGet, f.active(t), nil).WithContext(ctx))
			lines := f.lines(t)
			if len(lines) != 1 || lines[0]["level"] != test.level || lines[0]["answerLost"] != true || lines[0]["err"] != test.err.Error() {
				t.Errorf("logged %v, want a line of level %s", lines, test.level)
			}
		})
	}
}

func TestBoundsAreExact(t *testing.T) {
	for name, test := range map[string]struct {
		request func() *http.Request
		code    string
		status  int
	}{
		"the longest URL":  {uri(32 << 10), "MissingAction", 400},
		"a longer one":     {uri(32<<10 + 1), "URITooLong", 400},
		"the largest body": {post(64 << 10), "InvalidParameterValue", 400},
		"a larger one":     {post(64<<10 + 1), "URITooLong", 413},
		"a larger one that doesn't say so": {func() *http.Request {
			r := post(64<<10 + 1)()
			r.ContentLength = -1
			return r
		}, "URITooLong", 413},
		"the largest headers": {headers(64<<10 - 1), "MissingAction", 400},
		"larger ones":         {headers(64 << 10), "URITooLong", 413},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t, webhook.Config{}).serve(test.request())
			if w.Code != test.status || code(w) != test.code {
				t.Errorf("answered %d %s, want %d %s", w.Code, code(w), test.status, test.code)
			}
		})
	}
}

// uri makes a request whose URI has so many bytes.
func uri(size int) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		r.RequestURI = "/?" + strings.Repeat("&", size-2)
		r.URL.RawQuery = r.RequestURI[2:]
		return r
	}
}

// post makes a request with a body of so many bytes.
func post(size int) func() *http.Request {
	return func() *http.Request {
		return httptest.NewRequest(http.MethodPost, "https://"+host+"/", bytes.NewReader(bytes.Repeat([]byte("x"), size)))
	}
}

// headers makes a request whose headers have so many bytes beside one for the
// name.
func headers(size int) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		r.Header = http.Header{"X": {strings.Repeat("x", size)}}
		return r
	}
}

func TestBucketsBelongToCallers(t *testing.T) {
	f := newFixture(t, webhook.Config{CallerRate: 1, CallerBurst: 2, AnonymousRate: 1, AnonymousBurst: 1})
	f.vault.fail = func() error { return errors.New("as far as it gets") }
	wrong := *f.vendor
	wrong.SecretAccessKey = "wrong"
	from := func(address, url string) string {
		r := httptest.NewRequest(http.MethodGet, url, nil)
		r.RemoteAddr = address
		return code(f.serve(r))
	}
	desktop := "https://" + host + "/?Action=ActivateDesktopProduct"
	guess := f.sign(t, &wrong, query.ActionParameter, "GetActiveSubscriptionsByPid")
	steps := []struct {
		name, address, url, want string
		wait                     time.Duration
	}{
		{"the vendor's first", "192.0.2.1:1000", f.active(t), "InternalError", 0},
		{"and second request", "192.0.2.2:1000", f.active(t), "InternalError", 0},
		{"but not its third, wherever it comes from", "192.0.2.3:1000", f.active(t), "RequestThrottled", 0},
		{"an address's first unsigned one", "192.0.2.1:1001", desktop, "MissingParameter", 0},
		{"but not its second", "192.0.2.1:1002", desktop, "RequestThrottled", 0},
		{"nor a guess from there", "192.0.2.1:1003", guess, "RequestThrottled", 0},
		{"a guess from elsewhere", "192.0.2.9:1000", guess, "SignatureDoesNotMatch", 0},
		{"but not another", "192.0.2.9:1000", guess, "RequestThrottled", 0},
		{"the vendor again a second later", "192.0.2.1:1000", f.active(t), "InternalError", time.Second},
		{"and the address", "192.0.2.1:1000", desktop, "MissingParameter", 0},
		{"an IPv6 network's first", "[2001:db8::1]:1000", desktop, "MissingParameter", 0},
		{"but not its second from another address", "[2001:db8::ffff:2]:1000", desktop, "RequestThrottled", 0},
		{"another network's first", "[2001:db8:0:1::1]:1000", desktop, "MissingParameter", 0},
		{"an IPv4 address in IPv6 form", "[::ffff:192.0.2.50]:1000", desktop, "MissingParameter", 0},
		{"is one of its own", "[::ffff:192.0.2.51]:1000", desktop, "MissingParameter", 0},
	}
	for _, step := range steps {
		f.clock.Step(step.wait)
		if got := from(step.address, step.url); got != step.want {
			t.Errorf("%s is answered %s, want %s", step.name, got, step.want)
		}
	}
}
