// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/license-operator/license-operator/webhook"
	"github.com/license-operator/license-operator/webhook/auth"
)

const (
	ordinary = 64 << 10
	large    = 1 << 20
)

// upload is a body that waits for the test, and counts what is read of it.
type upload struct {
	io.Reader
	taken   *atomic.Int64
	waiting *sync.WaitGroup
	gate    <-chan struct{}
	once    sync.Once
}

// Read implements io.Reader.
func (u *upload) Read(b []byte) (int, error) {
	u.once.Do(func() {
		if u.gate != nil {
			u.waiting.Done()
			<-u.gate
		}
	})
	n, err := u.Reader.Read(b)
	u.taken.Add(int64(n))
	return n, err
}

// metering is a report of so many bytes, unsigned.
func metering(size int) (*http.Request, *upload) {
	r := jsonRequest("AWSMPMeteringService.BatchMeterUsage", "")
	u := &upload{Reader: strings.NewReader("{}" + strings.Repeat(" ", size-2)), taken: &atomic.Int64{}}
	r.Body, r.ContentLength = io.NopCloser(u), int64(size)
	return r, u
}

// quietly sends a request without the log, which many can't share.
func (f *fixture) quietly(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.endpoint.ServeHTTP(w, r)
	return w
}

func TestALargeBodyIsReadForThoseOnlyWhoMayBeSomebody(t *testing.T) {
	f := newFixture(t, webhook.Config{})
	sign := func(id, session, service string, at time.Time) func(*testing.T, *http.Request) {
		return func(t *testing.T, r *http.Request) {
			if err := auth.SignV4(r, nil, id, hidden, session, "us-east-1", service, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	const market = "aws-marketplace"
	sessions := auth.NewSessions(f.keys)
	issued, err := sessions.Issue(&auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:farm:worker", UID: "uid"}, start)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		prepare func(*testing.T, *http.Request)
		read    bool
		code    string
	}{
		"nobody":                           {func(*testing.T, *http.Request) {}, false, "MissingAuthenticationTokenException"},
		"a signature of another version":   {func(_ *testing.T, r *http.Request) { r.Header.Set("Authorization", "AWS x:y") }, false, "MissingAuthenticationTokenException"},
		"half a signature":                 {func(_ *testing.T, r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }, false, "IncompleteSignatureException"},
		"a key that nobody made":           {sign("AKIAIOSFODNN7EXAMPLE", "", market, start), false, "UnrecognizedClientException"},
		"a key of ours":                    {sign(f.vendor.AccessKeyID, "", market, start), true, "InvalidSignatureException"},
		"a key of ours for another API":    {sign(f.vendor.AccessKeyID, "", "license-manager", start), false, "InvalidSignatureException"},
		"a key of ours, an hour ago":       {sign(f.vendor.AccessKeyID, "", market, start.Add(-time.Hour)), false, "InvalidSignatureException"},
		"a session that nobody made":       {sign(issued.AccessKeyID, hidden, market, start), false, "UnrecognizedClientException"},
		"a session of ours":                {sign(issued.AccessKeyID, issued.SessionToken, market, start), true, "InvalidSignatureException"},
		"a session of ours by another key": {sign(f.vendor.AccessKeyID, issued.SessionToken, market, start), false, "UnrecognizedClientException"},
		"a bearer of nothing":              {func(_ *testing.T, r *http.Request) { r.Header.Set("Authorization", "Bearer "+hidden) }, false, "UnrecognizedClientException"},
	} {
		for _, chunked := range []bool{false, true} {
			r, body := metering(large)
			test.prepare(t, r)
			most := int64(0)
			if chunked {
				r.ContentLength, most = -1, ordinary+1
			}
			w := f.serve(r)
			if got := w.Header().Get("x-amzn-ErrorType"); got != test.code {
				t.Errorf("%s, chunked %t, is answered %d %s", name, chunked, w.Code, w.Body)
			}
			if taken := body.taken.Load(); test.read && taken != large || !test.read && taken > most {
				t.Errorf("%s, chunked %t: %d bytes were read", name, chunked, taken)
			}
		}
	}
	// What is not large is read as ever: form comes before signature.
	r, body := metering(ordinary)
	if w := f.serve(r); w.Header().Get("x-amzn-ErrorType") != "MissingAuthenticationTokenException" || body.taken.Load() != ordinary {
		t.Errorf("an ordinary body of nobody's: %d bytes were read, answered %s", body.taken.Load(), w.Body)
	}
}

func TestLargeBodiesInHandAreBounded(t *testing.T) {
	f := newFixture(t, webhook.Config{})
	signed := func(size int, chunked bool) (*http.Request, *upload) {
		r, body := metering(size)
		if chunked {
			r.ContentLength = -1
		}
		if err := auth.SignV4(r, nil, f.vendor.AccessKeyID, hidden, "", "us-east-1", "aws-marketplace", start); err != nil {
			t.Fatal(err)
		}
		return r, body
	}
	var waiting, over sync.WaitGroup
	gate := make(chan struct{})
	for range 64 {
		r, body := signed(large, false)
		body.gate, body.waiting = gate, &waiting
		waiting.Add(1)
		over.Go(func() {
			if w := f.quietly(r); w.Header().Get("x-amzn-ErrorType") != "InvalidSignatureException" {
				t.Errorf("one within the bound is answered %s", w.Body)
			}
		})
	}
	waiting.Wait()
	for _, chunked := range []bool{false, true} {
		r, body := signed(ordinary+1, chunked)
		w := f.quietly(r)
		if w.Header().Get("x-amzn-ErrorType") != "ThrottlingException" || w.Header().Get("Retry-After") == "" {
			t.Errorf("one more, chunked %t, is answered %v %s", chunked, w.Header(), w.Body)
		}
		if taken := body.taken.Load(); taken > ordinary+1 || !chunked && taken != 0 {
			t.Errorf("%d bytes of one more were read", taken)
		}
		r, _ = signed(ordinary, chunked)
		if w := f.quietly(r); w.Header().Get("x-amzn-ErrorType") != "InvalidSignatureException" {
			t.Errorf("an ordinary one, chunked %t, is answered %s", chunked, w.Body)
		}
	}
	close(gate)
	over.Wait()
	for n := range 200 {
		r, _ := signed(large, n%2 == 0)
		if n%3 == 0 {
			r.Body = io.NopCloser(io.MultiReader(r.Body, strings.NewReader("x")))
		}
		if w := f.quietly(r); w.Header().Get("x-amzn-ErrorType") == "ThrottlingException" {
			t.Fatalf("request %d afterwards is answered %s", n, w.Body)
		}
	}
	r, _ := signed(large, false)
	r.Body = io.NopCloser(broken{})
	if w := f.quietly(r); w.Header().Get("x-amzn-ErrorType") != "SerializationException" {
		t.Errorf("a large one that breaks off is answered %s", w.Body)
	}
}
