// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// lossy is a proxy before the operator that can lose answers, or turn them into
// errors: the operator has done what it was asked, and nobody hears of it.
type lossy struct {
	url string
	// ca is a file with the authorities of the proxy and of the operator.
	ca string
	// lose is how many answers will be lost, fail how many will be an internal
	// error, seen how many requests there were.
	lose, fail, seen atomic.Int32

	mu sync.Mutex
	// bodies are those of the requests.
	bodies []string
}

var errLost = errors.New("the answer is lost")

// newLossy starts a proxy before the endpoint, whose authority is given. It
// hands on a request as it came, its Host too: that is what was signed.
func newLossy(t *testing.T, endpoint string, ca []byte) *lossy {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	p := &lossy{}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			p.seen.Add(1)
			p.keepBody(t, r.Out)
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableCompression: true},
		ModifyResponse: func(answer *http.Response) error {
			if p.lose.Add(-1) >= 0 {
				return errLost
			}
			if p.fail.Add(-1) >= 0 {
				return internalError(answer)
			}
			return nil
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			if !errors.Is(err, errLost) {
				t.Error("the proxy:", err)
			}
			panic(http.ErrAbortHandler) // Closes the connection.
		},
	})
	t.Cleanup(server.Close)
	p.url = server.URL
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	p.ca = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(p.ca, append(own, ca...), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// keepBody remembers what a request says.
func (p *lossy) keepBody(t *testing.T, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error("the proxy:", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, string(body))
}

// internalError makes an answer the error that the operator has for what it can't
// do now.
func internalError(answer *http.Response) error {
	const code = "InternalServiceErrorException"
	body := `{"__type":"` + code + `","message":"Try again later."}`
	answer.StatusCode, answer.Status = http.StatusInternalServerError, ""
	answer.Header.Set("X-Amzn-Errortype", code)
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	answer.ContentLength = int64(len(body))
	old := answer.Body
	answer.Body = io.NopCloser(strings.NewReader(body))
	return old.Close()
}

// loseNext loses the next answers and counts requests from now.
func (p *lossy) loseNext(answers int32) {
	p.lose.Store(answers)
	p.fail.Store(0)
	p.forget()
}

// failNext makes the next answers an internal error and counts requests from
// now.
func (p *lossy) failNext(answers int32) {
	p.lose.Store(0)
	p.fail.Store(answers)
	p.forget()
}

func (p *lossy) forget() {
	p.seen.Store(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = nil
}

// sent are the bodies of the requests that there were.
func (p *lossy) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bodies)
}
